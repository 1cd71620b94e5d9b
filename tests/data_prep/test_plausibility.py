"""Doubts about recordings, each with the smallest case that raises it."""

from pathlib import Path

import numpy as np
import pytest

from data_prep.clip import Clip
from data_prep.plausibility import (
    SetDoubts,
    body_doubts,
    clip_doubts,
    gravity_axis,
    gravity_doubt,
    limb_doubts,
    prepared_doubts,
    spelling_doubts,
)
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set import PreparedSet
from data_prep.skeletons import SkeletonLayout

SECONDS = np.arange(301) / 50
SWING = np.sin(2 * np.pi * SECONDS)


def worn(gravity: float = 1.0) -> np.ndarray:
    """A wrist that turns by a right angle to and fro."""
    angle = np.pi / 4 * SWING
    up = np.stack([np.sin(angle), np.cos(angle), 0 * angle], axis=1)
    return gravity * up + 0.3 * SWING[:, None]


def body(frames: int = 181) -> np.ndarray:
    """A standing body of 1.8 m that sways by 10 cm, 2 m in front of the camera."""
    joints = np.zeros((frames, 20, 3))
    joints[:, :, 1] = np.linspace(-0.9, 0.9, 20)
    joints[:, :, 0] = 0.1 * np.sin(np.arange(frames) / 10)[:, None]
    joints[:, :, 2] = 2.0
    return joints


def test_a_worn_sensor_raises_no_doubt():
    assert gravity_doubt(worn()) == ""
    assert gravity_doubt(-worn()) == ""


@pytest.mark.parametrize(
    ("values", "mean", "meant"),
    [
        (worn(0.0), "0.00", "without gravity"),
        (90 * SWING[:, None] * [1, 2, 3], "0.00", "a gyroscope"),
        (2.0 * worn(), "1.70", "another unit or scale (m/s^2 taken as g?)"),
        (9.80665 * worn(), "8.36", "m/s^2 taken as g"),
    ],
)
def test_mean_vector_far_from_1_g(values: np.ndarray, mean: str, meant: str):
    text = gravity_doubt(values)
    assert text.startswith(f"the mean vector is {mean} g, far from 1")
    assert meant in text


def test_axis_of_gravity():
    assert gravity_axis(np.array([0.1, -0.2, -0.9])) == "-z"
    assert gravity_axis(worn().mean(axis=0)) == "+y"


def test_a_body_raises_no_doubt():
    assert body_doubts(body(), 6.0) == []
    assert body_doubts(body()[:, :, :2], 6.0, 2) == []


def test_body_that_jumps():
    joints = body()
    joints[90:, :, 0] += 3.0
    (text,) = body_doubts(joints, 6.0)
    assert text == "the body jumps by 3 m from one frame to the next"
    walking = body()
    walking[:, :, 0] += 0.2 * np.arange(181)[:, None]  # 6 m/s
    assert body_doubts(walking, 6.0) == []


def test_one_joint_that_is_seen_elsewhere_is_no_jump_of_the_body():
    joints = body()
    joints[90:, 3, 0] += 3.0
    assert body_doubts(joints, 6.0) == []


def test_two_bodies_frame_by_frame():
    joints = body()
    joints[::2, :, 0] += 1.0
    assert body_doubts(joints, 6.0) == ["the body changes place to and fro 180 times: two bodies?"]


def test_frozen_body():
    joints = body()
    joints[60:90] = joints[60]
    joints[90:] = joints[60] + np.arange(1, 92)[:, None, None] / 1000
    assert body_doubts(joints, 6.0) == [
        "the skeleton stays exactly the same for a second or longer"
    ]
    joints[75] += 0.001
    assert body_doubts(joints, 6.0) == []


def test_parts_of_an_image_as_metres():
    joints = body()
    joints[:, :, 0] = 0.5 + joints[:, :, 0]
    joints[:, :, 1] = 0.5 + joints[:, :, 1] / 2
    assert body_doubts(joints, 6.0) == [
        "x and y lie between 0 and 1 throughout: parts of an image, not metres?"
    ]


def test_few_frames_for_the_time():
    (text,) = body_doubts(body(31), 6.0)
    assert text.startswith("31 frames in 6.0 s are 5 a second")


