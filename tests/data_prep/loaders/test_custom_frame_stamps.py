"""Frames of a camera with stamps on the logger's clock are joined to the samples by time."""

from pathlib import Path

import numpy as np
import pytest

from data_prep.clip import Clip
from data_prep.clip_reading import read_clips
from data_prep.errors import Refusal, UserError
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.loaders.custom.recording import even_frames

SECONDS = np.arange(301) / 50
EPOCH_MS = 1_659_657_598_500


def body(seconds: np.ndarray) -> np.ndarray:
    """A body whose joints move along x by 0.4 m a second: a straight line in time."""
    joints = np.zeros((len(seconds), 20, 3))
    joints[:, :, 1] = np.linspace(0.1, 1.8, 20)
    joints[:, :, 0] = 0.4 * seconds[:, None]
    return joints


def jittered(seed: int = 0) -> np.ndarray:
    """Stamps of a 15 Hz camera in the milliseconds of the logger, some frames left out."""
    random = np.random.default_rng(seed)
    steps = random.uniform(0.05, 0.09, 90)
    steps[40] = 0.3
    return np.round(1000 * (0.4 + np.cumsum(steps)))


def recorded(folder: Path, stamps: np.ndarray, joints: np.ndarray, **cells: str) -> Clip | Refusal:
    """Writes a recording of 6 s and reads its clip."""
    values = np.stack([0.1 * np.sin(SECONDS), 1 + 0 * SECONDS, 0.1 * np.cos(SECONDS)], axis=1)
    table = np.column_stack([EPOCH_MS + 1000 * SECONDS, values])
    np.savetxt(folder / "a.csv", table, fmt="%.4f", delimiter=",", header="t,x,y,z", comments="")
    frames = np.column_stack([stamps, joints.reshape(len(joints), 60)])
    header = ",".join(["ms", *(f"j{column}" for column in range(60))])
    forms = ["%.0f"] + ["%.6f"] * 60
    np.savetxt(folder / "b.csv", frames, fmt=forms, delimiter=",", header=header, comments="")
    row = {
        "subject": "s1", "action": "wave", "accelerometer_path": "a.csv",
        "accelerometer_unit": "g", "accelerometer_columns": "x;y;z",
        "accelerometer_stamp_column": "t", "accelerometer_stamp_unit": "ms",
        "skeleton_path": "b.csv", "skeleton_columns": "1-60",
        "skeleton_stamp_column": "ms", "skeleton_stamp_unit": "ms", **cells,
    }  # fmt: skip
    lines = [",".join(row), ",".join(row.values()),
             ",".join(row.values()).replace("s1,wave", "s2,clap")]  # fmt: skip
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    loader = CustomLoader(folder / "manifest.csv", skeleton_layout="kinect_v1_20")
    return next(read_clips(loader, loader.discover().sources))


@pytest.mark.parametrize("rate", ["", "30"])
def test_irregular_frames_are_joined_by_time(tmp_path: Path, rate: str):
    """Spread evenly, they would be up to 0.1 m off."""
    stamps = jittered()
    clip = recorded(tmp_path, EPOCH_MS + stamps, body(stamps / 1000), skeleton_rate_hz=rate)
    assert not isinstance(clip, Refusal), clip
    frames = clip.skeleton[:, 0, 0] / 0.4  # when each was taken, by its place
    first = stamps[0] / 1000
    usual = float(rate) if rate else 1000 / np.median(np.diff(stamps))
    np.testing.assert_allclose(frames, first + np.arange(len(frames)) / usual, atol=1e-4)
    # First sample and first frame coincide, and last and last, within a period.
    seconds = (len(clip.accelerometer) - 1) / 50
    assert abs(seconds - (frames[-1] - frames[0])) < 1 / 50
    expected = 0.1 * np.sin(first + np.arange(len(clip.accelerometer)) / 50)
    np.testing.assert_allclose(clip.accelerometer[:, 0], expected, atol=1e-4)


