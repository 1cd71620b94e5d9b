"""Clips written to a prepared set and read back are equal by value."""

import gc
import hashlib
import json
import weakref
from pathlib import Path

import numpy as np
import pytest

from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.files import file_sha256
from data_prep.loaders.synthetic.loader import SyntheticLoader
from data_prep.plausibility import prepared_doubts
from data_prep.prepared_set import PreparedSet
from data_prep.prepared_set_tables import prepared_table
from data_prep.prepared_set_writer import write_prepared_set

TEXT_COLUMNS = ["clip_id", "subject", "action_name", "trial", "sensor_place", "flags"]


@pytest.fixture
def description() -> DatasetDescription:
    return DatasetDescription(
        name="tiny", title="Tiny", is_synthetic=True, citation="none", num_clips=2,
        subjects=["1", "07"], class_names=["rest", "move"],
        streams={"accelerometer": {"unit": "g", "nominal_rate_hz": 50.0, "channels": list("xyz")}},
        joint_names=["hip", "head"], joint_parents=[-1, 0], root_joint=0, up_axis=1,
        protocols={}, made_by={"numpy": "0"},
    )  # fmt: skip


@pytest.fixture
def clips(still_clip):
    """Two clips of different lengths; the first without gyroscope and skeleton."""
    random = np.random.default_rng(0)
    second = still_clip(
        clip_id="a2_s7_t2", subject="07", action=1, trial="NA", flags=("late", "short"),
        accelerometer=random.normal(0, 1, (7, 3)).astype(np.float32),
        gyroscope=random.normal(0, 9, (7, 3)).astype(np.float32),
        skeleton=random.normal(0, 1, (3, 2, 3)).astype(np.float32),
    )  # fmt: skip
    return [still_clip(), second]


@pytest.fixture
def folder(tmp_path: Path, description, clips) -> Path:
    write_prepared_set(tmp_path / "set", description, iter(clips))
    return tmp_path / "set"


def test_round_trip(folder: Path, clips):
    prepared = PreparedSet.load(folder)
    assert len(prepared) == 2
    assert prepared.gyroscope(0) is None
    assert prepared.skeleton(0) is None
    for index, clip in enumerate(clips):
        assert prepared.accelerometer(index).dtype == np.float32
        np.testing.assert_array_equal(prepared.accelerometer(index), clip.accelerometer)
    np.testing.assert_array_equal(prepared.gyroscope(1), clips[1].gyroscope)
    np.testing.assert_array_equal(prepared.skeleton(1), clips[1].skeleton)
    rows = prepared.manifest[TEXT_COLUMNS].to_numpy().tolist()
    assert rows == [
        ["a1_s1_t1", "1", "rest", "1", "right_wrist", ""],
        ["a2_s7_t2", "07", "move", "NA", "right_wrist", "late;short"],
    ]
    assert prepared.manifest["action"].tolist() == [0, 1]
    assert prepared.manifest["accelerometer_start"].tolist() == [0, 4]
    assert prepared.manifest["accelerometer_length"].tolist() == [4, 7]
    assert prepared.manifest["skeleton_length"].tolist() == [0, 3]
    assert prepared.manifest["accelerometer_source"].tolist() == ["watch.csv", "watch.csv"]


def test_files_are_plain_numpy_in_c_order(folder: Path):
    names = sorted(path.name for path in folder.iterdir())
    arrays = ["accelerometer.npy", "gyroscope.npy", "skeleton.npy"]
    assert names == sorted([*arrays, "dataset.json", "manifest.csv"])
    for name, shape in zip(arrays, [(11, 3), (7, 3), (3, 2, 3)], strict=True):
        values = np.load(folder / name, allow_pickle=False)
        assert (values.shape, values.dtype, values.flags.c_contiguous) == (shape, np.float32, True)


