"""Training windows for streams: which class a window has, and what batches draw."""

import numpy as np
import pytest

from pskd_tf.data.clips import PairedClips
from pskd_tf.data.features import window_span
from pskd_tf.data.idle import class_starts, motion_course
from pskd_tf.data.stream_clips import StreamClips
from pskd_tf.data.views import random_views
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.stream_settings import StreamSettings

CLASSES = 2
INPUTS = InputSettings(mode="window", steps=96, window_rate_hz=25.0, window_hop=12)
SETTINGS = StreamSettings(enabled=True, cuts=6, negative_cuts=30, negatives=0.5)
STILL = AugmentationSettings(
    time_warp=0, shift=0, rotation_radians=0, log_scale=0, noise_g=0, skeleton_yaw_radians=0
)


def even_course(samples):
    """Of a clip whose motion is even: the share after the sample i is (i + 1) / samples."""
    return (np.arange(samples) + 1.0) / samples


def test_a_window_over_a_short_clip_must_cover_three_quarters_of_it():
    """20 samples in a window of 50: the first that covers 15 starts 35 samples before the clip."""
    starts = class_starts(even_course(20), 50, 0.75)
    assert starts.tolist() == list(range(-35, 6))
    # All of it: from the window that ends with the clip to the one that starts with it.
    assert class_starts(even_course(20), 50, 1.0).tolist() == list(range(-30, 1))


def test_over_a_long_clip_three_quarters_of_a_window_must_be_motion():
    """No window covers 75 % of 100 samples; the most is 50."""
    starts = class_starts(even_course(100), 50, 0.75)
    assert (starts[0], starts[-1]) == (-12, 62)
    assert starts.tolist() == list(range(-12, 63))
    assert class_starts(even_course(100), 50, 1.0).tolist() == list(range(51))


def test_motion_counts_and_not_duration():
    """Rest within a clip is no motion: where it moves is what a window must cover."""
    clip = np.zeros((200, 3))
    clip[:, 2] = 1
    clip[150:, 0] = 0.5 * (-1.0) ** np.arange(50)
    starts = class_starts(motion_course(clip), 60, 0.75)
    # At 105 a window covers its samples 150 to 164 and no more.
    assert starts[0] > 120 and 140 in starts and 105 not in starts
    still = class_starts(motion_course(np.ones((30, 3))), 60, 0.75)
    assert len(still) and (still + 60 >= 22).all()


def test_a_window_spans_as_much_time_at_any_rate():
    assert window_span(50.0, INPUTS) == 191
    assert window_span(25.0, INPUTS) == 96
    assert window_span(50.0, InputSettings(mode="window")) == 96


