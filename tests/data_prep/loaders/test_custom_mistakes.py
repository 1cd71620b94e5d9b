"""Mistakes in a manifest and damaged recordings: the rule and the file are named."""

import collections
import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings, strategies as st

from damage import (
    cut,
    drop_column,
    drop_fields,
    drop_lines,
    flip_bytes,
    nothing_left,
    repeat_lines,
    replace_numbers,
    shuffle_lines,
)
from data_prep.clip import Clip, check_clip
from data_prep.errors import UserError
from data_prep.loaders.custom.loader import CustomLoader


def error_of(recordings, **options: object) -> str:
    """Reads everything and returns the one line of the error."""
    with pytest.raises(UserError) as caught:
        recordings.clips(**options)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"subject": ""}, "subject must not be empty"),
        ({"action": "ö" * 61}, "A label takes at most 120 bytes in UTF-8.*122 bytes"),
        (
            {"accelerometer_path": "", "skeleton_path": "", "skeleton_rate_hz": ""},
            "accelerometer_path must not be empty",
        ),
        ({"accelerometer_path": ""}, "accelerometer_columns needs an accelerometer_path"),
        (
            {"accelerometer_path": "", "accelerometer_columns": "", "skeleton_rate_hz": ""},
            "without an accelerometer needs a skeleton_rate_hz or a skeleton_stamp_column",
        ),
        (
            {"accelerometer_path": "", "accelerometer_columns": "", "start": "2", "end": "1"},
            "start must be before end. Received: 2 and 1",
        ),
        ({"accelerometer_path": "no.csv"}, "The file of accelerometer_path must exist"),
        ({"skeleton_path": "no.csv"}, "The file of skeleton_path must exist"),
        ({"accelerometer_path": "layout.json"}, "accelerometer_path must end with .csv"),
        ({"accelerometer_unit": ""}, "accelerometer_unit must be one of g, mg, lsb, m/s"),
        ({"accelerometer_unit": "furlong"}, "must be one of g.*Received: furlong"),
        ({"accelerometer_unit": "lsb"}, "The unit lsb needs an accelerometer_scale"),
        ({"accelerometer_scale": "0.001"}, "accelerometer_scale goes with the unit lsb alone"),
        (
            {"accelerometer_unit": "lsb", "accelerometer_scale": "-1"},
            "accelerometer_scale must be 1e-09 to 1",
        ),
        ({"accelerometer_rate_hz": ""}, "accelerometer_rate_hz or accelerometer_stamp_column"),
        ({"accelerometer_rate_hz": "fifty"}, "accelerometer_rate_hz must be a number"),
        ({"accelerometer_rate_hz": "nan"}, "accelerometer_rate_hz must be a number"),
        ({"accelerometer_rate_hz": "1_00"}, "accelerometer_rate_hz must be a number"),
        ({"accelerometer_rate_hz": "0"}, "accelerometer_rate_hz must be 1 to 10000"),
        ({"skeleton_rate_hz": "-30"}, "skeleton_rate_hz must be 1 to 1000"),
        ({"accelerometer_stamp_column": "t"}, "accelerometer_stamp_unit must be one of s, ms"),
        ({"accelerometer_stamp_unit": "ms"}, "accelerometer_stamp_unit needs accelerometer_st"),
        (
            {"accelerometer_stamp_column": "ax", "accelerometer_stamp_unit": "s"},
            "accelerometer_stamp_column must not be one of accelerometer_columns",
        ),
        ({"accelerometer_columns": "ax;ay"}, "accelerometer_columns must name 3 columns"),
        ({"accelerometer_columns": "ax;ay;ax"}, "must name each column once. Received: ax"),
        ({"accelerometer_columns": "ax;ay;aq"}, "chosen column must be in the file.*aq; it has t"),
        ({"accelerometer_columns": "1;2;4"}, "chosen column must be in the file.*4; it has t"),
        ({"accelerometer_columns": ""}, "other than 3 columns needs accelerometer_columns"),
        ({"skeleton_columns": "0-10"}, "of 4 joints must have 12 columns. Received: 11"),
        ({"skeleton_columns": "0-12"}, "chosen column must be in the file. Received: 12"),
        ({"skeleton_columns": "0-999999"}, "may name at most 1000 columns"),
        ({"skeleton_unit": "inch"}, "skeleton_unit must be one of m, cm, mm. Received: inch"),
        ({"skeleton_unit": "px"}, "skeleton_unit must be one of m, cm, mm"),
        ({"skeleton_path": ""}, "skeleton_rate_hz needs a skeleton_path"),
        ({"skeleton_rate_hz": "", "skeleton_offset": "1"}, "skeleton_offset needs a skeleton_ra"),
        ({"start": "1", "end": "1"}, "start must be before end. Received: 1 and 1"),
        ({"start": "1", "end": "0.5"}, "start must be before end"),
        ({"start": "-1"}, "start must be 0 to 1e\\+06"),
        ({"end": "2.1"}, "end must not be beyond the recording. Received: 2.1 s of 2.000 s"),
        ({"start": "2.1"}, "start must not be beyond the recording"),
        ({"end": "2", "skeleton_offset": "-0.5"}, "end must be within the skeleton's recording"),
        ({"skeleton_offset": "5"}, "Accelerometer and skeleton must share at least 2 frames"),
        ({"start": "1.99", "end": "2"}, "must share at least 2 frames"),
        ({"part": "validation"}, "part must be one of train, test"),
        ({"part": "train"}, "part must be train or test in every row, or in none"),
        ({"clip_id": "s2_wave_1"}, "A clip_id must be unique"),
        ({"clip_id": "a\tb\x07"}, "A cell must hold printable text"),
    ],
)
def test_mistake_in_a_row(recordings, cells: dict[str, str], rule: str):
    """The mistake is in row 3; checks across rows may name a later one."""
    recordings.rows[1].update(cells)
    text = error_of(recordings)
    assert re.search(rule, text), text
    assert "manifest.csv, row " in text
    if "unique" not in rule and "every row" not in rule:
        assert "manifest.csv, row 3" in text


