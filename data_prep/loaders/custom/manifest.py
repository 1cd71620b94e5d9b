"""The manifest of a user's own recordings."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from data_prep.csv_cells import CsvWriter
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.formats.csv_files import read_csv_records, table_separator
from data_prep.formats.text_tables import TEXT_SUFFIXES, read_text_table
from data_prep.loaders.custom.manifest_row import (
    METRIC_UNITS,
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    CustomClip,
    read_manifest_row,
)

_UNLABELLED = "unlabelled"


def read_custom_manifest(
    path: str | Path,
    *,
    for_annotations: bool = False,
    skeleton_units: tuple[str, ...] = METRIC_UNITS,
) -> tuple[list[CustomClip], list[UserError]]:
    """Reads a manifest row by row and checks all that can be checked without the recordings.

    Missing clip_ids become subject_action_trial, missing trials a running number.

    Args:
        path: The manifest, a CSV file of `REQUIRED_COLUMNS` and any of `OPTIONAL_COLUMNS`.
        for_annotations: Whether the rows are recordings that annotations will cut: `action` must
            be empty or absent, `subject` may be, and a missing clip_id becomes the path of the
            accelerometer's file.
        skeleton_units: What a row may state; the first one if it states none.

    Returns:
        The rows without a mistake, and the mistakes, one for each other row.

    Raises:
        UserError: The file is missing, no table, or its header breaks a rule.
    """
    required = REQUIRED_COLUMNS[2:] if for_annotations else REQUIRED_COLUMNS
    optional = OPTIONAL_COLUMNS + (REQUIRED_COLUMNS[:2] if for_annotations else ())
    records, errors = read_csv_records(path, required, optional)
    clips = []
    for record in records:
        try:
            clip = read_manifest_row(record, Path(path).parent, for_annotations, skeleton_units)
            clips += _stretches(clip, Path(path).parent)
        except UserError as error:
            errors.append(error)
    if not for_annotations:
        clips = named_clips(clips)
    errors += doubled_names(clips)
    return clips, errors


def add_manifest_row(path: str | Path, row: Mapping[str, str], *, dry: bool = False) -> None:
    """Adds a row to a manifest, or makes one; what is there stays, and so does its separator.

    Args:
        path: The manifest.
        row: Cells by column; columns that the manifest lacks are added at its end.
        dry: Whether to only check that it can be added.

    Raises:
        UserError: The manifest is no CSV file in UTF-8, or a row has more cells than its header.
        OSError: It cannot be read or written.
    """
    path = Path(path)
    columns: list[str] = []
    rows: list[dict[str, str]] = []
    separator = ","
    if path.exists():
        try:
            content = path.read_text(encoding="utf-8-sig")
            separator = table_separator(content)
            stream = io.StringIO(content, newline="")
            reader = csv.DictReader(
                stream, delimiter=separator, strict=True, skipinitialspace=True, restval=""
            )
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = list(reader)
        except (UnicodeDecodeError, csv.Error) as error:
            raise UserError("A manifest must be a CSV file", error, path) from error
        if any(None in one for one in rows):
            raise UserError("A row of a manifest must have the header's columns", "more", path)
    if dry:
        return
    columns += [column for column in row if column not in columns]
    text = io.StringIO(newline="")
    writer = CsvWriter(text, columns, separator)
    for one in rows:
        writer.write_row_as_read(one.get(column, "") for column in columns)
    writer.write_row(row.get(column, "") for column in columns)
    with whole_file(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


def _stretches(clip: CustomClip, folder: Path) -> list[CustomClip]:
    """Returns the clip, or one for each stretch of rows if the file tells subject or action."""
    names = [re.fullmatch(r"column (.+)", text) for text in (clip.subject, clip.action)]
    if not any(names):
        return [clip]
    path = folder / clip.accelerometer_path
    name = f"{clip.accelerometer_path}; {clip.place}"
    if path.suffix.lower() not in TEXT_SUFFIXES:
        raise UserError("Subject and action can be columns of a text file alone", path.suffix, name)
    table = read_text_table(path.read_bytes(), name, clip.accelerometer_skip_rows)
    table = table.filtered(clip.accelerometer_rows)
    cells = [
        table.texts(table.indices([match[1]])[0]) if match else [text] * len(table.rows)
        for match, text in zip(names, (clip.subject, clip.action), strict=True)
    ]
    labels = list(zip(*cells, strict=True))
    starts = [row for row in range(len(labels)) if row == 0 or labels[row] != labels[row - 1]]
    clips = []
    for number, (start, end) in enumerate(pairwise([*starts, len(labels)]), 1):
        subject, action = labels[start]
        if not subject or not action:
            rule = "Each row must have a subject and an action"
            raise UserError(rule, f"an empty cell in line {table.lines[start]}", name)
        clips.append(
            replace(
                clip,
                clip_id=f"{clip.clip_id}_{number}" if clip.clip_id else "",
                subject=subject,
                action=action,
                accelerometer_part=(start, end - 1),
            )
        )
    return clips


def named_clips(clips: Iterable[CustomClip]) -> list[CustomClip]:
    """Returns the clips with a trial and a clip_id each, made up where there is none.

    The trial is a running number over the clips of the same subject and action; the clip_id is
    subject_action_trial with "-" for anything but letters and digits, "unlabelled" for an action
    that is not known.
    """
    counts: Counter[tuple[str, str]] = Counter()
    named = []
    for clip in clips:
        counts[clip.subject, clip.action] += 1
        number = str(counts[clip.subject, clip.action])
        trial = clip.trial or number
        # Without labels, trials of several actions may have one name.
        last = (clip.action, trial) if clip.action else (_UNLABELLED, number)
        words = [re.sub(r"[^\w.]+|_", "-", word) for word in (clip.subject, *last)]
        named.append(replace(clip, trial=trial, clip_id=clip.clip_id or "_".join(words)))
    return named


def doubled_names(clips: Iterable[CustomClip]) -> list[UserError]:
    """Returns an error for each clip whose clip_id an earlier one has."""
    first: dict[str, str] = {}
    errors = []
    for clip in clips:
        if clip.clip_id in first:
            received = f"{clip.clip_id}, also {first[clip.clip_id]}"
            errors.append(UserError("A clip_id must be unique", received, clip.place))
        first.setdefault(clip.clip_id, clip.place)
    return errors
