"""MMAct from generated files in its official layout: values, defects, protocols and damage."""

import collections
import json
import pickle
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from data_prep.clip import Clip, check_clip
from data_prep.errors import UserError
from data_prep.loaders.mmact import MMActLoader
from mmact_files import POSE, person, pose_json, sensor_csv, turning_gravity, write

SECONDS = np.arange(200) / 100
WALK = "acc_watch_clip/subject1/scene1/session1/walking.csv"
WALK_POSE = f"{POSE}/subject1/cam1/scene1/session1/walking.json"


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    """Four clips of the watch, each 2 s at 100 Hz; the first of them with a pose of camera 1."""
    raw = tmp_path / "raw"
    for path in (
        "subject1/scene1/session1/walking",
        "subject2/scene2/session5/Carrying_light",
        "subject17/scene4/session1/walking",
        "subject10/scene3/session2/fall",
    ):
        text = sensor_csv(SECONDS, turning_gravity(SECONDS))
        write(raw, f"acc_watch_clip/{path}.csv", text)
    write(raw, WALK_POSE, pose_json())
    return raw


def walking_clip(raw: Path, **options) -> Clip:
    loader = MMActLoader(raw, **options)
    sources = loader.discover().sources
    name = "subject1_scene1_session1_walking"
    clip = loader.read(next(source for source in sources if source.clip_id == name))
    check_clip(clip, skeleton_dimensions=2)
    return clip


def test_discovery(raw_dir: Path):
    discovery = MMActLoader(raw_dir).discover()
    names = discovery.description.class_names
    assert [source.clip_id for source in discovery.sources] == [
        "subject2_scene2_session5_carrying_light", "subject10_scene3_session2_fall",
        "subject1_scene1_session1_walking", "subject17_scene4_session1_walking",
    ]  # fmt: skip
    assert [names[source.action] for source in discovery.sources] == [
        "carrying_light", "fall", "walking", "walking",
    ]  # fmt: skip
    assert (len(names), names) == (35, sorted(names))
    description = discovery.description
    assert description.subjects == ["1", "2", "10", "17"]
    assert (description.alignment, description.skeleton_dimensions) == ("clip", 2)
    assert description.joint_names[10] == "right_wrist"
    assert "3 of 4 clips have no pose of this camera, 0 of them one of another" in (
        description.source_notes
    )


def test_protocols(raw_dir: Path):
    protocols = MMActLoader(raw_dir).discover().description.protocols
    assert protocols["cross_subject"] == {
        "train_subjects": ["1", "2", "10"], "test_subjects": ["17"], "metric": "macro_f1",
    }  # fmt: skip
    assert protocols["cross_session"] == {
        "train": {"session": ["1", "2"]}, "test": {"session": ["5"]},
        "metric": "macro_f1", "leaks_subjects": True,
    }  # fmt: skip
    assert protocols["cross_scene"]["train"] == {"scene": ["1", "3", "4"]}
    assert protocols["cross_scene"]["test"] == {"scene": ["2"]}


def test_values_and_units(raw_dir: Path):
    clip = walking_clip(raw_dir)
    np.testing.assert_allclose(clip.accelerometer, turning_gravity(SECONDS) / 9.80665, atol=1e-5)
    assert (clip.subject, clip.sensor_place) == ("1", "right_wrist")
    assert clip.attributes == {"session": "1", "scene": "1"}
    assert clip.flags == ()
    assert clip.accelerometer.dtype == clip.skeleton.dtype == np.float32
    assert clip.sources["accelerometer"][0] == WALK
    assert clip.sources["skeleton"][0] == WALK_POSE


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_body_is_scaled_by_its_torso_and_stands_upright(raw_dir: Path, scale: float):
    """97.92 pixels of torso are 0.288 of 340, so a pixel is 1.7 / 340 m whatever the zoom."""
    write(raw_dir, WALK_POSE, pose_json(scale=scale))
    skeleton = walking_clip(raw_dir).skeleton
    assert skeleton.shape == (60, 17, 3)
    np.testing.assert_allclose(skeleton[0, 0], [0, 147.92 / 200, 0.9], atol=1e-5)
    np.testing.assert_allclose(skeleton[5, 10, 1] - skeleton[0, 10, 1], 15 / 200, atol=1e-5)
    assert skeleton[0, 5, 0] == pytest.approx(35 / 200, abs=1e-5)


