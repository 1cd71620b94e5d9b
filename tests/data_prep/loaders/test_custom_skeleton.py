"""Skeletons beside or instead of an accelerometer: offsets, lost joints, clips of one stream."""

import numpy as np
import pytest

from data_prep.clip import check_clip
from data_prep.errors import UserError
from data_prep.loader import DatasetOptions
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set_tables import prepared_table

SECONDS = np.arange(101) / 50.0

ALONE = {"accelerometer_path": "", "accelerometer_columns": "", "accelerometer_unit": ""}


@pytest.mark.parametrize(("unit", "factor"), [("m", 1.0), ("cm", 0.01), ("mm", 0.001)])
def test_units_of_the_skeleton(recordings, unit: str, factor: float):
    recordings.set_all(skeleton_unit=unit)
    assert recordings.clips()[0].skeleton[0, 3, 1] == pytest.approx(2.0 * factor)


def test_skeleton_array_of_three_axes(recordings):
    skeleton = np.random.default_rng(0).normal(size=(61, 4, 3))
    np.save(recordings.folder / "skeleton.npy", skeleton)
    recordings.rows[0]["skeleton_path"] = "skeleton.npy"
    np.testing.assert_allclose(recordings.clips()[0].skeleton, skeleton, rtol=1e-6)


@pytest.mark.parametrize("offset", [0.5, -0.5])
def test_skeleton_offset(recordings, offset: float):
    """The frames' own time plus the offset is the samples' time."""
    recordings.rows[0]["skeleton_offset"] = offset
    clip = recordings.clips()[0]
    assert clip.flags == ("trimmed_to_overlap",)
    first_sample = (clip.accelerometer[0, 1] - 1.0) / 0.1
    last_sample = (clip.accelerometer[-1, 1] - 1.0) / 0.1
    first_frame, last_frame = clip.skeleton[[0, -1], 0, 0] + offset
    assert first_sample - first_frame == pytest.approx(0, abs=0.02)
    assert last_sample - last_frame == pytest.approx(0, abs=0.02)
    assert last_frame - first_frame == pytest.approx(1.5, abs=0.04)


def test_without_a_frame_rate_all_of_both_is_kept(recordings):
    """So that nominal rates which are wrong do no harm."""
    recordings.set_all(skeleton_rate_hz="")
    recordings.write_table("camera/s1_wave.csv", np.ones((17, 12)) * np.arange(12))
    clip = recordings.clips()[0]
    assert (clip.accelerometer.shape, clip.skeleton.shape) == ((101, 3), (17, 4, 3))
    assert clip.flags == ()


def test_clip_without_a_skeleton(recordings):
    recordings.rows[2].update(skeleton_path="", skeleton_rate_hz="")
    clips = recordings.clips()
    assert clips[2].skeleton is None
    assert clips[2].flags == ("no_skeleton",)
    assert clips[2].accelerometer.shape == (101, 3)


def test_no_skeleton_at_all_needs_no_layout(recordings):
    recordings.set_all(skeleton_path=None, skeleton_rate_hz=None)
    loader = recordings.loader(skeleton_layout=None)
    description = loader.discover().description
    assert description.joint_names == []
    assert set(description.streams) == {"accelerometer"}
    assert [clip.skeleton for clip in recordings.clips(skeleton_layout=None)] == [None] * 4


def test_lost_joints_are_bridged(recordings):
    """Zeros in some frames, or NaN, are a lost joint; the line goes on through it."""
    path = recordings.folder / "camera/s1_wave.csv"
    values = np.loadtxt(path, delimiter=",")
    expected = values.reshape(61, 4, 3).copy()
    values[20:35, 9:12] = 0
    values[50, 0] = np.nan
    recordings.write_table("camera/s1_wave.csv", values)
    clip = recordings.clips()[0]
    assert clip.flags == ("joints_bridged",)
    np.testing.assert_allclose(clip.skeleton, expected, atol=1e-6)


def test_joint_lost_for_long(recordings):
    path = recordings.folder / "camera/s1_wave.csv"
    values = np.loadtxt(path, delimiter=",")
    values[20:36, 9:12] = 0
    recordings.write_table("camera/s1_wave.csv", values)
    rule = r"at most 15 frames on end\. Received: right_wrist for 16 .*s1_wave\.csv; .*row 2"
    with pytest.raises(UserError, match=rule):
        recordings.clips()


def test_root_at_zero_is_not_lost(recordings):
    values = np.tile(np.arange(12.0) / 10, (61, 1))
    values[:, :3] = 0
    recordings.write_table("camera/s1_wave.csv", values)
    clip = recordings.clips()[0]
    assert clip.flags == ()
    assert (clip.skeleton[:, 0] == 0).all()


