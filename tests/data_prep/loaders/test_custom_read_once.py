"""Each file of own recordings is read once, however many clips are cut out of it."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_prep.clip_reading import read_clips
from data_prep.errors import Refusal
from data_prep.formats import archives as module
from data_prep.formats.archives import RawFile
from data_prep.inspection import inspect_recordings
from data_prep.loaders.custom.loader import CustomLoader


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often each file is read."""
    counts: Counter[str] = Counter()
    read = RawFile.read

    def counted(item: RawFile) -> bytes:
        counts[item.name] += 1
        return read(item)

    monkeypatch.setattr(RawFile, "read", counted)
    return counts


SECONDS = np.arange(3000) / 50


def values(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return [0.0, 1.0, 0.0] + 0.1 * np.sin(SECONDS[:, None] * random.uniform(1, 9, 3))


def annotated(folder: Path, broken: bool = False) -> CustomLoader:
    """Two recordings of a minute, annotated in turn, 20 times each."""
    for seed, subject in enumerate(("anna", "berta")):
        table = np.column_stack([SECONDS, values(seed)])
        lines = [",".join(f"{cell:.6f}" for cell in row) for row in table]
        if broken:
            lines[500] = "10,x,y,z"
        (folder / f"{subject}.csv").write_text("t,x,y,z\n" + "\n".join(lines) + "\n")
        joints = np.random.default_rng(seed).normal(0, 0.3, (1801, 20, 3))
        np.save(folder / f"{subject}.npy", joints)
    cells = "accelerometer_unit,accelerometer_columns,accelerometer_stamp_column"
    header = f"subject,accelerometer_path,{cells},accelerometer_stamp_unit,skeleton_path\n"
    rows = [f"{name},{name}.csv,g,x;y;z,t,s,{name}.npy\n" for name in ("anna", "berta")]
    (folder / "manifest.csv").write_text(header + "".join(rows))
    lines = ["recording,start,end,label"]
    for number in range(20):
        start = 2 + 2.5 * number
        for name in ("anna", "berta"):
            lines.append(f"{name}.csv,{start},{start + 2},{'wave' if number % 2 else 'clap'}")
    (folder / "annotations.csv").write_text("\n".join(lines) + "\n")
    return CustomLoader(folder / "manifest.csv", folder / "annotations.csv", "kinect_v1_20")


ONCE = {"anna.csv": 1, "berta.csv": 1, "anna.npy": 1, "berta.npy": 1}


def test_prepare(tmp_path: Path, reads: Counter[str]):
    loader = annotated(tmp_path)
    clips = list(read_clips(loader, loader.discover().sources))
    assert reads == ONCE
    assert [clip.subject for clip in clips] == ["anna"] * 20 + ["berta"] * 20
    for number, clip in enumerate(clips[20:]):
        # The clip starts at a frame, which lies between samples.
        start = np.arange(1801)[np.linspace(0, SECONDS[-1], 1801) >= 2 + 2.5 * number - 1e-6][0]
        seconds = start * SECONDS[-1] / 1800 + np.arange(len(clip.accelerometer)) / 50
        expected = [np.interp(seconds, SECONDS, axis) for axis in values(1).T]
        np.testing.assert_allclose(clip.accelerometer.T, expected, atol=1e-5)


def test_inspect(tmp_path: Path, reads: Counter[str]):
    inspect_recordings(annotated(tmp_path))
    assert reads == ONCE


def test_a_damaged_file_is_read_once_and_each_clip_names_its_row(
    tmp_path: Path, reads: Counter[str]
):
    loader = annotated(tmp_path, broken=True)
    refusals = list(read_clips(loader, loader.discover().sources))
    assert reads == {"anna.csv": 1, "berta.csv": 1}
    assert all(isinstance(item, Refusal) for item in refusals)
    for row, refusal in zip(range(2, 42, 2), refusals, strict=False):
        assert refusal.error.reason.endswith("Received: 'x' in line 502, column 1")
        assert refusal.error.path == f"anna.csv; {tmp_path / 'annotations.csv'}, row {row}"


def test_little_memory_keeps_the_streams_of_one_clip(
    tmp_path: Path, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_MOST_BYTES", 0)
    loader = annotated(tmp_path)
    list(read_clips(loader, loader.discover().sources))
    assert reads == ONCE


def test_a_table_of_many_people_is_read_once_for_its_clips(tmp_path: Path, reads: Counter[str]):
    labels = [f"s{row // 1000},{'wave' if row // 250 % 2 else 'clap'}" for row in range(3000)]
    lines = [
        f"{label},{','.join(f'{cell:.6f}' for cell in row)}"
        for label, row in zip(labels, values(0), strict=True)
    ]
    lines[260] = "s0,wave,oops,1,0"
    (tmp_path / "all.csv").write_text("who,what,x,y,z\n" + "\n".join(lines) + "\n")
    (tmp_path / "manifest.csv").write_text(
        "subject,action,accelerometer_path,accelerometer_unit,accelerometer_columns,"
        "accelerometer_rate_hz\ncolumn who,column what,all.csv,g,x;y;z,50\n"
    )
    loader = CustomLoader(tmp_path / "manifest.csv")
    clips = list(read_clips(loader, loader.discover().sources))
    assert reads == {"all.csv": 1}
    assert len(clips) == 12
    bad = [item for item in clips if isinstance(item, Refusal)]
    assert [item.error.received for item in bad] == ["'oops' in line 262, column 2"]
    np.testing.assert_allclose(clips[-1].accelerometer, values(0)[2750:], atol=1e-5)
