"""Bad clips stop the preparation, or are listed, counted and left out."""

import csv
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import Refusal, UserError
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set import PreparedSet
from data_prep.prepared_set_tables import dropped_clips, lost_classes
from data_prep.prepared_set_writer import write_prepared_set

FIRST = "Inertial/a1_s1_t1_inertial.mat"


@pytest.fixture
def damaged_dir(utd_dir: Path, write_mat) -> Path:
    """Three clips: a unit is wrong in the first, the second lacks its skeleton."""
    write_mat(utd_dir / FIRST, d_iner=np.tile([0, 9.81, 0, 0, 0, 0], (5, 1)))
    (utd_dir / "Skeleton/a1_s2_t1_skeleton.mat").unlink()
    return utd_dir


def test_listed_and_left_out(damaged_dir: Path, tmp_path: Path):
    prepared = prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set", quarantine=True)
    assert prepared.manifest["clip_id"].tolist() == ["a22_s1_t1"]
    with open(tmp_path / "set" / "quarantine.csv", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["clip_id", "file", "reason", "subject", "action_name"]
    assert rows[1][:2] == ["a1_s1_t1", FIRST]
    assert rows[1][2].startswith("The unit of the accelerometer must be g")
    assert rows[1][2].endswith("Received: median 9.81, largest 9.81")
    assert rows[1][3:] == ["1", "swipe_left"]
    rule = "Each clip needs an inertial and a skeleton file."
    assert rows[2] == [
        "a1_s2_t1", str(damaged_dir), f"{rule} Received: no a1_s2_t1_skeleton.mat",
        "2", "swipe_left",
    ]  # fmt: skip
    assert len(rows) == 3
    description = prepared.description
    assert (description.num_clips, description.num_quarantined) == (1, 2)
    assert "quarantine.csv" in description.array_sha256


def test_subject_without_a_clip_leaves_the_protocols(damaged_dir: Path, tmp_path: Path):
    description = prepare_dataset(
        "utd_mhad", damaged_dir, tmp_path / "set", quarantine=True
    ).description
    assert description.subjects == ["1"]
    protocol = description.protocols["cross_subject"]
    assert (protocol["train_subjects"], protocol["test_subjects"]) == (["1"], [])


def test_same_bytes_from_two_workers(damaged_dir: Path, tmp_path: Path):
    one = prepare_dataset("utd_mhad", damaged_dir, tmp_path / "one", quarantine=True)
    two = prepare_dataset("utd_mhad", damaged_dir, tmp_path / "two", quarantine=True, workers=2)
    assert one.fingerprint == two.fingerprint


def test_ready_set_is_kept(damaged_dir: Path, tmp_path: Path):
    prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set", quarantine=True)
    before = (tmp_path / "set" / "manifest.csv").stat().st_ino
    prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set", quarantine=True)
    assert (tmp_path / "set" / "manifest.csv").stat().st_ino == before


def test_ready_set_is_no_excuse_without_quarantine(damaged_dir: Path, tmp_path: Path):
    prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set", quarantine=True)
    with pytest.raises(UserError, match="The unit of the accelerometer must be g"):
        prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set")


def test_mended_file_makes_it_anew(damaged_dir: Path, tmp_path: Path, write_mat, inertial):
    prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set", quarantine=True)
    write_mat(damaged_dir / FIRST, d_iner=inertial)
    prepared = prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set", quarantine=True)
    assert prepared.manifest["clip_id"].tolist() == ["a1_s1_t1", "a22_s1_t1"]
    assert prepared.quarantine["clip_id"].tolist() == ["a1_s2_t1"]


def test_clean_set_has_no_list(utd_dir: Path, tmp_path: Path):
    """And the same bytes with and without the option."""
    with_it = prepare_dataset("utd_mhad", utd_dir, tmp_path / "one", quarantine=True)
    without = prepare_dataset("utd_mhad", utd_dir, tmp_path / "two")
    assert with_it.fingerprint == without.fingerprint
    assert not (tmp_path / "one" / "quarantine.csv").exists()
    assert len(with_it.quarantine) == 0


def test_no_good_clip(damaged_dir: Path, tmp_path: Path):
    (damaged_dir / "Skeleton/a22_s1_t1_skeleton.mat").unlink()
    with pytest.raises(UserError, match=r"^A data set needs at least one good clip\. .*must be g"):
        prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set", quarantine=True)
    assert not (tmp_path / "set").exists()


def test_edited_list_is_found(damaged_dir: Path, tmp_path: Path):
    prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set", quarantine=True)
    with open(tmp_path / "set" / "quarantine.csv", "a") as stream:
        stream.write("x,y,z\n")
    with pytest.raises(UserError, match=r"^A quarantine\.csv must be as it was prepared"):
        PreparedSet.load(tmp_path / "set")


def test_the_command_counts_dropped_clips_by_rule(prepare, damaged_dir: Path):
    result = prepare(raw_dir=damaged_dir, quarantine="true")
    assert (result.returncode, result.stderr) == (0, "")
    lines = [line.rsplit(maxsplit=1) for line in result.stdout.splitlines()]
    counts = {line[0].strip(): line[1] for line in lines}
    assert (counts["clips read"], counts["clips flagged"], counts["clips dropped"]) == (
        "3", "0", "2",
    )  # fmt: skip
    assert counts["dropped: Each clip needs an inertial and a skeleton file."] == "1"
    assert sum("dropped: The unit of the accelerometer must be g" in name for name in counts) == 1
    assert counts["cross_subject test (empty: no score)"] == "0"


def test_dropped_clips_are_counted_by_class(prepare, damaged_dir: Path):
    """Both clips of class 1 are bad, the only one of class 22 is kept."""
    result = prepare(raw_dir=damaged_dir, quarantine="true")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["dropped", "of", "swipe_left", "2"] in lines
    (warning,) = [line for line in result.stdout.splitlines() if line.startswith("warning (lost)")]
    assert warning.startswith("warning (lost): swipe_left: 2 of 2 clips are dropped")


def test_dropped_clips_by_rule_and_class(damaged_dir: Path, tmp_path: Path):
    prepared = prepare_dataset("utd_mhad", damaged_dir, tmp_path / "set", quarantine=True)
    found = [
        (problem.kind, problem.where, problem.text[:46]) for problem in dropped_clips(prepared)
    ]
    assert sorted(found, key=lambda one: one[2]) == [
        ("dropped", "1 clips (1 of swipe_left)", "Each clip needs an inertial and a skeleton fil"),
        ("dropped", "1 clips (1 of swipe_left)", "The unit of the accelerometer must be g (media"),
    ]


@pytest.mark.parametrize(("bad", "is_lost"), [(2, False), (3, True)])
def test_a_class_that_loses_more_than_a_fifth(
    tmp_path: Path, still_clip, real_description, bad: int, is_lost: bool
):
    clips = [still_clip(clip_id=str(number)) for number in range(10 - bad)]
    refusals = [Refusal(f"bad {n}", UserError("A rule", n), "1", 0) for n in range(bad)]
    write_prepared_set(tmp_path / "set", real_description, [*clips, *refusals])
    prepared = PreparedSet.load(tmp_path / "set")
    assert prepared.quarantine["action_name"].tolist() == ["swipe_left"] * bad
    found = [(problem.where, problem.text[:10]) for problem in lost_classes(prepared)]
    assert found == ([("swipe_left", "3 of 10 cl")] if is_lost else [])


def test_command_stops_without_it(prepare, damaged_dir: Path):
    result = prepare(raw_dir=damaged_dir)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "largest 9.81 (--quarantine leaves bad clips out) (file: " in result.stderr


def test_attributes_become_columns(tmp_path: Path, still_clip, real_description):
    clips = [
        still_clip(attributes={"session": "2", "scene": "1"}),
        Refusal("bad", UserError("A rule", 1)),
        still_clip(clip_id="b", attributes={"session": "3", "scene": "4"}),
    ]
    write_prepared_set(tmp_path / "set", real_description, clips)
    manifest = PreparedSet.load(tmp_path / "set").manifest
    assert manifest[["session", "scene"]].to_numpy().tolist() == [["2", "1"], ["3", "4"]]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"scene": "1"}, "Every clip must have the attributes session. Received: scene"),
        ({}, "Every clip must have the attributes session. Received: none"),
    ],
)
def test_every_clip_has_the_same_attributes(
    tmp_path: Path, still_clip, real_description, attributes: dict, message: str
):
    clips = [
        still_clip(attributes={"session": "2"}),
        still_clip(clip_id="b", attributes=attributes),
    ]
    with pytest.raises(UserError) as error:
        write_prepared_set(tmp_path / "set", real_description, clips)
    assert message in str(error.value)


def test_attribute_named_like_a_column(tmp_path: Path, still_clip, real_description):
    clip = still_clip(attributes={"trial": "2"})
    with pytest.raises(UserError, match=r"must not be named like a column\. Received: trial"):
        write_prepared_set(tmp_path / "set", real_description, [clip])


@pytest.fixture
def real_description(utd_dir: Path):
    from data_prep.loaders.utd_mhad import UTDMHADLoader

    return UTDMHADLoader(utd_dir).discover().description