def test_a_clock_that_is_behind(tmp_path: Path):
    stamps = jittered()
    late = EPOCH_MS + stamps - 250
    clip = recorded(tmp_path, late, body(stamps / 1000), skeleton_offset="0.25")
    expected = 0.1 * np.sin(stamps[0] / 1000 + np.arange(len(clip.accelerometer)) / 50)
    np.testing.assert_allclose(clip.accelerometer[:, 0], expected, atol=1e-4)


def test_a_long_gap_between_frames_is_bad(tmp_path: Path):
    stamps = jittered()
    stamps[50:] += 900
    clip = recorded(tmp_path, EPOCH_MS + stamps, body(stamps / 1000))
    assert "A joint may be lost for at most" in str(clip.error)


def test_frames_of_another_clock_share_no_time(tmp_path: Path):
    clip = recorded(tmp_path, jittered(), body(jittered() / 1000))
    assert "Accelerometer and skeleton must share at least 2 frames" in str(clip.error)


def test_a_lost_joint_stays_lost_between_its_neighbours():
    seconds = np.array([0.0, 0.1, 0.25, 0.3])
    joints = body(seconds)
    joints[1, 3] = np.nan
    even, times = even_frames(seconds, joints, 10.0, 0.5, "x")
    np.testing.assert_allclose(times, [0.0, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(even[:, 0, 0], 0.4 * times)
    assert np.isnan(even[:, 3, 0]).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("stamps", "message"),
    [
        ([1.0, 1.0, 1.0], "The stamps of frames must differ"),
        ([0.0, 33.0, 66.0], "is the unit of their stamps right"),
        ([3.0, 2.0, 1.0, 0.0], "of the time stamps may step back"),
    ],
)
def test_stamps_that_are_none(stamps: list[float], message: str):
    with pytest.raises(UserError, match=message):
        even_frames(np.array(stamps), body(np.array(stamps)), None, 0.5, "x")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"skeleton_stamp_unit": ""}, "skeleton_stamp_unit must be one of s, ms"),
        ({"skeleton_stamp_column": ""}, "skeleton_stamp_unit needs skeleton_stamp_column"),
        ({"skeleton_columns": ""}, "A skeleton_stamp_column needs skeleton_columns"),
    ],
)
def test_mistakes_in_the_manifest(tmp_path: Path, cells: dict[str, str], message: str):
    with pytest.raises(UserError, match=message):
        recorded(tmp_path, jittered(), body(jittered() / 1000), **cells)


def test_an_accelerometer_without_stamps(tmp_path: Path):
    cells = {"accelerometer_stamp_column": "", "accelerometer_stamp_unit": ""}
    clip = recorded(
        tmp_path, jittered(), body(jittered() / 1000), accelerometer_rate_hz="50", **cells
    )
    assert "Frames with stamps need an accelerometer with stamps" in str(clip.error)


def test_stamps_as_clock_times(tmp_path: Path):
    """Also of the camera; both files count from the same midnight."""
    stamps = jittered()
    recorded(tmp_path, EPOCH_MS + stamps, body(stamps / 1000))
    for name, moments in (("a.csv", SECONDS), ("b.csv", stamps / 1000)):
        lines = (tmp_path / name).read_text().splitlines()
        for row, second in enumerate(moments, 1):
            lines[row] = f"10:20:{10 + second:09.6f},{lines[row].partition(',')[2]}"
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    text = (tmp_path / "manifest.csv").read_text().replace(",ms,ms", ",ms,clock")
    (tmp_path / "manifest.csv").write_text(text.replace(",t,ms,", ",t,clock,"))
    loader = CustomLoader(tmp_path / "manifest.csv", skeleton_layout="kinect_v1_20")
    clip = next(read_clips(loader, loader.discover().sources))
    expected = 0.1 * np.sin(stamps[0] / 1000 + np.arange(len(clip.accelerometer)) / 50)
    np.testing.assert_allclose(clip.accelerometer[:, 0], expected, atol=1e-4)
