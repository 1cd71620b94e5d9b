"""Files are written whole or not at all, and hashed."""

from pathlib import Path

import pytest

from data_prep.files import file_sha256, json_sha256, whole_file, whole_folder


def test_file_appears_with_its_content(tmp_path: Path):
    with whole_file(tmp_path / "new" / "a.txt") as part:
        part.write_text("1")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == {"a.txt": "1"}


def test_failed_file_leaves_the_old_one(tmp_path: Path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError, match="stop"), whole_file(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise RuntimeError("stop")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "old"}


def test_folder_replaces_the_old_one(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "old.txt").write_text("old")
    with whole_folder(tmp_path / "set") as part:
        (part / "new.txt").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["new.txt"]


def test_failed_folder_leaves_the_old_one(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "old.txt").write_text("old")
    with pytest.raises(RuntimeError, match="stop"), whole_folder(tmp_path / "set") as part:
        (part / "new.txt").write_text("half")
        raise RuntimeError("stop")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["old.txt"]


def test_failed_new_folder_leaves_nothing(tmp_path: Path):
    with pytest.raises(RuntimeError, match="stop"), whole_folder(tmp_path / "set") as part:
        (part / "new.txt").write_text("half")
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_file_sha256(tmp_path: Path):
    """FIPS 180's example: "abc"."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_sha256(tmp_path / "abc") == SHA256_OF_ABC


def test_json_sha256_ignores_order_alone():
    assert json_sha256({"a": 1, "b": [1, 2]}) == json_sha256({"b": [1, 2], "a": 1})
    assert json_sha256({"a": 1, "b": [1, 2]}) != json_sha256({"a": 1, "b": [2, 1]})
