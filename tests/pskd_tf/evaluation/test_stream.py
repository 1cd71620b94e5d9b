"""Decisions in streams, their scores and the threshold that keeps within a bound."""

import numpy as np
import pytest

from pskd_tf.data.clips import PairedClips
from pskd_tf.data.detector import Cuts
from pskd_tf.evaluation.stream import (
    STREAM_KINDS,
    Decisions,
    Movement,
    cut_streams,
    decide,
    decisions_of,
    distinct_hours,
    idle_streams,
    lowest_threshold,
    movement_scores,
    movement_stream,
    said_scores,
    upper_bound_an_hour,
    wrong_scores,
)
from pskd_tf.input_settings import InputSettings
from pskd_tf.stream_settings import StreamSettings


@pytest.fixture(scope="module")
def clips():
    count, length = 4, 150
    wave = np.sin(2 * np.pi * 2 * np.arange(110) / 50)
    accelerometer = np.zeros((count, length, 3))
    accelerometer[..., 2] = 1
    accelerometer[:, 20:130, 0] = 0.5 * wave
    accelerometer += 0.01 * np.random.default_rng(0).normal(size=accelerometer.shape)
    return PairedClips(
        clip_ids=tuple("abcd"),
        subjects=np.array(["1"] * count),
        labels=np.array([0, 1, 0, 1], np.int32),
        on_wrist=np.ones(count, bool),
        accelerometer=accelerometer.astype(np.float32),
        accelerometer_lengths=np.full(count, length),
        skeleton=np.zeros((count, 2, 1, 3), np.float32),
        skeleton_lengths=np.zeros(count, int),
        joint_parents=(-1,),
        root_joint=0,
        up_axis=1,
    )


def test_a_stream_of_movements_knows_where_each_clip_lies(clips):
    stream, movements = movement_stream(clips, [2, 0], np.random.default_rng(0))
    assert [one.label for one in movements] == [0, 0]
    # 2 s of rest at 50 Hz, the clip, 2 s of rest, 1 s between postures, 2 s of rest.
    assert [(one.first, one.end) for one in movements] == [(100, 250), (500, 650)]
    assert len(stream) == 750
    np.testing.assert_array_equal(stream.samples[500:650], clips.accelerometer[0])
    assert stream.clip[520] == 0
    assert stream.clip[120] == 2


def constant_logits(logits):
    return lambda features: np.tile(np.asarray(logits, float), (len(features), 1))


def test_each_movement_is_decided_once_and_the_score_is_without_none(clips):
    stream, movements = movement_stream(clips, [0, 1, 2, 3], np.random.default_rng(0))
    # softmax of (ln 4, ln 1, ln 5) is (0.4, 0.1, 0.5): the score is 1 - 0.5, of class 0.
    logits_of = constant_logits(np.log([4.0, 1.0, 5.0]))
    settings = StreamSettings(enabled=True)
    got = decide([stream.samples], logits_of, InputSettings(), settings, 2, 50.0)
    assert len(got) == 4
    assert got.best.tolist() == [0] * 4
    np.testing.assert_allclose(got.score, 0.5)
    np.testing.assert_allclose(movement_scores(got, movements), [0.5, -1, 0.5, -1])
    np.testing.assert_allclose(wrong_scores(got, movements), [0.5, 0.5])
    without = decide([stream.samples], logits_of, InputSettings(), settings, None, 50.0)
    assert without.best.tolist() == [2] * 4
    still = np.tile(np.float32([0, 0, 1]), (500, 1))
    assert len(decide([still], logits_of, InputSettings(), settings, 2, 50.0)) == 0


def test_the_best_of_several_right_decisions_counts():
    decisions = Decisions(
        np.zeros(3, int),
        np.array([0, 50, 200]),
        np.array([60, 120, 260]),
        np.array([70, 130, 270]),
        np.array([1, 1, 0]),
        np.array([0.3, 0.8, 0.9]),
        np.zeros(3, bool),
    )
    movements = [Movement(10, 110, 1), Movement(255, 300, 1), Movement(400, 450, 0)]
    assert movement_scores(decisions, movements).tolist() == [0.8, -1, -1]
    assert wrong_scores(decisions, movements).tolist() == [0.9]


WINDOWS = InputSettings(mode="window", window_rate_hz=25.0, window_hop=12)


def test_a_stream_has_a_window_at_every_hop_and_a_short_one_none(clips):
    """191 samples at 50 Hz are 96 at 25 Hz, from one window to the next 24: every other sample."""
    stream = movement_stream(clips, [0], np.random.default_rng(0))[0].samples
    short = stream[:190]
    cuts, features = cut_streams([stream, short, stream[:215]], WINDOWS, StreamSettings(), 50.0)
    count = (len(stream) - 191) // 24 + 1
    assert cuts.stream.tolist() == [0] * count + [2] * 2
    assert cuts.first.tolist() == [24 * number for number in range(count)] + [0, 24]
    assert (cuts.end - cuts.first == 191).all() and (cuts.decided == cuts.end - 1).all()
    assert features.shape == (count + 2, 96, 1, 10)
    np.testing.assert_array_equal(features[3, :, 0, :3], stream[72 : 72 + 191 : 2])
    nothing, features = cut_streams([short], WINDOWS, StreamSettings(), 50.0)
    assert len(nothing) == 0 and features.shape == (0, 96, 1, 10)


