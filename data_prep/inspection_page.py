"""A page that shows recordings: each stream over time, with its problems marked."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np

from data_prep.alignment import movement_energies
from data_prep.clip_inspection import InspectedClip, sensor_joint
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.inspection import Inspection, inspection_table
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.loaders.custom.recording import CustomRecording
from data_prep.problems import Problem

_WIDTH, _HEIGHT, _UPPER, _FOOT = 900, 190, 110, 14
_POINTS = 600  # of a line
_FROZEN_SECONDS, _SATURATED_SAMPLES, _SATURATED_G = 0.2, 3, 1.9
_DRAWN_WITHOUT_PROBLEM = 12
_WORDS = {
    "x": "x",
    "y": "y",
    "z": "z",
    "sensor": "sensor moves",
    "body": "joint moves",
    "gap": "gap between samples",
    "saturated": "saturated",
    "frozen": "the same values",
}


@dataclass(frozen=True)
class Mark:
    """A stretch of time that is marked.

    Attributes:
        kind: `gap`, `saturated` or `frozen`.
        start: Its start, in s from the clip's first sample.
        end: Its end, in s.
    """

    kind: str
    start: float
    end: float

    @property
    def text(self) -> str:
        """Its time in words."""
        return f"{self.start:.2f} to {self.end:.2f} s"


def recording_marks(recording: CustomRecording, rate_hz: float) -> list[Mark]:
    """Finds what is marked in a recording.

    Gaps are those between the samples of the file. A run of at least 3 samples at an axis's largest
    magnitude, 1.9 g or more, is saturated; a run of 0.2 s in which no axis changes is frozen. Ours.

    Args:
        recording: The streams of a clip.
        rate_hz: Of its accelerometer.

    Returns:
        The marks, by kind and time.
    """
    marks = [Mark("gap", start, end) for start, end in recording.gaps]
    values = recording.accelerometer
    if values is None:
        return marks
    magnitude = np.abs(values)
    largest = magnitude.max(axis=0)
    at_limit = ((magnitude >= 0.999 * largest) & (largest >= _SATURATED_G)).any(axis=1)
    for first, last in _runs(at_limit):
        if last - first + 1 >= _SATURATED_SAMPLES:
            marks.append(Mark("saturated", first / rate_hz, last / rate_hz))
    for first, last in _runs((np.diff(values, axis=0) == 0).all(axis=1)):
        if (last - first + 1) / rate_hz >= _FROZEN_SECONDS:
            marks.append(Mark("frozen", first / rate_hz, (last + 1) / rate_hz))
    return marks


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Returns first and last index of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def write_inspection_page(
    path: Path,
    loader: CustomLoader,
    inspection: Inspection,
    progress: Callable[[Sequence[CustomClip]], Iterable[CustomClip]] = lambda clips: clips,
) -> None:
    """Writes the page, whole or not at all.

    Clips with problems come first, errors before warnings; then twelve others, those with notes of
    the loader before those without.

    Args:
        path: The HTML file.
        loader: The loader of the recordings.
        inspection: What was found in them.
        progress: Wraps the clips while they are drawn.

    Raises:
        UserError: The file cannot be written.
    """
    problems: dict[str, list[Problem]] = defaultdict(list)
    for problem in inspection.problems:
        problems[problem.where].append(problem)
    clips = {clip.clip_id: clip for clip in loader.clips()[0]}

    def place(one: InspectedClip) -> int:
        own = problems.get(one.clip_id, [])
        if not own:
            return 2 if one.flags else 3
        return 0 if any(problem.is_error for problem in own) else 1

    ordered = sorted(inspection.clips, key=place)
    count = sum(one.clip_id in problems for one in ordered) + _DRAWN_WITHOUT_PROBLEM
    shown = [one for one in ordered[:count] if one.clip_id in clips]
    rate_hz = loader.prepared_rate_hz(list(clips.values())) if clips else 1.0
    measured = {one.clip_id: one for one in shown}
    drawings = {}
    for clip in progress([clips[one.clip_id] for one in shown]):
        drawings[clip.clip_id] = _drawing(loader, clip, rate_hz)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("data_prep"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("inspection.html.j2").render(
        name=Path(str(loader.manifest)).name,
        table=inspection_table(inspection),
        words=_WORDS,
        width=_WIDTH,
        height=_HEIGHT,
        left_out=len(inspection.clips) - len(shown),
        clips=[
            {
                "clip_id": name,
                "subject": one.subject,
                "action": one.action,
                "seconds": one.seconds,
                "problems": problems.get(name, []),
                "drawing": drawings[name],
            }
            for name, one in measured.items()
        ],
    )
    try:
        with whole_file(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError("The page must be writable (--html)", error.strerror, path) from error


def _drawing(loader: CustomLoader, clip: CustomClip, rate_hz: float) -> dict[str, object] | None:
    """Returns what the template draws of a clip; None where it cannot be read."""
    try:
        recording = loader.recording(clip, rate_hz)
    except UserError:
        return None
    values, seconds = recording.accelerometer, recording.seconds
    if values is None or seconds <= 0:
        return None
    across = _WIDTH / seconds
    highest = max(float(np.abs(values).max()), 1.0)
    lines = [
        _line(axis, values[:, number] / highest, 0, _UPPER)
        for number, axis in enumerate(("x", "y", "z"))
    ]
    layout = loader.layout()
    if recording.skeleton is not None and layout is not None:
        positions = recording.skeleton[:, :, : layout.dimensions]
        joint = positions[:, sensor_joint(clip.sensor_place, layout, positions)]
        energies = movement_energies(values, joint, seconds)
        if energies is not None:
            for kind, energy in zip(("sensor", "body"), energies, strict=True):
                share = 2 * energy / energy.max() - 1
                lines.append(_line(kind, share, _UPPER + 6, _HEIGHT - _FOOT))
    marks = [
        {
            "kind": one.kind,
            "left": f"{one.start * across:.1f}",
            "width": f"{max((one.end - one.start) * across, 1.5):.1f}",
            "text": one.text,
        }
        for one in recording_marks(recording, rate_hz)
    ]
    step = _tick_step(seconds)
    ticks = [
        {"left": f"{second * across:.1f}", "text": f"{second:g} s"}
        for second in np.arange(step, seconds, step)
    ]
    return {"lines": lines, "marks": marks, "ticks": ticks, "highest": f"{highest:.1f}"}


def _line(kind: str, values: np.ndarray, top: float, bottom: float) -> dict[str, str]:
    """Returns the points of a line of values from -1 to 1."""
    at = np.linspace(0, len(values) - 1, min(len(values), _POINTS)).round().astype(int)
    left = at * _WIDTH / max(len(values) - 1, 1)
    down = top + (1 - values[at]) / 2 * (bottom - top)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(left, down, strict=True))
    return {"kind": kind, "points": points}


def _tick_step(seconds: float) -> float:
    """Returns the least step of 1, 2 or 5 that gives at most ten ticks."""
    rough = seconds / 10
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(power * one for one in (1, 2, 5, 10) if power * one >= rough))
