"""OpenPack from generated files in the authors' layout: values, parts, defects, a training."""

import collections
import json
import pickle
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from damage import (
    cut,
    drop_column,
    drop_fields,
    drop_lines,
    nothing_left,
    repeat_lines,
    replace_numbers,
    shuffle_lines,
)
from data_prep.clip import NULL_ACTION, Clip, check_clip
from data_prep.clip_reading import read_clips
from data_prep.errors import UserError
from data_prep.formats.archives import RawFile
from data_prep.loaders.openpack.loader import (
    ACTION_NAMES,
    KNOWN_ERRORS,
    PARTS,
    SAME_PERSON,
    OpenPackLoader,
    part_of_session,
)
from data_prep.loaders.openpack.streams import LAYOUTS
from data_prep.preparation import prepare_dataset
from data_prep.protocols import protocol_splits
from openpack_files import (
    operations_csv,
    paths,
    pose_annotations,
    pose_frame,
    sensor_frame,
    write_session,
)

WORK = [(1.0, 3.0, "Picking"), (3.0, 5.5, "Assemble Box"), (8.0, 10.0, "Close Box"),
        (10.0, 11.0, "Null")]  # fmt: skip


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    """Session S0100 of U0101: 12 s with four operations; 2.5 s lie between two of them."""
    write_session(tmp_path / "raw", "U0101", "S0100", WORK, 12)
    return tmp_path / "raw"


def clips(raw: Path, **options) -> list[Clip]:
    loader = OpenPackLoader(raw, **options)
    found = [loader.read(source) for source in loader.discover().sources]
    dimensions = loader.discover().description.skeleton_dimensions
    for clip in found:
        check_clip(clip, dimensions)
    return found


def replace_table(raw: Path, kind: str, table: pd.DataFrame) -> None:
    table.to_csv(paths(raw, "U0101", "S0100")[kind], index=False)


def test_operations_are_clips_and_null_and_what_lies_between_are_none(raw_dir: Path):
    sources = OpenPackLoader(raw_dir).discover().sources
    assert [(source.clip_id, source.action) for source in sources] == [
        ("U0101_S0100_001_picking", 0),
        ("U0101_S0100_002_assemble_box", 2),
        ("U0101_S0100_003_none", NULL_ACTION),
        ("U0101_S0100_004_close_box", 4),
        ("U0101_S0100_005_none", NULL_ACTION),
    ]
    without = OpenPackLoader(raw_dir, gaps_are_none=False).discover().sources
    assert [source.action for source in without] == [0, 2, 4]
    assert len(ACTION_NAMES) == 10


def test_values_units_and_the_time_of_an_operation(raw_dir: Path):
    clip = clips(raw_dir)[0]
    table = sensor_frame(12)
    own = table["unixtime"].between(1_634_178_336_000, 1_634_178_338_000)
    first = table["unixtime"][own].iloc[0] / 1000 - 1_634_178_335
    assert first == pytest.approx(1.023)
    angle = 1.1 * np.sin(np.pi * (first + np.arange(len(clip.accelerometer)) / 30))
    np.testing.assert_allclose(clip.accelerometer[:, 2], np.sin(angle), atol=5e-3)
    assert np.abs(clip.gyroscope[:, 0]).max() == pytest.approx(np.degrees(1.1 * np.pi), rel=0.01)
    assert len(clip.accelerometer) == 2 * len(clip.skeleton) - 1 == 59
    assert (clip.sensor_place, clip.flags) == ("right_wrist", ())
    assert clip.attributes == {"part": "train", "session": "S0100", "user": "U0101"}
    assert clip.sources["skeleton"][0].endswith("single-ffill-flip-fixed/S0100.csv")


def test_body_in_metres_y_up_with_left_on_the_left(raw_dir: Path):
    clip = clips(raw_dir)[0]
    joints = LAYOUTS["kinect_3d"].joint_names
    body = dict(zip(joints, clip.skeleton[0], strict=True))
    np.testing.assert_allclose(body["pelvis"], [0, -0.415, -1.95], atol=1e-4)
    np.testing.assert_allclose(body["left_shoulder"], [0.18, 0.06, -1.95], atol=1e-4)
    assert body["nose"][2] > body["head"][2]  # towards the camera, which is at the origin
    moved = np.ptp(clip.skeleton[:, :, 1], axis=0)
    assert {joints[joint] for joint in np.flatnonzero(moved > 0.1)} == {
        "right_wrist", "right_hand", "right_hand_tip", "right_thumb",
    }  # fmt: skip
    # First sample and first frame coincide: both move by one phase, wrist and turn rate.
    height = clip.skeleton[:, joints.index("right_wrist"), 1]
    slope = np.gradient(height, 1 / 15)
    assert np.corrcoef(slope, clip.gyroscope[::2, 0])[0, 1] > 0.99


