"""Recording of labelled clips for `custom`: one, or one after the other by keys."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.loaders.custom.manifest import add_manifest_row
from pskd_tf.monitoring.protocol import (
    BoardClock,
    BoardHeader,
    BoardMessage,
    BoardSample,
    BoardStatus,
    with_samples,
)

_LONGEST_GAP_SECONDS = 1.0


@dataclass(frozen=True)
class RecordedClip:
    """Samples of one action.

    Attributes:
        header: The board's header.
        rows: Time in microseconds since the first sample, x, y, z in g.
    """

    header: BoardHeader
    rows: tuple[tuple[int, float, float, float], ...]

    @classmethod
    def record(
        cls,
        messages: Iterable[BoardMessage],
        seconds: float,
    ) -> "RecordedClip":
        """Records from the next sample on, until the time is over or the user interrupts.

        Args:
            messages: From a `BoardPort`.
            seconds: Duration by the board's clock; 0 records until interrupted.

        Returns:
            The clip. Of samples with the same stamp the first is kept.

        Raises:
            UserError: The board sends no samples, restarted, lost some or sent nothing for a while,
                no header came (a board repeats it every 5 s), or there are fewer than two samples.
        """
        clock = BoardClock()
        header: BoardHeader | None = None
        rows: list[tuple[int, float, float, float]] = []
        before = 0.0
        try:
            for message in with_samples(messages):
                if isinstance(message, BoardHeader):
                    header = message
                if isinstance(message, BoardStatus) and message.word == "samples_lost" and rows:
                    rule = "A recording needs every sample; raise PSKD_QUEUE_SAMPLES of the board"
                    raise UserError(rule, f"{message.number} samples lost since its start")
                if not isinstance(message, BoardSample):
                    continue
                now = clock.seconds(message.time_us)
                if not 0 <= now - before <= _LONGEST_GAP_SECONDS:
                    rule = "A recording needs a board that goes on without a break"
                    raise UserError(rule, f"{now - before:.3g} s between two samples")
                is_new = not rows or now > before
                before = now
                if is_new and not (seconds and now > seconds):
                    rows.append((round(now * 1e6), *message.values))
                # The header may come after the last sample that is wanted.
                if seconds and now >= seconds and header is not None:
                    break
        except KeyboardInterrupt:
            pass
        if header is None:
            raise UserError("A recording needs the board's header line", "none came")
        if len(rows) < 2:
            raise UserError("A recording needs at least 2 samples", len(rows))
        return cls(header, tuple(rows))


MANIFEST_NAME = "manifest.csv"


def save_clip(
    path: str | Path, clip: RecordedClip, *, subject: str, label: str, sensor_place: str
) -> Path:
    """Writes a recording and adds its row to `manifest.csv` beside it.

    Args:
        path: The new CSV file; its header will be `time_us,x,y,z`.
        clip: The recording.
        subject: Name of the subject.
        label: Label of the action.
        sensor_place: Where the board was worn.

    Returns:
        The manifest.

    Raises:
        UserError: The file exists, or one cannot be read or written.
    """
    path = Path(path)
    manifest = path.parent / MANIFEST_NAME
    check_new_clip(path)
    row = {
        "subject": subject,
        "action": label,
        "accelerometer_path": path.name,
        "accelerometer_unit": "g",
        "accelerometer_columns": "x;y;z",
        "accelerometer_stamp_column": "time_us",
        "accelerometer_stamp_unit": "us",
        "accelerometer_rate_hz": f"{clip.header.rate_hz:g}",
        "sensor_place": sensor_place,
        "note": f"board {clip.header.project}, axes {clip.header.axes}",
    }
    try:
        # The recording comes first; a manifest that cannot take its row is refused before.
        add_manifest_row(manifest, row, dry=True)
        lines = [f"{time_us},{x:.5f},{y:.5f},{z:.5f}\n" for time_us, x, y, z in clip.rows]
        with whole_file(path) as temporary:
            temporary.write_text("time_us,x,y,z\n" + "".join(lines), encoding="ascii")
        add_manifest_row(manifest, row)
    except OSError as error:
        raise UserError("record must be in a writable folder", error.strerror, path) from error
    return manifest


def check_new_clip(path: str | Path) -> None:
    """Raises `UserError` unless a recording can be saved there."""
    path = Path(path)
    if path.suffix.lower() != ".csv" or path.name == MANIFEST_NAME:
        raise UserError(f"record must be a CSV file other than {MANIFEST_NAME}", path.name)
    if path.exists():
        raise UserError("record must be a new file", "one that exists", path)


@dataclass(frozen=True)
class SessionState:
    """What a session does now.

    Attributes:
        phase: "waiting" for a key, "countdown" or "recording".
        label: The action that is recorded; None while waiting.
        remaining: Seconds to the end of the phase; 0 while waiting.
        last: What became of the last key: the file, or why nothing was written.
    """

    phase: str
    label: str | None
    remaining: float
    last: str


class RecordingSession:
    """Records clip after clip: a key, a countdown, then samples for some seconds.

    Args:
        folder: Where `SUBJECT_LABEL_NUMBER.csv` and `manifest.csv` go.
        labels: At most nine; the keys are 1 to 9.
        subject: Name of the subject.
        sensor_place: Where the board is worn.
        seconds: Length of a clip, by the board's clock.
        countdown: Seconds from the key to the first sample, by the host's clock.
        clock: The host's time in seconds.

    Raises:
        UserError: No label, too many, one twice, or no length.
    """

    def __init__(
        self,
        folder: Path,
        labels: Sequence[str],
        *,
        subject: str,
        sensor_place: str,
        seconds: float,
        countdown: float,
        clock: Callable[[], float] = time.monotonic,
    ):
        if not 1 <= len(labels) <= 9 or len(set(labels)) != len(labels):
            raise UserError("--labels takes 1 to 9 different labels", ",".join(labels))
        if seconds <= 0:
            raise UserError("--labels needs --seconds, the length of each clip", seconds)
        if folder.suffix or folder.is_file():
            raise UserError("--record must be a folder with --labels", "a file", folder)
        self.labels = tuple(labels)
        self.saved: list[Path] = []
        self._folder = folder
        self._seconds = seconds
        self._countdown = countdown
        self._worn = {"subject": subject, "sensor_place": sensor_place}
        self._clock = clock
        self._header: BoardHeader | None = None
        self._label: str | None = None
        self._starts = 0.0
        self._messages: list[BoardMessage] | None = None
        self._board_clock = BoardClock()
        self._elapsed = 0.0
        self._last = ""

    def press(self, key: str) -> None:
        """Starts a clip of the key's label, unless one is under way; Backspace drops that one."""
        if key in ("\x08", "\x7f") and self._label is not None:
            self._end(f"{self._label}: dropped")
        elif self._label is None and key.isdigit() and 1 <= int(key) <= len(self.labels):
            self._label = self.labels[int(key) - 1]
            self._starts = self._clock() + self._countdown

    def take(self, message: BoardMessage) -> None:
        """Takes a message of the board; the last one of a clip writes it."""
        if isinstance(message, BoardHeader):
            self._header = message
        if self._label is None or self._clock() < self._starts:
            return
        if self._messages is None:
            self._messages = [] if self._header is None else [self._header]
            self._board_clock, self._elapsed = BoardClock(), 0.0
        self._messages.append(message)
        if isinstance(message, BoardSample):
            self._elapsed = self._board_clock.seconds(message.time_us)
        if self._elapsed >= self._seconds:
            self._save(self._label, self._messages)

    def state(self) -> SessionState:
        """Returns what it does now."""
        if self._label is None:
            return SessionState("waiting", None, 0.0, self._last)
        until = self._starts - self._clock()
        if until > 0:
            return SessionState("countdown", self._label, until, self._last)
        remaining = max(0.0, self._seconds - self._elapsed)
        return SessionState("recording", self._label, remaining, self._last)

    def _save(self, label: str, messages: Sequence[BoardMessage]) -> None:
        try:
            clip = RecordedClip.record(messages, self._seconds)
            path = self._new_path(label)
            save_clip(path, clip, label=label, **self._worn)
        except UserError as error:
            self._end(f"{label}: not recorded. {error}")
            return
        self.saved.append(path)
        self._end(f"{path.name}: {len(clip.rows)} samples")

    def _end(self, last: str) -> None:
        self._label, self._messages, self._last, self._elapsed = None, None, last, 0.0

    def _new_path(self, label: str) -> Path:
        words = [re.sub(r"\W+", "_", word).strip("_") for word in (self._worn["subject"], label)]
        number = 1
        while (self._folder / f"{'_'.join(words)}_{number}.csv").exists():
            number += 1
        return self._folder / f"{'_'.join(words)}_{number}.csv"
