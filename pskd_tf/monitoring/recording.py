"""Live display of a board's activities, and recording of labelled clips for `custom`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.loaders.custom.manifest import add_manifest_row
from pskd_tf.monitoring.protocol import (
    BoardActivity,
    BoardClock,
    BoardHeader,
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
        messages: Iterable[BoardHeader | BoardSample | BoardActivity | BoardStatus],
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


def show_live(
    messages: Iterable[BoardHeader | BoardSample | BoardActivity | BoardStatus], seconds: float
) -> int:
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
                print(
                    f"project {header.project}, {header.runtime}, {header.num_classes} classes, "
                    f"{header.rate_hz:g} Hz, +-{header.range_g:g} g, axes {header.axes}",
                    flush=True,
                )
            continue
        now = clock.seconds(message.time_us)
        if isinstance(message, BoardActivity):
            shown += 1
            sure = "" if message.confidence is None else f"{message.confidence:.3f}"
            print(f"{now:10.2f} s  {sure:>5}  {message.label}", flush=True)
        elif isinstance(message, BoardStatus):
            print(f"{now:10.2f} s  status {message.word} {message.number}", flush=True)
        if seconds and now >= seconds:
            break
    return shown
