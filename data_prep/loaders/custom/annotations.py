"""Annotations: which stretches of long recordings are clips."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from data_prep.clip import NULL_LABEL
from data_prep.errors import UserError
from data_prep.formats.csv_files import CsvRecord
from data_prep.loaders.custom.label_tracks import moment_seconds, read_annotations
from data_prep.loaders.custom.manifest import doubled_names, named_clips
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.loaders.spans import SHORTEST_GAP_SECONDS

_MOST_SECONDS = 1e6
_EPOCH_SECONDS, _EPOCH_MILLISECONDS = (1e8, 1e11), (1e11, 1e14)  # 1973 to 5138 in either unit


def cut_by_annotations(
    path: str | Path, recordings: Sequence[CustomClip], gaps_are_none: bool = False
) -> tuple[list[CustomClip], list[UserError]]:
    """Returns one clip an annotation, in the order of the file.

    Args:
        path: A table, a label track or a folder of label tracks, see `read_annotations`. In a table
            `recording` is a recording's clip_id, or the path of its accelerometer's file as the
            manifest gives it; `start` and `end` are seconds from its first sample, h:mm:ss from
            there, or seconds or milliseconds since 1970.
        recordings: The rows of the manifest.
        gaps_are_none: Whether what lies between two annotations of a recording is a clip of "none",
            where it takes at least 2 s and both name one subject.

    Returns:
        The clips, named recording_number, and the mistakes, one for each other row. Those of gaps
        come last.

    Raises:
        UserError: The file is missing, no table, or its header breaks a rule.
    """
    records, errors = read_annotations(path, lambda name: _recording_of(name, recordings))
    paths = Counter(clip.accelerometer_path for clip in recordings)
    # A path of two rows (two sensors in a file) names neither of them.
    by_name = {
        clip.accelerometer_path: clip for clip in recordings if paths[clip.accelerometer_path] == 1
    }
    by_name |= {clip.clip_id: clip for clip in recordings}
    annotated = []
    for record in records:
        try:
            annotated.append(_annotated_clip(record, by_name))
        except UserError as error:
            errors.append(error)
    numbers: Counter[str] = Counter()
    clips = []
    for clip in [*annotated, *(_gaps(annotated) if gaps_are_none else ())]:
        numbers[clip.clip_id] += 1
        name = clip.clip_id.replace("/", "-")
        clips.append(replace(clip, clip_id=f"{name}_{numbers[clip.clip_id]:03d}"))
    clips = named_clips(clips)
    return clips, errors + doubled_names(clips)


def _gaps(annotated: Sequence[CustomClip]) -> Iterator[CustomClip]:
    """Yields what lies between the annotations of each recording, before clips get their names."""
    by_recording: dict[str, list[CustomClip]] = defaultdict(list)
    for clip in annotated:
        by_recording[clip.clip_id].append(clip)
    for own in by_recording.values():
        ordered = sorted(own, key=lambda clip: clip.start or 0.0)
        last = ordered[0]
        for clip in ordered[1:]:
            start, end = last.end or 0.0, clip.start or 0.0
            if end - start >= SHORTEST_GAP_SECONDS and clip.subject == last.subject:
                yield replace(clip, action=NULL_LABEL, start=start, end=end)
            last = max(last, clip, key=lambda one: one.end or 0.0)


def _recording_of(name: str, recordings: Sequence[CustomClip]) -> str:
    """Returns the clip_id of the recording that a file is named after.

    Label Studio puts some letters and a hyphen before the name of an uploaded file.
    """
    stem = PurePosixPath(name).stem
    found = []
    for clip in recordings:
        own = PurePosixPath(clip.accelerometer_path)
        is_upload = name.endswith(f"-{own.name}")
        if stem in (clip.clip_id, own.stem) or is_upload:
            found.append(clip.clip_id)
    if len(found) != 1 and len(recordings) == 1:
        found = [recordings[0].clip_id]
    if len(found) != 1:
        rule = "A label track must be named like the file of one recording"
        raise UserError(rule, f"{name}, which fits {', '.join(found) or 'none'}", name)
    return found[0]


def _moment(record: CsvRecord, column: str) -> float:
    """Returns a moment in seconds from the first sample, or since 1970 from 1e8 on."""
    text = record.text(column)
    seconds = moment_seconds(text)
    if seconds is None:
        raise record.error(f"{column} must be a number or h:mm:ss", text)
    if _EPOCH_MILLISECONDS[0] <= seconds < _EPOCH_MILLISECONDS[1]:
        seconds /= 1000
    if not (0 <= seconds <= _MOST_SECONDS or _EPOCH_SECONDS[0] <= seconds < _EPOCH_SECONDS[1]):
        rule = f"{column} must be 0 to {_MOST_SECONDS:g} s, or since 1970"
        raise record.error(rule, text)
    return seconds


def _annotated_clip(record: CsvRecord, recordings: dict[str, CustomClip]) -> CustomClip:
    recording = recordings.get(record.text("recording"))
    if recording is None:
        rule = "recording must be a clip_id or an accelerometer_path of the manifest"
        raise record.error(rule, record.cells["recording"])
    start, end = _moment(record, "start"), _moment(record, "end")
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