@pytest.fixture(scope="module")
def clips():
    generator = np.random.default_rng(0)
    count, length = 8, 300
    lengths = np.array([120, 300] * (count // 2))
    accelerometer = generator.normal(0, 0.3, (count, length, 3)).astype(np.float32)
    accelerometer[..., 2] += 1
    # The joints show the clip's own time.
    skeleton = np.linspace(0, 1, 60)[None, :, None, None] * np.ones((count, 1, 2, 3))
    return PairedClips(
        clip_ids=tuple(f"clip{number}" for number in range(count)),
        subjects=np.array(["1"] * count),
        labels=(np.arange(count) % CLASSES).astype(np.int32),
        on_wrist=np.ones(count, bool),
        accelerometer=accelerometer,
        accelerometer_lengths=lengths,
        skeleton=skeleton.astype(np.float32),
        skeleton_lengths=np.full(count, 60),
        joint_parents=(-1, 0),
        root_joint=0,
        up_axis=1,
    )


@pytest.fixture(scope="module")
def cut(clips):
    return StreamClips.of(clips, SETTINGS, CLASSES, 1, skeletons=True, inputs=INPUTS)


def place_in(clip, window):
    """Start of the window in the clip, of which it holds at least 60 samples; None if nowhere."""
    for start in range(60 - len(window), len(clip) - 59):
        first, end = max(start, 0), min(start + len(window), len(clip))
        if np.array_equal(window[first - start : end - start], clip[first:end]):
            return start
    return None


def test_every_clip_has_as_many_windows_where_the_rule_gives_them_its_class(clips, cut):
    assert cut.movements == len(clips)
    found = set()
    for row, signal in enumerate(clips.signals):
        rows = cut.cuts_of[row]
        assert len(rows) == SETTINGS.cuts
        assert (cut.labels[rows] == clips.labels[row]).all()
        assert (cut.accelerometer_lengths[rows] == 191).all()
        allowed = set(class_starts(motion_course(signal), 191, 0.75).tolist())
        for one in rows:
            start = place_in(signal, cut.accelerometer[one, :191])
            assert start in allowed
            found.add(start)
            # The rest before the clip is in the posture of its first sample.
            rest = cut.accelerometer[one, : max(-start, 0)]
            assert np.abs(rest - signal[0]).max(initial=0) < 0.15
    assert len(found) > 20 and min(found) < 0 < max(found)


def test_the_skeleton_of_a_window_is_that_of_its_time(clips, cut):
    row = int(cut.cuts_of[1][0])
    start = place_in(clips.signals[1], cut.accelerometer[row, :191])
    time = cut.skeleton[row, : cut.skeleton_lengths[row], 0, 0]
    assert time[0] == pytest.approx(max(start, 0) / 299, abs=0.01)
    assert time[-1] == pytest.approx(min(start + 190, 299) / 299, abs=0.01)


def test_windows_of_every_kind_are_none(cut):
    assert len(cut.negative_rows) == len(SETTINGS.negative_kinds)
    for rows in cut.negative_rows:
        assert len(rows) == 30
        assert (cut.labels[rows] == CLASSES).all()
        assert (cut.accelerometer_lengths[rows] == 191).all()


def test_windows_of_none_may_hold_a_kind_more_than_once(cut):
    """The change from one part of a movement to the next is of no clip, so it has no skeleton."""
    kinds = dict(zip(SETTINGS.negative_kinds, cut.negative_rows, strict=True))
    has_skeleton = {kind: cut.has_skeleton[rows].mean() for kind, rows in kinds.items()}
    assert has_skeleton["tails"] == has_skeleton["heads"] == 1
    assert 0.1 < has_skeleton["parts"] < 0.9
    assert has_skeleton["turns"] == 0


def test_a_batch_has_half_as_many_windows_of_none_as_movements(cut):
    rows = cut.epoch_rows(8, 1, np.random.default_rng(0))
    labels = cut.labels[rows[0]]
    assert (labels == CLASSES).sum() == 4 and len(labels) == 12
    assert np.bincount(labels).tolist() == [4, 4, 4]


def test_recordings_of_none_are_one_more_kind_and_short_ones_are_held(clips, cut):
    day = np.cumsum(np.ones((3000, 3), np.float32), axis=0) / 3000
    short = np.full((40, 3), 7.0, np.float32)
    found = StreamClips.of(
        clips, SETTINGS, CLASSES, 1, False, recorded_none=[day, short], inputs=INPUTS
    )
    rows = found.negative_rows[-1]
    assert len(found.negative_rows) == len(cut.negative_rows) + 1 and len(rows) == 30
    for row in rows:
        window = found.accelerometer[row, :191]
        if window[0, 0] == 7.0:
            np.testing.assert_allclose(window, 7.0, atol=0.15)
        else:
            np.testing.assert_allclose(np.diff(window, axis=0), 1 / 3000, rtol=0.01)


def test_a_view_without_changes_is_the_window_at_the_models_rate(cut):
    """Every other sample of the 191: the window that the device would read at that place."""
    rows = cut.cuts_of[0][:2]
    views = random_views(cut, rows, ["accelerometer"], np.random.default_rng(0), INPUTS, STILL)
    expected = cut.accelerometer[rows, :191:2]
    np.testing.assert_allclose(views["accelerometer"][:, :, 0, :3], expected, atol=1e-5)


def test_draws_follow_from_the_seed(clips, cut):
    again = StreamClips.of(clips, SETTINGS, CLASSES, 1, skeletons=False, inputs=INPUTS)
    np.testing.assert_array_equal(again.accelerometer, cut.accelerometer)
    other = StreamClips.of(clips, SETTINGS, CLASSES, 2, skeletons=False, inputs=INPUTS)
    assert not np.array_equal(other.accelerometer, cut.accelerometer)