def windows(best, score, stream=None):
    best = np.array(best)
    stream = np.zeros(len(best), int) if stream is None else np.array(stream)
    first = 24 * np.arange(len(best))
    cuts = Cuts(stream, first, first + 191, first + 190)
    # softmax of these logits: `score` of class `best`, the rest of "none".
    logits = np.full((len(best), 3), -50.0)
    logits[np.arange(len(best)), best] = np.log(score)
    logits[:, 2] = np.log(1 - np.array(score))
    return decisions_of(cuts, logits, 2)


def test_windows_in_a_row_with_one_class_are_one_decision():
    one = windows([0, 0, 0, 1, 1], [0.6, 0.9, 0.7, 0.8, 0.5])
    assert one.joins.tolist() == [False, True, True, False, True]
    np.testing.assert_allclose(said_scores(one), [0.9, 0.8])
    # The end of a stream ends a decision.
    two = windows([0, 0, 0, 1, 1], [0.6, 0.9, 0.7, 0.8, 0.5], [0, 0, 1, 1, 1])
    np.testing.assert_allclose(said_scores(two), [0.9, 0.8, 0.7])


def test_the_largest_number_of_decisions_from_a_threshold_on_counts():
    """Above 0.3 there are three decisions, of which a lower threshold makes one."""
    one = windows([0] * 5, [0.9, 0.3, 0.8, 0.2, 0.7])
    np.testing.assert_allclose(said_scores(one), [0.9, 0.8, 0.7])
    for threshold in np.linspace(0.01, 0.99, 50):
        said = one.score >= threshold
        rows = [
            (said[number] and not said[number - 1]) if number else said[0]
            for number in range(len(said))
        ]
        assert sum(rows) <= (said_scores(one) >= threshold).sum()
    # Here the second decision begins only below the first one's end.
    late = windows([0] * 4, [0.9, 0.5, 0.6, 0.1])
    np.testing.assert_allclose(said_scores(late), [0.9, 0.6])


def test_a_decision_that_begins_rightly_is_not_wrong():
    one = windows([1, 1, 1, 0, 0], [0.9, 0.8, 0.95, 0.7, 0.6])
    # Over the first window alone. The third begins one from 0.95 to 0.8, the fourth from 0.7 on.
    np.testing.assert_allclose(wrong_scores(one, [Movement(10, 20, 1)]), [0.95])
    np.testing.assert_allclose(wrong_scores(one, [Movement(50, 190, 1)]), [0.7])
    # Each decision of clip mode is one by itself.
    segments = Decisions(*(np.zeros(3, int),) * 5, np.array([0.2, 0.9, 0.5]), np.zeros(3, bool))
    assert said_scores(segments).tolist() == [0.9, 0.5, 0.2]
    assert said_scores(segments, np.zeros(3, bool)).tolist() == []


@pytest.mark.parametrize("kind", STREAM_KINDS)
def test_idle_streams_have_their_length_and_follow_from_the_seed(clips, kind):
    streams = idle_streams(clips, kind, 0.25, seed=3)
    assert [len(one) for one in streams] == [22_500, 22_500]
    assert not np.array_equal(streams[0].samples, streams[1].samples)
    again = idle_streams(clips, kind, 0.25, seed=3)
    np.testing.assert_array_equal(streams[1].samples, again[1].samples)


def test_recorded_kinds_hold_no_more_distinct_signal_than_the_clips(clips):
    recorded = 4 * 150 / 50 / 3600
    assert distinct_hours(clips, "postures", 2.0) == 2.0
    assert distinct_hours(clips, "parts", 2.0) == pytest.approx(recorded)
    assert distinct_hours(clips, "tails", 2.0) == pytest.approx(0.2 * recorded)


def test_the_threshold_is_the_lowest_within_the_bound_on_every_kind():
    scores = {"a": np.array([0.9, 0.2, 0.5, 0.7]), "b": np.array([0.6])}
    hours = {"a": 2.0, "b": 2.0}
    # None: above every score; one an hour: two of "a" in two hours, all of "b".
    for bound, count in ((0.0, 0), (0.5, 1), (1.0, 2), (2.0, 4)):
        threshold = lowest_threshold(scores, hours, bound)
        assert (scores["a"] >= threshold).sum() == count
    assert lowest_threshold(scores, hours, 1.0) == np.nextafter(0.5, 1)
    assert lowest_threshold({"a": np.zeros(0)}, hours, 0.0) == 0.0


def test_the_upper_bound_is_that_of_poisson():
    # The rule of three, and the table of Garwood for one and ten events.
    assert upper_bound_an_hour(0, 1.0) == pytest.approx(2.9957, abs=1e-4)
    assert upper_bound_an_hour(0, 24.0) == pytest.approx(2.9957 / 24, abs=1e-5)
    assert upper_bound_an_hour(1, 1.0) == pytest.approx(4.7439, abs=1e-4)
    assert upper_bound_an_hour(10, 2.0) == pytest.approx(16.9622 / 2, abs=1e-4)
