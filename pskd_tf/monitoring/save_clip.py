"""A recorded clip as files that `--dataset=custom` reads."""

import csv
import io
from pathlib import Path

from data_prep.user_error import UserError
from data_prep.whole_file import whole_file
from pskd_tf.monitoring.recorded_clip import RecordedClip

MANIFEST_NAME = "manifest.csv"


def save_clip(
    path: str | Path, clip: RecordedClip, *, subject: str, label: str, sensor_place: str
) -> Path:
    """Writes a recording and adds its row to `manifest.csv` beside it.

    Args:
        path: The new CSV file; its header will be `time_us,x,y,z`.
        clip: The recording.
        subject: Who it is.
        label: What was done.
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
        columns, rows = _read(manifest)
        columns += [column for column in row if column not in columns]
        lines = [f"{time_us},{x:.5f},{y:.5f},{z:.5f}\n" for time_us, x, y, z in clip.rows]
        with whole_file(path) as temporary:
            temporary.write_text("time_us,x,y,z\n" + "".join(lines), encoding="ascii")
        with whole_file(manifest) as temporary:
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows([*rows, row])
            temporary.write_text(text.getvalue(), encoding="utf-8", newline="")
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


def _read(manifest: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Returns the columns and rows of a manifest, none if there is none yet."""
    if not manifest.exists():
        return [], []
    try:
        with open(manifest, encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError("A manifest must be a CSV file", error, manifest) from error
    columns = list(reader.fieldnames or [])
    if any(None in row for row in rows):
        raise UserError("A row of a manifest must have the header's columns", "more", manifest)
    return columns, rows
