"""Two hundred damaged copies: each gives a clean clip, a noted one or one UserError."""

import collections
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from damage import (
    cut,
    drop_column,
    drop_lines,
    flip_bytes,
    nothing_left,
    other_digits,
    repeat_lines,
    replace_numbers,
    shuffle_lines,
)
from data_prep.clip import check_clip
from data_prep.errors import UserError
from data_prep.loaders.berkeley_mhad.loader import BerkeleyMHADLoader

_BVH = (
    "HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition Zrotation "
    "Xrotation Yrotation\nJOINT Spine\n{\nOFFSET 0 50 0\nCHANNELS 3 Zrotation Xrotation "
    "Yrotation\nEnd Site\n{\nOFFSET 0 20 0\n}\n}\n}\nMOTION\n"
)


_DAMAGES = [
    cut,
    flip_bytes,
    other_digits,
    drop_column,
    shuffle_lines,
    replace_numbers,
    drop_lines,
    repeat_lines,
    nothing_left,
]


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bytes]:
    """One clip of 1.2 s in all three modalities: path -> the whole bytes."""
    root = tmp_path_factory.mktemp("berkeley") / "BerkeleyMHAD"
    random = np.random.default_rng(0)
    times = np.arange(0.0, 1.2, 0.032) + random.uniform(0, 0.02, 38)
    sensor = 0.1 * random.normal(size=(38, 4)) + [0.1, 0.2, 0.95, 0]
    sensor[:, 3] = 1309539264 + times
    frames = np.arange(500)
    markers = np.empty((500, 43, 3))
    markers[:] = random.uniform([300, 100, -200], [900, 1700, 200], size=(43, 3))
    markers[:, :, 1] += 50 * np.sin(frames / 50.0)[:, None]
    markers[80:200, 4] = 0.0
    mocap = np.column_stack([markers.reshape(500, 129), frames, 1309539264.06 + frames / 480])
    motion = np.tile([0.0, 90, 0, 0, 0, 0, 0, 0, 0], (500, 1))
    head = f"{_BVH}Frames: 500\nFrame Time: 0.00208\n"
    files = {
        "Accelerometer/Shimmer02/acc_h02_s01_a01_r01.txt": (sensor, "%.6f", ""),
        "Mocap/OpticalData/moc_s01_a01_r01.txt": (mocap, "%.6f", ""),
        "Mocap/SkeletalData/skl_s01_a01_r01.bvh": (motion, "%.4f", head.rstrip()),
    }
    for name, (table, form, header) in files.items():
        (root / name).parent.mkdir(parents=True)
        np.savetxt(root / name, table, fmt=form, header=header, comments="")
    return {root / name: (root / name).read_bytes() for name in files}


def test_200_damaged_copies(
    contents: dict[Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = list(contents)
    root = paths[0].parents[2]
    whole = {}
    for kind in ("optical", "bvh"):
        loader = BerkeleyMHADLoader(root, skeleton_source=kind)
        whole[kind] = loader.read(loader.discover().sources[0])
        check_clip(whole[kind])
    assert whole["optical"].flags == ("markers_interpolated",)
    assert whole["bvh"].flags == ()

    def extent(skeleton: np.ndarray) -> float:
        return float(np.median(np.linalg.norm(np.ptp(skeleton, axis=1), axis=1)))

    outcomes: collections.Counter[str] = collections.Counter()

    @settings(max_examples=200, derandomize=True, database=None)
    @given(
        which=st.integers(0, 2),
        damage=st.sampled_from(_DAMAGES),
        seed=st.integers(0, 2**32 - 1),
    )
    def outcome(which: int, damage, seed: int) -> None:
        kind = "bvh" if which == 2 else "optical"
        path = paths[which]
        path.write_bytes(damage(contents[path], np.random.default_rng(seed)))
        try:
            loader = BerkeleyMHADLoader(root, skeleton_source=kind)
            clip = loader.read(loader.discover().sources[0])
            check_clip(clip)
        except UserError as error:
            assert path.name in str(error) or "acc_h02" in str(error)
            assert "\n" not in str(error)
            outcomes["error"] += 1
            return
        finally:
            path.write_bytes(contents[path])
        noted = set(clip.flags) - set(whole[kind].flags)
        outcomes["noted" if noted else "clean"] += 1
        # Whatever was kept is in the right unit, and a skeleton ends with its accelerometer.
        level = np.median(np.linalg.norm(clip.accelerometer, axis=1))
        assert abs(level - 1.0) < 0.2
        if clip.skeleton is not None:
            assert 1 / 3 < extent(clip.skeleton) / extent(whole[kind].skeleton) < 3
            assert (len(clip.accelerometer) - 1) / 50 == (len(clip.skeleton) - 1) / 30
        else:
            assert "no_skeleton" in clip.flags

    outcome()
    assert sum(outcomes.values()) >= 200
    assert outcomes["error"] > 50 and outcomes["noted"] > 5
    with capsys.disabled():
        print(f"\nBerkeley MHAD, damaged copies: {dict(outcomes)}")
