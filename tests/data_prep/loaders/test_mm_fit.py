"""MM-Fit from generated files in the authors' layout: values, protocols, defects, a training."""

import io
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from data_prep.clip import NULL_ACTION, Clip, check_clip
from data_prep.clip_reading import read_clips
from data_prep.errors import UserError
from data_prep.formats.archives import RawFile
from data_prep.loaders.mm_fit.loader import MMFitLoader
from data_prep.loaders.mm_fit.streams import LAYOUT, PoseRecording
from data_prep.preparation import prepare_dataset
from data_prep.protocols import protocol_splits
from mm_fit_files import pose_array, watch_array, workout_folder, write_workout

SETS = [(30, 90, 3, "squats"), (160, 220, 3, "bicep_curls"), (240, 270, 2, "squats")]


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    """Workout 07 of person 1 with three sets; 70 and 20 frames lie between them."""
    write_workout(tmp_path / "raw", 7, SETS, 300)
    return tmp_path / "raw"


def clips(raw: Path, **options) -> list[Clip]:
    loader = MMFitLoader(raw, **options)
    found = [loader.read(source) for source in loader.discover().sources]
    for clip in found:
        check_clip(clip)
    return found


def replace_array(raw: Path, kind: str, values: np.ndarray, number: int = 7) -> None:
    own = workout_folder(raw, number)
    np.save(own / f"{own.name}_{kind}.npy", values)


def write_labels(raw: Path, text: str) -> None:
    (workout_folder(raw, 7) / "w07_labels.csv").write_text(text, encoding="utf-8")


def test_sets_are_clips_and_what_lies_between_is_none(raw_dir: Path):
    sources = MMFitLoader(raw_dir).discover().sources
    assert [(source.clip_id, source.action, source.details["frames"]) for source in sources] == [
        ("w07_001_squats", 0, [30, 90]),
        ("w07_002_none", NULL_ACTION, [90, 160]),
        ("w07_003_bicep_curls", 2, [160, 220]),
        ("w07_004_squats", 0, [240, 270]),
    ]
    assert {source.subject for source in sources} == {"1"}
    assert sources[0].details["part"] == "train"
    without = MMFitLoader(raw_dir, gaps_are_none=False).discover().sources
    assert [source.clip_id for source in without] == [
        "w07_001_squats", "w07_002_bicep_curls", "w07_003_squats",
    ]  # fmt: skip


def test_values_units_and_frames(raw_dir: Path):
    clip = clips(raw_dir)[2]
    table = watch_array(300)
    rows = (table[:, 0] >= 160) & (table[:, 0] <= 220)
    np.testing.assert_allclose(clip.accelerometer, table[rows, 2:] / 9.80665, atol=1e-6)
    assert clip.skeleton.shape == (61, 17, 3)
    assert (clip.sensor_place, clip.flags) == ("right_wrist", ())
    assert clip.attributes == {"part": "train", "workout": "w07"}
    assert clip.sources["skeleton"][0] == "w07/w07_pose_3d.npy"
    assert clip.accelerometer.dtype == clip.skeleton.dtype == np.float32


