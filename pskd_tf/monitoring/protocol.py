"""The serial protocol of a board: its messages, its clock and its port.

docs/serial_protocol.md describes it. `parse_message` reads one line, `BoardPort` yields messages,
`with_samples` refuses a board that sends none, `BoardClock` turns the board's 32-bit stamps into
seconds.
"""

import csv
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from data_prep.errors import UserError

PROTOCOL_VERSION = 1


@dataclass(frozen=True)
class BoardHeader:
    """`pskd,VERSION,PROJECT,RUNTIME,RATE,RANGE,AXES,CLASSES`.

    Attributes:
        project: First digits of the SHA-256 of the export's manifest.
        runtime: "tflm" or "plain_c".
        rate_hz: Rate of the samples.
        range_g: Largest value of the sensor.
        axes: Map from the sensor's axes to those of the samples, as `AxisMap.parse` reads it.
        num_classes: Number of the model's classes, without "none".
    """

    project: str
    runtime: str
    rate_hz: float
    range_g: float
    axes: str
    num_classes: int


@dataclass(frozen=True)
class BoardSample:
    """`sample,TIME,X,Y,Z`.

    Attributes:
        time_us: The board's clock, which wraps around at 2^32.
        values: x, y, z of the wrist in g; NaN where the sensor gave no number.
    """

    time_us: int
    values: tuple[float, float, float]


@dataclass(frozen=True)
class BoardActivity:
    """`activity,TIME,INDEX,LABEL,CONFIDENCE`.

    Attributes:
        time_us: The board's clock.
        index: A class, -1 for "unknown", -2 for "no signal".
        label: Its name.
        confidence: 1 minus the probability of "none" where the model has that class, else the
            activity's probability, or that of the best class for "unknown"; None without signal.
    """

    time_us: int
    index: int
    label: str
    confidence: float | None


@dataclass(frozen=True)
class BoardStatus:
    """`status,TIME,WORD,NUMBER`; docs/serial_protocol.md lists the words.

    Attributes:
        time_us: The board's clock.
        word: The event.
        number: A number that belongs to the event.
    """

    time_us: int
    word: str
    number: int


BoardMessage = BoardHeader | BoardSample | BoardActivity | BoardStatus


def parse_message(line: str) -> BoardMessage | None:
    """Reads a line.

    Args:
        line: Without its end.

    Returns:
        The message; None for a line that is damaged or not of the protocol (a boot message, the
        rest of a line after its start was missed).

    Raises:
        UserError: The board has another version of the protocol.
    """
    try:
        (fields,) = csv.reader([line], strict=True)
        kind, *rest = fields
        if kind == "pskd":
            version = int(rest[0])
            if version != PROTOCOL_VERSION:
                rule = f"The board must have version {PROTOCOL_VERSION} of the protocol"
                raise UserError(rule, f"version {version}; export its project again")
            _, project, runtime, rate, largest, axes, classes = rest
            rate_hz = _finite(rate)
            return BoardHeader(project, runtime, rate_hz, _finite(largest), axes, int(classes))
        time_us = int(rest[0])
        if kind == "sample":
            x, y, z = map(float, rest[1:])
            return BoardSample(time_us, (x, y, z))
        if kind == "activity":
            _, index, label, confidence = rest
            score = _finite(confidence) if confidence else None
            return BoardActivity(time_us, int(index), label, score)
        if kind == "status":
            _, word, number = rest
            return BoardStatus(time_us, word, int(number))
    except UserError:
        raise
    except (ValueError, IndexError, csv.Error):
        return None
    return None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


_WRAP = 1 << 32


class BoardClock:
    """Turns stamps of 32 bits into seconds since the first one."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._elapsed_us = 0

    def seconds(self, time_us: int) -> float:
        """Returns the seconds from the first stamp given to this one.

        Args:
            time_us: A stamp, less than 2^31 us from the one given before; an earlier one gives
                fewer seconds.
        """
        if self._newest is None:
            self._newest = time_us
        step = (time_us - self._newest) % _WRAP
        self._elapsed_us += step - _WRAP if step >= _WRAP // 2 else step
        self._newest = time_us
        return self._elapsed_us / 1e6


NO_SAMPLES = (
    "The board must send its samples: build its project with -DPSKD_SENDS_SAMPLES=1, or set it to "
    "1 in project_settings.h"
)


class SampleWatch:
    """Notices a board that sends no samples."""

    def __init__(self) -> None:
        self._headers = 0

    def take(self, message: BoardMessage) -> bool:
        """Takes a message; returns whether the board lacks samples.

        That is when two headers came, which are 5 s of samples apart, without one between them.
        """
        if isinstance(message, BoardHeader):
            self._headers += 1
        elif isinstance(message, BoardSample) or (
            isinstance(message, BoardStatus) and message.word == "sensor_started"
        ):
            # A board that starts says its header twice before the first sample.
            self._headers = 0
        return self._headers >= 2


def with_samples(messages: Iterable[BoardMessage]) -> Iterator[BoardMessage]:
    """Passes messages on, as long as samples are among them.

    Args:
        messages: From a `BoardPort`.

    Raises:
        UserError: The board sends no samples.
    """
    watch = SampleWatch()
    for message in messages:
        if watch.take(message):
            raise UserError(NO_SAMPLES, "headers without samples")
        yield message


_POLL_SECONDS = 0.1
_LONGEST_LINE = 4096


class BoardPort:
    """A board behind a port, to be used in a `with` block.

    Args:
        port: Its name, such as /dev/ttyACM0 or COM3.
        baud: Bits a second; a board's own USB port ignores it.
        silence_seconds: Time without a line of the protocol after which reading ends with an error.

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

    def messages(self) -> Iterator[BoardMessage]:
        """Yields the board's messages without end; lines that are no message are left out.

        Raises:
            UserError: No line came for too long, the port was closed, or the protocol is another.
        """
        held = b""
        received_at = time.monotonic()
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
                    received_at = time.monotonic()
                    yield message
            if time.monotonic() - received_at > self._silence_seconds:
                rule = "A board with a project of pskd_tf.export must send lines"
                received = f"none in {self._silence_seconds:g} s; check --baud"
                raise UserError(rule, received, self.port)