def test_description_names_the_hashes(folder: Path):
    hashes = PreparedSet.load(folder).description.array_sha256
    assert set(hashes) == {"manifest.csv", "accelerometer.npy", "gyroscope.npy", "skeleton.npy"}
    assert all(file_sha256(folder / name) == value for name, value in hashes.items())


def test_arrays_are_memory_mapped_and_read_only(folder: Path):
    with pytest.raises(ValueError, match="read-only"):
        PreparedSet.load(folder).accelerometer(0)[0] = 0


def test_description_round_trip(folder: Path, description):
    loaded = DatasetDescription.load(folder / "dataset.json")
    assert loaded.to_json() == (folder / "dataset.json").read_text()
    assert (loaded.subjects, loaded.num_clips) == (description.subjects, 2)


def test_fingerprint_follows_the_values(tmp_path: Path, folder: Path, description, clips):
    write_prepared_set(tmp_path / "same", description, iter(clips))
    first = PreparedSet.load(folder).fingerprint
    assert PreparedSet.load(tmp_path / "same").fingerprint == first
    changed = clips[1].accelerometer.copy()
    changed[0, 0] += 1e-3
    object.__setattr__(clips[1], "accelerometer", changed)
    write_prepared_set(tmp_path / "other", description, iter(clips))
    assert PreparedSet.load(tmp_path / "other").fingerprint != first


def test_duplicated_clip(tmp_path: Path, description, still_clip):
    with pytest.raises(UserError, match=r"^A clip_id must be unique\. Received: a1_s1_t1"):
        write_prepared_set(tmp_path / "set", description, [still_clip(), still_clip()])
    assert list(tmp_path.iterdir()) == []


def test_no_clip(tmp_path: Path, description):
    with pytest.raises(UserError, match=r"^A data set needs at least one good clip"):
        write_prepared_set(tmp_path / "set", description, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"action": 2}, "An action must be 0 to 1, -1 without a label, -2 for none. Received: 2"),
        ({"action": -3}, "An action must be 0 to 1, -1 without a label, -2 for none. Received: -3"),
        ({"subject": "7"}, "A clip's subject must be one of the data set's. Received: 7"),
        ({"skeleton": np.eye(3, dtype=np.float32)[None].repeat(2, 0)}, "must have 2 joints"),
    ],
)
def test_clip_that_does_not_fit(tmp_path: Path, description, still_clip, changes, message):
    with pytest.raises(UserError) as error:
        write_prepared_set(tmp_path / "set", description, [still_clip(**changes)])
    assert message in str(error.value)


def test_writer_holds_one_clip_at_a_time(tmp_path: Path):
    """Every earlier clip is already gone when the next one is asked for."""
    loader = SyntheticLoader(num_subjects=1, num_trials=1)
    found = loader.discover()
    alive: list[weakref.ref] = []
    most = 0

    def watched():
        nonlocal most
        for clip in map(loader.read, found.sources):
            alive.append(weakref.ref(clip.skeleton))
            yield clip
            del clip
            gc.collect()
            most = max(most, sum(reference() is not None for reference in alive))

    write_prepared_set(tmp_path / "set", found.description, watched())
    assert len(alive) == 8
    assert most <= 2


def damage_schema(folder: Path) -> None:
    content = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**content, "schema_version": 99}))


def damage_fields(folder: Path) -> None:
    content = json.loads((folder / "dataset.json").read_text())
    del content["class_names"]
    (folder / "dataset.json").write_text(json.dumps(content))


def damage_array(folder: Path) -> None:
    np.save(folder / "skeleton.npy", np.zeros((2, 2, 3), np.float32))


def cut_array(folder: Path) -> None:
    content = (folder / "accelerometer.npy").read_bytes()
    (folder / "accelerometer.npy").write_bytes(content[:-1])


def damage_dtype(folder: Path) -> None:
    np.save(folder / "gyroscope.npy", np.zeros((7, 3)))


