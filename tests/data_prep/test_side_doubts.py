"""Left and right exchanged: the smallest cases that raise the doubt, and real ones."""

import numpy as np
import pytest

from data_prep.clip import Clip
from data_prep.plausibility import prepared_doubts
from data_prep.prepared_set import PreparedSet
from data_prep.side_doubts import SideDoubts, other_side
from data_prep.skeletons import SkeletonLayout

LAYOUT = SkeletonLayout.load("kinect_v1_20")
RATE = 50.0


def waved(clip_id: str, side: str, place: str, seed: int) -> Clip:
    """A clip in which the wrist of one side moves in bursts, felt by a sensor at `place`."""
    random = np.random.default_rng(seed)
    seconds = np.arange(151) / RATE
    burst = np.exp(-((seconds - random.uniform(0.8, 2.2)) ** 2) / 0.05)
    shift = 0.3 * burst * np.sin(12 * seconds)
    skeleton = np.tile(random.normal(0, 0.3, (20, 3)), (151, 1, 1)) + random.normal(
        0, 1e-4, (151, 20, 3)
    )
    skeleton[:, LAYOUT.joint_names.index(f"{side}_wrist"), 0] += shift
    accelerometer = np.tile([0.0, 1.0, 0.0], (151, 1)) + random.normal(0, 0.01, (151, 3))
    accelerometer[:, 0] += np.gradient(np.gradient(shift)) * RATE**2 / 9.8
    return Clip(
        clip_id, "anna", 0, "1", place, np.float32(accelerometer), None, np.float32(skeleton)
    )


def doubts(clips: list[Clip]) -> list[tuple[str, str]]:
    sides = SideDoubts(LAYOUT, RATE)
    for clip in clips:
        sides.add(clip)
    return [(doubt.where, doubt.text) for doubt in sides.problems()]


@pytest.mark.parametrize("side", ["left", "right"])
def test_five_clips_name_the_subject_once(side: str):
    other = other_side(side)
    assert doubts([waved(str(n), side, f"{side}_wrist", n) for n in range(5)]) == []
    ((where, text),) = doubts([waved(str(n), side, f"{other}_wrist", n) for n in range(5)])
    assert where == "subject anna"
    assert text.startswith(
        f"over 5 clips the sensor at the {other}_wrist moves like the {side}_wrist"
    )


def test_one_clip_is_named_where_it_is_clear():
    clips = [waved(str(n), "right", "right_wrist", n) for n in range(9)]
    clips[4] = waved("odd", "left", "right_wrist", 4)
    ((where, text),) = doubts(clips)
    assert where == "odd"
    assert "correct sensor_place if it was worn there; or left and right" in text
    both = waved("both", "left", "right_wrist", 4)
    left, right = (LAYOUT.joint_names.index(f"{side}_wrist") for side in ("left", "right"))
    both.skeleton[:, right] = both.skeleton[:, left] + [0.5, 0, 0]
    assert doubts([both]) == []


def test_places_without_a_side_and_layouts_without_names_tell_nothing():
    clips = [waved(str(n), "left", "hip", n) for n in range(5)]
    assert doubts(clips) == []
    sides = SideDoubts(SkeletonLayout(tuple("abcdefghijklmnopqrst"), (-1,) * 20), RATE)
    for n in range(5):
        sides.add(waved(str(n), "left", "right_wrist", n))
    assert list(sides.problems()) == []


@pytest.mark.slow
def test_real_recordings_with_their_sides_exchanged(real_utd: PreparedSet):
    """Each of the training subjects' wrists is found; as recorded none is (`test_plausibility`)."""
    names = list(real_utd.description.joint_names)
    mirrored = [names.index(other_side(name)) for name in names]
    sides = SideDoubts(SkeletonLayout.of(real_utd.description), RATE)
    for index, row in enumerate(real_utd.manifest.to_dict("records")):
        if row["subject"] in "1357" and "wrist" in row["sensor_place"]:
            clip = Clip(row["clip_id"], row["subject"], 0, "", row["sensor_place"],
                        real_utd.accelerometer(index), None,
                        real_utd.skeleton(index)[:, mirrored])  # fmt: skip
            sides.add(clip)
    assert [doubt.where for doubt in sides.problems()] == [f"subject {n}" for n in "1357"]
    assert [doubt for doubt in prepared_doubts(real_utd) if doubt.kind == "sides"] == []