def test_several_mistakes_are_counted(recordings):
    recordings.rows[1]["start"] = "soon"
    recordings.rows[2]["end"] = "late"
    text = error_of(recordings)
    assert "start must be a number. Received: soon (and 1 more; data_prep.inspect" in text


def test_missing_column(recordings):
    recordings.set_all(accelerometer_unit=None, action=None)
    text = error_of(recordings)
    assert "Received: no action, accelerometer_unit or accelerometer_format (file: " in text
    assert "manifest.csv, row 1)" in text


def test_misspelt_column(recordings):
    recordings.set_all(acelerometer_key="x")
    assert "A column must be one of subject, action" in error_of(recordings)


def test_doubled_column(recordings):
    path = recordings.folder / "double.csv"
    path.write_text(
        "subject,action,subject,accelerometer_path,accelerometer_unit\na,b,c,d,g\n", "utf-8"
    )
    with pytest.raises(UserError, match=r"Each column must come once\. Received: subject"):
        CustomLoader(path).discover()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "The columns subject, action, accelerometer_path, accelerometer_unit or acceler"),
        (b"\xff\xfe\x00", "A table must be in UTF-8"),
        (b'subject,"action\n', "A table must be valid CSV"),
        (b"subject,action,accelerometer_path,accelerometer_unit\n", "at least one row below"),
        (
            b"subject,action,accelerometer_path,accelerometer_unit\n\na,b\n",
            r"Each row must have 4 cells\. Received: 2 \(file: .*m\.csv, row 3\)",
        ),
    ],
)
def test_damaged_manifest(tmp_path, content: bytes, rule: str):
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(UserError, match=rule):
        CustomLoader(tmp_path / "m.csv").discover()


def test_missing_manifest(tmp_path):
    with pytest.raises(UserError, match=r"A table must be readable.*none\.csv"):
        CustomLoader(tmp_path / "none.csv").discover()
    with pytest.raises(UserError, match="need a manifest"):
        CustomLoader()


def test_doubled_clip_id_names_both_rows(recordings):
    recordings.rows[0]["clip_id"] = recordings.rows[3]["clip_id"] = "x"
    text = error_of(recordings)
    assert "Received: x, also " in text
    assert text.index("row 2") < text.index("row 5")


def test_subject_in_both_parts(recordings):
    for row, part in zip(recordings.rows, ("train", "train", "test", "train"), strict=True):
        row["part"] = part
    text = error_of(recordings)
    assert "All clips of a subject must be in the same part. Received: train for s2" in text
    assert text.endswith("manifest.csv, row 5)")


def test_a_part_without_subjects(recordings):
    recordings.set_all(part="train")
    assert "Both parts, train and test, need a subject. Received: none in test" in error_of(
        recordings
    )


def test_one_subject_with_one_clip_of_each_action(recordings):
    recordings.rows = recordings.rows[:2]
    text = error_of(recordings)
    assert "One subject alone needs 2 clips of an action, one to train and one to test" in text
    assert "Received: s1" in text


def test_too_few_actions(recordings):
    recordings.rows = recordings.rows[::2]
    assert "A data set needs at least 2 actions. Received: wave" in error_of(recordings)


def test_several_rates(recordings):
    recordings.rows[2]["accelerometer_rate_hz"] = 100
    text = error_of(recordings)
    assert "rate_hz must be given where the rows state several" in text
    assert "Received: 50, 100" in text
    recordings.rows[2].update(skeleton_path="", skeleton_rate_hz="")
    assert len(recordings.clips(rate_hz=50.0)[2].accelerometer) == 51


