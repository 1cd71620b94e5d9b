"""What a board says, as it comes: as lines, and the last seconds of it for a plot."""

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pskd_tf.monitoring.protocol import (
    NO_SAMPLES,
    BoardActivity,
    BoardClock,
    BoardHeader,
    BoardMessage,
    BoardSample,
    BoardStatus,
    SampleWatch,
)

KEPT_SECONDS = 10.0
_KEPT_EVENTS = 8
_POLL_SECONDS = 0.05


def show_live(messages: Iterable[BoardMessage], seconds: float) -> int:
    """Prints header, activities and statuses.

    Args:
        messages: From a `BoardPort`.
        seconds: Duration by the board's clock; 0 for no end.

    Returns:
        The number of activities shown.
    """
    clock = BoardClock()
    shown, header = 0, None
    for message in messages:
        if isinstance(message, BoardHeader):
            if message != header:
                header = message
                print(_header_text(header), flush=True)
            continue
        now = clock.seconds(message.time_us)
        if not isinstance(message, BoardSample):
            shown += isinstance(message, BoardActivity)
            print(_event_text(now, message), flush=True)
        if seconds and now >= seconds:
            break
    return shown


def _header_text(header: BoardHeader) -> str:
    return (
        f"project {header.project}, {header.runtime}, {header.num_classes} classes, "
        f"{header.rate_hz:g} Hz, +-{header.range_g:g} g, axes {header.axes}"
    )


def _event_text(now: float, message: BoardActivity | BoardStatus) -> str:
    if isinstance(message, BoardStatus):
        return f"{now:10.2f} s  status {message.word} {message.number}"
    sure = "" if message.confidence is None else f"{message.confidence:.3f}"
    return f"{now:10.2f} s  {sure:>5}  {message.label}"


def poll_messages(messages: Iterable[BoardMessage]) -> Iterator[list[BoardMessage]]:
    """Yields what came, each 50 ms, so that a display goes on while a board is silent.

    Args:
        messages: From a `BoardPort`; a thread reads them. What they raise is raised here.
    """
    waiting: queue.Queue[BoardMessage | BaseException | None] = queue.Queue()

    def read() -> None:
        try:
            for message in messages:
                waiting.put(message)
            waiting.put(None)
        except BaseException as error:
            waiting.put(error)

    threading.Thread(target=read, daemon=True).start()
    while True:
        batch: list[BoardMessage] = []
        until = time.monotonic() + _POLL_SECONDS
        with contextlib.suppress(queue.Empty):
            while True:
                one = waiting.get(timeout=max(0.0, until - time.monotonic()))
                if one is None or isinstance(one, BaseException):
                    yield batch
                    if one is not None:
                        raise one
                    return
                batch.append(one)
        yield batch


@dataclass(frozen=True)
class LiveView:
    """The last seconds of a board.

    Attributes:
        header: Its header as a line; empty before the first one.
        now: Seconds since the first message with a stamp.
        samples: Time in seconds, x, y, z in g, the newest last.
        activity: The label of the last decision, and its confidence; None before the first one.
        events: Activities and statuses as lines, the newest last.
        hint: What to do if the board sends no samples; empty otherwise.
        activities: Number of decisions.
    """

    header: str
    now: float
    samples: tuple[tuple[float, float, float, float], ...]
    activity: tuple[str, float | None] | None
    events: tuple[str, ...]
    hint: str
    activities: int


class LiveState:
    """Keeps what `LiveView` shows; one thread may fill it while others read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clock = BoardClock()
        self._watch = SampleWatch()
        self._samples: deque[tuple[float, float, float, float]] = deque()
        self._events: deque[str] = deque(maxlen=_KEPT_EVENTS)
        self._header = self._hint = ""
        self._activity: tuple[str, float | None] | None = None
        self._activities = 0
        self._now = 0.0

    def take(self, message: BoardMessage) -> None:
        """Takes a message of the board."""
        with self._lock:
            self._hint = NO_SAMPLES if self._watch.take(message) else ""
            if isinstance(message, BoardHeader):
                self._header = _header_text(message)
                return
            self._now = self._clock.seconds(message.time_us)
            if isinstance(message, BoardSample):
                self._samples.append((self._now, *message.values))
                while self._now - self._samples[0][0] > KEPT_SECONDS:
                    self._samples.popleft()
                return
            self._events.append(_event_text(self._now, message))
            if isinstance(message, BoardActivity):
                self._activity = (message.label, message.confidence)
                self._activities += 1

    def view(self) -> LiveView:
        """Returns what to show now."""
        with self._lock:
            return LiveView(
                self._header,
                self._now,
                tuple(self._samples),
                self._activity,
                tuple(self._events),
                self._hint,
                self._activities,
            )
