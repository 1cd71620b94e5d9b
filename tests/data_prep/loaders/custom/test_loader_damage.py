"""Damaged copies of own recordings: a clean clip, a noted one or one UserError, nothing else."""

import collections
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.clip import Clip, check_clip
from data_prep.errors import UserError
from data_prep.loaders.custom.loader import CustomLoader


def cut(content: bytes, random: np.random.Generator) -> bytes:
    return content[: random.integers(len(content))]


def flip_bytes(content: bytes, random: np.random.Generator) -> bytes:
    damaged = bytearray(content)
    # Half of the time near the start, where binary formats keep their headers.
    end = min(len(damaged), 200) if random.integers(2) else len(damaged)
    for place in random.integers(end, size=random.integers(1, 20)):
        damaged[place] ^= int(random.integers(1, 256))
    return bytes(damaged)


def drop_column(content: bytes, random: np.random.Generator) -> bytes:
    rows = [line.split(b",") for line in content.split(b"\n")]
    column = random.integers(max(len(row) for row in rows))
    return b"\n".join(b",".join(row[:column] + row[column + 1 :]) for row in rows)


def drop_fields(content: bytes, random: np.random.Generator) -> bytes:
    fields = content.split(b",")
    for place in random.integers(len(fields), size=random.integers(1, 4)):
        fields[place] = b""
    return b",".join(fields)


def shuffle_lines(content: bytes, random: np.random.Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    start = random.integers(len(lines))
    part = lines[start : start + int(random.integers(2, len(lines) + 2))]
    random.shuffle(part)
    return b"".join(lines[:start] + part + lines[start + len(part) :])


def drop_lines(content: bytes, random: np.random.Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    start = random.integers(len(lines))
    return b"".join(lines[:start] + lines[start + random.integers(1, len(lines) + 1) :])


def repeat_lines(content: bytes, random: np.random.Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(line * int(random.choice([1, 1, 1, 2])) for line in lines)


def replace_numbers(content: bytes, random: np.random.Generator) -> bytes:
    words = content.split(b",")
    new = [b"abc", b"", b"nan", b"inf", b"1e30", b"-1e308", b"1.7e12", b"1e400", b"0", b"--1", b'"']
    for place in random.integers(len(words), size=random.integers(1, 4)):
        words[place] = new[random.integers(len(new))]
    return b",".join(words)


def nothing_left(content: bytes, random: np.random.Generator) -> bytes:
    return [b"", b"\n", b"\x00" * 100, b"PK\x03\x04"][random.integers(4)]


_BYTES = [cut, flip_bytes, nothing_left]
_TEXT = [
    *_BYTES,
    drop_column,
    drop_fields,
    shuffle_lines,
    drop_lines,
    repeat_lines,
    replace_numbers,
]


@pytest.fixture
def mixed(recordings) -> tuple[CustomLoader, list[Path]]:
    """Stamps in CSV, an .npz and a .mat accelerometer, an .npy skeleton; and all files."""
    folder = recordings.folder
    values = np.column_stack([0.1 + np.zeros(101), np.linspace(0.9, 1.1, 101), np.zeros(101)])
    recordings.rows[0].update(accelerometer_stamp_column="t", accelerometer_stamp_unit="ms")
    np.savez_compressed(folder / "b.npz", values=values)
    scipy.io.savemat(folder / "c.mat", {"values": values}, do_compression=True)
    skeleton = np.loadtxt(folder / "camera/s2_clap.csv", delimiter=",").reshape(61, 4, 3)
    np.save(folder / "d.npy", skeleton.astype(np.float32))
    for row, name in ((1, "b.npz"), (2, "c.mat")):
        recordings.rows[row].update(accelerometer_path=name, accelerometer_columns="")
        recordings.rows[row]["accelerometer_key"] = "values"
    recordings.rows[3]["skeleton_path"] = "d.npy"
    loader = recordings.loader()
    names = ["sensor/s1_wave.csv", "camera/s1_wave.csv", "sensor/s2_clap.csv", "b.npz", "c.mat"]
    names += ["d.npy", "manifest.csv", "layout.json"]
    return loader, [folder / name for name in names]


def read_all(loader: CustomLoader) -> list[Clip]:
    # A new loader, because a damaged layout is refused when it is made.
    loader = CustomLoader(loader.manifest, skeleton_layout=loader.skeleton_layout)
    clips = [loader.read(source) for source in loader.discover().sources]
    for clip in clips:
        check_clip(clip)
    return clips


def test_damaged_copies(
    mixed: tuple[CustomLoader, list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    loader, paths = mixed
    whole = {path: path.read_bytes() for path in paths}
    assert {clip.flags for clip in read_all(loader)} == {()}
    outcomes: collections.Counter[str] = collections.Counter()

    @settings(max_examples=300, derandomize=True, database=None)
    @given(
        path=st.sampled_from(paths),
        which=st.integers(0, len(_TEXT) - 1),
        seed=st.integers(0, 2**32 - 1),
    )
    def outcome(path: Path, which: int, seed: int) -> None:
        damages = _TEXT if path.suffix == ".csv" else _BYTES
        path.write_bytes(damages[which % len(damages)](whole[path], np.random.default_rng(seed)))
        try:
            clips = read_all(loader)
        except UserError as error:
            text = str(error)
            assert "\n" not in text
            assert path.name in text or path.stem in ("manifest", "layout"), text
            outcomes["error"] += 1
            return
        finally:
            path.write_bytes(whole[path])
        flags = {flag for clip in clips for flag in clip.flags}
        outcomes["noted" if flags else "clean"] += 1
        for clip in clips:
            # What was kept is in the right unit and at the right rate.
            level = np.median(np.linalg.norm(clip.accelerometer, axis=1))
            assert 0.8 < level < 1.4
            if path.name == "manifest.csv":
                continue  # rates are what it says
            if clip.skeleton is not None:
                assert 1.4 < np.median(np.ptp(clip.skeleton[..., 1], axis=1)) < 1.6
                seconds = (len(clip.accelerometer) - 1) / 50, (len(clip.skeleton) - 1) / 30
                assert abs(seconds[0] - seconds[1]) < 0.04

    outcome()
    assert sum(outcomes.values()) >= 200
    assert outcomes["error"] > 100 and outcomes["noted"] > 10
    with capsys.disabled():
        print(f"\nown recordings, damaged copies: {dict(outcomes)}")