def test_the_2d_pose_has_the_joints_of_coco(tmp_path: Path):
    write_session(tmp_path, "U0101", "S0100", WORK, 12, poses=("kinect_2d",))
    found = clips(tmp_path, skeleton_source="kinect_2d")
    description = OpenPackLoader(tmp_path, skeleton_source="kinect_2d").discover().description
    assert (description.skeleton_dimensions, len(description.joint_names)) == (2, 17)
    assert found[0].skeleton.shape == (30, 17, 3)
    body = dict(zip(description.joint_names, found[0].skeleton[0], strict=True))
    torso = body["left_shoulder"][:2] - body["left_hip"][:2]
    assert torso[1] == pytest.approx(0.288 * 1.7, rel=0.01)  # body-scaled, y up
    assert body["nose"][2] == pytest.approx(0.9)
    assert clips(tmp_path)[0].flags == ("no_skeleton",)  # there is no pose in 3-D


def test_other_sensors(raw_dir: Path):
    with pytest.raises(UserError, match=r"needs files named U0101/atr/atr02/S0100\.csv and"):
        OpenPackLoader(raw_dir, sensor="left_wrist").discover()
    write_session(raw_dir, "U0204", "S0100", WORK, 12, sensor=2)
    found = clips(raw_dir, sensor="left_wrist")
    # The person has two numbers.
    assert {(clip.subject, clip.attributes["user"]) for clip in found} == {("U0110", "U0204")}
    assert found[0].sensor_place == "left_wrist"
    assert found[0].flags == ("known_error",)  # worn in the wrong direction, say the authors
    notes = OpenPackLoader(raw_dir, sensor="left_wrist").discover().description.source_notes
    assert "sessions without this sensor: U0101-S0100" in notes
    with pytest.raises(UserError, match=r"sensor must be one of right_wrist, .*Received: atr01"):
        OpenPackLoader(raw_dir, sensor="atr01")
    with pytest.raises(UserError, match=r"one of kinect_3d, kinect_2d\. Received: bvh"):
        OpenPackLoader(raw_dir, skeleton_source="bvh")


def test_sessions_without_annotations_or_a_pose_are_noted(raw_dir: Path):
    write_session(raw_dir, "U0102", "S0200", WORK, 12, poses=())
    paths(raw_dir, "U0101", "S0100")["operations"].unlink()
    discovery = OpenPackLoader(raw_dir).discover()
    assert {source.subject for source in discovery.sources} == {"U0102"}
    assert discovery.description.source_notes[1:] == [
        "sessions without annotations: U0101-S0100", "sessions without a pose: U0102-S0200",
    ]  # fmt: skip
    assert {clip.flags for clip in clips(raw_dir)} == {("no_skeleton",)}


def test_lost_frames_are_bridged_then_leave_no_skeleton(raw_dir: Path):
    expected = clips(raw_dir)
    table = pose_frame(12)
    table.iloc[30:33, 2:] = 0.0  # at 2 s, for 0.2 s
    replace_table(raw_dir, "kinect_3d", table.drop(index=range(60, 70)))  # at 4 s, for 0.7 s
    found = clips(raw_dir)
    assert [clip.flags for clip in found] == [
        ("frames_bridged",), ("person_lost", "no_skeleton"), (), (), (),
    ]  # fmt: skip
    np.testing.assert_allclose(found[0].skeleton, expected[0].skeleton, atol=0.05)
    np.testing.assert_array_equal(found[3].skeleton, expected[3].skeleton)


def test_a_clip_that_is_shorter_than_its_operation_is_noted(raw_dir: Path):
    replace_table(raw_dir, "sensor", sensor_frame(12).drop(index=range(91, 107)))  # 3.0 to 3.5 s
    found = clips(raw_dir)
    assert [clip.flags for clip in found[:3]] == [(), ("span_cut",), ()]
    assert len(found[1].accelerometer) == 59  # 2 of 2.5 s


