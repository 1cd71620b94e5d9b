"""Left and right exchanged: a sensor that moves like the limb on the other side of the skeleton.

The rule and its thresholds are ours. They were set on the wrist clips of UTD-MHAD's training
subjects: of 2000 random groups of five clips none is named wrongly, and with the sides exchanged
89 % are named (ten clips: 96 %); no single clip of 335 is named wrongly, 8 % of exchanged ones are.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from data_prep.alignment import movement_energies
from data_prep.clip import Clip
from data_prep.limb_motion import joint_of_place
from data_prep.problems import Problem
from data_prep.skeletons import SkeletonLayout

_LONGEST_STEPS = 15  # of 20 ms: 0.3 s
_LONGEST_SECONDS = 60.0
_SHORTEST_SECONDS = 1.0
_GROUP_CLIPS, _GROUP_GAIN = 5, 0.1
_CLIP_GAIN, _CLIP_CORRELATION = 0.5, 0.8


class SideDoubts:
    """Compares sensors with both sides of the skeleton; clips are added one by one.

    Args:
        layout: The joints; without a left and a right one by name nothing is compared.
        rate_hz: Of the accelerometers.
    """

    def __init__(self, layout: SkeletonLayout | None, rate_hz: float):
        self._layout = layout
        self._rate_hz = rate_hz
        self._found: dict[tuple[str, str], dict[str, tuple[float, float]]] = defaultdict(dict)

    def add(self, clip: Clip) -> None:
        """Adds a clip; one without a skeleton or a side tells nothing."""
        if clip.accelerometer is None or clip.skeleton is None or self._layout is None:
            return
        place = clip.sensor_place.lower()
        joints = [joint_of_place(self._layout, one) for one in (place, other_side(place))]
        samples = clip.accelerometer[: int(_LONGEST_SECONDS * self._rate_hz)]
        seconds = (len(samples) - 1) / self._rate_hz
        whole = (len(clip.accelerometer) - 1) / self._rate_hz
        if None in joints or joints[0] == joints[1] or whole < _SHORTEST_SECONDS:
            return
        frames = 1 + round((len(clip.skeleton) - 1) * seconds / whole)
        best = []
        for joint in joints:
            positions = clip.skeleton[:frames, joint, : self._layout.dimensions]
            energies = movement_energies(samples, positions.astype(np.float64), seconds)
            if energies is None:  # a joint that the camera does not follow
                return
            best.append(_best_correlation(*energies))
        self._found[clip.subject, place][clip.clip_id] = (best[0], best[1])

    def problems(self) -> Iterator[Problem]:
        """Yields the doubts, of the kind "sides": of a subject's clips together, else of one."""
        for (subject, place), clips in self._found.items():
            own, other = np.mean(list(clips.values()), axis=0)
            if len(clips) >= _GROUP_CLIPS and other - own > _GROUP_GAIN:
                text = f"over {len(clips)} clips {_text(place, float(own), float(other))}"
                yield Problem("sides", f"subject {subject}", text)
                continue
            for clip_id, (own, other) in clips.items():
                if other - own > _CLIP_GAIN and other > _CLIP_CORRELATION:
                    yield Problem("sides", clip_id, _text(place, own, other))


def _best_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the highest correlation of two energies that start at most 0.3 s apart."""
    first, second = ((one - one.mean()) / one.std() for one in (first, second))
    middle = len(first) - 1
    lags = slice(middle - _LONGEST_STEPS, middle + _LONGEST_STEPS + 1)
    return float(np.correlate(first, second, "full")[lags].max()) / len(first)


def other_side(place: str) -> str:
    """Returns a place with left and right exchanged, as it is if it has no side."""
    if "left" in place:
        return place.replace("left", "right")
    return place.replace("right", "left")


def _text(place: str, own: float, other: float) -> str:
    return (
        f"the sensor at the {place} moves like the {other_side(place)} of the skeleton "
        f"(correlation {other:.2f}, with its own side {own:.2f}): correct sensor_place if it was "
        "worn there; or left and right of the skeleton are exchanged"
    )
