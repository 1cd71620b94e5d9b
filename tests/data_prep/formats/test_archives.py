"""Raw files are the same bytes in a folder and in an archive, also from another process."""

import dataclasses
import hashlib
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.files import LARGEST_UNPACKED
from data_prep.formats.archives import RawFile, find_raw_files, raw_sources

CONTENT = {
    "deep/a.csv": np.random.default_rng(0).bytes(5000) + b"\0" * 5000,
    "b.csv": b"",
    "ü.csv": b"short",
}


def archive(path: Path, **options) -> Path:
    with zipfile.ZipFile(path, "w", **options) as stream:
        for name, content in CONTENT.items():
            stream.writestr(name, content)
    return path


def found(folder: Path, archives: tuple[str, ...] = ("*.zip",)) -> list[RawFile]:
    return find_raw_files(folder, r".*\.csv", archives)


@pytest.mark.parametrize(
    "method",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_every_packing(tmp_path: Path, method: int):
    archive(tmp_path / "set.zip", compression=method)
    items = [pickle.loads(pickle.dumps(item)) for item in found(tmp_path)]
    assert {item.name: item.read() for item in items} == {
        f"set.zip/{name}": content for name, content in CONTENT.items()
    }


def test_bytes_before_the_archive(tmp_path: Path):
    """As a self-extracting archive has them."""
    content = archive(tmp_path / "set.zip", compression=zipfile.ZIP_DEFLATED).read_bytes()
    (tmp_path / "set.zip").write_bytes(b"#!/bin/sh\n" + content)
    assert sorted(item.read() for item in found(tmp_path)) == sorted(CONTENT.values())


def test_archives_by_pattern(tmp_path: Path):
    for name in ("acc_watch_clip.zip", "ACC_phone_clip.ZIP", "other.zip"):
        archive(tmp_path / name)
    names = {item.name.split("/")[0] for item in found(tmp_path, ("acc_*_clip.zip",))}
    assert names == {"acc_watch_clip.zip", "ACC_phone_clip.ZIP"}


def test_every_flipped_byte_of_a_member_is_found(tmp_path: Path):
    """A read gives the right bytes or an error that names the member; never other bytes."""
    path = archive(tmp_path / "set.zip", compression=zipfile.ZIP_DEFLATED)
    items = found(tmp_path)
    whole = path.read_bytes()
    expected = {item.name: item.read() for item in items}
    errors = 0
    for position in np.random.default_rng(1).integers(0, len(whole), 200):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        for item in items:
            try:
                assert item.read() == expected[item.name]
            except UserError as error:
                assert str(error).endswith(f"(file: {item.name})")
                errors += 1
    assert errors > 150


def test_cut_archive(tmp_path: Path):
    path = archive(tmp_path / "set.zip")
    item = found(tmp_path)[1]
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match="A raw file must be readable"):
        item.read()


def test_size_in_the_directory_is_the_limit(tmp_path: Path):
    """A member that unpacks to more than its directory promises is refused, not unpacked."""
    bomb = b"\0" * 1_000_000
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr("a.csv", bomb)
    (item,) = found(tmp_path)
    small = dataclasses.replace(item, member=dataclasses.replace(item.member, size=10))
    with pytest.raises(UserError, match="Bad CRC-32"):
        small.read()


def test_a_member_that_claims_more_than_the_bound_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr("a.csv", bytes(LARGEST_UNPACKED + 1))
    assert (tmp_path / "a.zip").stat().st_size < 300_000
    (item,) = found(tmp_path)
    with pytest.raises(UserError, match=r"268,435,457 bytes when unpacked, .* most 256 MiB"):
        item.read()


def test_hash_of_an_archive_is_that_of_its_bytes(tmp_path: Path):
    path = archive(tmp_path / "set.zip")
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert raw_sources(found(tmp_path)) == {"set.zip": expected}