def damage_manifest(folder: Path) -> None:
    content = (folder / "manifest.csv").read_text()
    (folder / "manifest.csv").write_text(content.replace("rest", "best"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_schema, "must have schema version 2; prepare it again. Received: 99"),
        (damage_fields, "must hold all fields and no other. Received: class_names"),
        (damage_array, "must be float32 of shape (3, 2, 3). Received: float32 (2, 2, 3)"),
        (damage_dtype, "must be float32 of shape (7, 3). Received: float64 (7, 3)"),
        (cut_array, "An array must be a .npy file of shape (11, 3)"),
        (damage_manifest, "A manifest.csv must be as it was prepared"),
        (lambda folder: (folder / "manifest.csv").unlink(), "needs a manifest.csv"),
        (lambda folder: (folder / "dataset.json").unlink(), "needs a dataset.json"),
        (lambda folder: (folder / "dataset.json").write_text("{"), "must be JSON"),
        (lambda folder: (folder / "dataset.json").write_text("[]"), "must hold an object"),
        (lambda folder: (folder / "skeleton.npy").unlink(), "An array must be a .npy file"),
    ],
)
def test_damaged_set(folder: Path, damage, message: str):
    damage(folder)
    with pytest.raises(UserError) as error:
        PreparedSet.load(folder)
    assert message in str(error.value)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize(
    "protocol",
    [{}, {"train_subjects": ["a"]}, {"train": 1, "test": {}}, {"train": {"trial": 3}, "test": {}}],
)
def test_a_protocol_without_its_parts_is_refused(folder: Path, protocol):
    described = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(described | {"protocols": {"mine": protocol}}))
    with pytest.raises(UserError, match=r"must list its .*_subjects.* in mine.*dataset\.json"):
        PreparedSet.load(folder)


def test_a_manifest_without_a_column_is_refused(folder: Path):
    text = (folder / "manifest.csv").read_text().replace("sensor_place", "place", 1)
    (folder / "manifest.csv").write_text(text)
    described = json.loads((folder / "dataset.json").read_text())
    described["array_sha256"]["manifest.csv"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "dataset.json").write_text(json.dumps(described))
    with pytest.raises(UserError, match=r"must be as it was prepared.*sensor_place"):
        PreparedSet.load(folder)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2,3\n", b"\xff\xfe,b\n"])
def test_a_manifest_that_is_no_table_is_refused(folder: Path, content: bytes):
    (folder / "manifest.csv").write_bytes(content)
    described = json.loads((folder / "dataset.json").read_text())
    described["array_sha256"]["manifest.csv"] = hashlib.sha256(content).hexdigest()
    (folder / "dataset.json").write_text(json.dumps(described))
    with pytest.raises(UserError, match=r"A manifest\.csv must be .*manifest\.csv"):
        PreparedSet.load(folder)


def test_no_folder(tmp_path: Path):
    with pytest.raises(UserError, match=r"needs a dataset\.json; run data_prep\.prepare"):
        PreparedSet.load(tmp_path / "nothing")


def test_a_clip_with_a_skeleton_alone_comes_back_without_accelerometer(
    tmp_path: Path, description, clips, still_clip
):
    joints = np.float32([[[0, 0, 0], [0, 1.6, 0]]] * 4)
    alone = still_clip(
        clip_id="b", accelerometer=None, skeleton=joints, sources={"skeleton": ("b.csv", "")}
    )
    write_prepared_set(tmp_path / "set", description, [clips[0], alone, clips[1]])
    prepared = PreparedSet.load(tmp_path / "set")
    assert prepared.accelerometer(1) is None
    np.testing.assert_array_equal(prepared.skeleton(1), joints)
    np.testing.assert_array_equal(prepared.measured(2), clips[1].accelerometer)
    np.testing.assert_array_equal(prepared.has_accelerometer, [True, False, True])
    assert "clips without accelerometer       1" in prepared_table(prepared)
    with pytest.raises(UserError, match=r"needs an accelerometer here\. Received: b without"):
        prepared.measured(1)
    assert not [one for one in prepared_doubts(prepared) if one.where == "b"]
