"""Clips of chosen subjects in memory, and the splits that choose them."""

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.protocols import cross_subject, leave_one_subject_out
from pskd_tf.data.clips import PairedClips


def test_only_the_given_subjects_are_read_in_the_order_of_the_manifest(prepared, clips):
    rows = [row for row, subject in enumerate(prepared.manifest["subject"]) if subject in "13"]
    manifest = prepared.manifest.iloc[rows]
    assert len(clips) == len(rows) == len(prepared) // 3
    assert list(clips.clip_ids) == list(manifest["clip_id"])
    assert set(clips.subjects) == {"1", "3"}
    np.testing.assert_array_equal(clips.labels, manifest["action"])
    assert clips.labels.dtype == np.int32
    np.testing.assert_array_equal(clips.on_wrist, True)
    backwards = PairedClips.load(prepared, ["3", "1"])
    assert backwards.clip_ids == clips.clip_ids
    for place, row in enumerate(rows):
        samples, joints = prepared.accelerometer(row), prepared.skeleton(row)
        assert clips.accelerometer_lengths[place] == len(samples)
        assert clips.skeleton_lengths[place] == len(joints)
        np.testing.assert_array_equal(clips.accelerometer[place, : len(samples)], samples)
        np.testing.assert_array_equal(clips.skeleton[place, : len(joints)], joints)


def test_padding_is_zero_and_no_longer_than_needed(clips):
    for values, lengths in (
        (clips.accelerometer, clips.accelerometer_lengths),
        (clips.skeleton, clips.skeleton_lengths),
    ):
        assert values.dtype == np.float32 and values.shape[1] == lengths.max()
        assert lengths.min() < lengths.max()
        for clip, length in zip(values, lengths, strict=True):
            np.testing.assert_array_equal(clip[length:], 0.0)
            assert np.abs(clip[length - 1]).max() > 0


def test_clips_without_any_skeleton_are_padded_to_two_frames(prepared, monkeypatch):
    monkeypatch.setattr(type(prepared), "skeleton", lambda self, row: None)
    blind = PairedClips.load(prepared, ["1"])
    assert not blind.has_skeleton.any()
    assert blind.skeleton.shape == (len(blind), 2, len(blind.joint_parents), 3)


def test_clips_without_an_accelerometer_have_no_samples(prepared, monkeypatch):
    own = type(prepared).accelerometer
    monkeypatch.setattr(
        type(prepared), "accelerometer", lambda self, row: None if row % 2 else own(self, row)
    )
    some = PairedClips.load(prepared, ["1", "3"])
    rows = [row for row, subject in enumerate(prepared.manifest["subject"]) if subject in "13"]
    np.testing.assert_array_equal(some.has_accelerometer, [row % 2 == 0 for row in rows])
    np.testing.assert_array_equal(some.accelerometer[~some.has_accelerometer], 0.0)
    assert some.has_skeleton.all()


def test_the_body_is_described(clips):
    assert clips.joint_parents[clips.root_joint] == -1
    assert clips.skeleton.shape[2] == len(clips.joint_parents) == 12
    assert clips.up_axis == 1


def test_an_unknown_subject_is_named(prepared):
    with pytest.raises(UserError, match=r"A subject must be one of 1, 2, .* Received: 99$"):
        PairedClips.load(prepared, ["1", "99"])


def test_no_subject_both_trains_and_tests(prepared):
    split = cross_subject(prepared.description)
    train = PairedClips.load(prepared, split.train_subjects)
    test = PairedClips.load(prepared, split.test_subjects)
    assert not set(train.subjects) & set(test.subjects)
    assert not set(train.clip_ids) & set(test.clip_ids)
    assert len(train) + len(test) == len(prepared)


def test_no_validation_fold_holds_a_test_subject_or_its_own_training_subject(prepared):
    split = cross_subject(prepared.description)
    folds = leave_one_subject_out(split.train_subjects)
    assert len(folds) == len(split.train_subjects)
    for fold in folds:
        train = set(PairedClips.load(prepared, fold.train_subjects).subjects)
        held_out = set(PairedClips.load(prepared, fold.test_subjects).subjects)
        assert not train & held_out and train | held_out == set(split.train_subjects)
        assert not (train | held_out) & set(split.test_subjects)


def test_clips_lose_the_labels_that_are_named(clips):
    some = clips.without_labels(clips.clip_ids[:3])
    assert list(some.labels[:3]) == [-1] * 3 and some.labels.dtype == clips.labels.dtype
    np.testing.assert_array_equal(some.labels[3:], clips.labels[3:])
    assert list(some.is_labelled[:4]) == [False] * 3 + [True] and clips.is_labelled.all()
