"""Two hundred damaged copies of a UTD-MHAD clip: a clean clip, a noted one or one UserError."""

import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from data_prep.clip import check_clip
from data_prep.errors import UserError
from data_prep.loaders.utd_mhad import UTDMHADLoader


def mat(key: str, values: np.ndarray, compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    savemat(stream, {key: values}, do_compression=compressed)
    return stream.getvalue()


def inertial_values() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.hstack([random.normal([0, 0, 1], 0.2, (120, 3)), random.normal(0, 40, (120, 3))])


def skeleton_values() -> np.ndarray:
    body = np.random.default_rng(1).uniform([-0.4, -0.9, 2.0], [0.4, 0.9, 2.6], (20, 3))
    return np.repeat(body[:, :, None], 45, axis=2)


def damaged(kind: str, random: np.random.Generator) -> tuple[str, bytes]:
    """Returns which stream is damaged and its file's bytes."""
    stream = "inertial" if random.random() < 0.6 else "skeleton"
    values = inertial_values() if stream == "inertial" else skeleton_values()
    key = "d_iner" if stream == "inertial" else "d_skel"
    if kind == "value":
        place = tuple(random.integers(size) for size in values.shape)
        values[place] = random.choice([np.nan, np.inf, -np.inf, 1e30, 1e6, 300.0, 0.0])
    elif kind == "unit":
        values = values * random.choice([9.81, 1000.0, 0.001, 57.3])
    elif kind == "column":
        values = np.delete(values, random.integers(values.shape[1]), axis=1)
    elif kind == "shuffled":
        values = random.permutation(values, axis=int(random.integers(values.ndim)))
    elif kind == "short":
        values = values[..., :1] if stream == "skeleton" else values[:1]
    elif kind == "text":
        return stream, mat(key, np.array(["0.1 0.2"] * 5))
    elif kind == "key":
        key = "data"
    content = bytearray(mat(key, values, bool(random.integers(2))))
    if kind == "truncated":
        del content[int(random.integers(len(content))) :]
    elif kind == "bytes":
        for place in random.integers(len(content), size=random.integers(1, 20)):
            content[place] ^= int(random.integers(1, 256))
    return stream, bytes(content)


KINDS = ["value", "unit", "column", "shuffled", "short", "text", "key"] + ["truncated", "bytes"] * 2


def test_200_damaged_copies(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    counts: Counter[str] = Counter()

    @settings(max_examples=200, derandomize=True, database=None)
    @given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(KINDS), in_zip=st.booleans())
    def check(seed: int, kind: str, in_zip: bool) -> None:
        stream, content = damaged(kind, np.random.default_rng(seed))
        files = {
            "Inertial/a1_s1_t1_inertial.mat": mat("d_iner", inertial_values()),
            "Skeleton/a1_s1_t1_skeleton.mat": mat("d_skel", skeleton_values()),
        }
        name = next(name for name in files if stream in name)
        files[name] = content
        folder = tmp_path / f"{sum(counts.values())}"
        folder.mkdir()
        for path, one in files.items():
            if in_zip:
                with zipfile.ZipFile(folder / f"{path.split('/')[0]}.zip", "w") as archive:
                    archive.writestr(path, one)
            else:
                (folder / path).parent.mkdir()
                (folder / path).write_bytes(one)
        try:
            loader = UTDMHADLoader(folder)
            (source,) = loader.discover().sources
            clip = loader.read(source)
            check_clip(clip)
        except UserError as error:
            assert len(str(error).splitlines()) == 1
            assert "a1_s1_t1" in str(error)
            counts["refused"] += 1
            return
        magnitude = np.linalg.norm(clip.accelerometer, axis=1)
        assert 0.3 <= np.median(magnitude) <= 4  # never another unit taken for g
        assert np.isfinite(clip.accelerometer).all() and np.isfinite(clip.skeleton).all()
        counts["noted" if clip.flags else "clean"] += 1

    check()
    with capsys.disabled():
        print(f"\nUTD-MHAD, damaged copies: {dict(counts)}")
    assert sum(counts.values()) >= 200
    assert counts["refused"] > 80
    assert counts["clean"] > 10