def test_doubts_of_a_clip_name_it(still_clip):
    clip = still_clip(accelerometer=np.float32(2 * worn()), skeleton=np.float32(body(31)))
    found = clip_doubts(clip, 50.0, SkeletonLayout(("a",) * 4, (-1, 0, 1, 2)))
    assert [(doubt.kind, doubt.where) for doubt in found] == [
        ("gravity", "a1_s1_t1"), ("body", "a1_s1_t1"),
    ]  # fmt: skip
    assert not any(doubt.is_error for doubt in found)


def test_a_sensor_that_stays_the_same(still_clip):
    values = np.float32(worn())
    values[20:71] = values[20]
    (doubt,) = clip_doubts(still_clip(accelerometer=values), 50.0)
    assert (doubt.kind, doubt.text) == (
        "frozen", "the accelerometer stays at exactly the same values for 1.0 s",
    )  # fmt: skip
    assert clip_doubts(still_clip(accelerometer=values), 60.0) == []


def test_limbs_that_change_their_length():
    """A column of four joints, 0.4 m apart: the parents are the joints below."""
    joints = np.zeros((90, 4, 3))
    joints[:, :, 1] = 0.4 * np.arange(4)
    assert list(limb_doubts(joints, (-1, 0, 1, 2))) == []
    joints[::3] *= 1.6  # another person
    (text,) = limb_doubts(joints, (-1, 0, 1, 2))
    assert text.startswith("the body is 1 to 1.6 times as large as usual")
    joints[::3] /= 1.6
    joints[::3, 3, 1] += 0.6
    joints[1::3, 3, 1] -= 0.3
    (text,) = limb_doubts(joints, (-1, 0, 1, 2))
    assert text.startswith("in 67% of the frames a limb is half or twice as long as usual")


def test_names_spelt_in_two_ways():
    found = list(
        spelling_doubts("subject", ["01", "1", "10", "2", "s3", "S03", "s 4", "s_4", "s5"])
    )
    assert [doubt.text for doubt in found] == [
        "is spelt in 2 ways: 01, 1",
        "is spelt in 2 ways: S03, s3",
        "is spelt in 2 ways: s 4, s_4",
    ]


def whole(clips: list[tuple[Clip, str]]) -> list[tuple[str, str, str]]:
    doubts = SetDoubts()
    for clip, action in clips:
        doubts.add(clip, action)
    return [(doubt.kind, doubt.where, doubt.text) for doubt in doubts.problems()]


def changed(still_clip, name: str, seed: int, **changes) -> Clip:
    values = np.float32(np.random.default_rng(seed).normal([0, 1, 0], 0.1, (9, 3)))
    sources = {"accelerometer": (f"{name}.csv", f"hash {seed}")}
    return still_clip(**{"clip_id": name, "accelerometer": values, "sources": sources, **changes})


def test_the_same_samples_under_two_labels_and_two_subjects(still_clip):
    clips = [
        (changed(still_clip, "a", 1), "wave"),
        (changed(still_clip, "b", 2), "wave"),
        (changed(still_clip, "c", 1), "clap"),
        (changed(still_clip, "d", 1, subject="2"), "wave"),
        (changed(still_clip, "e", 1), "wave"),
    ]
    assert whole(clips) == [
        ("copy", "c", "the same samples as a, whose action is wave"),
        ("copy", "d", "the same samples as a, whose subject is 1"),
        ("copy", "e", "the same samples as a"),
    ]


def test_the_same_bytes_cut_differently(still_clip):
    """Two files; stretches of one file are no copies."""
    first = changed(still_clip, "a", 1)
    later = changed(still_clip, "b", 2, sources={"accelerometer": ("copy.csv", "hash 1")})
    stretch = changed(still_clip, "c", 3, sources={"accelerometer": ("a.csv", "hash 1")})
    assert whole([(first, "wave"), (later, "clap"), (stretch, "clap")]) == [
        ("copy", "b", "the same samples as a, whose action is wave")
    ]


