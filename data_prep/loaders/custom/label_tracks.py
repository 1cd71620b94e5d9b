"""Label tracks that annotation programs export: Audacity labels, ELAN tab text, Label Studio JSON.

Each label becomes the row of an annotations table. The forms are written down from what is
commonly known of the programs, and not yet compared with files of all their versions.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from data_prep.errors import UserError
from data_prep.formats.csv_files import CsvRecord, read_csv_records
from data_prep.formats.text_tables import decoded_lines, parsed_number
from data_prep.records import read_json

ANNOTATION_REQUIRED = ("recording", "start", "end", "label")
ANNOTATION_OPTIONAL = ("subject", "note")
_CLOCK = re.compile(r"(\d+):([0-5]?\d):([0-5]?\d(?:[.,]\d*)?)")


def read_annotations(
    path: str | Path, recording_of: Callable[[str], str]
) -> tuple[list[CsvRecord], list[UserError]]:
    """Reads annotations: a table, a label track, or a folder of label tracks.

    A table (.csv) has `ANNOTATION_REQUIRED` and any of `ANNOTATION_OPTIONAL`. A track of Audacity
    or ELAN (.txt, .tsv) belongs to the recording that is named like its file. Label Studio (.json,
    also JSON_MIN) names the recording in each task.

    Args:
        path: The file or folder.
        recording_of: Returns the name of the recording that belongs to a file's name; raises
            `UserError` where there is none.

    Returns:
        The rows, and the errors of rows that break a rule.

    Raises:
        UserError: A file is missing or damaged, or a folder holds no track.
    """
    path = Path(path)
    if path.is_dir():
        tracks = [one for one in sorted(path.iterdir()) if one.suffix.lower() in TRACK_SUFFIXES]
        if not tracks:
            rule = f"A folder of annotations must hold files {', '.join(TRACK_SUFFIXES)}"
            raise UserError(rule, "none", path)
        parts = [read_annotations(track, recording_of) for track in tracks]
        return [row for rows, _ in parts for row in rows], [one for _, two in parts for one in two]
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _label_studio(path, recording_of)
    if suffix in (".txt", ".tsv"):
        return _track(path, recording_of(path.name))
    return read_csv_records(path, ANNOTATION_REQUIRED, ANNOTATION_OPTIONAL)


TRACK_SUFFIXES = (".txt", ".tsv", ".json")


def moment_seconds(text: str) -> float | None:
    """Returns a moment in seconds: a number, or h:mm:ss with or without a fraction.

    Args:
        text: Such as "12.5" or "0:01:02.384"; the fraction may follow a comma.
    """
    match = _CLOCK.fullmatch(text)
    if match is not None:
        minutes = 60 * int(match[1]) + int(match[2])
        return 60.0 * minutes + float(match[3].replace(",", "."))
    return parsed_number(text.replace(",", ".") if text.count(",") == 1 else text)


def _row(place: str, recording: str, start: str, end: str, label: str) -> CsvRecord:
    cells = dict.fromkeys((*ANNOTATION_REQUIRED, *ANNOTATION_OPTIONAL), "")
    cells |= {"recording": recording, "start": start, "end": end, "label": label}
    return CsvRecord(place, cells)


def _track(path: Path, recording: str) -> tuple[list[CsvRecord], list[UserError]]:
    try:
        lines = decoded_lines(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError("A table must be readable", error.strerror, path) from error
    rows: list[CsvRecord] = []
    errors: list[UserError] = []
    for number, line in enumerate(lines, 1):
        # Below a label Audacity may write its frequencies, after a backslash.
        if not line.strip() or line.startswith(("\\", "#", '"#')):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        place = f"{path}, row {number}"
        bounds = _bounds(cells)
        if bounds is None:
            if rows or errors or any(moment_seconds(cell) is not None for cell in cells):
                rule = "A label must be start, end and text, or a line of ELAN, between tabs"
                errors.append(UserError(rule, line[:60], place))
            continue  # else a header
        start, end, label = bounds
        rows.append(_row(place, recording, start, end, label))
    if not rows and not errors:
        raise UserError("A label track needs at least one label", "none", path)
    return rows, errors


def _bounds(cells: Sequence[str]) -> tuple[str, str, str] | None:
    """Returns start, end and text of a line.

    Audacity: start, end, text. ELAN: the tier, the participant, then begin, end and duration, each
    in one form or several (h:mm:ss, seconds, milliseconds), and the text.
    """
    if len(cells) == 3 and all(moment_seconds(cell) is not None for cell in cells[:2]):
        return cells[0], cells[1], cells[2]
    times = [place for place, cell in enumerate(cells[:-1]) if moment_seconds(cell) is not None]
    # A tier or participant may be a number, so the times are those that end before the text.
    for count in (9, 6, 4, 3, 2):
        own = times[-count:]
        if len(own) < count or own != list(range(len(cells) - 1 - count, len(cells) - 1)):
            continue
        values = [_elan_seconds(cells[place]) for place in own]
        for kinds in (3, 2):
            step, rest = divmod(count, kinds)
            if rest:
                continue
            start, end = values[0], values[step]
            are_same = all(
                abs(values[kind * step + form] - values[kind * step]) < _SAME_SECONDS
                for kind in range(kinds)
                for form in range(step)
            )
            fits = kinds == 2 or abs(start + values[2 * step] - end) < _SAME_SECONDS
            if are_same and fits and start <= end:
                return f"{start:.6f}", f"{end:.6f}", cells[-1]
    return None


_SAME_SECONDS = 0.0015  # milliseconds, rounded


def _elan_seconds(cell: str) -> float:
    """Returns seconds; ELAN writes whole milliseconds without a point."""
    seconds = moment_seconds(cell)
    assert seconds is not None  # looked at before
    return seconds / 1000 if cell.isdecimal() else seconds


def _label_studio(
    path: Path, recording_of: Callable[[str], str]
) -> tuple[list[CsvRecord], list[UserError]]:
    tasks = read_json(path, "Annotations in JSON must be readable")
    if not isinstance(tasks, list):
        raise UserError("A Label Studio export must be a list of tasks", type(tasks).__name__, path)
    rows: list[CsvRecord] = []
    errors: list[UserError] = []
    for number, task in enumerate(tasks, 1):
        place = f"{path}, task {number}"
        try:
            name, labels = _task(task, place)
            recording = recording_of(name)
            for label in labels:
                rows.append(_row(place, recording, str(label[0]), str(label[1]), str(label[2])))
        except UserError as error:
            errors.append(UserError(error.rule, error.received, place))
    if not rows and not errors:
        raise UserError("A label track needs at least one label", "none", path)
    return rows, errors


def _task(task: Any, place: str) -> tuple[str, list[tuple[Any, Any, Any]]]:
    """Returns the file's name of a task, and start, end and text of its labels."""
    if not isinstance(task, dict):
        raise UserError("A task must be an object", type(task).__name__, place)
    data = task.get("data", task)
    paths = [
        value
        for value in (data.values() if isinstance(data, dict) else ())
        if isinstance(value, str) and re.search(r"\.\w{2,4}$", value)
    ]
    if not paths:
        raise UserError("A task must name its recording", "no path of a file", place)
    found = []
    for value in _values(task):
        texts = next((value[key] for key in ("timeserieslabels", "labels") if value.get(key)), None)
        if texts is None:
            continue
        if not isinstance(texts, list) or len(texts) != 1 or not {"start", "end"} <= set(value):
            raise UserError("A label must have one text, a start and an end", value, place)
        found.append((value["start"], value["end"], texts[0]))
    return PurePosixPath(paths[0].replace("\\", "/")).name, found


def _values(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the labels of a task in the full export, or in JSON_MIN."""
    found: list[Any] = []
    annotations = task.get("annotations", task.get("completions"))
    if isinstance(annotations, list):
        for annotation in annotations:
            if isinstance(annotation, dict) and not annotation.get("was_cancelled"):
                results = annotation.get("result")
                found += results if isinstance(results, list) else []
        found = [result.get("value") for result in found if isinstance(result, dict)]
    else:
        for cell in task.values():
            found += cell if isinstance(cell, list) else []
    return [value for value in found if isinstance(value, dict)]