def test_body_in_metres_y_up_looks_along_z_with_left_on_the_left(raw_dir: Path):
    skeleton = dict(zip(LAYOUT.joint_names, clips(raw_dir)[0].skeleton[0], strict=True))
    np.testing.assert_allclose(skeleton["left_hip"], [0.1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(skeleton["right_shoulder"], [-0.18, 0.48, 0], atol=1e-6)
    np.testing.assert_allclose(skeleton["neck"], [0, 0.58, 0.08], atol=1e-6)
    # The wrist that moves is the right one.
    moved = np.ptp(clips(raw_dir)[0].skeleton[:, :, 1], axis=0)
    assert LAYOUT.joint_names[int(moved.argmax())] == "right_wrist"


@pytest.mark.parametrize(
    ("axes", "signs", "flag"),
    [
        ((0, 2, 1), (1, 1, -1), "skeleton_up_y"),
        ((0, 2, 1), (1, -1, 1), "skeleton_up_-y"),
        ((0, 1, 2), (1, -1, -1), "skeleton_up_-z"),
        ((2, 1, 0), (1, 1, -1), "skeleton_up_x"),
        ((2, 1, 0), (-1, 1, 1), "skeleton_up_-x"),
    ],
)
def test_the_vertical_axis_is_found_and_noted(raw_dir: Path, axes, signs, flag: str):
    expected = clips(raw_dir)[0].skeleton
    pose = pose_array(300)
    turned = np.concatenate([pose[:, :, :1], pose[list(axes), :, 1:]], axis=2)
    turned[:, :, 1:] *= np.array(signs)[:, None, None]
    replace_array(raw_dir, "pose_3d", turned)
    clip = clips(raw_dir)[0]
    assert clip.flags == (flag,)
    np.testing.assert_allclose(clip.skeleton[..., 1], expected[..., 1], atol=1e-6)
    # A turn, not a mirror: all volumes keep their sign.
    corners = [1, 4, 9]
    np.testing.assert_allclose(
        np.linalg.det(clip.skeleton[:, corners] - clip.skeleton[:, [10]]),
        np.linalg.det(expected[:, corners] - expected[:, [10]]),
        atol=1e-6,
    )


def test_metres_are_found_and_noted(raw_dir: Path):
    expected = clips(raw_dir)[0].skeleton
    pose = pose_array(300)
    pose[:, :, 1:] /= 1000
    replace_array(raw_dir, "pose_3d", pose)
    clip = clips(raw_dir)[0]
    assert clip.flags == ("skeleton_in_metres",)
    np.testing.assert_allclose(clip.skeleton, expected, atol=1e-6)


def test_the_nose_tells_which_side_is_left(raw_dir: Path):
    expected = clips(raw_dir)[0].skeleton
    pose = pose_array(300)
    order = [0, 1, 5, 6, 7, 2, 3, 4, 8, 9, 10, 11, 15, 16, 17, 12, 13, 14]  # as in Human3.6M
    replace_array(raw_dir, "pose_3d", pose[:, :, order])
    clip = clips(raw_dir)[0]
    assert clip.flags == ("sides_exchanged",)
    np.testing.assert_array_equal(clip.skeleton, expected)
    pose[1, :, 10] = 0  # a nose above the neck tells nothing
    replace_array(raw_dir, "pose_3d", pose)
    assert clips(raw_dir)[0].flags == ("sides_not_found",)


def test_watch_in_g_is_noted_and_another_unit_refused(raw_dir: Path):
    expected = clips(raw_dir)[0].accelerometer
    table = watch_array(300)
    table[:, 2:] /= 9.80665
    replace_array(raw_dir, "sw_r_acc", table)
    clip = clips(raw_dir)[0]
    assert clip.flags == ("accelerometer_in_g",)
    np.testing.assert_allclose(clip.accelerometer, expected, atol=1e-6)
    table[:, 2:] *= 1000
    replace_array(raw_dir, "sw_r_acc", table)
    with pytest.raises(UserError, match=r"near 9.81 m/s\^2 \(or 1 g\)\. Received: 1e\+03 .*w07"):
        clips(raw_dir)


def test_left_watch(raw_dir: Path):
    with pytest.raises(UserError, match=r"needs files named w00/w00_sw_l_acc\.npy"):
        MMFitLoader(raw_dir, sensor="left_wrist").discover()
    write_workout(raw_dir, 3, SETS, 300, watch="sw_l_acc")
    found = MMFitLoader(raw_dir, sensor="left_wrist").discover()
    assert found.description.wrist_place == "left_wrist"
    assert "workouts without the watch of the left_wrist: w07" in found.description.source_notes
    assert clips(raw_dir, sensor="left_wrist")[0].sensor_place == "left_wrist"
    with pytest.raises(UserError, match=r"one of right_wrist, left_wrist\. Received: watch"):
        MMFitLoader(raw_dir, sensor="watch")


def test_missing_pose_is_noted(raw_dir: Path):
    (workout_folder(raw_dir, 7) / "w07_pose_3d.npy").unlink()
    found = clips(raw_dir)
    assert [(clip.skeleton, clip.flags) for clip in found] == [(None, ("no_skeleton",))] * 4
    notes = MMFitLoader(raw_dir).discover().description.source_notes
    assert "workouts without a 3-D pose: w07" in notes


def test_lost_frames_are_bridged_then_leave_no_skeleton(raw_dir: Path):
    pose = pose_array(300)
    expected = clips(raw_dir)
    pose[:, 40:50, 1:] = np.nan
    pose[:, 170:186, 1:] = 0
    replace_array(raw_dir, "pose_3d", np.delete(pose, np.s_[250:255], axis=1))
    found = clips(raw_dir)
    assert [clip.flags for clip in found] == [
        ("frames_bridged",), (), ("person_lost", "no_skeleton"), ("frames_bridged",),
    ]  # fmt: skip
    np.testing.assert_allclose(found[0].skeleton[:9], expected[0].skeleton[:9], atol=1e-6)
    assert len(found[3].skeleton) == len(expected[3].skeleton) == 31


def test_rows_that_are_not_finite_are_dropped_and_noted(raw_dir: Path):
    expected = clips(raw_dir)
    table = watch_array(300)
    table[[120, 125], 3] = np.nan
    table[600, 1] = np.inf
    replace_array(raw_dir, "sw_r_acc", table)
    found = clips(raw_dir)
    assert [clip.flags for clip in found] == [("rows_dropped",), (), ("rows_dropped",), ()]
    np.testing.assert_allclose(found[0].accelerometer, expected[0].accelerometer, atol=1e-2)
    table[:150, 4] = np.nan
    replace_array(raw_dir, "sw_r_acc", table)
    with pytest.raises(UserError, match=r"At most 10% of the rows may be unusable. Received: 151 "):
        clips(raw_dir)


@pytest.mark.parametrize("kind", ["sw_r_acc", "pose_3d"])
def test_truncated_and_pickled_arrays_are_refused(raw_dir: Path, kind: str):
    path = workout_folder(raw_dir, 7) / f"w07_{kind}.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=rf"\.npy file must be readable by numpy.*w07_{kind}\.npy"):
        clips(raw_dir)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=rf"readable by numpy.*allow_pickle=False.*w07_{kind}"):
        clips(raw_dir)


@pytest.mark.parametrize(
    ("kind", "values", "error"),
    [
        ("sw_r_acc", watch_array(300)[:, :4], r"\(rows, 5\).*Received: \(1000, 4\)"),
        ("sw_r_acc", watch_array(180), "must cover the whole annotated span.*, from 160 to 179"),
        ("pose_3d", pose_array(300)[:2], r"array \(3, frames, 18\). Received: \(2, 300, 18\)"),
        ("pose_3d", pose_array(300)[:, :, :17], r"Received: \(3, 300, 17\)"),
        ("pose_3d", pose_array(300)[:, ::-1], "frame numbers of a pose must ascend"),
        ("pose_3d", 0 * pose_array(300) + pose_array(300)[:, :, :1] * [1, *[0] * 17],
         "must show a person. Received: 0 of 300"),
        ("pose_3d", pose_array(300) * ([1] + 17 * [5]), "torso of a pose must be 0.25 to 0.9 m"),
    ],
)  # fmt: skip
def test_wrong_shapes_and_bodies(raw_dir: Path, kind: str, values: np.ndarray, error: str):
    replace_array(raw_dir, kind, values)
    with pytest.raises(UserError, match=f"{error}.*w07_{kind}.npy"):
        clips(raw_dir)


def test_a_leaning_body_has_no_vertical_axis():
    pose = pose_array(40)
    lean = Rotation.from_rotvec(np.arccos(3**-0.5) * np.array([-1, 1, 0]) / 2**0.5)
    pose[:, :, 1:] = np.einsum("ij,jkl->ikl", lean.as_matrix(), pose[:, :, 1:])
    with pytest.raises(UserError, match=r"along one axis\. Received: 289, 289, 289"):
        PoseRecording.read(npy(pose), "pose")


def npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("30,90,3,squats\n80,120,3,lunges\n", "must not overlap. Received: lunges from 80 on, "
         "within squats up to 90 .*labels.csv, row 2"),
        ("90,30,3,squats\n", "must end after its start. Received: 90 to 30 .*row 1"),
        ("30,90,3,squat\n", r"one of squats, .*Received: squat; did you mean squats\?"),
        ("30,90,squats\n", "first frame, the last frame, repetitions and exercise"),
        ("30,9x,3,squats\n", "Received: 30,9x,3,squats .*row 1"),
        ("", "at least one annotated span. Received: none .*w07_labels.csv"),
    ],
)  # fmt: skip
def test_wrong_labels(raw_dir: Path, text: str, error: str):
    write_labels(raw_dir, text)
    with pytest.raises(UserError, match=error):
        MMFitLoader(raw_dir).discover()


