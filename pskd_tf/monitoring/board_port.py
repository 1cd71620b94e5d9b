"""The serial line to a board."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from data_prep.user_error import UserError
from pskd_tf.monitoring.board_activity import BoardActivity
from pskd_tf.monitoring.board_header import BoardHeader
from pskd_tf.monitoring.board_sample import BoardSample
from pskd_tf.monitoring.board_status import BoardStatus
from pskd_tf.monitoring.parse_message import parse_message

_POLL_SECONDS = 0.1
_LONGEST_LINE = 4096


class BoardPort:
    """A board behind a port, to be used in a `with` block.

    Args:
        port: Its name, such as /dev/ttyACM0 or COM3.
        baud: Bits a second; USB ports of the board's own ignore it.
        silence_seconds: After so long without a line of the protocol, reading ends with an error.

    Raises:
        UserError: pyserial is not installed, or the port cannot be opened.
    """

    def __init__(self, port: str, baud: int = 115200, silence_seconds: float = 10.0):
        try:
            import serial
        except ImportError as error:
            rule = "The monitor needs pyserial: pip install 'pskd_tf[monitor]'"
            raise UserError(rule, "it is not installed") from error
        self._serial: Any = None
        self._failure = serial.SerialException
        try:
            self._serial = serial.Serial(port, baud, timeout=_POLL_SECONDS)
        except (serial.SerialException, ValueError, OSError) as error:
            raise UserError("port must be a serial port that can be opened", error, port) from error
        self._silence_seconds = silence_seconds
        self.port = port

    def __enter__(self) -> "BoardPort":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._serial.close()

    def messages(self) -> Iterator[BoardHeader | BoardSample | BoardActivity | BoardStatus]:
        """Yields what the board says, for ever; lines of no sense are left out.

        Raises:
            UserError: The line went silent, was closed, or carries another protocol.
        """
        held = b""
        heard = time.monotonic()
        while True:
            try:
                held += self._serial.read(max(1, self._serial.in_waiting))
            except (self._failure, OSError) as error:
                raise UserError("The port must stay open", error, self.port) from error
            *lines, held = held.split(b"\n")
            held = held[-_LONGEST_LINE:]
            for line in lines:
                message = parse_message(line.decode("utf-8", "replace").rstrip("\r"))
                if message is not None:
                    heard = time.monotonic()
                    yield message
            if time.monotonic() - heard > self._silence_seconds:
                rule = "A board with a project of pskd_tf.export must send lines"
                received = f"none in {self._silence_seconds:g} s; is --baud right"
                raise UserError(rule, received, self.port)