def test_phone(raw_dir: Path):
    text = sensor_csv(SECONDS, turning_gravity(SECONDS))
    write(raw_dir, WALK.replace("watch", "phone"), text)
    assert walking_clip(raw_dir, sensor="phone").sensor_place == "phone"
    assert MMActLoader(raw_dir, sensor="phone").discover().description.wrist_place == "phone"


def test_g_instead_of_metres_per_second_squared_is_caught(raw_dir: Path):
    write(raw_dir, WALK, sensor_csv(SECONDS, turning_gravity(SECONDS) / 9.80665))
    with pytest.raises(UserError, match=r"unit of the accelerometer must be g.*walking\.csv"):
        walking_clip(raw_dir)


@pytest.mark.parametrize("header", ["time,x,y,z\n", "Time, X, Y, Z\n", '"time","x","y","z"\n'])
def test_header_is_tolerated(raw_dir: Path, header: str):
    write(raw_dir, WALK, "\ufeff" + sensor_csv(SECONDS, turning_gravity(SECONDS), header))
    clip = walking_clip(raw_dir)
    assert (len(clip.accelerometer), clip.flags) == (200, ())


@pytest.mark.parametrize("header", ["time,z,y,x\n", "x,y,z,time\n", "time,x,y\n"])
def test_header_of_another_order_is_refused(raw_dir: Path, header: str):
    write(raw_dir, WALK, sensor_csv(SECONDS, turning_gravity(SECONDS), header))
    with pytest.raises(UserError, match="header must name 4 columns: the time first"):
        walking_clip(raw_dir)


def test_unsorted_and_double_stamps_are_mended_and_noted(raw_dir: Path):
    lines = sensor_csv(SECONDS, turning_gravity(SECONDS)).splitlines(keepends=True)
    lines[10], lines[11] = lines[11], lines[10]
    lines.insert(50, lines[50])
    write(raw_dir, WALK, "".join(lines))
    clip = walking_clip(raw_dir)
    assert clip.flags == ("stamps_sorted", "duplicates_merged")
    expected = turning_gravity(SECONDS) / 9.80665
    np.testing.assert_allclose(clip.accelerometer, expected, atol=1e-5)


@pytest.mark.parametrize(("lost", "flags"), [(0.5, ("gaps_bridged",)), (1.1, None)])
def test_gap_is_noted_then_bad(raw_dir: Path, lost: float, flags: tuple | None):
    seconds = np.arange(400) / 100
    kept = (seconds < 1) | (seconds > 1 + lost)
    write(raw_dir, WALK, sensor_csv(seconds[kept], turning_gravity(seconds[kept])))
    if flags:
        clip = walking_clip(raw_dir)
        assert (clip.flags, len(clip.accelerometer)) == (flags, 400)
    else:
        with pytest.raises(UserError, match=r"at most 1 s apart.*walking\.csv"):
            walking_clip(raw_dir)


def test_stamps_of_whole_seconds_are_spread_or_refused(raw_dir: Path):
    seconds = np.arange(800) / 100
    text = sensor_csv(np.floor(seconds), turning_gravity(seconds))
    write(raw_dir, WALK, text)
    clip = walking_clip(raw_dir)
    expected = turning_gravity(seconds) / 9.80665
    np.testing.assert_allclose(clip.accelerometer, expected, atol=1e-5)
    assert clip.flags == ("stamps_respaced",)
    seconds = np.delete(seconds, np.s_[430:450])
    write(raw_dir, WALK, sensor_csv(np.floor(seconds), turning_gravity(seconds)))
    with pytest.raises(
        UserError, match=r"fit one rate\. Received: 80 samples in 1 s at sample 400"
    ):
        walking_clip(raw_dir)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "must hold samples. Received: an empty file"),
        ("time,x,y,z\n", "at least 2 rows. Received: 0"),
        ("20181016_13:37:28.612000,0,9.8,0\n", "at least 2 rows. Received: 1"),
        ("\x00\xff" * 100, "a cut line"),
    ],
)
def test_bad_sensor_files(raw_dir: Path, content: str, error: str):
    write(raw_dir, WALK, content)
    with pytest.raises(UserError, match=f"{error}.*walking.csv"):
        walking_clip(raw_dir)


