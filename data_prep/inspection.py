"""Checks of the user's recordings before they are prepared, and the table of what was found.

`inspect_recordings` reads every row of the manifest and every file, checks each clip
(`clip_inspection.py`) and then all together: labels, overlaps, balance, lag by subject.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data_prep.alignment import StreamLag, best_lag
from data_prep.clip import SENSORS
from data_prep.clip_inspection import InspectedClip, inspect_clip, offset_hint, recorded_clip
from data_prep.errors import UserError
from data_prep.files import natural_order
from data_prep.loaders.custom.loader import (
    WITHIN_SUBJECT,
    CustomLoader,
    action_names,
    split_subjects,
)
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.plausibility import SetDoubts, spelling_doubts
from data_prep.problems import Problem, problem_lines
from data_prep.side_doubts import SideDoubts

_FALLBACK_RATE_HZ = 50.0  # where the rows contradict each other
# Chosen on UTD-MHAD: a warning names none of 16 groups of ten clips, and all of them with an added
# offset of 0.5 s.
_GROUP_CLIPS, _GROUP_GAIN = 5, 0.1


@dataclass(frozen=True)
class Inspection:
    """The measures and problems of all clips.

    Args:
        clips: One for each row of the manifest without a mistake.
        lags: Subject -> lag over all clips of this subject.
        problems: Errors and warnings, in the order found.
        notes: Flags that `pskd_tf.train` needs for these recordings.
    """

    clips: list[InspectedClip]
    lags: dict[str, StreamLag]
    problems: list[Problem]
    notes: Sequence[str] = ()


def inspect_recordings(
    loader: CustomLoader,
    progress: Callable[[Sequence[CustomClip]], Iterable[CustomClip]] = iter,
    sensors: Sequence[str] = SENSORS[:1],
) -> Inspection:
    """Checks manifest, annotations and every recording; collects all problems.

    Args:
        loader: The recordings.
        progress: Wraps the clips to show progress.
        sensors: Of `SENSORS`, what each clip with an accelerometer must have.

    Returns:
        The measures and problems.

    Raises:
        UserError: There is nothing to inspect: the manifest or the annotations are missing, are
            no CSV file, or have a header that breaks a rule.
    """
    clips, errors = loader.clips()
    rate_hz = _FALLBACK_RATE_HZ
    try:
        rate_hz = loader.prepared_rate_hz(clips)
    except UserError as error:
        errors.append(error)
    try:
        train, test, _ = split_subjects(clips, str(loader.manifest))
    except UserError as error:
        errors.append(error)
        train = test = []
    problems = [Problem("error", error.path or "", error.reason) for error in errors]
    for column in ("subject", "action"):
        names = {getattr(clip, column) for clip in clips} - {""}
        problems += spelling_doubts(column, names)
    problems += _overlap_problems(clips)
    if "gyroscope" in sensors:
        text = "no gyroscope_columns, but --sensors=accelerometer,gyroscope"
        bare = [clip for clip in clips if clip.accelerometer_path and not clip.gyroscope_columns]
        problems += [Problem("error", clip.clip_id, text) for clip in bare]
    problems += _balance_problems(clips, {"train": train, "test": test})
    inspected: list[InspectedClip] = []
    whole, sides = SetDoubts(), SideDoubts(loader.layout(), rate_hz)
    for clip in progress(clips):
        try:
            recording = loader.recording(clip, rate_hz)
        except UserError as error:
            problems.append(Problem("error", clip.clip_id, str(error)))
            inspected.append(InspectedClip(clip.clip_id, clip.subject, clip.action))
            continue
        measured, found = inspect_clip(clip, recording, rate_hz, loader.layout())
        inspected.append(measured)
        problems += found
        made = recorded_clip(clip, recording)
        whole.add(made, clip.action)
        sides.add(made)
    problems += [*whole.problems(), *sides.problems()]
    lags = _lags(inspected)
    problems += _lag_problems(clips, inspected, lags)
    return Inspection(inspected, lags, problems, tuple(_training_notes(clips, train, test)))


def _overlap_problems(clips: Sequence[CustomClip]) -> Iterator[Problem]:
    by_file = defaultdict(list)
    for clip in clips:
        if clip.accelerometer_path:
            by_file[clip.accelerometer_path, clip.accelerometer_columns].append(clip)
    for group in by_file.values():
        ordered = sorted(group, key=lambda clip: clip.start or 0.0)
        for earlier, later in pairwise(ordered):
            end = float("inf") if earlier.end is None else earlier.end
            if (later.start or 0.0) < end and (earlier.start, earlier.end) != (
                later.start,
                later.end,
            ):
                text = f"starts at {later.start or 0:g} s, before {earlier.clip_id} ends"
                yield Problem("overlap", later.clip_id, text)


def _balance_problems(
    clips: Sequence[CustomClip], parts: dict[str, list[str]]
) -> Iterator[Problem]:
    actions = action_names(clips)
    if clips and len(actions) < 2:
        received = actions[0] if actions else "none"
        yield Problem(
            "error", "action", f"A data set needs at least 2 actions. Received: {received}"
        )
    if parts["train"] and not parts["test"]:
        text = (
            "is alone, so scores say nothing about other people: train with "
            f"--protocol={WITHIN_SUBJECT} --teacher_outputs=in_sample"
        )
        yield Problem("subjects", parts["train"][0], text)
    for part, subjects in parts.items():
        seen = {clip.action for clip in clips if clip.subject in subjects}
        for action in actions if subjects else ():
            if action not in seen:
                yield Problem("balance", action, f"no subject of the {part} part has this action")


def _training_notes(
    clips: Sequence[CustomClip], train: Sequence[str], test: Sequence[str]
) -> Iterator[str]:
    """Yields what the train command would refuse with its defaults, and what it does without."""
    silent = sum(not clip.accelerometer_path for clip in clips)
    if silent:
        yield (
            f"{silent} clips without accelerometer: train on them with --teachers= "
            "--virtual_sensors=rotation,regression"
        )
    unlabelled = sum(not clip.action for clip in clips)
    if unlabelled:
        yield f"{unlabelled} clips without a label: train on them with --teacher_outputs=in_sample"
    if len(train) == 1 and test:
        yield "1 training subject: train with --teacher_outputs=in_sample"
    parts = [set(train), set(test)] if test else [set(train)]
    if train and not all(
        any(clip.skeleton_path for clip in clips if clip.subject in part) for part in parts
    ):
        yield "a part without a skeleton: train with --teachers=accelerometer_teacher"


def _lags(inspected: Sequence[InspectedClip]) -> dict[str, StreamLag]:
    curves = defaultdict(list)
    for clip in inspected:
        if clip.correlations is not None:
            curves[clip.subject].append(clip.correlations)
    return {subject: best_lag(curves[subject]) for subject in natural_order(curves)}


def _lag_problems(
    clips: Sequence[CustomClip],
    inspected: Sequence[InspectedClip],
    lags: dict[str, StreamLag],
) -> Iterator[Problem]:
    for subject, lag in lags.items():
        own = [
            clip
            for clip, measured in zip(clips, inspected, strict=True)
            if clip.subject == subject and measured.correlations is not None
        ]
        if len(own) >= _GROUP_CLIPS and lag.best_correlation - lag.zero_correlation > _GROUP_GAIN:
            text = (
                f"over {len(own)} clips the streams correlate {lag.zero_correlation:.2f} as "
                f"recorded and {lag.best_correlation:.2f} with the skeleton {lag.seconds:+.2f} s "
                "late"
            )
            offsets = {(clip.skeleton_rate_hz is None, clip.skeleton_offset) for clip in own}
            hint = offset_hint(own[0], lag.seconds) if len(offsets) == 1 else ""
            yield Problem("alignment", f"subject {subject}", text + hint)


def inspection_table(inspection: Inspection, most: int = 20) -> str:
    """Returns clips by subject and action, the measures and the problems, as text.

    Args:
        inspection: What was found.
        most: How many problems of a kind are listed; 0 lists all.

    Returns:
        Lines without a final newline.
    """
    clips = inspection.clips
    subjects = natural_order({clip.subject for clip in clips})
    actions = sorted({clip.action for clip in clips})
    counts = Counter((clip.subject, clip.action) for clip in clips)
    rows = [["clips", *subjects, "all"]]
    for action in actions:
        own = [counts[subject, action] for subject in subjects]
        rows.append([action or "(no label)", *map(str, own), str(sum(own))])
    by_subject = [[clip for clip in clips if clip.subject == subject] for subject in subjects]
    groups = [*by_subject, clips]
    rows.append(["all", *(str(len(group)) for group in groups)])
    rows.append(["read", *(str(sum(clip.seconds is not None for clip in g)) for g in groups)])
    if any(not clip.has_accelerometer for clip in clips if clip.seconds is not None):
        worn = [str(sum(clip.has_accelerometer for clip in group)) for group in groups]
        rows.append(["with accelerometer", *worn])
    rows.append(["with skeleton", *(str(sum(clip.has_skeleton for clip in g)) for g in groups)])
    measures = [
        ("seconds, median", "seconds", 2),
        ("stated rate, Hz", "stated_rate_hz", 2),
        ("rate by stamps, Hz", "stamp_rate_hz", 2),
        ("|a| at rest, g", "gravity", 3),
    ]
    if any(clip.turn_rate is not None for clip in clips):
        measures.append(("turn rate at most, deg/s", "turn_rate", 0))
    for label, field, digits in measures:
        rows.append([label, *(_median(group, field, digits) for group in groups)])
    lags = [inspection.lags.get(subject) for subject in subjects]
    for label, field, form in (
        ("skeleton late by, s", "seconds", "+.2f"),
        ("correlation then", "best_correlation", ".2f"),
        ("correlation at 0 s", "zero_correlation", ".2f"),
    ):
        cells = ["-" if lag is None else format(getattr(lag, field), form) for lag in lags]
        rows.append([label, *cells, ""])
    lines = _aligned(rows)
    places = Counter(clip.sensor_place for clip in clips if clip.has_accelerometer)
    lines += [f"sensor on {place}: {count} clips" for place, count in places.most_common()]
    flags = Counter(flag for clip in clips for flag in clip.flags)
    lines += [f"note {flag}: {count} clips" for flag, count in sorted(flags.items())]
    lines += [f"note: {text}" for text in inspection.notes]
    return "\n".join(lines + problem_lines(inspection.problems, most, "; --most=0 lists all"))


def _median(clips: Sequence[InspectedClip], field: str, digits: int) -> str:
    values = [getattr(clip, field) for clip in clips]
    values = [value for value in values if value is not None]
    return f"{np.median(values):.{digits}f}" if values else "-"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]
