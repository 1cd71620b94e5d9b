"""Skeletons in the forms of motion capture and cameras, through a manifest: known values."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import motion_files as made
from data_prep.clip import Clip
from data_prep.errors import UserError
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.skeletons import KNOWN_SKELETONS
from motion_files import FRAMES, NAMES, RATE, joints


def write(path: Path, content: str | bytes | list[str]) -> None:
    if path.is_dir():
        return
    if isinstance(content, list):
        path.mkdir()
        for number, text in enumerate(content):
            (path / f"clip_{number}_keypoints.json").write_text(text)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read(folder: Path, name: str, content, layout: object = None, **cells: str) -> Clip:
    """Returns the first clip of a manifest whose skeleton is this file."""
    write(folder / name, content)
    seconds = np.arange(0, FRAMES / RATE - 1e-9 + 0.02, 0.02)
    values = np.stack([0.1 * np.sin(seconds), np.cos(seconds), 0.3 * seconds], axis=1)
    lines = [",".join(f"{cell:.9f}" for cell in row) for row in values]
    (folder / "wrist.csv").write_text("x,y,z\n" + "\n".join(lines) + "\n")
    if layout is None or isinstance(layout, dict):
        (folder / "layout.json").write_text(json.dumps(layout or made.LAYOUT))
        layout = folder / "layout.json"
    row = {"accelerometer_path": "wrist.csv", "accelerometer_unit": "g", "skeleton_path": name,
           "accelerometer_rate_hz": "50", **cells}  # fmt: skip
    text = f"subject,action,{','.join(row)}\n"
    for subject, action in (("a", "wave"), ("b", "clap")):
        text += f"{subject},{action},{','.join(row.values())}\n"
    (folder / "manifest.csv").write_text(text)
    loader = CustomLoader(folder / "manifest.csv", skeleton_layout=layout)
    return loader.read(loader.discover().sources[0])


def in_mm(values: np.ndarray) -> np.ndarray:
    return 1000 * values


FORMS: dict[str, tuple[str, Callable[[np.ndarray], str | bytes]]] = {
    "TRC": ("clip.trc", lambda values: made.trc(1000 * values)),
    "TRC in m": ("clip.trc", lambda values: made.trc(values, unit="m")),
    "Vicon": ("clip.csv", lambda values: made.vicon(1000 * values)),
    "c3d": ("clip.c3d", lambda values: made.c3d_bytes(1000 * values)),
}


@pytest.mark.parametrize("form", FORMS)
def test_files_of_markers_tell_names_unit_and_rate(tmp_path: Path, form: str):
    name, content = FORMS[form]
    clip = read(tmp_path, name, content(joints()))
    assert clip.flags == ()
    # c3d holds single precision of millimetres.
    np.testing.assert_allclose(clip.skeleton, joints(), atol=1e-6 if form != "c3d" else 2e-6)


@pytest.mark.parametrize("form", FORMS)
def test_lost_markers_are_bridged(tmp_path: Path, form: str):
    name, content = FORMS[form]
    values = joints()
    values[20:25, 3] = np.nan
    clip = read(tmp_path, name, content(values))
    assert clip.flags == ("joints_bridged",)
    line = np.linspace(joints()[19, 3], joints()[25, 3], 7)
    np.testing.assert_allclose(clip.skeleton[19:26, 3], line, atol=2e-6)


def test_markers_of_other_names_and_order(tmp_path: Path):
    names = ("LASI", "C7", "T10", "LSHO", "RSHO", "LHIP", "RHIP", "RWRI")
    turned = tuple(reversed(names))
    values = made.trc(joints()[:, ::-1], turned, unit="m")
    clip = read(tmp_path, "clip.trc", values, skeleton_columns=";".join(names))
    np.testing.assert_allclose(clip.skeleton, joints(), atol=1e-6)
    with pytest.raises(UserError, match=r"must name them\. Received: no hip.* among RWRI, RHIP"):
        read(tmp_path, "clip.trc", values)


def test_a_vicon_file_that_is_cut_in_its_header_is_refused(tmp_path: Path):
    text = made.vicon(1000 * joints())
    cut = text[: text.index("X,Y,Z") + 5]
    with pytest.raises(UserError, match=r"must hold names, axes, units and frames"):
        read(tmp_path, "clip.csv", cut)


def test_a_key_point_of_hundreds_of_digits_is_refused(tmp_path: Path):
    person = {"pose_keypoints_2d": [10**400] + [0] * 53}
    frames = [json.dumps({"people": [person]})] * 2
    with pytest.raises(UserError, match=r"Key points must be finite"):
        read(tmp_path, "clip", frames, "openpose_18", skeleton_rate_hz="30")


def test_a_stated_rate_or_unit_must_be_that_of_the_file(tmp_path: Path):
    text = made.vicon(1000 * joints())
    with pytest.raises(
        UserError, match=r"or that of the file, 30\. Received: 60 \(file: clip\.csv"
    ):
        read(tmp_path, "clip.csv", text, skeleton_rate_hz="60")
    with pytest.raises(UserError, match=r"or that of the file, mm\. Received: m \(file"):
        read(tmp_path, "clip.csv", text, skeleton_unit="m")
    clip = read(tmp_path, "clip.csv", text, skeleton_rate_hz="30", skeleton_offset="0.5")
    np.testing.assert_allclose(clip.skeleton, joints()[: len(clip.skeleton)], atol=1e-6)
    assert clip.flags == ("trimmed_to_overlap",)


def body(seed: int, frames: int = FRAMES) -> np.ndarray:
    random = np.random.default_rng(seed)
    rest = np.array([0, 0, 3]) + random.uniform(-0.5, 0.8, (25, 3))
    return rest + 0.1 * np.sin(np.arange(frames) / 9)[:, None, None]


def test_ntu_skeleton_of_one_body_and_of_several(tmp_path: Path):
    cells = {"layout": "kinect_v2_25", "skeleton_rate_hz": "30"}
    clip = read(tmp_path, "a.skeleton", made.ntu({"72057594037931101": body(1)}), **cells)
    np.testing.assert_allclose(clip.skeleton, body(1), atol=1e-6)
    second = body(2)
    second[:60] = np.nan
    text = made.ntu({"7": second, "8": body(1)})
    with pytest.raises(UserError, match=r"none; 1 is in 90 frames, 2 is in 30 frames \(file: b"):
        read(tmp_path, "b.skeleton", text, **cells)
    clip = read(tmp_path, "b.skeleton", text, skeleton_key="1", **cells)
    np.testing.assert_allclose(clip.skeleton, body(1), atol=1e-6)
    with pytest.raises(UserError, match=r"A joint may be lost for at most"):
        read(tmp_path, "b.skeleton", text, skeleton_key="2", **cells)
    with pytest.raises(UserError, match=r"skeleton_key, 1 for .* Received: 3; 1 is in 90"):
        read(tmp_path, "b.skeleton", text, skeleton_key="3", **cells)


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda lines: lines[:-1], "must be whole"),
        (lambda lines: [*lines[:-1], lines[-1][:9]], r"must hold 12 numbers here\. Received: 1 in"),
        (
            lambda lines: [*lines, "0"],
            r"end with its last frame and a whole line\. Received: 1 lin",
        ),
        (lambda lines: [*lines[:4], lines[4].replace("0.", "O.", 1), *lines[5:]], "in line 5"),
        (lambda lines: [*lines[:3], "24", *lines[4:]], "with 25 joints"),
    ],
)
def test_a_damaged_ntu_file(tmp_path: Path, damage, rule: str):
    lines = damage(made.ntu({"7": body(1)}).splitlines())
    with pytest.raises(UserError, match=rule):
        read(tmp_path, "a.skeleton", "\n".join(lines) + "\n", "kinect_v2_25", skeleton_rate_hz="30")


def test_bvh(tmp_path: Path):
    """The wrist is 0.5 above the hip, turned about z: x falls with the sine of the angle."""
    layout = {"joint_names": ["hip", "right_wrist"], "parents": [-1, 0]}
    root, degrees = joints()[:, 0], 60 * np.sin(np.arange(FRAMES) / 12)
    turn = np.radians(degrees)
    wrist = root + 0.5 * np.stack([-np.sin(turn), np.cos(turn), 0 * turn], axis=1)
    expected = np.stack([root, wrist], axis=1)
    text = made.bvh(root, degrees)
    clip = read(tmp_path, "clip.bvh", text, layout, skeleton_unit="m")
    np.testing.assert_allclose(clip.skeleton, expected, atol=1e-6)
    with pytest.raises(UserError, match=r"skeleton_unit must be m, cm or mm\. Received: an empty"):
        read(tmp_path, "clip.bvh", text, layout)
    # A last number without its line break may be cut.
    clip = read(tmp_path, "clip.bvh", text.rstrip(), layout, skeleton_unit="m")
    assert clip.flags == ("skeleton_cut",)
    np.testing.assert_allclose(clip.skeleton, expected[:-1], atol=1e-6)


def pose(points: int, seed: int = 0) -> np.ndarray:
    """Returns (frames, points, 3) in pixels with the torso of 144 pixels, x, y and confidence."""
    layout = {25: "openpose_25", 18: "openpose_18"}[points]
    names = [name for name, _ in KNOWN_SKELETONS[layout][0]]
    values = np.random.default_rng(seed).uniform(100, 300, (points, 3))
    for name, place in (("left_shoulder", (240, 100)), ("right_shoulder", (200, 100)),
                        ("left_hip", (240, 244)), ("right_hip", (200, 244))):  # fmt: skip
        values[names.index(name), :2] = place
    values[:, 2] = 0.9
    moved = np.tile(values, (FRAMES, 1, 1))
    moved[:, :, 0] += 20 * np.sin(np.arange(FRAMES) / 9)[:, None]
    return moved


@pytest.mark.parametrize("points", [25, 18])
def test_openpose_frames_in_a_folder(tmp_path: Path, points: int):
    """144 pixels are a torso of 0.288 x 1.7 m; frames 0, 1, ..., 10 are in the order of numbers."""
    values = pose(points)
    frames = made.openpose([[person] for person in values])
    cells = {"layout": f"openpose_{points}", "skeleton_rate_hz": "30"}
    clip = read(tmp_path, "poses", frames, **cells)
    metres = values[:, :, :2] * [1, -1] * 0.288 * 1.7 / 144
    found = clip.skeleton[:, :, :2] - clip.skeleton[:1, :1, :2]
    np.testing.assert_allclose(found, metres - metres[:1, :1], atol=1e-5)
    np.testing.assert_allclose(clip.skeleton[:, :, 2], 0.9, rtol=1e-6)
    assert clip.flags == ()


def test_openpose_frames_of_several_people_and_of_none(tmp_path: Path):
    values, other = pose(25), pose(25, 1)
    cells = {"layout": "openpose_25", "skeleton_rate_hz": "30"}
    people = [[person] for person in values]
    people[7] = []
    other[8, :, 2] = 0.2
    people[8].append(other[8])
    clip = read(tmp_path, "poses", made.openpose(people), **cells)
    assert set(clip.flags) == {"frames_bridged", "people_left_out"}
    people[9].append(other[9])
    with pytest.raises(UserError, match=r"--number_people_max=1\. Received: 2 people in frame 9"):
        read(tmp_path, "more", made.openpose(people), **cells)
    with pytest.raises(UserError, match=r"have 2 dimensions, and so must skeleton_layout"):
        read(tmp_path, "flat", made.openpose([[person] for person in values]), "kinect_v2_25")


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        ("{", "Each frame of OpenPose must be a whole JSON object"),
        ("[1]", "must hold a list of people"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, "x"]}]}', "must have pose_keypoints_2d"),
        (made.openpose([[100 * pose(25)[0]]])[0], "must be in pixels"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, NaN]}]}', "must be finite"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 0.9]}]}', "must have 25, 18, 17 key points"),
    ],
)
def test_a_damaged_frame_of_openpose(tmp_path: Path, frame: str, rule: str):
    frames = [*made.openpose([[person] for person in pose(25)]), frame]
    with pytest.raises(UserError, match=rule):
        read(tmp_path, "poses", frames, "openpose_25", skeleton_rate_hz="30")


def test_pixels_of_any_layout_in_two_dimensions(tmp_path: Path):
    layout = {**made.LAYOUT, "dimensions": 2}
    values = joints() * [100, -100, 0] + [300, 400, 0.8]
    text = "\n".join(",".join(f"{v:.9f}" for v in frame.ravel()) for frame in values) + "\n"
    cells = {"skeleton_unit": "px", "skeleton_rate_hz": "30"}
    clip = read(tmp_path, "clip.csv", text, layout, **cells)
    left = [NAMES.index(name) for name in ("left_shoulder", "left_hip")]
    torso = clip.skeleton[:, left[0], :2] - clip.skeleton[:, left[1], :2]
    np.testing.assert_allclose(
        torso, np.tile([-0.1, 0.5], (FRAMES, 1)) * 0.288 * 1.7 / 0.5, atol=1e-5
    )
    layout["joint_names"] = [name.replace("left_hip", "hip_on_the_left") for name in NAMES]
    with pytest.raises(
        UserError, match=r"A skeleton in px needs the joints .* no left_hip \(file: c"
    ):
        read(tmp_path, "clip.csv", text, layout, **cells)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("clip.mp4", "estimate a skeleton first"),
        ("clip.fbx", "export BVH"),
        ("clip.xlsx", "as CSV"),
    ],
)
def test_other_files_say_what_to_do(tmp_path: Path, name: str, hint: str):
    with pytest.raises(UserError, match=rf"skeleton_path must end with .*{name} \(.*{hint}"):
        read(tmp_path, name, "")


def test_an_empty_folder_is_no_skeleton(tmp_path: Path):
    with pytest.raises(UserError, match=r"must hold \.json frames of OpenPose\. Received: poses"):
        read(tmp_path, "poses", [])


def test_frames_of_openpose_must_be_all_there(tmp_path: Path):
    frames = made.openpose([[person] for person in pose(25)])
    cases = [("a", "", "clip_7_keypoints.json is empty")]
    cases += [("b", None, "clip_8_keypoints.json does not follow frame 6")]
    for name, content, found in cases:
        write(tmp_path / name, frames)
        path = tmp_path / name / "clip_7_keypoints.json"
        path.unlink() if content is None else path.write_text(content)
        with pytest.raises(UserError, match=f"must be readable. Received: {found}"):
            read(tmp_path, f"{name}/", [], "openpose_25", skeleton_rate_hz="30")


def test_the_package_for_c3d_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = made.c3d_bytes(1000 * joints())
    monkeypatch.setitem(__import__("sys").modules, "c3d", None)
    with pytest.raises(UserError, match=r"pip install 'pskd_tf\[c3d\]', or export TRC or CSV"):
        read(tmp_path, "clip.c3d", content)


def test_a_skeleton_alone_takes_the_rate_of_its_file(tmp_path: Path):
    write(tmp_path / "clip.trc", made.trc(1000 * joints()))
    (tmp_path / "layout.json").write_text(json.dumps(made.LAYOUT))
    text = "subject,action,accelerometer_path,accelerometer_unit,skeleton_path,start,end\n"
    (tmp_path / "manifest.csv").write_text(
        text + "a,wave,,,clip.trc,0.5,2\nb,clap,,,clip.trc,0,1\n"
    )
    loader = CustomLoader(tmp_path / "manifest.csv", skeleton_layout=tmp_path / "layout.json")
    clip = loader.read(loader.discover().sources[0])
    np.testing.assert_allclose(clip.skeleton, joints()[15:61], atol=1e-6)
    assert clip.flags == ("no_accelerometer",)