def named(joints: list[list[float]]) -> dict[str, Any]:
    head = ["nose", "left_eye", "right_eye", "left_ear", "right_ear"]
    limbs = ["shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
    names = head + [f"{side}_{limb}" for limb in limbs for side in ("left", "right")]
    return dict(zip(names, joints, strict=True))


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: [value for row in rows for value in row],
        lambda rows: [rows],
        lambda rows: [[value for row in rows for value in row]],
        named,
        lambda rows: {name.replace("_", " ").title(): row for name, row in named(rows).items()},
        lambda rows: {str(n): dict(zip("xyc", row, strict=True)) for n, row in enumerate(rows)},
        lambda rows: [dict(zip(("x", "y", "score"), row, strict=True)) for row in rows],
    ],
    ids=["flat", "wrapped", "wrapped_flat", "names", "titles", "numbers", "objects"],
)
def test_every_form_of_a_person_gives_the_same_skeleton(raw_dir: Path, form):
    expected = walking_clip(raw_dir).skeleton
    frames = {f"frame_{n:04d}.jpg": {"person1": form(person(n))} for n in range(60)}
    write(raw_dir, WALK_POSE, dict(reversed(frames.items())))  # and in any order
    np.testing.assert_array_equal(walking_clip(raw_dir).skeleton, expected)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "must be JSON in UTF-8"),
        ("[" * 100_000, "must be JSON in UTF-8"),
        ([1, 2], "an object of frames. Received: a list of 2 of 1 "),
        ({}, "an object of frames. Received: an object with 0 keys"),
        ({"0": [person(0)]}, "object of person1 and person2. Received: a list of 1 of a list"),
        ({"0": {"people": []}}, "an object with 1 keys \\('people'\\) of a list of 0 in frame '0'"),
        ({"0": {"person1": [1, 2]}}, "17 joints of x, y and confidence. Received: a list of 2"),
        ({"0": {"person1": np.array(person(0)).T.tolist()}}, "a list of 3 of a list of 17"),
        ({"0": {"person1": {"nose": [1, 2, 3]}}}, r"an object with 1 keys \('nose'\) of a list"),
        ({"0": {"person1": [*person(0)[:16], [1, 2, None]]}}, "17 joints of x, y and confidence"),
        ({"0": {"person1": []}, "1": {}}, "must show a person. Received: 2 empty frames"),
        ({"1": {}, "01": {}, "2": {"person1": person(0)}}, "each frame once"),
        ({"1": {}, "2": {}, "99999999": {}}, "span at most 100000 frames"),
    ],
)
def test_errors_of_bad_poses_describe_the_value(raw_dir: Path, content: Any, error: str):
    write(raw_dir, WALK_POSE, content)
    with pytest.raises(UserError, match=f"{error}.*walking.json"):
        walking_clip(raw_dir)


@pytest.mark.parametrize(
    ("factor", "error"),
    [([1 / 1920, 1 / 1080, 1], "in pixels"), ([1e3, 1e3, 1], "in pixels"), ([1, 1, 100], "0 to 1")],
)
def test_units_of_the_pose(raw_dir: Path, factor: list[float], error: str):
    frames = {str(n): {"person1": (np.array(person(n)) * factor).tolist()} for n in range(9)}
    write(raw_dir, WALK_POSE, frames)
    with pytest.raises(UserError, match=error):
        walking_clip(raw_dir)


def test_lost_frames_are_bridged_and_noted(raw_dir: Path):
    expected = walking_clip(raw_dir).skeleton
    frames = pose_json()
    for n in range(20, 30):
        frames[str(n)] = {"person1": [], "person2": None}
    for n in range(40, 45):
        del frames[str(n)]
    write(raw_dir, WALK_POSE, frames)
    clip = walking_clip(raw_dir)
    assert clip.flags == ("frames_bridged",)
    np.testing.assert_allclose(clip.skeleton[:, :, :2], expected[:, :, :2], atol=1e-5)
    assert clip.skeleton[[19, 20, 29, 30, 42], 3, 2].tolist() == pytest.approx([0.9, 0, 0, 0.9, 0])


def test_unseen_joints_are_bridged_or_lie_on_their_parent(raw_dir: Path):
    expected = walking_clip(raw_dir).skeleton
    frames = pose_json()
    for n in range(60):
        frames[str(n)]["person1"][9] = [0, 0, 0]
    frames["7"]["person1"][10] = [0, 0, 0]
    write(raw_dir, WALK_POSE, frames)
    clip = walking_clip(raw_dir)
    assert clip.flags == ("joints_bridged",)
    np.testing.assert_allclose(clip.skeleton[:, 9, :2], expected[:, 7, :2], atol=1e-6)
    np.testing.assert_allclose(clip.skeleton[7, 10], [*expected[7, 10, :2], 0], atol=1e-5)


