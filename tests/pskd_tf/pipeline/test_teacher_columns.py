"""Columns of teachers' outputs, by clip and by cut."""

import dataclasses

import keras
import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.stream_clips import StreamClips
from pskd_tf.data.views import plain_views
from pskd_tf.input_settings import InputSettings
from pskd_tf.pipeline.teacher_columns import availability_column, cut_columns, given_columns
from pskd_tf.settings import RunSettings
from pskd_tf.stream_settings import StreamSettings


def without_skeleton(clips, row):
    lengths = clips.skeleton_lengths.copy()
    lengths[row] = 0
    return dataclasses.replace(clips, skeleton_lengths=lengths)


def with_two_cuts(clips):
    """Adds a cut of the clip in row 3 and, from the samples of row 0, one of "none"."""
    fields = {one.name: getattr(clips, one.name) for one in dataclasses.fields(PairedClips)}
    rows = np.array([0, 1, 2, 3, 4, 3, 0])
    cuts = StreamClips(
        **fields, whole=5, cuts_of=tuple(np.array([5] if row == 3 else [], int) for row in range(5))
    )
    names = ("subjects", "labels", "on_wrist", "accelerometer", "accelerometer_lengths")
    of_rows = {name: fields[name][rows] for name in (*names, "skeleton", "skeleton_lengths")}
    return dataclasses.replace(cuts, clip_ids=(*cuts.clip_ids, "cut 0", "cut 1"), **of_rows)


def test_columns_follow_the_clips_by_name(time_clips):
    arrays = {
        "clip_ids": np.array([f"clip_{row}" for row in (4, 2, 0, 1, 3)]),
        "teacher_logits": np.array([[4.0], [2.0], [0.0], [1.0], [3.0]]),
        "teacher_2_logits": np.zeros((5, 1)),
    }
    columns = given_columns(arrays, time_clips.subset(np.array([1, 4])), ["teacher"])
    assert list(columns) == ["teacher_logits"]
    np.testing.assert_array_equal(columns["teacher_logits"], [[1.0], [4.0]])


def test_a_cut_has_the_outputs_of_its_clip_and_teachers_are_sure_of_none(time_clips):
    cuts = with_two_cuts(time_clips)
    assert cuts.clip_of_row.tolist() == [0, 1, 2, 3, 4, 3, -1]
    arrays = {
        "clip_ids": np.array([f"clip_{row}" for row in (4, 2, 0, 1, 3)]),
        "teacher_logits": np.array([[4, 5], [2, 5], [7, 5], [1, 5], [3, 5]], np.float32),
        "teacher_available": np.array([1, 1, 1, 0, 1], np.float32),
        "teacher_embedding": np.ones((5, 1), np.float32),
    }
    columns = given_columns(arrays, cuts, ["teacher"])
    assert columns["teacher_logits"][:, 0].tolist() == [7, 1, 2, 3, 4, 3, 0]
    assert columns["teacher_logits"][:, 1].tolist() == [5, 5, 5, 5, 5, 5, 20]
    assert columns["teacher_available"].tolist() == [1, 0, 1, 1, 1, 1, 1]
    assert columns["teacher_embedding"][:, 0].tolist() == [1, 1, 1, 1, 1, 1, 0]


def test_only_teachers_that_read_the_skeleton_miss_it(time_clips):
    clips = without_skeleton(time_clips, 2)
    assert availability_column("body", "skeleton_teacher", time_clips) == {}
    assert availability_column("arm", "accelerometer_teacher", clips) == {}
    column = availability_column("both", "fusion_teacher", clips)["both_available"]
    np.testing.assert_array_equal(column, [1, 1, 0, 1, 1])


def one_value_teacher(inputs):
    """Puts out three logits that follow one feature of one sample, and that feature."""
    window = keras.layers.Input(inputs.accelerometer_shape, name="accelerometer")
    value = window[:, 10, 0, :1]
    logits = keras.layers.Concatenate(name="logits")([value, value + 2, value + 9])
    return keras.Model(window, {"logits": logits, "embedding": value})


def test_teachers_read_each_cut_and_are_sure_of_none(time_clips):
    inputs = InputSettings()
    cuts = with_two_cuts(time_clips)
    samples = cuts.accelerometer.copy()
    samples[5] = samples[5, ::-1]  # the cut of clip 3 differs from it
    cuts = dataclasses.replace(cuts, accelerometer=samples)
    columns = cut_columns(
        {"t": one_value_teacher(inputs)}, {"t": "accelerometer_teacher"}, cuts, inputs
    )
    views = plain_views(cuts.subset(np.arange(6)), {"accelerometer"}, inputs)
    read = views["accelerometer"][:, 10, 0, 0]
    assert read[5] != read[3]
    np.testing.assert_allclose(columns["t_logits"][:6, 0], read, rtol=1e-6)
    np.testing.assert_allclose(columns["t_embedding"][:6, 0], read, rtol=1e-6)
    # "none", the last class, has nothing of the teacher's own logit.
    np.testing.assert_allclose(columns["t_logits"][:6, 2], read - 20, rtol=1e-6)
    assert columns["t_logits"][6].tolist() == [0, 0, 20]
    assert list(columns) == ["t_logits", "t_embedding"]


def test_each_cut_needs_cuts():
    windows = {"inputs": InputSettings(mode="window"), "stream": StreamSettings(enabled=True)}
    for others in ({}, windows):
        with pytest.raises(UserError, match=r"of --stream_training, in clip mode.* each_cut"):
            RunSettings(teacher_outputs=("each_cut",), **others)
