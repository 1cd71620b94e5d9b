"""Files are written whole or not at all, and hashed."""

import subprocess
import sys
from pathlib import Path

import pytest

from data_prep.files import (
    file_sha256,
    json_sha256,
    lock_stream,
    remove_file,
    whole_file,
    whole_folder,
)
from project import ROOT


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


def test_an_empty_folder_in_the_place_of_a_file_is_replaced_and_another_is_named(tmp_path):
    path = tmp_path / "settings.json"
    path.mkdir()
    with whole_file(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    path.unlink()
    (path / "mine").mkdir(parents=True)
    with pytest.raises(IsADirectoryError) as raised, whole_file(path) as part:
        part.write_text("newer")
    assert raised.value.filename == str(path)
    assert [one.name for one in tmp_path.rglob("*")] == ["settings.json", "mine"]


def test_a_file_or_an_empty_folder_in_its_place_is_removed(tmp_path):
    paths = [tmp_path / name for name in ("file", "folder", "none", "link", "full")]
    paths[0].touch()
    paths[1].mkdir()
    (paths[4] / "mine").mkdir(parents=True)
    paths[3].symlink_to(paths[4])
    for path in paths[:4]:
        remove_file(path)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    with pytest.raises(IsADirectoryError) as raised:
        remove_file(paths[4])
    assert raised.value.filename == str(paths[4])


def test_temporary_names_are_unique_and_keep_the_suffix(tmp_path: Path):
    """Two reports of one run at once must not write to the same file."""
    with whole_file(tmp_path / "a.npz") as one, whole_file(tmp_path / "a.npz") as two:
        assert one != two and one.suffix == two.suffix == ".npz"
        one.write_text("1")
        two.write_text("2")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.npz": "1"}
    with whole_folder(tmp_path / "set") as one, whole_folder(tmp_path / "set") as two:
        (one / "1").touch()
        (two / "2").touch()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["1"]


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path):
    script = (
        "import os, signal, sys\n"
        "from data_prep.files import whole_file, whole_folder\n"
        "path = sys.argv[1]\n"
        "with whole_file(path + '/a.txt') as a, whole_folder(path + '/set') as part:\n"
        "    a.write_text('half')\n"
        "    (part / 'b.txt').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], cwd=ROOT)
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == 2 and all(".partial" in name for name in left)
    with whole_file(tmp_path / "other.txt") as part, whole_file(tmp_path / "more.txt") as more:
        part.write_text("1")
        more.write_text("2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["more.txt", "other.txt"]


def test_a_folder_takes_the_place_of_a_file(tmp_path: Path):
    (tmp_path / "set").write_text("damaged")
    with whole_folder(tmp_path / "set") as part:
        (part / "new.txt").touch()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["new.txt"]


def test_a_long_name_leaves_room_for_the_temporary_one(tmp_path: Path):
    with whole_file(tmp_path / ("ö" * 125 + ".txt")) as part:
        part.write_text("1")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_lock_is_held_by_one_stream(tmp_path: Path):
    with open(tmp_path / "lock", "w") as one, open(tmp_path / "lock", "w") as two:
        assert lock_stream(one)
        assert not lock_stream(two, waits=False)
        one.close()
        assert lock_stream(two, waits=False)
