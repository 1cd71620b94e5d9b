"""CZU-MHAD from generated files in both of its authors' forms: values, defects, a training."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from czu_mhad_files import (
    mat_paths,
    sensor_cells,
    sensor_table,
    skeleton_table,
    text_paths,
    turning_gravity,
    write_mat,
    write_mat_clip,
    write_table,
    write_text_clip,
)
from data_prep.clip import Clip, check_clip
from data_prep.errors import UserError
from data_prep.loader import ClipSource
from data_prep.loaders.czu_mhad import ACTION_NAMES, CZUMHADLoader, clock_number_seconds
from data_prep.protocols import protocol_splits


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    """One clip of 6 s of the sensor, from whose 0.7 s on there are 5 s of the skeleton."""
    write_text_clip(tmp_path / "raw", "cx", 1, 2)
    return tmp_path / "raw"


def only_clip(raw: Path, **options) -> Clip:
    loader = CZUMHADLoader(raw, **options)
    (source,) = loader.discover().sources
    clip = loader.read(source)
    check_clip(clip)
    return clip


def test_streams_are_joined_by_their_clocks(raw_dir: Path):
    clip = only_clip(raw_dir)
    seconds = 0.7 + np.arange(len(clip.accelerometer)) / 100
    expected = turning_gravity(seconds)
    np.testing.assert_allclose(clip.accelerometer, expected[:, :3], atol=2e-3)
    np.testing.assert_allclose(clip.gyroscope, expected[:, 3:], atol=0.5)
    assert (len(clip.accelerometer), clip.skeleton.shape) == (491, (148, 25, 3))
    np.testing.assert_allclose(
        clip.skeleton, skeleton_table().reshape(-1, 25, 4)[:148, :, :3], atol=1e-5
    )
    assert (clip.clip_id, clip.subject, clip.trial) == ("cx_a01_t02", "cx", "2")
    assert (ACTION_NAMES[clip.action], clip.flags) == ("right_high_wave", ())
    assert clip.sources["gyroscope"][0] == "sensors/cx/action_1/time_2/pi05"


def test_clock_numbers_pass_a_minute_an_hour_and_midnight():
    numbers = np.array([104859999999.0, 104900000001, 105959500000, 110000500000])
    expected = [38939.999999, 38940.000001, 39599.5, 39600.5]
    np.testing.assert_allclose(clock_number_seconds(numbers), expected, rtol=0, atol=1e-9)
    dated = 727 * 1e12 + numbers
    np.testing.assert_allclose(clock_number_seconds(dated), expected, rtol=0, atol=1e-9)
    midnight = clock_number_seconds(np.array([235959500000.0, 500000, 110000000]))
    np.testing.assert_allclose(np.diff(midnight), [1.0, 69.5])
    odd = np.array([104860000000.0, np.nan, -1, 250000000000, 1e300])
    assert np.isnan(clock_number_seconds(odd)).all()


def test_mat_files_give_the_same_clip(raw_dir: Path, tmp_path: Path):
    expected = only_clip(raw_dir)
    write_mat_clip(tmp_path / "mat", "cx_a1_t2")
    clip = only_clip(tmp_path / "mat")
    # The text has six decimals.
    np.testing.assert_allclose(clip.accelerometer, expected.accelerometer, atol=2e-6)
    np.testing.assert_allclose(clip.skeleton, expected.skeleton, atol=2e-6)
    left = only_clip(tmp_path / "mat", sensor="left_wrist")
    seconds = 0.7 + np.arange(len(left.accelerometer)) / 100
    np.testing.assert_allclose(left.accelerometer, turning_gravity(seconds, 0.4)[:, :3], atol=2e-3)
    assert left.sensor_place == "left_wrist"
    shutil.move(raw_dir / "sensors", tmp_path / "mat" / "sensors")
    with pytest.raises(UserError, match=r"Take one form of CZU-MHAD.*both of cx_1_2"):
        CZUMHADLoader(tmp_path / "mat").discover()


def test_left_wrist_and_missing_skeleton(raw_dir: Path):
    with pytest.raises(UserError, match=r"needs files named sensors/cx/action_1/time_1/pi03 or"):
        CZUMHADLoader(raw_dir, sensor="left_wrist").discover()
    write_table(text_paths(raw_dir, "zyh", 22, 1, 3)[0], sensor_table())
    clip = only_clip(raw_dir, sensor="left_wrist")
    assert (clip.skeleton, clip.flags, len(clip.accelerometer)) == (None, ("no_skeleton",), 600)
    notes = CZUMHADLoader(raw_dir, sensor="left_wrist").discover().description.source_notes
    assert "1 of 1 clips have no skeleton file" in notes
    assert "1 skeleton files belong to no clip of this sensor" in notes


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda text: text[:-20], "must end with a whole line.*pi05"),
        (lambda text: text[: len(text) // 2].rsplit(b" ", 1)[0] + b"\n", "rows of numbers.*pi05"),
        (lambda text: b"", "an empty file.*pi05"),
        (lambda text: b"\n".join(line[:40] for line in text.splitlines()), "whole line.*pi05"),
        (lambda text: text.replace(b"0.000000", b"nan", 3), "must hold finite numbers.*pi05"),
    ],
)
def test_damaged_text_is_refused(raw_dir: Path, change, error: str):
    path = text_paths(raw_dir, "cx", 1, 2)[0]
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UserError, match=error):
        only_clip(raw_dir)


def test_rows_that_are_not_finite_are_dropped_and_noted(tmp_path: Path):
    write_mat_clip(tmp_path, "cx_a1_t2")
    expected = only_clip(tmp_path)
    table = sensor_table()
    table[[300, 301, 900], [1, 6, 3]] = np.nan
    sensors, _ = mat_paths(tmp_path, "cx_a1_t2")
    write_mat(sensors, sensor=sensor_cells([table] * 10))
    clip = only_clip(tmp_path)
    assert clip.flags == ("rows_dropped",)
    np.testing.assert_allclose(clip.accelerometer, expected.accelerometer, atol=1e-3)
    table[1000:1300, 6] += 60_000_000  # seconds from 60 on
    write_mat(sensors, sensor=sensor_cells([table] * 10))
    with pytest.raises(UserError, match=r"At most 10% of the rows.*cx_a1_t2\.mat"):
        only_clip(tmp_path)


@pytest.mark.parametrize(
    ("stream", "variables", "error"),
    [
        (0, {"sensor": sensor_cells([sensor_table()] * 9)}, "must have 10 cells. Received: 9"),
        (0, {"sensor": sensor_cells([sensor_table()[:, :6]] * 10)}, r"\(samples, 7\).*\(2058, 6\)"),
        (0, {"sensor": sensor_table()}, "sensor must be a cell array. Received: float64"),
        (1, {"skeleton": skeleton_table()[:, :75]}, r"\(frames, 100\). Received: \(150, 75\)"),
        (1, {"skeleton": 0 * skeleton_table()}, "At most 10% of the rows.*150 of 150"),
    ],
)
def test_wrong_shapes(tmp_path: Path, stream: int, variables: dict, error: str):
    write_mat_clip(tmp_path, "cx_a1_t2")
    write_mat(mat_paths(tmp_path, "cx_a1_t2")[stream], **variables)
    with pytest.raises(UserError, match=f"{error}.*cx_a1_t2.mat"):
        only_clip(tmp_path)


def test_clocks_that_differ_are_refused(raw_dir: Path):
    write_table(text_paths(raw_dir, "cx", 1, 2)[1], skeleton_table(delay=5.8))
    with pytest.raises(UserError, match=r"must share at least 0\.5 s. Received: 0\.1 s .*skeleton"):
        only_clip(raw_dir)


def test_gaps_and_saturation(raw_dir: Path):
    table = sensor_table()
    table[1000, 2], table[1001, 4] = -15.9995, 2000.0
    path = text_paths(raw_dir, "cx", 1, 2)[0]
    write_table(path, np.delete(table, np.s_[500:600], axis=0))
    assert only_clip(raw_dir).flags == (
        "accelerometer_saturated", "gyroscope_saturated", "gaps_bridged",
    )  # fmt: skip
    write_table(path, np.delete(table, np.s_[500:700], axis=0))
    with pytest.raises(UserError, match=r"at most 0\.5 s apart.*pi05"):
        only_clip(raw_dir)


def test_unknown_action_and_sensor(raw_dir: Path):
    with pytest.raises(UserError, match=r"one of right_wrist, left_wrist\. Received: 5"):
        CZUMHADLoader(raw_dir, sensor="5")
    write_text_clip(raw_dir, "cx", 23, 1)
    with pytest.raises(UserError, match=r"actions 1 to 22\. Received: 23 .*action_23"):
        CZUMHADLoader(raw_dir).discover()


def test_loader_and_sources_are_picklable(raw_dir: Path):
    loader = CZUMHADLoader(raw_dir)
    again = pickle.loads(pickle.dumps((loader, loader.discover().sources[0])))  # own bytes
    np.testing.assert_array_equal(
        again[0].read(again[1]).accelerometer, only_clip(raw_dir).accelerometer
    )


SUBJECTS = ("cx", "cyy", "myj", "qyh", "zyh")


def recordings(folder: Path) -> Path:
    for number, subject in enumerate(SUBJECTS):
        for action in (1, 5, 15):
            for trial in (1, 2):
                speed = 0.3 + 0.1 * action + 0.01 * number
                write_text_clip(folder, subject, action, trial, speed=speed)
    return folder


def test_split(tmp_path: Path):
    for subject in SUBJECTS:
        path = text_paths(tmp_path, subject, 1, 1)[0]
        path.parent.mkdir(parents=True)
        path.touch()
    found = CZUMHADLoader(tmp_path).discover()
    manifest = pd.DataFrame([vars_of(source) for source in found.sources])
    (split,) = protocol_splits(found.description, manifest, "cross_subject")
    assert (split.train_subjects, split.test_subjects) == (SUBJECTS[:3], SUBJECTS[3:])
    folds = protocol_splits(found.description, manifest, "leave_one_subject_out")
    assert [fold.test_subjects for fold in folds] == [(name,) for name in SUBJECTS]


def vars_of(source: ClipSource) -> dict[str, object]:
    return {name: getattr(source, name) for name in ("clip_id", "subject", "action")}


@pytest.mark.slow
def test_two_epochs(tmp_path: Path, run_train: Callable):
    finished = run_train(
        "--flagfile=configs/tiny.flags",
        "--flagfile=configs/czu_mhad.flags",
        f"--raw_dir={recordings(tmp_path / 'raw')}",
        f"--run_dir={tmp_path / 'run'}",
        "--workers=1",
        "--seeds=1",
        "--teachers=skeleton_teacher",
        "--teacher_outputs=in_sample",
        "--skeleton_teacher_epochs=2",
        "--epochs=2",
        "--prune_epochs=1",
        "--batch_size=8",
        "--calibration_clips=8",
    )
    assert finished.returncode == 0, finished.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["dataset"], metrics["protocol"]) == ("czu_mhad", "cross_subject")
    assert (metrics["train_subjects"], metrics["test_subjects"]) == (
        list(SUBJECTS[:3]), list(SUBJECTS[3:]),
    )  # fmt: skip
