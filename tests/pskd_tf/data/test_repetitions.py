"""A wearer's repetitions: what is cut out of a recording, and the views of it."""

import dataclasses

import numpy as np
import pytest

from pskd_tf.data.repetitions import LabelledSamples, Repetitions
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.stream_settings import StreamSettings

STREAM = StreamSettings(enabled=True, cuts=4, jitter=0.05)
NONE = AugmentationSettings(time_warp=0, shift=0, rotation_radians=0, log_scale=0, noise_g=0)


def recording(strength=(0.5, 0.6), seed=0):
    """Rest, and two movements of 2 s, from 4 s and from 10 s on, at 50 Hz."""
    generator = np.random.default_rng(seed)
    samples = generator.normal(0, 0.005, (800, 3))
    samples[:, 2] += 1
    wave = np.sin(2 * np.pi * 2 * np.arange(100) / 50)
    for first, one in zip((200, 500), strength, strict=True):
        samples[first : first + 100, 0] += one * wave
    spans = np.array([[200, 300, 1], [500, 600, 0]])
    return LabelledSamples(samples.astype(np.float32), spans)


def of(recordings, stream=STREAM):
    return Repetitions.of(recordings, 50.0, stream, np.random.default_rng(3))


def test_each_span_comes_first_and_its_cuts_behind_it():
    one = recording()
    found = of([one, recording(seed=1)])
    assert found.labels.tolist() == [1, 0, 1, 0]
    np.testing.assert_array_equal(found.clips.signals[1], one.samples[500:600])
    assert [len(rows) for rows in found.cuts_of] == [4, 4, 4, 4]
    for label, rows in zip(found.labels, found.cuts_of, strict=True):
        assert (found.clips.labels[rows] == label).all()
        # The detector waits before a movement and stops after it.
        assert (found.clips.accelerometer_lengths[rows] > 85).all()
        assert (found.clips.accelerometer_lengths[rows] < 145).all()
    assert sorted(np.concatenate(found.cuts_of)) == list(range(4, 20))


def test_a_cut_is_of_no_span_that_it_covers_too_little_of_and_of_no_two():
    one = recording()
    longer = dataclasses.replace(one, spans=np.array([[200, 300, 1], [500, 800, 0]]))
    assert [len(rows) for rows in of([longer]).cuts_of] == [4, 4]  # the rest has little motion
    two = dataclasses.replace(one, spans=np.array([[200, 240, 1], [245, 300, 2], [500, 600, 0]]))
    assert [len(rows) for rows in of([two]).cuts_of] == [0, 0, 4]
    both = dataclasses.replace(one, spans=np.array([[200, 600, 1]]))
    assert [len(rows) for rows in of([both]).cuts_of] == [0]  # each covers half of the motion


def test_a_student_of_clips_reads_the_labelled_spans_alone():
    one = recording()
    found = of([one], None)
    assert len(found.clips) == 2 and [len(rows) for rows in found.cuts_of] == [0, 0]
    inputs = InputSettings()
    views = found.views(2, np.random.default_rng(0), inputs, NONE)
    assert views.shape == (2, 2, *inputs.accelerometer_shape)
    np.testing.assert_allclose(views[:, 0], views[:, 1], atol=1e-6)


@pytest.mark.parametrize(("share", "whole"), [(1.0, 8), (0.0, 0)])
def test_views_show_the_span_or_a_cut_of_it(share, whole):
    found = dataclasses.replace(of([recording()]), clip_share=share)
    inputs = InputSettings()
    views = found.views(4, np.random.default_rng(0), inputs, NONE)
    spans = dataclasses.replace(found, clip_share=1.0).views(
        1, np.random.default_rng(0), inputs, NONE
    )
    same = np.isclose(views, spans, atol=1e-6).all(axis=(2, 3, 4))
    assert same.sum() == whole


def test_views_depend_on_the_generator_alone():
    found = of([recording()])
    drawn = [
        found.views(3, np.random.default_rng(seed), InputSettings(), AugmentationSettings())
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])
