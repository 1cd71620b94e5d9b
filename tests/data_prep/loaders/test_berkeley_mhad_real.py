"""The real sample of Berkeley MHAD: counts, units, and the alignment of its paired clip."""

import collections
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from data_prep.clip import Clip, check_clip
from data_prep.loaders.berkeley_mhad.loader import BerkeleyMHADLoader

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def raw_dir() -> Path:
    data_dir = os.environ.get("PSKD_DATA_DIR")
    if not data_dir:
        pytest.skip("PSKD_DATA_DIR is not set: no real Berkeley MHAD to test on")
    return Path(data_dir) / "berkeley-mhad"


def read_all(loader: BerkeleyMHADLoader) -> list[Clip]:
    clips = [loader.read(source) for source in loader.discover().sources]
    for clip in clips:
        check_clip(clip)
    return clips


@pytest.mark.parametrize(
    ("sensor", "place", "saturated", "bridged", "spikes"),
    [
        (1, "left_wrist", 48, 3, 0),
        (2, "right_wrist", 57, 1, 0),
        (3, "left_hip", 20, 14, 0),
        (4, "right_hip", 22, 15, 0),
        (5, "left_ankle", 23, 0, 2),
        (6, "right_ankle", 22, 1, 0),
    ],
)
def test_every_sensor(raw_dir: Path, sensor, place, saturated, bridged, spikes):
    clips = read_all(BerkeleyMHADLoader(raw_dir, sensor=sensor))
    assert len(clips) == 109
    assert {clip.sensor_place for clip in clips} == {place}
    assert [clip.clip_id for clip in clips if clip.skeleton is not None] == ["s01_a01_r01"]
    notes = collections.Counter(flag for clip in clips for flag in clip.flags)
    expected = {
        "accelerometer_saturated": saturated,
        "gaps_bridged": bridged,
        "spikes_clipped": spikes,
        "markers_interpolated": 1,
        "no_skeleton": 108,
    }
    assert notes == {flag: count for flag, count in expected.items() if count}
    assert max(np.abs(clip.accelerometer).max() for clip in clips) <= 6.0
    assert (clips[0].accelerometer.shape, clips[0].skeleton.shape) == ((286, 3), (172, 43, 3))


def test_description(raw_dir: Path):
    description = BerkeleyMHADLoader(raw_dir).discover().description
    assert description.subjects == ["1", "2"]
    assert description.protocols["cross_subject"]["test_subjects"] == []
    assert "known: s02_a07_r05 has no accelerometer" in description.source_notes
    note = "cross_subject has no test part: none of its subjects is present"
    assert note in description.source_notes
    assert list(description.sources) == ["BerkeleyMHAD_sample.zip"]


def test_y_is_up_and_the_markers_are_a_body(raw_dir: Path):
    loader = BerkeleyMHADLoader(raw_dir)
    discovery = loader.discover()
    skeleton = loader.read(discovery.sources[0]).skeleton
    names = np.array([name.split("_marker")[0] for name in discovery.description.joint_names])
    heights = {part: skeleton[:, names == part, 1].mean() for part in set(names)}
    assert max(heights, key=heights.get) == "head"
    assert heights["head"] == pytest.approx(1.61, abs=0.05)
    assert heights["left_foot"] == pytest.approx(0.13, abs=0.03)
    assert heights["right_foot"] == pytest.approx(0.13, abs=0.03)


def test_mocap_acceleration_follows_the_wrist_sensor(raw_dir: Path):
    """Pearson's r of |second derivative of the mean right hand + gravity| and |wrist sensor|.

    Both below 5 Hz, at the skeleton's 30 Hz. It says that the streams are paired and aligned; it
    is no measure of the sensor, which hits its 2 g limit in this clip.
    """
    loader = BerkeleyMHADLoader(raw_dir)
    discovery = loader.discover()
    clip = loader.read(discovery.sources[0])
    # The last arm marker and the four of the hand: 22 to 26.
    hand = clip.skeleton[:, 22:27].astype(np.float64).mean(axis=1)
    force = (hand[2:] - 2 * hand[1:-1] + hand[:-2]) * 30**2 / 9.80665 + [0, 1, 0]
    mocap = below_5_hz(np.linalg.norm(force, axis=1), 30)
    sensor = below_5_hz(np.linalg.norm(clip.accelerometer.astype(np.float64), axis=1), 50)
    times = np.arange(1, len(hand) - 1) / 30

    def correlation(lag: float) -> float:
        shifted = np.interp(times + lag, np.arange(len(sensor)) / 50, sensor)
        return float(np.corrcoef(mocap[10:-10], shifted[10:-10])[0, 1])

    assert correlation(0.0) == pytest.approx(0.88, abs=0.03)
    # The best lag lies within two frames: -0.045 s, where r is 0.976. One clip cannot tell
    # whether that holds for the set, so the stamps are taken as they are.
    best = max(np.arange(-0.3, 0.301, 0.01), key=correlation)
    assert abs(best) <= 2 / 30


def below_5_hz(values: np.ndarray, rate_hz: float) -> np.ndarray:
    return signal.sosfiltfilt(signal.butter(4, 5.0, fs=rate_hz, output="sos"), values)
