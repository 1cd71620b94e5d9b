"""Training clips for streams: cuts of the detector, negatives, and how batches draw them."""

import dataclasses

import numpy as np
import pytest

from pskd_tf.data.clips import PairedClips
from pskd_tf.data.stream_clips import StreamClips
from pskd_tf.stream_settings import StreamSettings

CLASSES, CLIPS = 3, 12


@pytest.fixture(scope="module")
def clips():
    generator = np.random.default_rng(0)
    length, frames, joints = 160, 80, 4
    accelerometer = generator.normal(0, 0.005, (CLIPS, length, 3))
    accelerometer[..., 2] += 1
    wave = np.sin(2 * np.pi * 2 * np.arange(120) / 50)
    accelerometer[:, 20:140, 0] += (0.4 + 0.05 * np.arange(CLIPS))[:, None] * wave
    accelerometer[1::2] = np.roll(accelerometer[1::2], 1, axis=2)  # another posture
    # The joints show the clip's own time, so that a cut's skeleton tells where it was cut.
    skeleton = np.linspace(0, 1, frames)[None, :, None, None] * np.ones((CLIPS, 1, joints, 3))
    lengths = np.full(CLIPS, frames)
    lengths[3] = 0
    return PairedClips(
        clip_ids=tuple(f"clip{number}" for number in range(CLIPS)),
        subjects=np.array(["1"] * CLIPS),
        labels=(np.arange(CLIPS) % CLASSES).astype(np.int32),
        on_wrist=np.ones(CLIPS, bool),
        accelerometer=accelerometer.astype(np.float32),
        accelerometer_lengths=np.full(CLIPS, length),
        skeleton=skeleton.astype(np.float32),
        skeleton_lengths=lengths,
        joint_parents=(-1, 0, 1, 2),
        root_joint=0,
        up_axis=1,
    )


SETTINGS = StreamSettings(enabled=True, cuts=4, negative_cuts=40)


@pytest.fixture(scope="module")
def cut(clips):
    return StreamClips.of(clips, SETTINGS, CLASSES, seed=1, skeletons=True)


def test_rows_are_picked_where_the_clips_have_a_gyroscope(clips, cut):
    recorded = dataclasses.replace(clips, gyroscope=np.ones_like(clips.accelerometer))
    cuts = StreamClips.of(recorded, SETTINGS, CLASSES, seed=1, skeletons=True)
    last = cuts.subset(np.array([len(cuts) - 1]))
    assert last.gyroscope is None
    np.testing.assert_array_equal(last.accelerometer[0], cut.accelerometer[-1])


def test_the_clips_come_first_and_every_clip_has_cuts(clips, cut):
    assert cut.movements == CLIPS
    assert cut.clip_ids[:CLIPS] == clips.clip_ids
    np.testing.assert_array_equal(cut.accelerometer[:CLIPS, :160], clips.accelerometer)
    assert min(len(rows) for rows in cut.cuts_of) >= 2
    for row, rows in enumerate(cut.cuts_of):
        assert (cut.labels[rows] == clips.labels[row]).all()
        assert (cut.accelerometer_lengths[rows] >= 90).all()


def test_negatives_are_of_the_class_after_the_last_one(cut):
    assert len(cut.negative_rows) == len(SETTINGS.negative_kinds)
    for rows in cut.negative_rows:
        assert len(rows) == 40
        assert (cut.labels[rows] == CLASSES).all()


def test_recordings_of_none_are_one_more_kind(clips, cut):
    """The other cuts stay as they are; those of recordings have the recordings' samples."""
    time = np.arange(3000) / 50
    day = np.zeros((3000, 3), np.float32)
    day[:, 1] = 1
    day[:, 2] = np.where(time % 10 < 3, 0.5 * np.sin(9 * time), 0)
    short = day[:100].copy()
    with_day = StreamClips.of(
        clips, SETTINGS, CLASSES, 1, skeletons=True, recorded_none=[day, short]
    )
    assert len(with_day.negative_rows) == len(SETTINGS.negative_kinds) + 1
    for before, rows in zip(cut.negative_rows, with_day.negative_rows, strict=False):
        np.testing.assert_array_equal(before, rows)
    np.testing.assert_array_equal(with_day.labels[: len(cut)], cut.labels)
    rows = with_day.negative_rows[-1]
    assert len(rows) == 40
    assert (with_day.labels[rows] == CLASSES).all()
    assert (with_day.skeleton_lengths[rows] == 0).all()
    windows = np.lib.stride_tricks.sliding_window_view(day, 50, axis=0)
    for row in rows[:5]:
        start = with_day.accelerometer[row, :50].T
        assert (np.abs(windows - start).max(axis=(1, 2)) == 0).any()


def test_a_batch_has_each_clip_once_and_half_as_many_negatives(cut):
    rows = cut.epoch_rows(4, 3, np.random.default_rng(0))
    assert rows.shape == (3, 6)
    labels = cut.labels[rows]
    assert (np.sort(labels, axis=1)[:, 4:] == CLASSES).all()
    assert (labels < CLASSES).sum() == CLIPS
    origin = {int(row): number for number, of in enumerate(cut.cuts_of) for row in of}
    drawn = [origin.get(int(row), int(row)) for row in rows.ravel() if cut.labels[row] < CLASSES]
    assert sorted(drawn) == list(range(CLIPS))


def test_all_movements_are_whole_clips_where_the_share_is_1(cut):
    whole = dataclasses.replace(cut, clip_share=1.0)
    rows = whole.epoch_rows(4, 3, np.random.default_rng(0))
    assert sorted(rows[cut.labels[rows] < CLASSES]) == list(range(CLIPS))


def test_a_cut_has_the_skeleton_of_its_own_time(cut):
    row = int(cut.cuts_of[0][0])
    frames = cut.skeleton_lengths[row]
    assert frames == 80
    time = cut.skeleton[row, :frames, 0, 0]
    assert (np.diff(time) >= 0).all()
    # The detector cuts from about sample 20 - 15 to 140 + 25 of 160; rest is held at the ends.
    assert 0 <= time[0] < 0.13
    assert 0.85 < time[-1] <= 1


def test_no_skeleton_without_one_in_the_clip_or_in_the_kind(cut):
    assert (cut.skeleton_lengths[cut.cuts_of[3]] == 0).all()
    kinds = dict(zip(SETTINGS.negative_kinds, cut.negative_rows, strict=True))
    assert (cut.skeleton_lengths[kinds["postures"]] == 0).all()
    assert (cut.skeleton_lengths[kinds["parts"]] > 0).mean() > 0.7
    with_skeleton = cut.with_skeleton()
    assert len(with_skeleton.negative_rows) == 4
    for rows in (*with_skeleton.negative_rows, *with_skeleton.cuts_of):
        assert (with_skeleton.skeleton_lengths[rows] > 0).all()


def test_skeletons_do_not_change_what_is_cut(clips, cut):
    without = StreamClips.of(clips, SETTINGS, CLASSES, seed=1, skeletons=False)
    np.testing.assert_array_equal(without.accelerometer, cut.accelerometer)
    assert (without.skeleton_lengths[CLIPS:] == 0).all()
    other = StreamClips.of(clips, SETTINGS, CLASSES, seed=2, skeletons=False)
    assert len(other) != len(cut) or not np.array_equal(other.accelerometer, cut.accelerometer)