def test_rate_out_of_range(recordings):
    assert "rate_hz must be 1 to 10000. Received: 0.5" in error_of(recordings, rate_hz=0.5)


def test_skeleton_without_a_layout(recordings):
    text = error_of(recordings, skeleton_layout=None)
    assert "Rows with a skeleton_path need a skeleton_layout" in text


def test_key_of_an_archive(recordings):
    values = np.ones((101, 3))
    np.savez(recordings.folder / "two.npz", a=values, b=values)
    scipy.io.savemat(recordings.folder / "two.mat", {"a": values})
    recordings.rows[1].update(accelerometer_path="two.npz", accelerometer_columns="")
    assert "An .npz file needs the key of one of its arrays. Received: 'no key" in error_of(
        recordings
    )
    recordings.rows[1]["accelerometer_key"] = "c"
    assert "c, where the file holds a, b" in error_of(recordings)
    recordings.rows[1]["accelerometer_path"] = "two.mat"
    assert "A .mat file must hold c. Received: a" in error_of(recordings)
    recordings.rows[1]["accelerometer_key"] = ""
    assert "A .mat file needs a key" in error_of(recordings)


@pytest.mark.parametrize(
    ("unit", "stated", "rule"),
    [
        ("s", None, "2 to 5000 a second; is their unit right. Received: 101 stamps over 2000 s"),
        ("us", None, "2 to 5000 a second; is their unit right"),
        ("ms", 200, "about the stated 200 a second; is their unit right"),
    ],
)
def test_stamps_in_another_unit(recordings, unit: str, stated: int | None, rule: str):
    """The file holds milliseconds at 50 Hz."""
    recordings.rows[1].update(
        accelerometer_stamp_column="t",
        accelerometer_stamp_unit=unit,
        accelerometer_rate_hz=stated or "",
    )
    with pytest.raises(UserError, match=rule):
        recordings.clips(rate_hz=50.0)


def test_shuffled_stamps(recordings):
    path = recordings.folder / "sensor/s1_clap.csv"
    lines = path.read_text("utf-8").splitlines()
    order = np.random.default_rng(0).permutation(np.arange(1, 102))
    path.write_text("\n".join([lines[0], *(lines[row] for row in order)]), "utf-8")
    recordings.rows[1].update(accelerometer_stamp_column="t", accelerometer_stamp_unit="ms")
    assert "At most 25% of the time stamps may step back" in error_of(recordings)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"recording": "sunday"}, "recording must be a clip_id or an accelerometer_path"),
        ({"recording": ""}, "recording must not be empty"),
        ({"start": ""}, "start must not be empty"),
        ({"end": "late"}, "end must be a number"),
        ({"start": "1.5"}, "start must be before end. Received: 1.5 and 1"),
        ({"label": ""}, "label must not be empty"),
        ({"end": "2.5"}, "end must not be beyond the recording. Received: 2.5 s of 2.000 s"),
    ],
)
def test_mistake_in_an_annotation(recordings, row: dict[str, str], rule: str):
    recordings.set_all(action=None)
    path = "sensor/s1_wave.csv"
    good = {"recording": path, "start": 0, "end": 1, "label": "wave"}
    other = {**good, "recording": "sensor/s2_wave.csv", "label": "clap"}
    annotations = recordings.write_rows("notes.csv", [good, {**good, "start": 0.5, **row}, other])
    text = error_of(recordings, annotations=annotations)
    assert rule in text
    assert "notes.csv, row 3" in text


def test_manifest_of_clips_with_annotations(recordings):
    good = {"recording": "sensor/s1_wave.csv", "start": 0, "end": 1, "label": "wave"}
    annotations = recordings.write_rows("notes.csv", [good])
    text = error_of(recordings, annotations=annotations)
    assert "action must be empty in a manifest with annotations" in text


def test_annotation_without_a_subject(recordings):
    recordings.set_all(action=None, subject=None)
    good = {"recording": "sensor/s1_wave.csv", "start": 0, "end": 1, "label": "wave"}
    text = error_of(recordings, annotations=recordings.write_rows("notes.csv", [good]))
    assert "The annotation or its recording must name the subject" in text


def test_layout_of_another_skeleton(recordings):
    layout = {"joint_names": ["a", "b"], "parents": [-1, 0]}
    path = recordings.folder / "layout.json"
    path.write_text(json.dumps(layout), encoding="utf-8")
    text = error_of(recordings)
    assert "A skeleton of 2 joints must have 6 columns. Received: 12" in text
    assert "camera/s1_wave.csv; " in text
    assert "manifest.csv, row 2" in text


_BYTES = [cut, flip_bytes, nothing_left]
_TEXT = [
    *_BYTES,
    partial(drop_column, separator=b","),
    partial(drop_fields, separator=b","),
    shuffle_lines,
    drop_lines,
    repeat_lines,
    partial(replace_numbers, separator=b","),
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
