"""A simulated board, read on the host: compared with the simulator, or behind a pseudo-terminal.

`run_board` reads what a board sends and compares its decisions with those of `pskd_tf.simulate` on
the same samples and stamps; `SerialLine` offers the lines in real time to `pskd_tf.monitor`.
"""

import contextlib
import os
import subprocess
import time
import tty
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from pskd_tf.device.firmware import run_core
from pskd_tf.device.recognizer import NO_SIGNAL, Decision, ExportedModel, RecognizerSettings
from pskd_tf.export.boards.simulated import SimulatedBoard, SimulatedBoardSettings
from pskd_tf.monitoring.protocol import BoardActivity, BoardClock, BoardStatus, parse_message

# A decision as it is sent: stamp, class and confidence in thousandths (-1: none).
SentDecision = tuple[int, int, int]


@dataclass(frozen=True)
class BoardRun:
    """What a simulated board did.

    Attributes:
        seconds: How long it ran, by its own clock.
        decisions: Decisions that it sent, "unknown" included.
        differing: Decisions that the simulator does not have at the same stamp, with the same class
            and confidence (three decimals), and those that only the simulator has.
        losses: Times at which the signal was lost, one after the other counted once.
        simulator_losses: The same of the simulator.
        sent: Samples on the serial line.
        numbers: What the program counted, by name.
        statuses: How often each status came.
    """

    seconds: float
    decisions: int
    differing: int
    losses: int
    simulator_losses: int
    sent: int
    numbers: dict[str, int]
    statuses: dict[str, int]


def run_board(
    board: SimulatedBoard,
    settings: SimulatedBoardSettings,
    seconds: float,
    model: ExportedModel,
    recognizer: RecognizerSettings,
    program: Path,
) -> BoardRun:
    """Runs a board as fast as it goes and compares it with the simulator.

    Args:
        board: The board, built with `recognizer`.
        settings: The sensor, the board and the line.
        seconds: How long it runs, by its own clock.
        model: The export.
        recognizer: Settings of the recognizer.
        program: The simulator, from `compile_core`.

    Returns:
        What the board did. The simulator knows no windows that are left out because the board is
        behind: they count as differing decisions.
    """
    sent = 0
    activities: list[BoardActivity] = []
    statuses: Counter[str] = Counter()
    with board.start(settings, seconds) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            if line.startswith(b"sample,"):
                sent += 1
                continue
            message = parse_message(line.decode("utf-8").rstrip("\r\n"))
            if isinstance(message, BoardActivity):
                activities.append(message)
            elif isinstance(message, BoardStatus):
                statuses[message.word] += 1
        report = process.stderr.read().decode()
    if process.returncode:
        raise RuntimeError(f"The board ended with {process.returncode}: {report}")
    values = dict(line.split() for line in report.splitlines())
    stamps, delivered = board.read_delivered()
    decisions = run_core(program, model, delivered, recognizer)
    own = Counter(_sent_decision(one) for one in activities if one.index != NO_SIGNAL)
    due = Counter(_due_decision(one, stamps) for one in decisions if one.activity != NO_SIGNAL)
    return BoardRun(
        float(values.pop("seconds")),
        own.total(),
        max((own - due).total(), (due - own).total()),
        _losses([one.index for one in activities]),
        _losses([one.activity for one in decisions]),
        sent,
        {name: int(value) for name, value in values.items()},
        dict(statuses),
    )


def _sent_decision(activity: BoardActivity) -> SentDecision:
    confidence = -1 if activity.confidence is None else round(activity.confidence * 1000)
    return activity.time_us, activity.index, confidence


def _due_decision(decision: Decision, stamps: np.ndarray) -> SentDecision:
    """Rounds as activity_responder.c does, in float."""
    thousandths = np.float32(decision.confidence) * np.float32(1000) + np.float32(0.5)
    confidence = int(thousandths) if np.isfinite(thousandths) else -1
    return int(stamps[decision.index]), decision.activity, confidence


def _losses(activities: Sequence[int]) -> int:
    """Counts runs of "no signal": the board says one once, the simulator at each sample."""
    pairs = zip([None, *activities], activities, strict=False)
    return sum(one == NO_SIGNAL and before != NO_SIGNAL for before, one in pairs)


class SerialLine:
    """A pseudo-terminal on which a simulated board sends, to be used in a `with` block.

    Attributes:
        port: Its name, for `pskd_tf.monitor --port`.
    """

    def __init__(self) -> None:
        # The second end stays open, so that a reader may come, go and come again.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self._rest = b""

    def __enter__(self) -> "SerialLine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._master)
        os.close(self._slave)

    def send(self, line: bytes) -> bool:
        """Sends a line; returns whether it was taken, which it is not if nobody reads."""
        with contextlib.suppress(BlockingIOError):
            # The end of a line that was begun comes first.
            self._rest = self._rest[os.write(self._master, self._rest) :] if self._rest else b""
            if not self._rest:
                self._rest = line[os.write(self._master, line) :]
                return True
        return False


def serve_board(
    process: subprocess.Popen[bytes],
    send: Callable[[bytes], object],
    speed: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Passes a board's lines on at the times of their stamps, to its end.

    Args:
        process: The board, from `SimulatedBoard.start`; it waits while its lines are not read.
        send: Takes a line.
        speed: Seconds of the board in a second; 1 for real time.
        sleep: Waits for seconds.
        clock: The host's time in seconds.

    Returns:
        The number of lines.
    """
    assert process.stdout is not None
    board_clock, begun, count = BoardClock(), clock(), 0
    for line in process.stdout:
        kind, _, rest = line.partition(b",")
        if kind != b"pskd":
            due = begun + board_clock.seconds(int(rest.partition(b",")[0])) / speed
            wait = due - clock()
            if wait > 0:
                sleep(wait)
        send(line)
        count += 1
    return count
