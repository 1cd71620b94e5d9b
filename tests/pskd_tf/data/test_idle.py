"""Streams of what is no activity."""

import numpy as np
import pytest

from pskd_tf.data.idle import (
    IDLE_GENERATORS,
    IdleSource,
    Stream,
    idle_stream,
    joined,
    motion_course,
    posture_change,
)


@pytest.fixture
def source():
    generator = np.random.default_rng(1)
    clips = []
    for number in range(6):
        clip = np.zeros((120 + 10 * number, 3), np.float32)
        clip[:, 2] = 1
        clip[20:-20, 0] = np.sin(np.arange(len(clip) - 40) * 0.3)
        clips.append(clip + generator.normal(0, 0.01, clip.shape).astype(np.float32))
    return IdleSource.of(clips, 50.0)


@pytest.mark.parametrize("kind", IDLE_GENERATORS)
def test_each_kind_is_finite_and_follows_from_its_generator(source, kind):
    streams = [IDLE_GENERATORS[kind](source, np.random.default_rng(7)) for _ in range(2)]
    assert np.isfinite(streams[0].samples).all()
    assert streams[0].samples.dtype == np.float32
    np.testing.assert_array_equal(streams[0].samples, streams[1].samples)
    other = IDLE_GENERATORS[kind](source, np.random.default_rng(8))
    assert not np.array_equal(streams[0].samples[:50], other.samples[:50])
    assert len(streams[0].clip) == len(streams[0].place) == len(streams[0])


@pytest.mark.parametrize("kind", ["postures", "desk", "tremor"])
def test_slow_turns_show_gravity_alone(source, kind):
    stream = IDLE_GENERATORS[kind](source, np.random.default_rng(3))
    magnitude = np.linalg.norm(stream.samples, axis=1)
    assert np.median(np.abs(magnitude - 1)) < 0.1


def test_tails_are_last_fifths_and_heads_first_ones(source):
    tails = IDLE_GENERATORS["tails"](source, np.random.default_rng(0))
    assert tails.place.min() >= 0.79
    heads = IDLE_GENERATORS["heads"](source, np.random.default_rng(0))
    assert heads.place.max() <= 0.21


def test_parts_hold_15_to_40_percent_of_the_motion(source):
    for seed in range(20):
        stream = IDLE_GENERATORS["parts"](source, np.random.default_rng(seed))
        moving = np.diff(stream.place, prepend=stream.place[0]) > 0
        row = stream.clip[moving][0]
        last = len(source.clips[row]) - 1
        at = np.round(stream.place[moving] * last).astype(int)
        share = source.courses[row][at[-1]] - source.courses[row][at[0]]
        assert 0.1 <= share <= 0.42


def test_the_course_of_motion_rises_from_0_to_1():
    clip = np.zeros((100, 3), np.float32)
    clip[50:, 1] = 1.0
    course = motion_course(clip)
    assert course[49] == 0
    assert course[-1] == 1
    # After the step the distance falls by 4 % a sample: a geometric series.
    assert course[50] == pytest.approx(0.04 / (1 - 0.96**50))
    assert motion_course(np.ones((5, 3))).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_a_rest_keeps_the_posture_and_its_place():
    clip = np.array([[0, 0, 1], [0.5, 0, 0.8], [1, 0, 0]], np.float32)
    stream = Stream.of_clip([clip], 0, 0, 3)
    rest = stream.held(-1, 200, np.random.default_rng(0))
    assert rest.clip.tolist() == [0] * 200
    assert rest.place.tolist() == [1.0] * 200
    np.testing.assert_allclose(rest.samples.mean(axis=0), [1, 0, 0], atol=0.01)
    assert len(joined([stream, rest])) == 203


def test_a_stream_of_several_kinds_has_the_length_asked_for(source):
    stream = idle_stream(("postures", "tails"), source, 5000, np.random.default_rng(0))
    assert stream.samples.shape == (5000, 3)
    assert set(np.unique(stream.clip)) - {-1} <= set(range(6))


def test_a_change_of_posture_keeps_the_magnitude_between_its_ends():
    path = posture_change(np.array([0, 0, 2.0]), np.array([1.0, 0, 0]), 101)
    assert path[0].tolist() == [0, 0, 2]
    np.testing.assert_allclose(path[-1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), np.linspace(2, 1, 101))
    # Half way, the direction is between both.
    np.testing.assert_allclose(path[50] / 1.5, [np.sqrt(0.5), 0, np.sqrt(0.5)], atol=1e-9)


def test_tails_follow_each_other_without_rest(source):
    stream = idle_stream(("tails",), source, 5000, np.random.default_rng(0))
    assert (stream.clip >= 0).all()
    assert (stream.place >= 0.79).all()
    # No sample is held: every second one is another place.
    assert (np.diff(stream.place) != 0).mean() > 0.9


def test_opposite_postures_turn_about_some_axis():
    path = posture_change(np.array([0, 0, 1.0]), np.array([0, 0, -1.0]), 51)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1)
    assert path[25] @ [0, 0, 1] == pytest.approx(0, abs=1e-9)
    still = posture_change(np.array([0, 0, 1.0]), np.array([0, 0, 1.0]), 5)
    np.testing.assert_allclose(still, [[0, 0, 1]] * 5)
