"""Annotations: which stretches of long recordings are clips."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data_prep.errors import UserError
from data_prep.formats.csv_files import CsvRecord, read_csv_records
from data_prep.loaders.custom.manifest import CustomClip, doubled_names, named_clips

ANNOTATION_REQUIRED = ("recording", "start", "end", "label")
ANNOTATION_OPTIONAL = ("subject", "note")


def cut_by_annotations(
    path: str | Path, recordings: Sequence[CustomClip]
) -> tuple[list[CustomClip], list[UserError]]:
    """Returns one clip an annotation, in the order of the file.

    Args:
        path: The annotations, a CSV file of `ANNOTATION_REQUIRED` and any of `ANNOTATION_OPTIONAL`:
            `recording` is a recording's clip_id, or the path of its accelerometer's file as the
            manifest gives it; `start` and `end` are seconds from its first sample.
        recordings: The rows of the manifest.

    Returns:
        The clips, named recording_number, and the mistakes, one for each other row.

    Raises:
        UserError: The file is missing, no table, or its header breaks a rule.
    """
    records, errors = read_csv_records(path, ANNOTATION_REQUIRED, ANNOTATION_OPTIONAL)
    paths = Counter(clip.accelerometer_path for clip in recordings)
    # A path of two rows (two sensors in a file) names neither of them.
    by_name = {
        clip.accelerometer_path: clip for clip in recordings if paths[clip.accelerometer_path] == 1
    }
    by_name |= {clip.clip_id: clip for clip in recordings}
    numbers: Counter[str] = Counter()
    clips = []
    for record in records:
        try:
            clip = _annotated_clip(record, by_name)
        except UserError as error:
            errors.append(error)
            continue
        numbers[clip.clip_id] += 1
        name = clip.clip_id.replace("/", "-")
        clips.append(replace(clip, clip_id=f"{name}_{numbers[clip.clip_id]:03d}"))
    clips = named_clips(clips)
    return clips, errors + doubled_names(clips)


def _annotated_clip(record: CsvRecord, recordings: dict[str, CustomClip]) -> CustomClip:
    recording = recordings.get(record.text("recording"))
    if recording is None:
        rule = "recording must be a clip_id or an accelerometer_path of the manifest"
        raise record.error(rule, record.cells["recording"])
    bounds = []
    for column in ("start", "end"):
        record.text(column)  # so that it is not empty
        bounds.append(record.number(column, 0.0, 1e6) or 0.0)
    start, end = bounds
    if not start < end:
        raise record.error("start must be before end", f"{start:g} and {end:g}")
    subject = record.cells["subject"] or recording.subject
    if not subject:
        rule = "The annotation or its recording must name the subject"
        raise record.error(rule, "neither")
    return replace(
        recording,
        place=record.place,
        subject=subject,
        action=record.text("label"),
        trial="",
        start=start,
        end=end,
    )