def test_workouts_need_labels_and_a_known_number(raw_dir: Path):
    (workout_folder(raw_dir, 7) / "w07_labels.csv").unlink()
    with pytest.raises(UserError, match=r"needs its labels, w07_labels\.csv"):
        MMFitLoader(raw_dir).discover()
    write_workout(raw_dir, 21, SETS, 300)
    with pytest.raises(UserError, match=r"workouts 00 to 20\. Received: 21"):
        MMFitLoader(raw_dir).discover()


def test_each_file_is_read_once_and_clips_are_the_same_from_an_archive(
    raw_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    expected = clips(raw_dir)
    shutil.make_archive(str(tmp_path / "zipped" / "mm-fit"), "zip", raw_dir)
    read: list[str] = []
    whole = RawFile.read
    monkeypatch.setattr(RawFile, "read", lambda item: read.append(item.name) or whole(item))
    loader = MMFitLoader(tmp_path / "zipped")
    found = list(read_clips(loader, loader.discover().sources))
    assert sorted(read) == [f"mm-fit.zip/w07/w07_{kind}" for kind in
                            ("labels.csv", "pose_3d.npy", "sw_r_acc.npy")]  # fmt: skip
    for clip, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(clip.accelerometer, other.accelerometer)
        np.testing.assert_array_equal(clip.skeleton, other.skeleton)
    again = pickle.loads(pickle.dumps(loader))  # this process's own bytes
    assert again == loader


def workouts(folder: Path) -> Path:
    """Seven workouts: 3 train (people 0, 1, 5), 1 validation, 1 known, 2 new people."""
    for number in (1, 2, 16, 19, 9, 0, 12):
        sets = [
            (20 + 100 * place, 80 + 100 * place, 3, ("squats", "bicep_curls", "lunges")[place % 3])
            for place in range(9)
        ]
        write_workout(folder, number, sets, 1000, speed=0.4 + 0.05 * number)
    return folder


def test_protocols_are_the_authors_parts(tmp_path: Path):
    prepared = prepare_dataset("mm_fit", workouts(tmp_path / "raw"), tmp_path / "prepared")
    description, manifest = prepared.description, prepared.manifest
    assert len(manifest) == 7 * 9  # gaps of 40 frames are shorter than 2 s

    def parts(protocol: str) -> tuple[set[str], set[str], bool]:
        (split,) = protocol_splits(description, manifest, protocol)
        train, test = ({name[:3] for name in clips} for clips in
                       (split.train_clips, split.test_clips))  # fmt: skip
        return train, test, split.leaks_subjects

    training = {"w01", "w02", "w16"}
    assert parts("new_people") == (training, {"w00", "w12"}, False)
    assert parts("known_people") == (training, {"w09"}, True)
    assert parts("authors_validation") == (training, {"w19"}, False)
    assert parts("cross_subject") == (training | {"w19", "w09"}, {"w00", "w12"}, False)


@pytest.mark.slow
def test_two_epochs_by_the_authors_protocol(tmp_path: Path, run_train: Callable):
    finished = run_train(
        "--flagfile=configs/tiny.flags",
        "--flagfile=configs/mm_fit.flags",
        f"--raw_dir={workouts(tmp_path / 'raw')}",
        f"--run_dir={tmp_path / 'run'}",
        "--protocol=new_people",
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
    assert (metrics["dataset"], metrics["protocol"]) == ("mm_fit", "new_people")
    assert (metrics["train_subjects"], metrics["test_subjects"]) == (["0", "1", "5"], ["2", "3"])
    assert not metrics["leaks_subjects"]
