"""A set is prepared once, again when its inputs change, and never over other files."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.preparation import prepare_dataset


def contents(folder: Path) -> dict[str, str]:
    """File name -> SHA-256."""
    paths = sorted(folder.iterdir())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def inode(folder: Path) -> int:
    return (folder / "accelerometer.npy").stat().st_ino


@pytest.mark.parametrize("dataset", ["synthetic", "utd_mhad"])
def test_two_runs_give_the_same_bytes(tmp_path: Path, utd_dir: Path, dataset: str):
    first = prepare_dataset(dataset, utd_dir, tmp_path / "first")
    second = prepare_dataset(dataset, utd_dir, tmp_path / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert first.fingerprint == second.fingerprint


def test_fresh_set_is_kept(tmp_path: Path, utd_dir: Path):
    prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    before = inode(tmp_path / "set")
    prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    assert inode(tmp_path / "set") == before


def test_changed_raw_file_makes_it_anew(tmp_path: Path, utd_dir: Path, write_mat, inertial):
    old = prepare_dataset("utd_mhad", utd_dir, tmp_path / "set").fingerprint
    inertial[0] = [0, 0, 1, 7, 7, 7]
    write_mat(utd_dir / "Inertial/a1_s1_t1_inertial.mat", d_iner=inertial)
    prepared = prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    assert prepared.accelerometer(0)[0].tolist() == [0, 0, 1]
    assert prepared.fingerprint != old


def test_other_seed_makes_it_anew(tmp_path: Path):
    old = prepare_dataset("synthetic", None, tmp_path / "set", seed=0)
    first = np.array(old.accelerometer(0))
    new = prepare_dataset("synthetic", None, tmp_path / "set", seed=1)
    assert not np.array_equal(first, new.accelerometer(0))


def test_damaged_set_is_made_anew(tmp_path: Path, utd_dir: Path):
    prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    before = contents(tmp_path / "set")
    (tmp_path / "set" / "skeleton.npy").write_bytes(b"")
    prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    assert contents(tmp_path / "set") == before


def test_failure_leaves_the_old_set(tmp_path: Path, utd_dir: Path):
    prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    before = contents(tmp_path / "set")
    (utd_dir / "Inertial/a22_s1_t1_inertial.mat").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"a22_s1_t1_inertial\.mat"):
        prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    assert contents(tmp_path / "set") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "set"]


def test_empty_folder_is_fine(tmp_path: Path, utd_dir: Path):
    (tmp_path / "set").mkdir()
    assert len(prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")) == 3


@pytest.mark.parametrize("name", ["letter.txt", "manifest.csv"])
def test_other_folder_is_left_alone(tmp_path: Path, name: str):
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=r"^out_dir must be empty or hold a prepared set"):
        prepare_dataset("synthetic", None, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}


def test_own_set_with_a_foreign_file_is_left_alone(tmp_path: Path, utd_dir: Path):
    prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    (tmp_path / "set" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"Received: notes\.txt"):
        prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    assert (tmp_path / "set" / "notes.txt").read_text() == "mine"


def test_set_of_other_data_is_left_alone(tmp_path: Path, utd_dir: Path):
    prepare_dataset("utd_mhad", utd_dir, tmp_path / "set")
    before = contents(tmp_path / "set")
    with pytest.raises(UserError, match=r"prepared set of synthetic.*Received: one of utd_mhad"):
        prepare_dataset("synthetic", None, tmp_path / "set")
    assert contents(tmp_path / "set") == before


def test_out_dir_is_a_file(tmp_path: Path):
    (tmp_path / "set").write_text("mine")
    with pytest.raises(UserError, match="out_dir must be a folder"):
        prepare_dataset("synthetic", None, tmp_path / "set")
    with pytest.raises(UserError, match="must be writable"):
        prepare_dataset("synthetic", None, tmp_path / "set" / "below")