def test_a_second_person_in_a_frame_is_dropped_and_noted(raw_dir: Path):
    expected = clips(raw_dir)
    table = pose_frame(12)
    other = table.iloc[100:110].copy()
    other.iloc[:, 2:] += 500
    both = pd.concat([table, other]).sort_values("unixtime", kind="stable")
    replace_table(raw_dir, "kinect_3d", both)
    found = clips(raw_dir)
    assert found[0].flags == ("repeated_frames_dropped",)
    np.testing.assert_array_equal(found[3].skeleton, expected[3].skeleton)


def test_rows_that_are_no_numbers_are_dropped_and_noted(raw_dir: Path):
    expected = clips(raw_dir)
    table = sensor_frame(12).round(4).astype(object)
    table.iloc[40, 2] = ""
    table.iloc[45, 1] = 1e9
    table.iloc[50, 1:4] = 0.0
    table.iloc[0, 0] += 3_000_000  # as in a file of the authors
    replace_table(raw_dir, "sensor", table)
    found = clips(raw_dir)
    assert [clip.flags for clip in found] == [("rows_dropped",), (), (), (), ()]
    np.testing.assert_allclose(found[0].accelerometer, expected[0].accelerometer, atol=0.02)
    np.testing.assert_array_equal(found[3].accelerometer, expected[3].accelerometer)
    table.iloc[:40, 1] = ""
    replace_table(raw_dir, "sensor", table)
    with pytest.raises(UserError, match=r"At most 10% of the rows may be unusable. Received: 43 "):
        clips(raw_dir)


@pytest.mark.parametrize(
    ("kind", "table", "error"),
    [
        ("sensor", sensor_frame(12).drop(columns="acc_y"), "Received: acc_y; it has unixtime"),
        ("sensor", sensor_frame(9), r"the whole annotated span.*, from 1634178343.* to 16341"),
        ("sensor", sensor_frame(12).drop(index=range(50, 85)), "at most 1 s apart.*1.19 s after"),
        ("kinect_3d", pose_frame(12).drop(columns="J31_P2"), "Received: J31_P2; it has unixtime"),
    ],
)  # fmt: skip
def test_wrong_tables(raw_dir: Path, kind: str, table: pd.DataFrame, error: str):
    replace_table(raw_dir, kind, table)
    with pytest.raises(UserError, match=rf"{error}.*S0100\.csv"):
        clips(raw_dir)


def test_metres_per_second_squared_are_refused(raw_dir: Path):
    table = sensor_frame(12)
    table[["acc_x", "acc_y", "acc_z"]] *= 9.80665
    replace_table(raw_dir, "sensor", table)
    with pytest.raises(UserError, match=r"must be g .*Received: median 9\.8"):
        clips(raw_dir)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda pose: pose[: len(pose) // 2], "must be JSON in UTF-8"),
        (lambda pose: "[1, 2]", "a list of annotations. Received: a list of 2"),
        (lambda pose: pose.replace('"image_id": 16', '"image_id": "16', 1).replace(
            ', "category_id"', '", "category_id"', 1), "must have an image_id in milliseconds"),
        (lambda pose: pose.replace("[[", "[[1, 1, 1], [", 1), "must be 17 joints"),
        (lambda pose: pose.replace("0.9", "90", 1), "confidence must be from 0 to 1"),
    ],
)  # fmt: skip
def test_wrong_2d_poses(raw_dir: Path, change: Callable[[str], str], error: str):
    path = paths(raw_dir, "U0101", "S0100")["kinect_2d"]
    path.parent.mkdir(parents=True)
    pose = json.dumps({"annotations": pose_annotations(12)})
    path.write_text(change(pose), encoding="utf-8")
    with pytest.raises(UserError, match=rf"{error}.*S0100\.json"):
        clips(raw_dir, skeleton_source="kinect_2d")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda text: text.replace("U0101", "U0102", 1), "must belong to U0101-S0100. Received"),
        (lambda text: text.replace(",100,", ",1100,"), "id must be one of 100, .*Received: 1100"),
        (lambda text: text.replace("2021-10-14", "14.10.21", 1), "start must be a date and time"),
        (lambda text: text.replace("38.000000", "39.000000", 1),
         "overlap. Received: assemble_box from 1634178338 on, within picking up to 1634178339"),
        (lambda text: text.splitlines()[0], "needs at least one row"),
        (lambda text: text.replace(",start,", ",begin,"), "must be there. Received: no start"),
        (lambda text: text.replace(",act:1", "", 1), "Each row must have 9 cells. Received: 8"),
    ],
)  # fmt: skip
def test_wrong_annotations(raw_dir: Path, change: Callable[[str], str], error: str):
    text = operations_csv("U0101", "S0100", WORK)
    path = paths(raw_dir, "U0101", "S0100")["operations"]
    path.write_text(change(text), encoding="utf-8")
    with pytest.raises(UserError, match=rf"{error}.*openpack-operations/S0100\.csv"):
        OpenPackLoader(raw_dir).discover()


