"""Cached teacher outputs find their clips, and clips without a skeleton are nobody's guess."""

import dataclasses

import numpy as np
from keras import ops

from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.logits import KnowledgeDistillation
from pskd_tf.distillation.step import teacher_availability
from pskd_tf.pipeline.teach import availability_column, given_columns
from pskd_tf.settings import SELECTIONS


def without_skeleton(clips, row):
    lengths = clips.skeleton_lengths.copy()
    lengths[row] = 0
    return dataclasses.replace(clips, skeleton_lengths=lengths)


def test_columns_follow_the_clips_by_name(time_clips):
    arrays = {
        "clip_ids": np.array([f"clip_{row}" for row in (4, 2, 0, 1, 3)]),
        "teacher_logits": np.array([[4.0], [2.0], [0.0], [1.0], [3.0]]),
        "teacher_2_logits": np.zeros((5, 1)),
    }
    columns = given_columns(arrays, time_clips.subset(np.array([1, 4])), ["teacher"])
    assert list(columns) == ["teacher_logits"]
    np.testing.assert_array_equal(columns["teacher_logits"], [[1.0], [4.0]])


def test_only_teachers_that_read_the_skeleton_miss_it(time_clips):
    clips = without_skeleton(time_clips, 2)
    assert availability_column("skeleton_teacher", time_clips) == {}
    assert availability_column("accelerometer_teacher", clips) == {}
    column = availability_column("fusion_teacher", clips)["fusion_teacher_available"]
    np.testing.assert_array_equal(column, [1, 1, 0, 1, 1])


def test_availability_is_collected_in_the_teachers_order():
    streams = {"b_available": np.array([1.0, 0.0], np.float32)}
    stacked = teacher_availability(streams, ["a", "b"])["teacher_available"]
    np.testing.assert_array_equal(ops.convert_to_numpy(stacked), [[1, 1], [1, 0]])
    assert teacher_availability(streams, ["a"]) == {}


def targets_and_outputs():
    logits = np.array([[[5.0, 0, 0], [1, 0, 0]], [[5, 0, 0], [1, 0, 0]]], np.float32)
    targets = {
        "labels": np.array([0, 0]),
        "teacher_logits": logits,
        "teacher_available": np.array([[0, 1], [0, 0]], np.float32),
    }
    return targets, {"logits": np.array([[0.0, 1, 0], [0, 1, 0]], np.float32)}


def test_acs_never_follows_a_teacher_that_cannot_see():
    targets, outputs = targets_and_outputs()
    for selection in SELECTIONS:
        terms = AdaptiveConfidenceSemantic(selection).terms(targets, outputs)
        shares = ops.convert_to_numpy(terms.selection)
        assert shares[0, 0] == 0 and shares[0, 1] > 0
        np.testing.assert_array_equal(shares[1], [0, 0, 1])
        truth = ops.convert_to_numpy(cross_entropy(targets["labels"], outputs["logits"]))
        np.testing.assert_allclose(ops.convert_to_numpy(terms.loss)[1], truth[1], rtol=1e-6)


def test_the_mean_of_teachers_is_over_those_that_see():
    targets, outputs = targets_and_outputs()
    terms = KnowledgeDistillation().terms(targets, outputs)
    np.testing.assert_array_equal(ops.convert_to_numpy(terms.selection), [[0, 1, 0], [0, 0, 1]])
    assert ops.convert_to_numpy(terms.parts["distillation"])[1] == 0
