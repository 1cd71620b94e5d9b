"""Checks of recordings before they are used: units, rates, gaps, lag between the streams."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data_prep.clip import Clip, check_clip
from data_prep.errors import UserError
from data_prep.loaders.custom.loader import CustomLoader, natural_order, split_subjects
from data_prep.loaders.custom.manifest import CustomClip
from data_prep.loaders.custom.recording import CustomRecording, read_custom_recording
from data_prep.skeletons import SkeletonLayout

_RATE_HZ = 50.0  # of the comparison, so that a lag is a multiple of 20 ms
_LONGEST_STEPS = 100  # 2 s
_SMOOTH_SECONDS = 0.2
_GRAVITY_SECONDS = 1.0
_JOINT_SMOOTH_SECONDS = 0.1  # before two differences, which raise noise


@dataclass(frozen=True)
class StreamLag:
    """How two streams line up.

    Args:
        seconds: How much later the movement shows in the skeleton than in the accelerometer,
            where the two correlate best; negative if it shows earlier.
        best_correlation: Correlation there.
        zero_correlation: Correlation as the streams are.
    """

    seconds: float
    best_correlation: float
    zero_correlation: float


def best_lag(correlations: Sequence[np.ndarray]) -> StreamLag:
    """Returns the lag at which the mean correlation of some clips is best.

    Ours. Measured on 160 wrist clips of UTD-MHAD with offsets of 0, 0.2, 0.3, 0.5 and 0.8 s put
    in: groups of ten clips find it within 0.18 s (one of 80 groups: 0.24 s), a clip alone within
    0.15 s in about half of the cases.

    Args:
        correlations: `movement_correlations` of clips with the same offset, at least one.

    Returns:
        The lag and the mean correlations.
    """
    curves = np.stack(correlations)
    known = np.isfinite(curves)
    mean = np.where(known, curves, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    mean[2 * known.sum(axis=0) < len(curves)] = -np.inf
    best = int(mean.argmax())
    lag = (best - _LONGEST_STEPS) / _RATE_HZ
    return StreamLag(lag, float(mean[best]), float(mean[_LONGEST_STEPS]))


def movement_correlations(
    accelerometer: np.ndarray, joint: np.ndarray, seconds: float
) -> np.ndarray | None:
    """Correlates the movement energies of two streams at lags up to 2 s or half the clip.

    The energy of the accelerometer is |a - m|, m its moving mean over 1 s; that of a joint is the
    magnitude of its second differences; both smoothed over 0.2 s. Neither depends on how the
    sensor or the camera is turned. Ours.

    Args:
        accelerometer: (samples, 3) at a fixed rate, of any unit.
        joint: (frames, 2 or 3) at a fixed rate, positions of one joint in any unit.
        seconds: From the first sample to the last, and from the first frame to the last.

    Returns:
        float64 (lags,) from -2 to 2 s in steps of 20 ms, NaN for lags not tried; None if a stream
        does not move or the clip is shorter than 0.2 s.
    """
    count = int(seconds * _RATE_HZ + 1e-6) + 1
    if count <= _SMOOTH_SECONDS * _RATE_HZ:
        return None
    times = np.arange(count) / _RATE_HZ
    sensor = _resampled(accelerometer, seconds, times)
    energy = _smooth(np.linalg.norm(sensor - _smooth(sensor, _GRAVITY_SECONDS), axis=1))
    position = _smooth(_resampled(joint, seconds, times), _JOINT_SMOOTH_SECONDS)
    second = np.gradient(np.gradient(position, axis=0), axis=0)
    joint_energy = _smooth(np.linalg.norm(second, axis=1))
    for moving, still in ((energy, sensor), (joint_energy, position)):
        if np.ptp(moving) <= 1e-9 * np.abs(still).max():
            return None
    longest = min(_LONGEST_STEPS, (count - 1) // 2)
    correlations = np.full(2 * _LONGEST_STEPS + 1, np.nan)
    for lag in range(-longest, longest + 1):
        correlations[_LONGEST_STEPS + lag] = _correlation(energy, joint_energy, lag)
    return correlations


def _resampled(values: np.ndarray, seconds: float, times: np.ndarray) -> np.ndarray:
    own = np.linspace(0.0, seconds, len(values))
    axes = np.asarray(values, np.float64).T
    return np.stack([np.interp(times, own, axis) for axis in axes], axis=1)


def _smooth(values: np.ndarray, seconds: float = _SMOOTH_SECONDS) -> np.ndarray:
    """Returns the moving mean over an odd number of samples; shorter windows at the ends."""
    side = round(seconds * _RATE_HZ / 2)
    sums = np.cumsum(np.concatenate([np.zeros_like(values[:1]), values]), axis=0)
    places = np.arange(len(values))
    low, high = np.maximum(places - side, 0), np.minimum(places + side + 1, len(values))
    widths = (high - low).reshape(-1, *[1] * (values.ndim - 1))
    return (sums[high] - sums[low]) / widths


def _correlation(first: np.ndarray, second: np.ndarray, lag: int) -> float:
    """Returns the correlation of first[t] with second[t + lag] where both exist."""
    count = len(first)
    first = first[max(0, -lag) : count - max(0, lag)]
    second = second[max(0, lag) : count - max(0, -lag)]
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale > 0 else 0.0


@dataclass(frozen=True)
class Problem:
    """Something to mend or to look at.

    Args:
        kind: One word to group by: "error", "unit", "rate", "alignment", "length", "skeleton",
            "frozen", "labels", "overlap" or "balance".
        where: The clip, subject or row.
        text: What is wrong, and what would mend it where that is known.
    """

    kind: str
    where: str
    text: str

    @property
    def is_error(self) -> bool:
        """Whether preparing the data would refuse it; other problems are warnings."""
        return self.kind == "error"


@dataclass(frozen=True, eq=False)
class InspectedClip:
    """What was measured on one clip.

    Args:
        clip_id: Its name.
        subject: Who moved.
        action: Label of the action.
        seconds: How long it is; None if it could not be read, as all that follows.
        stated_rate_hz: Of the accelerometer, None if the manifest leaves it to the stamps.
        stamp_rate_hz: One by the median step of the stamps, None without stamps.
        gravity: Magnitude at rest in g, None if it never rests.
        correlations: Of the movement energies; see `movement_correlations`. None without a
            skeleton or movement.
        has_skeleton: Whether it has one.
        flags: Notes of the loader.
    """

    clip_id: str
    subject: str
    action: str
    seconds: float | None = None
    stated_rate_hz: float | None = None
    stamp_rate_hz: float | None = None
    gravity: float | None = None
    correlations: np.ndarray | None = None
    has_skeleton: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inspection:
    """All that was found.

    Args:
        clips: One for each clip that the manifest describes without a mistake.
        lags: Subject -> lag over all clips of this subject.
        problems: Errors and warnings, in the order found.
    """

    clips: list[InspectedClip]
    lags: dict[str, StreamLag]
    problems: list[Problem]


_WINDOW_SECONDS = 0.5
_STILL = 0.03  # ours: standard deviation of a still sensor, in parts of what it measures


def gravity_at_rest(accelerometer: np.ndarray, rate_hz: float) -> float | None:
    """Returns the magnitude in still stretches, which is 1 if the unit is g.

    Half-second windows, each half over the next, are still if the standard deviation over all
    axes is under 3 % of the mean magnitude. Ours.

    Args:
        accelerometer: (samples, 3) of any unit.
        rate_hz: Samples per second.

    Returns:
        The median over the still windows of the mean magnitude, in the unit given; None without
        a still window.
    """
    width = max(4, round(_WINDOW_SECONDS * rate_hz))
    if len(accelerometer) < width:
        return None
    values = np.asarray(accelerometer, np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=0)[:: width // 2]
    magnitude = np.linalg.norm(windows, axis=1).mean(axis=1)
    deviation = np.sqrt(windows.var(axis=2).sum(axis=1))
    still = deviation < _STILL * magnitude
    return float(np.median(magnitude[still])) if still.any() else None


_SHORTEST_SECONDS = 0.5
_LONGEST_SECONDS = 20.0
_GRAVITY_TOLERANCE = 0.1
_RATE_TOLERANCE = 0.05
_FROZEN_SECONDS = 1.0
_SHORTEST_CORRELATED_SECONDS = 1.0
_G_PER_UNIT = {"g": 1.0, "m/s^2": 1.0 / 9.80665, "mg": 1e-3}
# Chosen on UTD-MHAD: 1 % of its clips are named as they are, 32 % with an offset of 0.5 s and 57 %
# with one of 1 s. Groups of clips tell more, see `inspect_recordings`.
_CORRELATION, _GAIN = 0.1, 0.4


def inspect_clip(
    clip: CustomClip, recording: CustomRecording, rate_hz: float, layout: SkeletonLayout | None
) -> tuple[InspectedClip, list[Problem]]:
    """Measures one clip and judges it.

    Args:
        clip: What the manifest says.
        recording: What was read.
        rate_hz: Of the accelerometer that was read.
        layout: The skeleton's joints.

    Returns:
        The measures and the problems.
    """
    measured = InspectedClip(
        clip_id=clip.clip_id,
        subject=clip.subject,
        action=clip.action,
        seconds=recording.seconds,
        stated_rate_hz=clip.accelerometer_rate_hz,
        stamp_rate_hz=recording.stamp_rate_hz,
        gravity=gravity_at_rest(recording.accelerometer, rate_hz),
        correlations=_correlations(clip, recording, layout),
        has_skeleton=recording.skeleton is not None,
        flags=recording.flags,
    )
    found = [
        ("error", _broken_rule(clip, recording, layout)),
        ("unit", _unit(clip, measured)),
        ("rate", _rate(clip, measured)),
        ("length", _length(clip, recording)),
        ("frozen", _frozen(recording, rate_hz)),
        ("alignment", _alignment(clip, measured)),
        ("skeleton", "" if measured.has_skeleton else "no skeleton, so no teacher sees it"),
    ]
    return measured, [Problem(kind, clip.clip_id, text) for kind, text in found if text]


def _correlations(
    clip: CustomClip, recording: CustomRecording, layout: SkeletonLayout | None
) -> np.ndarray | None:
    if recording.skeleton is None or layout is None:
        return None
    if recording.seconds < _SHORTEST_CORRELATED_SECONDS:
        return None
    positions = recording.skeleton[:, :, : layout.dimensions]
    joint = sensor_joint(clip.sensor_place, layout, positions)
    return movement_correlations(recording.accelerometer, positions[:, joint], recording.seconds)


def sensor_joint(place: str, layout: SkeletonLayout, positions: np.ndarray) -> int:
    """Returns the joint that the sensor was worn at, or the one that moves most.

    Args:
        place: Such as "right_wrist".
        layout: The joints; "RightWrist" and "wrist_right" would do.
        positions: (frames, joints, 2 or 3).
    """
    # No joint lies on the thigh; the knee moves with it.
    words = re.split(r"[\s_-]+", place.lower().replace("thigh", "knee"))
    for index, name in enumerate(layout.joint_names):
        if all(word in name.lower() for word in words):
            return index
    steps = np.linalg.norm(np.diff(positions.astype(np.float64), axis=0), axis=2)
    return int(steps.sum(axis=0).argmax())


def _broken_rule(
    clip: CustomClip, recording: CustomRecording, layout: SkeletonLayout | None
) -> str:
    made = Clip(
        clip.clip_id,
        clip.subject,
        0,
        clip.trial,
        clip.sensor_place,
        recording.accelerometer,
        skeleton=recording.skeleton,
        sources=recording.sources,
    )
    try:
        check_clip(made, layout.dimensions if layout else 3)
    except UserError as error:
        return str(error)
    return ""


def _unit(clip: CustomClip, measured: InspectedClip) -> str:
    if measured.gravity is None or abs(measured.gravity - 1) <= _GRAVITY_TOLERANCE:
        return ""
    text = f"at rest the accelerometer measures {measured.gravity:.3g} g, not 1"
    if clip.accelerometer_unit == "lsb":
        scale = clip.accelerometer_scale / measured.gravity
        return f"{text}; an accelerometer_scale of {scale:.3g} g per LSB would fit"
    raw = measured.gravity / _G_PER_UNIT[clip.accelerometer_unit]
    for unit, factor in _G_PER_UNIT.items():
        if abs(raw * factor - 1) <= _GRAVITY_TOLERANCE:
            return f"{text}; the unit looks like {unit}, not {clip.accelerometer_unit}"
    return f"{text}; is the unit {clip.accelerometer_unit} right, is the sensor calibrated"


def _rate(clip: CustomClip, measured: InspectedClip) -> str:
    stated, stamps = clip.accelerometer_rate_hz, measured.stamp_rate_hz
    if stated is None or stamps is None or abs(stamps / stated - 1) <= _RATE_TOLERANCE:
        return ""
    return f"the stamps come at {stamps:.4g} Hz, where {stated:g} Hz is stated"


def _length(clip: CustomClip, recording: CustomRecording) -> str:
    if recording.seconds < _SHORTEST_SECONDS:
        return f"{recording.seconds:.2f} s is short for an action"
    if recording.seconds > _LONGEST_SECONDS:
        return f"{recording.seconds:.1f} s is long for one action; annotations could cut it"
    if "trimmed_to_overlap" in recording.flags and not clip.skeleton_offset:
        return (
            "accelerometer and skeleton do not last equally long, so only what they share is used; "
            "are both rates right, did both start together (else state skeleton_offset)"
        )
    return ""


def _frozen(recording: CustomRecording, rate_hz: float) -> str:
    values = recording.accelerometer
    changes = np.flatnonzero((np.diff(values, axis=0) != 0).any(axis=1))
    longest = int(np.diff(np.concatenate([[-1], changes, [len(values) - 1]])).max())
    seconds = longest / rate_hz
    if seconds < _FROZEN_SECONDS:
        return ""
    return f"the accelerometer stays at exactly the same values for {seconds:.1f} s"


def _alignment(clip: CustomClip, measured: InspectedClip) -> str:
    if measured.correlations is None:
        return ""
    lag = best_lag([measured.correlations])
    if lag.zero_correlation >= _CORRELATION or lag.best_correlation - lag.zero_correlation <= _GAIN:
        return ""
    return (
        f"the streams correlate {lag.zero_correlation:.2f} as they are and "
        f"{lag.best_correlation:.2f} with the skeleton {lag.seconds:+.2f} s late"
        f"{offset_hint(clip, lag.seconds)}"
    )


def offset_hint(clip: CustomClip, lag_seconds: float) -> str:
    """Returns which skeleton_offset would align the streams, as the end of a sentence."""
    if clip.skeleton_rate_hz is None:
        return "; state skeleton_rate_hz and skeleton_offset, or cut both files alike"
    return f"; a skeleton_offset of {clip.skeleton_offset - lag_seconds:.2f} would align them"


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


def inspection_table(inspection: Inspection, most: int = 20) -> str:
    """Returns clips by subject and action, what was measured, and the problems, as text.

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
        rows.append([action, *map(str, own), str(sum(own))])
    by_subject = [[clip for clip in clips if clip.subject == subject] for subject in subjects]
    groups = [*by_subject, clips]
    rows.append(["all", *(str(len(group)) for group in groups)])
    rows.append(["read", *(str(sum(clip.seconds is not None for clip in g)) for g in groups)])
    rows.append(["with skeleton", *(str(sum(clip.has_skeleton for clip in g)) for g in groups)])
    for label, field, digits in (
        ("seconds, median", "seconds", 2),
        ("stated rate, Hz", "stated_rate_hz", 2),
        ("rate by stamps, Hz", "stamp_rate_hz", 2),
        ("|a| at rest, g", "gravity", 3),
    ):
        rows.append([label, *(_median(group, field, digits) for group in groups)])
    lags = [inspection.lags.get(subject) for subject in subjects]
    for label, field, form in (
        ("skeleton late by, s", "seconds", "+.2f"),
        ("correlation there", "best_correlation", ".2f"),
        ("correlation as it is", "zero_correlation", ".2f"),
    ):
        cells = ["-" if lag is None else format(getattr(lag, field), form) for lag in lags]
        rows.append([label, *cells, ""])
    lines = _aligned(rows)
    flags = Counter(flag for clip in clips for flag in clip.flags)
    lines += [f"note {flag}: {count} clips" for flag, count in sorted(flags.items())]
    return "\n".join(lines + _problem_lines(inspection, most))


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


def _problem_lines(inspection: Inspection, most: int) -> list[str]:
    by_kind = defaultdict(list)
    for problem in inspection.problems:
        by_kind[problem.kind].append(problem)
    lines = []
    for kind in sorted(by_kind, key=lambda kind: kind != "error"):
        problems = by_kind[kind]
        shown = problems[: most or None]
        word = "error" if kind == "error" else f"warning ({kind})"
        lines += [f"{word}: {problem.where}: {problem.text}" for problem in shown]
        if len(problems) > len(shown):
            lines.append(f"{word}: {len(problems) - len(shown)} more; --most=0 lists all")
    return lines
