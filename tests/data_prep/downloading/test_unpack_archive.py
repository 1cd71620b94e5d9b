"""Good archives unpack to the same bytes; evil ones leave nothing behind."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_prep.downloading import unpack_archive
from data_prep.errors import UserError

FILES = {"Inertial/a.mat": bytes(range(256)) * 40, "b.txt": b"", "c/d/e.csv": b"1,2\n"}


def zip_of(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
        for name, content in files.items():
            stream.writestr(name, content)
    return path


def tar_of(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as stream:
        for name, content in files.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            stream.addfile(item, io.BytesIO(content))
    return path


def tar_with(path: Path, kind: bytes, target: str = "../secret") -> Path:
    with tarfile.open(path, "w") as stream:
        item = tarfile.TarInfo("link")
        item.type = kind
        item.linkname = target
        stream.addfile(item)
    return path


def unpacked(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_good_archive(tmp_path: Path, mode: str):
    path = tmp_path / "archive"
    zip_of(path, FILES) if mode == "zip" else tar_of(path, FILES, mode)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("gone")
    assert unpack_archive(path, tmp_path / "out") == 3
    assert unpacked(tmp_path / "out") == FILES


EVIL_NAMES = ["../x", "a/../../x", "/x", "C:/x", "..\\x", "a/..", "\\\\host\\x"]


@pytest.mark.parametrize("name", EVIL_NAMES)
@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_path_outside(tmp_path: Path, make, name: str):
    path = make(tmp_path / "archive", {"good": b"1", name: b"evil"})
    assert_refused(path, "An archive must hold only paths below its own folder")


def test_link_in_a_zip(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "archive", "w") as stream:
        item = zipfile.ZipInfo("link")
        item.external_attr = (stat.S_IFLNK | 0o777) << 16
        stream.writestr(item, "../secret")
    assert_refused(tmp_path / "archive", "no links. Received: link")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
def test_link_or_device_in_a_tar(tmp_path: Path, kind: bytes):
    assert_refused(tar_with(tmp_path / "archive", kind), "no links. Received: link")


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_more_bytes_than_allowed(tmp_path: Path, make):
    path = make(tmp_path / "archive", {"a": b"\0" * 600, "b": b"\0" * 600})
    assert unpack_archive(path, tmp_path / "fits", largest_bytes=1200) == 2
    assert_refused(path, "must unpack to at most 1199 bytes", largest_bytes=1199)


def test_zip_that_lies_about_its_size(tmp_path: Path):
    """The directory promises 10 bytes, the data are a million zeros."""
    path = zip_of(tmp_path / "archive", {"a": b"\0" * 1_000_000})
    content = path.read_bytes().replace(
        (1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    )
    path.write_bytes(content)
    with pytest.raises(UserError):
        unpack_archive(path, tmp_path / "out", largest_bytes=1000)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["archive"]


@pytest.mark.parametrize("other", ["a", "A"])
def test_name_twice(tmp_path: Path, other: str):
    """Also where only the case differs, which one file would be on some disks."""
    with tarfile.open(tmp_path / "archive", "w") as stream:
        for name in ("a", other):
            stream.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert_refused(tmp_path / "archive", "must not hold a name twice")


def test_file_where_a_folder_is(tmp_path: Path):
    path = tar_of(tmp_path / "archive", {"a/b": b"1", "a": b"2"})
    assert_refused(path, "An archive must be whole and its folder writable")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>"])
def test_no_archive(tmp_path: Path, content: bytes):
    (tmp_path / "archive").write_bytes(content)
    assert_refused(tmp_path / "archive", "An archive must be whole")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["zip", "w", "w:gz"]), st.integers(0, 10**6), st.booleans())
def test_damaged_archive(tmp_path: Path, mode: str, seed: int, is_cut: bool):
    """The same files (or fewer of a cut tar), or one line; nothing outside in any case."""
    path = tmp_path / "archive"
    zip_of(path, FILES) if mode == "zip" else tar_of(path, FILES, mode)
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(seed)
    position = int(random.integers(len(content)))
    if is_cut:
        del content[position:]
    else:
        content[position] ^= int(random.integers(1, 256))
    path.write_bytes(content)
    out = tmp_path / "below" / "out"
    try:
        unpack_archive(path, out, largest_bytes=100_000)
    except UserError as error:
        assert "\n" not in str(error)
    assert {item.name for item in tmp_path.iterdir()} <= {"archive", "below"}


def assert_refused(path: Path, message: str, **options) -> None:
    folder = path.parent / "deep" / "out"
    with pytest.raises(UserError) as error:
        unpack_archive(path, folder, **options)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert list(folder.parent.iterdir()) == []
    assert not (path.parent / "x").exists()
