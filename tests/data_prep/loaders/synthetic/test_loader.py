"""The synthetic data set: the same bytes, sound physics, and a teacher that knows more."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from data_prep.clip import Clip, check_clip
from data_prep.errors import UserError
from data_prep.loaders.synthetic import (
    JOINT_NAMES,
    RIGHT_WRIST,
    STANDARD_GRAVITY,
    SyntheticLoader,
    SyntheticStyle,
)

EXACT = SyntheticStyle(joint_noise=0, sensor_noise=0, sensor_bias=0)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return list(clips_of(SyntheticLoader()))


def clips_of(loader: SyntheticLoader) -> Iterator[Clip]:
    return map(loader.read, loader.discover().sources)


def content(clip: Clip) -> tuple:
    return (clip.clip_id, clip.accelerometer.tobytes(), clip.skeleton.tobytes(), clip.flags)


def test_counts_and_shapes(clips: list[Clip]):
    """8 actions x 6 subjects x 4 trials of 1.5 to 3 s at 50 Hz and about 30 Hz."""
    assert len(clips) == len({clip.clip_id for clip in clips}) == 192
    assert [clip.clip_id for clip in clips[:5]] == [
        "a1_s1_t1", "a1_s1_t2", "a1_s1_t3", "a1_s1_t4", "a1_s2_t1",
    ]  # fmt: skip
    for clip in clips:
        samples, frames = len(clip.accelerometer), len(clip.skeleton)
        assert 75 <= samples <= 150
        assert abs((frames - 1) / 30 - (samples - 1) / 50) <= 0.5 / 30 + 1e-9
        assert clip.skeleton.shape[1:] == (len(JOINT_NAMES), 3)
        assert clip.accelerometer.dtype == clip.skeleton.dtype == np.float32
        check_clip(clip)
    assert len({len(clip.accelerometer) for clip in clips}) > 30


def test_same_seed_same_bytes(clips: list[Clip]):
    assert [content(clip) for clip in clips_of(SyntheticLoader())] == [content(c) for c in clips]


def test_other_seed_other_bytes(clips: list[Clip]):
    other = next(clips_of(SyntheticLoader(seed=1)))
    assert other.accelerometer.tobytes() != clips[0].accelerometer.tobytes()


def test_more_subjects_and_trials_only_add(clips: list[Clip]):
    loader = SyntheticLoader(num_subjects=2, num_trials=1)
    few = {clip.clip_id: content(clip) for clip in clips_of(loader)}
    assert len(few) == 16
    assert all(content(clip) == few[clip.clip_id] for clip in clips if clip.clip_id in few)


def test_sensor_follows_the_wrist_of_the_skeleton():
    """Without noise, |wrist acceleration + g| from the 30 Hz joints agrees with the sensor."""
    errors = []
    for clip in clips_of(SyntheticLoader(seed=3, num_subjects=2, num_trials=1, style=EXACT)):
        wrist = clip.skeleton[:, RIGHT_WRIST].astype(np.float64)
        frames, samples = len(wrist), len(clip.accelerometer)
        rate = (frames - 1) / ((samples - 1) / 50)
        force = (wrist[2:] - 2 * wrist[1:-1] + wrist[:-2]) * rate**2 + [0, STANDARD_GRAVITY, 0]
        expected = np.linalg.norm(force, axis=1) / STANDARD_GRAVITY
        times = np.linspace(0, samples - 1, frames)[1:-1]
        magnitude = np.linalg.norm(clip.accelerometer, axis=1)
        measured = np.interp(times, np.arange(samples), magnitude)
        errors.append(np.abs(measured - expected).mean() / (np.ptp(expected) + 0.1))
    assert max(errors) < 0.05


def test_saturation_is_cut_and_flagged():
    loud = SyntheticStyle(sensor_noise=4.0)
    for clip in islice(clips_of(SyntheticLoader(style=loud)), 3):
        assert np.abs(clip.accelerometer).max() == 8.0
        assert clip.flags == ("accelerometer_saturated",)


def test_is_called_synthetic_everywhere():
    description = SyntheticLoader(seed=5).discover().description
    assert (description.name, description.is_synthetic) == ("synthetic", True)
    assert description.title == "Synthetic arm movements (not real recordings)"
    assert description.made_by["seed"] == 5
    assert description.num_clips == 192


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"num_subjects": 0}, {"num_trials": 0}])
def test_bad_arguments(arguments: dict[str, int]):
    (name,) = arguments
    with pytest.raises(UserError, match=f"^{name} must be at least"):
        SyntheticLoader(**arguments)


def test_skeleton_knows_more_than_the_wrist(clips: list[Clip]):
    """A random forest on held-out subjects: at least 15 points between skeleton and wrist."""

    def features(stream: str) -> np.ndarray:
        rows = []
        for clip in clips:
            values = clip.stream(stream)
            if stream == "skeleton":
                values = (values - values[:, :1]).reshape(len(values), -1)
            else:
                magnitude = np.linalg.norm(values, axis=1, keepdims=True)
                values = np.concatenate([values, magnitude], axis=1)
            times = np.linspace(0, len(values) - 1, 24)
            rows.append([np.interp(times, np.arange(len(values)), axis) for axis in values.T])
        return np.array(rows).reshape(len(rows), -1)

    action = np.array([clip.action for clip in clips])
    is_test = np.array([int(clip.subject) % 2 == 0 for clip in clips])
    accuracy = {}
    for stream in ("accelerometer", "skeleton"):
        x = features(stream)
        forest = RandomForestClassifier(100, random_state=0).fit(x[~is_test], action[~is_test])
        accuracy[stream] = forest.score(x[is_test], action[is_test])
    assert accuracy["skeleton"] > 0.85
    assert 0.4 < accuracy["accelerometer"] < 0.85
    assert accuracy["skeleton"] - accuracy["accelerometer"] > 0.15
