"""Views of a clip: paired random changes and plain ones."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, strategies as st

from pskd_tf.data.features import accelerometer_features, read_along, resample_clip
from pskd_tf.data.views import plain_views, random_rotations, random_views, time_spans
from pskd_tf.input_settings import AugmentationSettings, InputSettings

BOTH = ("accelerometer", "skeleton")
INPUTS = InputSettings(steps=48, skeleton_frames=48, gravity_taps=5)
# x of the sensor, and x of joint 1 as seen from the root.
SENSOR_TIME, BODY_TIME = (..., 0, 0), (..., 9)


def _views(clips, augmentation, streams=BOTH, seed=3, rows=None):
    rows = np.arange(len(clips)) if rows is None else rows
    generator = np.random.default_rng(seed)
    return random_views(clips, rows, streams, generator, INPUTS, augmentation)


def test_plain_views_have_the_declared_shapes_and_read_end_to_end(time_clips):
    views = plain_views(time_clips, BOTH, INPUTS)
    assert views["accelerometer"].shape == (5, *INPUTS.accelerometer_shape)
    assert views["skeleton"].shape == (5, 48, time_clips.skeleton_channels)
    assert {view.dtype for view in views.values()} == {np.dtype(np.float32)}
    time = np.tile(np.linspace(0, 1, 48), (5, 1))
    np.testing.assert_allclose(views["accelerometer"][SENSOR_TIME], time, atol=1e-6)
    np.testing.assert_allclose(views["skeleton"][BODY_TIME], time, atol=1e-6)


@pytest.mark.parametrize("blind", [[2], [0, 1, 2, 3, 4]])
def test_clips_without_a_skeleton_have_still_ones(time_clips, no_augmentation, blind):
    lengths, skeleton = time_clips.skeleton_lengths.copy(), time_clips.skeleton.copy()
    lengths[blind], skeleton[blind] = 0, 0
    frames = max(lengths.max(), 2)
    clips = dataclasses.replace(time_clips, skeleton_lengths=lengths, skeleton=skeleton[:, :frames])
    for views in (plain_views(clips, BOTH, INPUTS), _views(clips, no_augmentation)):
        moved = np.ptp(views["skeleton"][BODY_TIME], axis=1) > 0.5
        np.testing.assert_array_equal(moved, lengths > 0)
        np.testing.assert_array_equal(views["skeleton"][blind], 0)
        assert np.isfinite(views["accelerometer"]).all()


def test_a_plain_view_is_the_resampled_clip_s_features(clips):
    view = plain_views(clips, ["accelerometer"], InputSettings())["accelerometer"]
    length = clips.accelerometer_lengths[3]
    expected = accelerometer_features(resample_clip(clips.accelerometer[3, :length], 96), 17)
    np.testing.assert_array_equal(view[3, :, 0], expected)


def test_without_strengths_a_random_view_is_the_plain_one(clips, no_augmentation):
    drawn, plain = _views(clips, no_augmentation), plain_views(clips, BOTH, INPUTS)
    assert list(drawn) == list(plain)
    for stream in BOTH:
        np.testing.assert_allclose(drawn[stream], plain[stream], atol=1e-5)
        assert drawn[stream].dtype == np.float32


def test_the_same_seed_draws_the_same_bytes(clips):
    first, again = _views(clips, AugmentationSettings()), _views(clips, AugmentationSettings())
    other = _views(clips, AugmentationSettings(), seed=4)
    for stream in BOTH:
        assert first[stream].tobytes() == again[stream].tobytes()
        assert np.abs(first[stream] - other[stream]).max() > 0.01


def test_asking_for_one_stream_more_does_not_change_the_other(clips):
    both = _views(clips, AugmentationSettings())
    for stream in BOTH:
        alone = _views(clips, AugmentationSettings(), streams=[stream])
        assert list(alone) == [stream]
        np.testing.assert_array_equal(alone[stream], both[stream])


def test_both_modalities_read_along_the_same_time_course(time_clips, no_augmentation):
    warped = dataclasses.replace(no_augmentation, time_warp=0.4, shift=0.2)
    views = _views(time_clips, warped)
    sensor, body = views["accelerometer"][SENSOR_TIME], views["skeleton"][BODY_TIME]
    np.testing.assert_allclose(sensor, body, atol=1e-5)
    # The course is neither the plain one nor the same for all clips.
    assert np.abs(sensor - np.linspace(0, 1, 48)).max() > 0.05
    assert np.abs(sensor[0] - sensor[1]).max() > 0.05


def test_rows_choose_the_clips(clips, no_augmentation):
    rows = np.array([7, 2, 2])
    drawn = _views(clips, no_augmentation, rows=rows)["accelerometer"]
    plain = plain_views(clips, BOTH, INPUTS)["accelerometer"]
    np.testing.assert_allclose(drawn, plain[rows], atol=1e-5)


@pytest.mark.parametrize(
    ("strength", "stream"),
    [
        ("time_warp", "both"),
        ("shift", "both"),
        ("rotation_radians", "accelerometer"),
        ("log_scale", "accelerometer"),
        ("noise_g", "accelerometer"),
        ("skeleton_yaw_radians", "skeleton"),
        ("skeleton_tilt_radians", "skeleton"),
        ("skeleton_log_scale", "skeleton"),
        ("joint_noise_metres", "skeleton"),
    ],
)
def test_each_strength_changes_its_own_stream(clips, no_augmentation, strength, stream):
    changed = _views(clips, dataclasses.replace(no_augmentation, **{strength: 0.2}))
    still = _views(clips, no_augmentation)
    for name in BOTH:
        difference = np.abs(changed[name] - still[name]).max()
        assert difference > 0.01 if stream in (name, "both") else difference == 0


def test_a_turn_and_a_scale_act_on_the_whole_clip(clips, no_augmentation):
    still = _views(clips, no_augmentation)["accelerometer"][:, :, 0]
    turned = _views(clips, dataclasses.replace(no_augmentation, rotation_radians=0.5))
    # A rotation keeps |a| - 1.
    np.testing.assert_allclose(turned["accelerometer"][:, :, 0, 3], still[..., 3], atol=1e-5)
    scaled = _views(clips, dataclasses.replace(no_augmentation, log_scale=0.5))
    ratio = (scaled["accelerometer"][:, :, 0, 3] + 1) / (still[..., 3] + 1)
    np.testing.assert_allclose(ratio, np.tile(ratio[:, :1], (1, 48)), rtol=1e-4)
    assert np.log(ratio[:, 0]).std() == pytest.approx(0.5, rel=0.35)


def test_yaw_keeps_heights(clips, no_augmentation):
    yaw = dataclasses.replace(no_augmentation, skeleton_yaw_radians=1.0)
    shape = (len(clips), 48, len(clips.joint_parents), 9)
    turned = _views(clips, yaw)["skeleton"].reshape(shape)
    still = _views(clips, no_augmentation)["skeleton"].reshape(shape)
    up = clips.up_axis
    np.testing.assert_allclose(turned[..., up], still[..., up], atol=1e-5)
    assert np.abs(turned - still).max() > 0.1


def test_noise_has_the_given_size(clips, no_augmentation):
    noisy = _views(clips, dataclasses.replace(no_augmentation, noise_g=0.1))["accelerometer"]
    still = _views(clips, no_augmentation)["accelerometer"]
    difference = (noisy - still)[..., :3]
    assert difference.std() == pytest.approx(0.1, rel=0.05)
    assert difference.mean() == pytest.approx(0, abs=0.01)


def test_rotations_are_orthonormal_with_determinant_1():
    turns = random_rotations(np.random.default_rng(0), np.array([0.3, 1.0, 2.0]), 50)
    assert turns.shape == (50, 3, 3) and turns.dtype == np.float32
    product = turns @ turns.transpose(0, 2, 1)
    np.testing.assert_allclose(product, np.tile(np.eye(3), (50, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(turns.astype(float)), 1.0, atol=1e-6)


def test_no_angle_is_the_identity():
    turns = random_rotations(np.random.default_rng(0), np.zeros(3), 4)
    np.testing.assert_array_equal(turns, np.tile(np.eye(3), (4, 1, 1)))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_axis_stays_and_the_others_turn_by_the_drawn_angle(axis):
    radians = np.zeros(3)
    radians[axis] = 0.3
    turns = random_rotations(np.random.default_rng(5), radians, 4000).astype(float)
    angles = np.random.default_rng(5).normal(size=(4000, 3))[:, axis] * 0.3
    first, second = (axis + 1) % 3, (axis + 2) % 3
    np.testing.assert_allclose(turns[:, axis], np.tile(np.eye(3)[axis], (4000, 1)), atol=1e-7)
    # A row vector e_first turns to cos e_first + sin e_second.
    np.testing.assert_allclose(turns[:, first, first], np.cos(angles), atol=1e-6)
    np.testing.assert_allclose(turns[:, first, second], np.sin(angles), atol=1e-6)
    assert np.arcsin(turns[:, first, second]).std() == pytest.approx(0.3, rel=0.05)


@given(
    seed=st.integers(0, 2**31),
    warp=st.floats(0, 1.5),
    shift=st.floats(0, 0.45),
)
def test_courses_rise_within_the_clip(seed, warp, shift):
    settings = AugmentationSettings(time_warp=warp, shift=shift)
    courses = time_spans(np.random.default_rng(seed), 7, settings)
    assert courses.shape[0] == 7 and courses.dtype == np.float64
    assert courses.min() >= 0 and courses.max() <= 1
    assert (np.diff(courses, axis=1) >= 0).all()


def test_without_warp_and_shift_the_course_is_even():
    settings = AugmentationSettings(time_warp=0.0, shift=0.0)
    courses = time_spans(np.random.default_rng(0), 3, settings)
    even = np.linspace(0, 1, courses.shape[1])
    np.testing.assert_allclose(courses, np.tile(even, (3, 1)), atol=1e-12)


def test_a_shift_alone_moves_the_ends_by_at_most_its_size():
    settings = AugmentationSettings(time_warp=0.0, shift=0.05)
    courses = time_spans(np.random.default_rng(0), 400, settings)
    starts, ends = courses[:, 0], courses[:, -1]
    # Half of the draws would begin before the clip and are held at its first sample.
    assert 0.45 < (starts == 0).mean() < 0.55 and 0.045 < starts.max() <= 0.05
    assert 0.45 < (ends == 1).mean() < 0.55 and 0.95 <= ends.min() < 0.955
    np.testing.assert_allclose(np.diff(courses[:, 4:-4], n=2, axis=1), 0.0, atol=1e-12)


def test_a_warp_alone_keeps_the_ends():
    settings = AugmentationSettings(time_warp=0.3, shift=0.0)
    courses = time_spans(np.random.default_rng(0), 50, settings)
    np.testing.assert_array_equal(courses[:, 0], 0.0)
    np.testing.assert_allclose(courses[:, -1], 1.0, atol=1e-12)
    even = np.linspace(0, 1, courses.shape[1])
    assert np.abs(courses - even).max() > 0.05


@pytest.mark.parametrize("steps", [24, 96])
def test_the_even_course_resamples(clips, steps):
    settings = AugmentationSettings(time_warp=0.0, shift=0.0)
    courses = time_spans(np.random.default_rng(0), len(clips), settings)
    read = read_along(clips.accelerometer, clips.accelerometer_lengths, courses, steps)
    assert read.shape == (len(clips), steps, 3) and read.dtype == np.float32
    for row, length in enumerate(clips.accelerometer_lengths):
        expected = resample_clip(clips.accelerometer[row, :length], steps)
        np.testing.assert_allclose(read[row], expected, atol=1e-5)


def test_a_course_is_read_by_its_own_positions():
    signal = np.arange(11, dtype=np.float32)[None, :, None]
    # From 0.2 to 0.6 of ten intervals: samples 2, 3, 4, 5, 6; the padding is never read.
    padded = np.concatenate([signal, np.full((1, 5, 1), 1e6, np.float32)], axis=1)
    read = read_along(padded, np.array([11]), np.array([[0.2, 0.6]]), 5)
    np.testing.assert_allclose(read[0, :, 0], [2, 3, 4, 5, 6], atol=1e-5)
    whole = read_along(padded, np.array([11]), np.array([[0.0, 1.0]]), 3)
    np.testing.assert_allclose(whole[0, :, 0], [0, 5, 10], atol=1e-5)
