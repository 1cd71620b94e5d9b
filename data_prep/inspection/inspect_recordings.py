"""Checking a user's own recordings before they are prepared."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from data_prep.inspection.best_lag import StreamLag, best_lag
from data_prep.inspection.inspect_clip import inspect_clip, offset_hint
from data_prep.inspection.inspection import InspectedClip, Inspection, Problem
from data_prep.loaders.custom.clip import CustomClip
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.loaders.custom.recording import read_custom_recording
from data_prep.loaders.custom.split import natural_order, split_subjects
from data_prep.user_error import UserError

_FALLBACK_RATE_HZ = 50.0  # where the rows contradict each other
# Chosen on UTD-MHAD: of 16 groups of ten clips none is named as they are, all with an offset of
# 0.5 s.
_GROUP_CLIPS, _GROUP_GAIN = 5, 0.1


def inspect_recordings(
    loader: CustomLoader,
    progress: Callable[[Sequence[CustomClip]], Iterable[CustomClip]] = iter,
) -> Inspection:
    """Checks manifest, annotations and every recording, and does not stop at the first problem.

    Args:
        loader: The recordings.
        progress: Wraps the clips to show progress.

    Returns:
        What was found.

    Raises:
        UserError: There is nothing to inspect: a table is missing, is none, or its header breaks
            a rule.
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
    problems += _label_problems(clips)
    problems += _overlap_problems(clips)
    problems += _balance_problems(clips, {"train": train, "test": test})
    inspected: list[InspectedClip] = []
    contents: dict[tuple, str] = {}
    for clip in progress(clips):
        try:
            recording = read_custom_recording(clip, loader.files(clip), loader.layout(), rate_hz)
        except UserError as error:
            problems.append(Problem("error", clip.clip_id, str(error)))
            inspected.append(InspectedClip(clip.clip_id, clip.subject, clip.action))
            continue
        measured, found = inspect_clip(clip, recording, rate_hz, loader.layout())
        inspected.append(measured)
        problems += found
        content = (recording.sources["accelerometer"][1], clip.start, clip.end)
        content += (clip.accelerometer_columns,)
        other = contents.setdefault(content, clip.clip_id)
        if other != clip.clip_id:
            problems.append(Problem("overlap", clip.clip_id, f"the same samples as {other}"))
    lags = _lags(inspected)
    problems += _lag_problems(clips, inspected, lags)
    return Inspection(inspected, lags, problems)


def _label_problems(clips: Sequence[CustomClip]) -> Iterator[Problem]:
    for column in ("subject", "action"):
        spellings = defaultdict(set)
        for clip in clips:
            name = getattr(clip, column)
            spellings[" ".join(name.lower().replace("_", " ").replace("-", " ").split())].add(name)
        for names in spellings.values():
            if len(names) > 1:
                text = f"is spelt in {len(names)} ways: {', '.join(sorted(names))}"
                yield Problem("labels", column, text)


def _overlap_problems(clips: Sequence[CustomClip]) -> Iterator[Problem]:
    by_file = defaultdict(list)
    for clip in clips:
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
    actions = sorted({clip.action for clip in clips})
    if len(actions) == 1:
        yield Problem(
            "error", "action", f"A data set needs at least 2 actions. Received: {actions[0]}"
        )
    for part, subjects in parts.items():
        seen = {clip.action for clip in clips if clip.subject in subjects}
        for action in actions if subjects else ():
            if action not in seen:
                yield Problem("balance", action, f"no subject of the {part} part does it")


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
                f"over {len(own)} clips the streams correlate {lag.zero_correlation:.2f} as they "
                f"are and {lag.best_correlation:.2f} with the skeleton {lag.seconds:+.2f} s late"
            )
            offsets = {(clip.skeleton_rate_hz is None, clip.skeleton_offset) for clip in own}
            hint = offset_hint(own[0], lag.seconds) if len(offsets) == 1 else ""
            yield Problem("alignment", f"subject {subject}", text + hint)