def test_pose_in_pixels(recordings):
    """coco_17 in pixels comes out in body-scaled metres, y up, with its confidence."""
    pose = np.random.default_rng(0).uniform(100, 300, (1, 17, 3)).repeat(61, axis=0)
    pose[:, [5, 6], :2] = [[200, 100], [240, 100]]  # shoulders
    pose[:, [11, 12], :2] = [[200, 244], [240, 244]]  # hips, 144 pixels below
    pose[:, :, 2] = 0.9
    for row in recordings.rows:
        recordings.write_table(str(row["skeleton_path"]), pose.reshape(61, 51))
    clip = recordings.clips(skeleton_layout="coco_17")[0]
    check_clip(clip, skeleton_dimensions=2)
    torso = clip.skeleton[0, 5, :2] - clip.skeleton[0, 11, :2]
    np.testing.assert_allclose(torso, [0, 0.288 * 1.7], atol=1e-5)
    np.testing.assert_allclose(clip.skeleton[..., 2], 0.9, rtol=1e-6)
    description = recordings.loader(skeleton_layout="coco_17").discover().description
    assert description.skeleton_dimensions == 2
    assert description.streams["skeleton"]["channels"] == ["x", "y", "confidence"]


def test_cut_last_line_of_a_skeleton_is_left_out_with_a_note(recordings):
    path = recordings.folder / "camera/s1_wave.csv"
    path.write_bytes(path.read_bytes() + b"2.03,0.5")
    clip = recordings.clips()[0]
    assert (clip.flags, clip.skeleton.shape) == (("skeleton_cut",), (61, 4, 3))


def test_a_clip_may_have_a_skeleton_alone(recordings, tmp_path):
    recordings.rows[0].update(ALONE, accelerometer_rate_hz="", start=0.5, end=1.5)
    recordings.rows[3].update(ALONE)
    prepared = prepare_dataset(
        "custom",
        None,
        tmp_path / "set",
        options=DatasetOptions(
            manifest=str(recordings.write_manifest()),
            skeleton_layout=str(recordings.folder / "layout.json"),
        ),
    )
    ids = list(prepared.manifest["clip_id"])
    row = ids.index("s1_wave_1")
    assert prepared.accelerometer(row) is None
    # Frames 15 to 45 at 30 a second; x is the time.
    np.testing.assert_allclose(prepared.skeleton(row)[:, 0, 0], np.arange(15, 46) / 30, atol=1e-6)
    assert prepared.manifest["flags"].iloc[row] == "no_accelerometer"
    assert prepared.manifest["accelerometer_source"].iloc[row] == ""
    whole = ids.index("s2_clap_1")
    assert len(prepared.skeleton(whole)) == 61 and not prepared.has_accelerometer[whole]
    assert "clips without accelerometer" in prepared_table(prepared)


def test_frames_with_stamps_alone_begin_at_their_first(recordings):
    stamps = 1000.0 + np.arange(61) / 30.0
    joints = np.tile(np.arange(1, 62)[:, None] / 30.0, (1, 12)) + np.repeat(np.arange(4), 3)
    recordings.write_table("timed.csv", np.column_stack([stamps, joints]))
    recordings.rows[0].update(
        ALONE, skeleton_path="timed.csv", skeleton_columns="1-12", skeleton_rate_hz="",
        skeleton_stamp_column="0", skeleton_stamp_unit="s",
    )  # fmt: skip
    clip = next(one for one in recordings.clips() if one.clip_id == "s1_wave_1")
    np.testing.assert_allclose(clip.skeleton[:, 0, 0], np.arange(1, 62) / 30, atol=1e-6)


def test_subjects_without_an_accelerometer_train(recordings):
    for row in recordings.rows:
        if row["subject"] == "s2":
            row.update(ALONE)
    recordings.add("s0_wave", "s0", "wave", 9)
    description = recordings.loader().discover().description
    split = description.protocols["cross_subject"]
    assert (split["train_subjects"], split["test_subjects"]) == (["s0", "s2"], ["s1"])
    assert description.source_notes == [
        "split (ours): the last 1 of 2 subjects test, of those with an accelerometer"
    ]


def test_a_span_outside_the_frames_is_refused(recordings):
    recordings.rows[0].update(ALONE, start=3, end=4)
    with pytest.raises(UserError, match=r"at least 2 frames\. Received: from 3 to 4 s of 2.000 s"):
        recordings.clips()