@pytest.mark.parametrize("inner", ["U0101", ""])
def test_each_file_is_read_once_and_clips_are_the_same_from_an_archive(
    raw_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inner: str
):
    """With or without the person's folder in the archive."""
    expected = clips(raw_dir)
    root = raw_dir if inner else raw_dir / "U0101"
    shutil.make_archive(str(tmp_path / "zipped" / "U0101"), "zip", root)
    read: list[str] = []
    whole = RawFile.read
    monkeypatch.setattr(RawFile, "read", lambda item: read.append(item.name) or whole(item))
    loader = OpenPackLoader(tmp_path / "zipped")
    found = list(read_clips(loader, loader.discover().sources))
    assert len(read) == 3 and all(name.startswith("U0101.zip/") for name in read)
    for clip, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(clip.accelerometer, other.accelerometer)
        np.testing.assert_array_equal(clip.skeleton, other.skeleton)
    assert pickle.loads(pickle.dumps(loader)) == loader  # this process's own bytes


def test_the_parts_of_the_challenge():
    """As many sessions as the authors list; nobody of the submission part trains."""
    sizes = {part: sum(map(len, own.values())) for part, own in PARTS.items()}
    assert sizes == {"train": 44, "validation": 7, "test": 4, "submission": 22}
    assert not PARTS["submission"].keys() & PARTS["train"].keys()
    assert part_of_session("U0104", "S0300") == "submission"
    assert part_of_session("U0104", "S0200") == part_of_session("U0201", "S0100") == "other"
    assert part_of_session("U0205", "S0300") == "validation"
    assert part_of_session("U0210", "S0300") == "test"
    assert not {part_of_session(*session) for session in KNOWN_ERRORS} & {"submission"}
    groups = [{SAME_PERSON.get(user, user) for user in PARTS[part]} for part in
              ("train", "submission")]  # fmt: skip
    assert not groups[0] & groups[1]


_DAY = [
    (1 + 2.5 * place, 3 + 2.5 * place, ("Picking", "Assemble Box", "Close Box")[place % 3])
    for place in range(6)
]


def sessions(folder: Path, poses: Sequence[str] = ("kinect_3d",)) -> Path:
    """Seven sessions: 3 train, 1 validation, 1 test, 2 of new people."""
    named = [("U0101", "S0100"), ("U0102", "S0200"), ("U0103", "S0500"), ("U0103", "S0300"),
             ("U0102", "S0300"), ("U0104", "S0100"), ("U0203", "S0200")]  # fmt: skip
    for number, (user, session) in enumerate(named):
        write_session(folder, user, session, _DAY, 17, speed=0.4 + 0.1 * number, poses=poses)
    return folder


def test_protocols_are_the_authors_parts(tmp_path: Path):
    raw = sessions(tmp_path / "raw", poses=())
    prepared = prepare_dataset("openpack", raw, tmp_path / "prepared")
    description, manifest = prepared.description, prepared.manifest
    assert len(manifest) == 7 * 6  # gaps of 0.5 s are too short

    def parts(protocol: str) -> tuple[set[str], set[str], bool]:
        (split,) = protocol_splits(description, manifest, protocol)
        train, test = ({name[:11] for name in clips} for clips in
                       (split.train_clips, split.test_clips))  # fmt: skip
        assert split.metric == "macro_f1"
        return train, test, split.leaks_subjects

    training, new = {"U0101_S0100", "U0102_S0200", "U0103_S0500"}, {"U0104_S0100", "U0203_S0200"}
    held_out = {"U0103_S0300", "U0102_S0300"}
    assert parts("challenge") == (training, new, False)
    assert parts("challenge_test") == (training, {"U0102_S0300"}, True)
    assert parts("challenge_validation") == (training, {"U0103_S0300"}, True)
    assert parts("cross_subject") == (training | held_out, new, False)