def test_person_lost_for_long_leaves_no_skeleton(raw_dir: Path):
    frames = pose_json()
    for n in range(20, 36):
        frames[str(n)] = {}
    write(raw_dir, WALK_POSE, frames)
    clip = walking_clip(raw_dir)
    assert (clip.skeleton, clip.flags) == (None, ("person_lost", "no_skeleton"))
    assert set(clip.sources) == {"accelerometer"}


def test_torso_never_seen_leaves_no_skeleton(raw_dir: Path):
    frames = pose_json()
    for frame in frames.values():
        frame["person1"][11][2] = 0.1
    write(raw_dir, WALK_POSE, frames)
    assert walking_clip(raw_dir).flags == ("person_lost", "no_skeleton")


def test_the_person_seen_most_is_followed(raw_dir: Path):
    expected = walking_clip(raw_dir).skeleton
    other = [[x + 300, y, c] for x, y, c in person(0)]
    frames = {
        str(n): {"person1": other if n % 3 == 0 else [], "person2": person(n)} for n in range(60)
    }
    write(raw_dir, WALK_POSE, frames)
    clip = walking_clip(raw_dir)
    assert clip.flags == ("person2_used",)
    np.testing.assert_array_equal(clip.skeleton, expected)
    for n in range(60):
        frames[str(n)]["person1"] = other
    write(raw_dir, WALK_POSE, frames)
    assert walking_clip(raw_dir).flags == ()


def test_no_other_camera_stands_in(raw_dir: Path):
    pose = raw_dir / WALK_POSE
    write(raw_dir, WALK_POSE.replace("cam1", "cam3"), pose_json(30))
    assert walking_clip(raw_dir, camera=3).skeleton.shape == (30, 17, 3)
    pose.unlink()
    assert walking_clip(raw_dir).flags == ("no_skeleton",)
    notes = MMActLoader(raw_dir).discover().description.source_notes
    assert "4 of 4 clips have no pose of this camera, 1 of them one of another" in notes


def test_archives_give_the_same_clip(raw_dir: Path, tmp_path: Path):
    expected = walking_clip(raw_dir)
    zipped = tmp_path / "zipped"
    shutil.make_archive(str(zipped / "acc_watch_clip"), "zip", raw_dir, "acc_watch_clip")
    shutil.make_archive(str(zipped / "trimmed_pose"), "zip", raw_dir, "pose")
    clip = walking_clip(zipped)
    np.testing.assert_array_equal(clip.accelerometer, expected.accelerometer)
    np.testing.assert_array_equal(clip.skeleton, expected.skeleton)
    assert clip.sources["accelerometer"] == (
        f"acc_watch_clip.zip/{WALK}", expected.sources["accelerometer"][1]
    )  # fmt: skip
    assert set(MMActLoader(zipped).discover().description.sources) == {
        "acc_watch_clip.zip", "trimmed_pose.zip",
    }  # fmt: skip


def test_further_labels_come_last_and_are_noted(raw_dir: Path):
    write(raw_dir, WALK.replace("walking", "Using_phone_desk"), "")
    description = MMActLoader(raw_dir).discover().description
    assert description.class_names[35:] == ["using_phone_desk"]
    assert "labels beyond the 35 known: using_phone_desk" in description.source_notes


def test_errors_of_discovery(raw_dir: Path):
    with pytest.raises(UserError, match=r"one of watch, phone\. Received: glasses"):
        MMActLoader(raw_dir, sensor="glasses")
    with pytest.raises(UserError, match=r"camera must be 1 to 4\. Received: 5"):
        MMActLoader(raw_dir, camera=5)
    with pytest.raises(UserError, match="needs files named acc_phone_clip/subject1/scene1"):
        MMActLoader(raw_dir, sensor="phone").discover()
    write(raw_dir, f"copy/{WALK}", "other")
    with pytest.raises(UserError, match="A file found twice must be the same"):
        MMActLoader(raw_dir).discover()


def test_loader_and_sources_are_picklable(raw_dir: Path):
    loader = MMActLoader(raw_dir)
    source = loader.discover().sources[0]
    again = pickle.loads(pickle.dumps((loader, source)))  # this process's own bytes
    np.testing.assert_array_equal(
        again[0].read(again[1]).accelerometer, loader.read(source).accelerometer
    )


