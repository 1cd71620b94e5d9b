"""The prepare command: its table, and one line for every bad input."""

from pathlib import Path

import numpy as np
import pytest

from project import run_command

FIRST = "Inertial/a1_s1_t1_inertial.mat"
FIRST_SKELETON = "Skeleton/a1_s1_t1_skeleton.mat"


def test_table(prepare, utd_dir: Path, tmp_path: Path):
    result = prepare(raw_dir=utd_dir)
    assert (result.returncode, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["UTD-MHAD:", "3", "clips,", "27", "actions"]
    assert ["subject", "1", "2"] in lines
    assert ["cross_subject", "train", "2"] in lines
    assert ["cross_subject", "test", "1"] in lines
    assert ["sensor", "on", "right_thigh", "1"] in lines
    assert lines[-2] == ["result:", str(tmp_path / "out" / "set")]
    assert lines[-1][:5] == [
        "next:",
        "python",
        "-m",
        "pskd_tf.train",
        "--flagfile=configs/utd_mhad.flags",
    ]


def test_the_synthetic_set_is_labelled_synthetic(tmp_path: Path):
    """Started as the documentation says."""
    result = run_command(
        "data_prep.prepare", "--dataset=synthetic", f"--out_dir={tmp_path / 'set'}"
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Synthetic arm movements (not real recordings): 192 clips")


# Each entry spoils the raw folder; the error must name the rule and the file.
def no_files(folder, write_mat, zip_folder):
    for path in folder.rglob("*.mat"):
        path.unlink()


def no_skeleton_files(folder, write_mat, zip_folder):
    for path in folder.rglob("*skeleton.mat"):
        path.unlink()


def empty_zip(folder, write_mat, zip_folder):
    no_files(folder, write_mat, zip_folder)
    zip_folder(folder / "Inertial")


def no_zip(folder, write_mat, zip_folder):
    zip_folder(folder / "Inertial").write_bytes(b"<html>404</html>")


def cut_zip(folder, write_mat, zip_folder):
    archive = zip_folder(folder / "Inertial")
    archive.write_bytes(archive.read_bytes()[:-30])


def damaged_member(folder, write_mat, zip_folder):
    archive = zip_folder(folder / "Inertial")
    content = bytearray(archive.read_bytes())
    content[90:120] = b"\xaa" * 30
    archive.write_bytes(content)


def cut_mat(folder, write_mat, zip_folder):
    (folder / FIRST).write_bytes((folder / FIRST).read_bytes()[:150])


def cut_mat_in_zip(folder, write_mat, zip_folder):
    cut_mat(folder, write_mat, zip_folder)
    zip_folder(folder / "Inertial")


def empty_mat(folder, write_mat, zip_folder):
    (folder / FIRST).write_bytes(b"")


def no_skeleton_file(folder, write_mat, zip_folder):
    (folder / FIRST_SKELETON).unlink()


def no_inertial_file(folder, write_mat, zip_folder):
    (folder / FIRST).unlink()


def wrong_key(folder, write_mat, zip_folder):
    write_mat(folder / FIRST, data=np.ones((5, 6)))


def wrong_inertial_shape(folder, write_mat, zip_folder):
    write_mat(folder / FIRST, d_iner=np.ones((6, 5)))


def wrong_skeleton_shape(folder, write_mat, zip_folder):
    write_mat(folder / FIRST_SKELETON, d_skel=np.ones((25, 3, 5)))


def not_a_number(folder, write_mat, zip_folder):
    write_mat(folder / FIRST, d_iner=np.where(np.eye(5, 6) == 1, np.nan, 0.5))


def too_large_for_float32(folder, write_mat, zip_folder):
    write_mat(folder / FIRST, d_iner=np.full((5, 6), 1e300))


def one_sample(folder, write_mat, zip_folder):
    write_mat(folder / FIRST, d_iner=np.full((1, 6), 0.5))


def no_sample(folder, write_mat, zip_folder):
    write_mat(folder / FIRST, d_iner=np.zeros((0, 6)))


def one_frame(folder, write_mat, zip_folder):
    write_mat(folder / FIRST_SKELETON, d_skel=np.arange(60.0).reshape(20, 3))


def metres_per_second_squared(folder, write_mat, zip_folder):
    write_mat(folder / FIRST, d_iner=np.tile([0, 9.81, 0, 0, 0, 0], (5, 1)))


def millimetres(folder, write_mat, zip_folder):
    body = np.arange(60.0).reshape(20, 3) * 30
    write_mat(folder / FIRST_SKELETON, d_skel=np.stack([body] * 4, axis=2))


MEMBER = f"Inertial.zip/{FIRST}"


@pytest.mark.parametrize(
    ("spoil", "rule", "file"),
    [
        (no_files, "UTD-MHAD needs files named a1_s1_t1_inertial.mat", "raw"),
        (no_skeleton_files, "UTD-MHAD needs files named a1_s1_t1_skeleton.mat", "raw"),
        (empty_zip, "An archive must hold files", "Inertial.zip"),
        (no_zip, "An archive must be a whole zip file", "Inertial.zip"),
        (cut_zip, "An archive must be a whole zip file", "Inertial.zip"),
        (damaged_member, "A raw file must be readable", MEMBER),
        (cut_mat, "A .mat file must be readable by scipy", FIRST),
        (cut_mat_in_zip, "A .mat file must be readable by scipy", MEMBER),
        (empty_mat, "A .mat file must be of version 5 to 7.2", FIRST),
        (no_skeleton_file, "Received: no a1_s1_t1_skeleton.mat", "raw"),
        (no_inertial_file, "Received: no a1_s1_t1_inertial.mat", "raw"),
        (wrong_key, "A .mat file must hold d_iner. Received: data", FIRST),
        (wrong_inertial_shape, "d_iner must be of shape (samples, 6). Received: (6, 5)", FIRST),
        (wrong_skeleton_shape, "d_skel must be of shape (20, 3, frames)", FIRST_SKELETON),
        (not_a_number, "The accelerometer must be finite", FIRST),
        (too_large_for_float32, "The accelerometer must be finite", FIRST),
        (one_sample, "A clip needs at least 2 samples. Received: 1 of accelerometer", FIRST),
        (no_sample, "A clip needs at least 2 samples. Received: 0 of accelerometer", FIRST),
        (one_frame, "A clip needs at least 2 samples. Received: 1 of skeleton", FIRST_SKELETON),
        (metres_per_second_squared, "The unit of the accelerometer must be g", FIRST),
        (millimetres, "The unit of the skeleton must be metres", FIRST_SKELETON),
    ],
)
def test_bad_raw_files(prepare, utd_dir, write_mat, zip_folder, tmp_path, spoil, rule, file):
    """Status 2, one line that names rule and file, and nothing written."""
    spoil(utd_dir, write_mat, zip_folder)
    result = prepare(raw_dir=utd_dir)
    assert_one_line(result, rule)
    assert result.stderr.rstrip().endswith(f"{file})")
    out = tmp_path / "out"
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        ({"dataset": "mhad"}, "dataset must be one of synthetic, utd_mhad"),
        ({"dataset": None}, "--dataset must be given"),
        ({"dataset": "synthetic", "out_dir": None}, "--out_dir must be given"),
        ({}, "utd_mhad needs a raw_dir"),
        ({"raw_dir": "no/such/folder"}, "The raw folder must exist"),
        ({"dataset": "synthetic", "seed": -1}, "seed must not be negative. Received: -1"),
        ({"dataset": "synthetic", "seed": "one"}, "--seed=one"),
        ({"dataset": "synthetic", "sensor": "watch"}, "synthetic has no option sensor"),
        ({"dataset": "synthetic", "runner": "dask"}, "runner must be one of processes, ray"),
        ({"dataset": "synthetic", "workers": -1}, "workers must not be negative. Received: -1"),
        ({"dataset": "synthetic", "ray_address": "auto"}, "ray_address goes with the runner ray"),
        ({"dataset": "synthetic", "sensors": "gyroscope"}, "sensors must be accelerometer or acc"),
        ({"sed": 1}, "Unknown command line flag 'sed'"),
    ],
)
def test_bad_flags(prepare, tmp_path: Path, flags: dict, rule: str):
    assert_one_line(prepare(**flags), rule)
    assert not (tmp_path / "out").exists()


def assert_one_line(result, text: str) -> None:
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ")
    assert text in result.stderr