def test_the_same_skeleton_of_two_people(still_clip):
    clips = [
        changed(still_clip, name, seed, subject=str(seed), skeleton=np.float32(body()))
        for seed, name in enumerate("ab")
    ]
    assert whole([(clip, "wave") for clip in clips]) == [
        ("copy", "b", "the same frames as a, whose subject is 0")
    ]


def test_gravity_of_opposite_sign(still_clip):
    def clips(signs: dict[str, int], place: str = "right_wrist") -> list[tuple[Clip, str]]:
        made = []
        for subject, sign in signs.items():
            for trial in range(2):
                clip = changed(still_clip, f"{subject}{trial}{place}", ord(subject) + 100 * trial)
                values = sign * clip.accelerometer
                made.append((still_clip(
                    clip_id=clip.clip_id, subject=subject, sensor_place=place,
                    accelerometer=values, sources={},
                ), "wave"))  # fmt: skip
        return made

    assert whole(clips({"a": 1, "b": 1, "c": 1})) == []
    ((kind, where, text),) = whole(clips({"a": 1, "b": -1, "c": 1}))
    assert (kind, where) == ("sign", "subject b")
    assert text.startswith("gravity lies on -y at the right_wrist, and on the other side for")
    assert whole(clips({"a": 1, "b": 1}) + clips({"c": -1, "d": -1}, "right_thigh")) == []


def test_gravity_elsewhere_than_in_the_other_trials(still_clip):
    clips = [(changed(still_clip, name, seed), "wave") for seed, name in enumerate("abc")]
    assert whole(clips) == []
    turned = changed(still_clip, "d", 7)
    turned = still_clip(clip_id="d", accelerometer=turned.accelerometer[:, [1, 0, 2]], sources={})
    ((kind, where, text),) = whole([*clips, (turned, "wave")])
    assert (kind, where) == ("sign", "d")
    assert "gravity lies on +x, " in text
    assert "degrees from the other 3 clips of this subject and action" in text
    assert whole([clips[0], (turned, "wave")]) == []  # nobody knows which of the two is right


def test_a_prepared_set_of_any_loader(prepare, utd_dir: Path, write_mat):
    """The three clips of this UTD-MHAD have the same bytes, 1 m from frame to frame."""
    result = prepare(raw_dir=utd_dir)
    assert result.returncode == 0
    lines = [line for line in result.stdout.splitlines() if line.startswith("warning")]
    assert lines == [
        "warning (body): 3 times (a1_s1_t1, a1_s2_t1, a22_s1_t1): the body jumps by 1 m from one "
        "frame to the next",
        "warning (copy): a1_s2_t1: the same samples as a1_s1_t1, whose subject is 1",
        "warning (copy): a22_s1_t1: the same samples as a1_s1_t1, whose action is swipe_left",
    ]


def test_generated_data_raises_no_doubt(tmp_path: Path):
    prepared = prepare_dataset("synthetic", None, tmp_path / "set")
    assert prepared_doubts(prepared) == []


def test_real_recordings_raise_no_doubts(real_utd: PreparedSet):
    found = prepared_doubts(real_utd)
    subjects = dict(real_utd.manifest[["clip_id", "subject"]].to_numpy())
    training = [doubt for doubt in found if subjects.get(doubt.where) in {"1", "3", "5", "7"}]
    assert [doubt.kind for doubt in training] == []
    assert len(found) <= 8  # of all 861 clips


@pytest.mark.parametrize(("unit", "doubts"), [(1.0, 0), (np.pi / 180, 1)])
def test_turn_rates_in_radians_are_found(unit: float, doubts: int):
    """A wrist that turns by a right angle and back: the gyroscope cannot turn less than gravity."""
    rate = np.zeros((len(SECONDS), 3))
    rate[:, 2] = np.degrees(np.gradient(-np.pi / 4 * SWING, SECONDS))
    slow = np.gradient(SECONDS)[0]
    clip = Clip(
        "a",
        "s",
        0,
        "1",
        "right_wrist",
        worn().astype(np.float32),
        gyroscope=(unit * rate).astype(np.float32),
    )
    found = [one for one in clip_doubts(clip, 1 / slow) if one.kind == "turn"]
    assert len(found) == doubts
    if found:
        assert "rad/s taken as deg/s" in found[0].text and "gravity turns by" in found[0].text