@pytest.mark.slow
def test_two_epochs_by_the_authors_protocol(tmp_path: Path, run_train: Callable):
    """One operation of a test session is damaged and left out."""
    raw = sessions(tmp_path / "raw")
    path = paths(raw, "U0104", "S0100")["sensor"]
    # Stops over a second before the last operation ends.
    sensor_frame(14).round(4).to_csv(path, index=False)
    finished = run_train(
        "--flagfile=configs/tiny.flags",
        "--flagfile=configs/openpack.flags",
        f"--raw_dir={raw}",
        f"--run_dir={tmp_path / 'run'}",
        "--protocol=challenge",
        "--workers=1",
        "--seeds=1",
        "--teachers=skeleton_teacher",
        "--teacher_outputs=in_sample",
        "--skeleton_teacher_epochs=2",
        "--epochs=2",
        "--prune_epochs=1",
        "--batch_size=8",
        "--calibration_clips=8",
    )
    assert finished.returncode == 0, finished.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["dataset"], metrics["protocol"]) == ("openpack", "challenge")
    assert metrics["train_subjects"] == ["U0101", "U0102", "U0103"]
    assert metrics["test_subjects"] == ["U0104", "U0108"]
    assert not metrics["leaks_subjects"]
    (quarantine,) = (tmp_path / "run").rglob("quarantine.csv")
    left_out = pd.read_csv(quarantine)
    assert left_out["clip_id"].tolist() == ["U0104_S0100_006_close_box"]
    assert "must cover the whole annotated span" in left_out["reason"][0]


new_numbers = partial(replace_numbers, separator=b",")
_DAMAGES = (cut, nothing_left, shuffle_lines, drop_lines, repeat_lines,
             partial(drop_column, separator=b","), partial(drop_fields, separator=b","),
             new_numbers)  # fmt: skip


@pytest.mark.slow
def test_damaged_copies_are_read_right_noted_or_refused(tmp_path: Path, capsys):
    """240 damaged copies. What is accepted without a note lies near the truth."""
    work = [(0.5, 2.5, "Picking"), (2.5, 4.5, "Close Box")]
    write_session(tmp_path, "U0101", "S0100", work, 5, poses=("kinect_3d", "kinect_2d"))
    files = paths(tmp_path, "U0101", "S0100")
    whole = {kind: path.read_bytes() for kind, path in files.items()}
    truth = {
        source: {clip.clip_id: clip for clip in clips(tmp_path, skeleton_source=source)}
        for source in LAYOUTS
    }
    counts: collections.Counter[str] = collections.Counter()
    random = np.random.default_rng(0)
    for number in range(240):
        kind = list(files)[number % len(files)]
        source = kind if kind in LAYOUTS else "kinect_3d"
        damage = _DAMAGES[number // len(files) % len(_DAMAGES)]
        files[kind].write_bytes(damage(whole[kind], random))
        try:
            found = clips(tmp_path, skeleton_source=source)
        except UserError as error:
            assert "S0100" in str(error) and "\n" not in str(error)
            counts["refused"] += 1
            found = []
        for clip in found:
            counts["noted" if clip.flags else "clean"] += 1
            # Changed annotations make other clips; another number may be a possible one.
            same = truth[source].get(clip.clip_id)
            if clip.flags or same is None or kind == "operations" or damage is new_numbers:
                continue
            missing = len(same.accelerometer) - len(clip.accelerometer)
            if missing:  # up to a quarter of a second at either end
                assert 0 < missing <= 15
                continue
            np.testing.assert_allclose(clip.accelerometer, same.accelerometer, atol=0.2)
            np.testing.assert_allclose(clip.skeleton, same.skeleton, atol=0.1)
        files[kind].write_bytes(whole[kind])
    with capsys.disabled():
        print(f"\nOpenPack, damaged copies: {dict(sorted(counts.items()))}")
    assert min(counts["refused"], counts["noted"], counts["clean"]) >= 5