def damaged_csv(text: str, dice: random.Random) -> bytes:
    """Breaks a csv file in one of the ways that files break."""
    rows = [line.split(",") for line in text.splitlines()]
    some = dice.sample(range(len(rows)), dice.choice([1, 5, len(rows) // 8, len(rows) // 2]))
    column = dice.randrange(4)
    kind = dice.choice(["columns", "stamps", "words", "huge", "rows", "unit", "twice"])
    if kind == "columns":
        for row in some if dice.random() < 0.5 else range(len(rows)):
            del rows[row][column]
    elif kind == "stamps":
        stamps = [rows[row][0] for row in some]
        dice.shuffle(stamps)
        for row, stamp in zip(some, stamps, strict=True):
            rows[row][0] = stamp
    elif kind in ("words", "huge"):
        cells = {"words": ["", "abc", "nan", "9_8", "0x1F"], "huge": ["1e12", "-1e308", "1e999"]}
        for row in some:
            rows[row][column] = dice.choice(cells[kind])
    elif kind == "rows":
        first = dice.randrange(len(rows))
        del rows[first : first + dice.choice([1, 30, 120])]
    elif kind == "unit":
        factor = dice.choice([9.80665, 1 / 9.80665, 1000.0])
        rows = [[stamp, *(f"{float(cell) * factor:.6f}" for cell in rest)] for stamp, *rest in rows]
    else:
        rows = [row for row in rows for _ in range(2)]
    return "".join(",".join(row) + "\n" for row in rows).encode()


def damaged_pose(text: str, dice: random.Random) -> bytes:
    """Breaks a pose file where a program might."""
    frames = json.loads(text)
    odd = [None, "abc", 1e12, 10**400, [], {}, [[[]]], True, float("nan"), -1.0]
    for _ in range(dice.choice([1, 3, 20])):
        key = dice.choice(list(frames) or ["0"])
        kind = dice.choice(["frame", "person", "joint", "number", "delete", "key"])
        if kind == "delete":
            frames.pop(key, None)
        elif kind == "key":
            frames[dice.choice(["x", "1e9", "007", "4294967296"])] = frames.pop(key, {})
        elif kind == "frame":
            frames[key] = dice.choice([{}, {"person1": []}, *odd])
        else:
            joints = person(int(dice.random() * 40))
            joint = dice.randrange(17)
            if kind == "joint":
                joints[joint] = dice.choice(odd)
            elif kind == "number":
                joints[joint][dice.randrange(3)] = dice.choice(odd)
            frames[key] = {"person1": dice.choice(odd) if kind == "person" else joints}
    return json.dumps(frames).encode()


def damaged_bytes(text: str, dice: random.Random) -> bytes:
    if dice.random() < 0.5:
        return text.encode()[: dice.randrange(len(text))]
    content = bytearray(text.encode())
    for _ in range(dice.choice([1, 10, 200])):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    return bytes(content)


def test_damaged_copies_are_refused_or_noted(tmp_path: Path, capsys):
    """200 damaged copies: clean, noted or one UserError; never another unit or another error."""
    original = {
        WALK: sensor_csv(SECONDS, turning_gravity(SECONDS)),
        WALK_POSE: json.dumps(pose_json(40)),
    }
    for name, text in original.items():
        write(tmp_path, name, text)
    loader = MMActLoader(tmp_path)
    source = loader.discover().sources[0]
    counts: collections.Counter[str] = collections.Counter()

    @settings(
        max_examples=200, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )  # fmt: skip
    @given(st.integers(0, 2**32), st.sampled_from(sorted(original)))
    def once(seed: int, name: str) -> None:
        dice = random.Random(seed)
        damage = damaged_csv if name == WALK else damaged_pose
        damage = dice.choice([damage, damage, damaged_bytes])
        for other, text in original.items():
            (tmp_path / other).write_text(text)
        (tmp_path / name).write_bytes(damage(original[name], dice))
        try:
            clip = loader.read(source)
            check_clip(clip, skeleton_dimensions=2)
        except UserError as error:
            assert "walking." in str(error)
            assert "\n" not in str(error)
            counts["refused"] += 1
            return
        counts["noted" if clip.flags else "clean"] += 1
        assert 0.8 < np.median(np.linalg.norm(clip.accelerometer, axis=1)) < 1.2
        assert len(clip.accelerometer) <= 2 * len(SECONDS)
        if clip.skeleton is not None:
            height = np.median(np.ptp(clip.skeleton[:, :, 1], axis=1))
            assert height == pytest.approx(326 / 200, rel=0.15)

    once()
    with capsys.disabled():
        print(f"\nMMAct, damaged copies: {dict(sorted(counts.items()))}")
    assert sum(counts.values()) >= 200
    assert min(counts["refused"], counts["noted"], counts["clean"]) >= 5
