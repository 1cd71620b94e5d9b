"""Unpacking an archive that nobody vouches for."""

import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from data_prep.user_error import UserError
from data_prep.whole_file import whole_folder

LARGEST_BYTES = 64 * 2**30
_BLOCK = 1 << 20
_Member = tuple[str, int, zipfile.ZipInfo | tarfile.TarInfo]


def unpack_archive(
    archive: str | Path, folder: str | Path, largest_bytes: int = LARGEST_BYTES
) -> int:
    """Unpacks a zip or tar archive (also .tar.gz, .bz2, .xz) into a folder, whole or not at all.

    Args:
        archive: The archive.
        folder: The new folder; an older one there is replaced.
        largest_bytes: Bound on the bytes of all its files together.

    Returns:
        The number of files.

    Raises:
        UserError: The archive is damaged, or holds a path outside the folder, a link or a device,
            a name twice, or more bytes than the bound.
    """
    archive, folder = Path(archive), Path(folder)
    seen: set[str] = set()
    left = largest_bytes
    try:
        with whole_folder(folder.resolve()) as part, _opened(archive) as opened:
            for name, size, item in _members(opened, archive):
                target = part / _safe_name(name, archive)
                key = target.as_posix().lower()
                if key in seen:
                    raise UserError("An archive must not hold a name twice", name, archive)
                seen.add(key)
                if size > left:
                    _refuse_size(largest_bytes, archive)
                target.parent.mkdir(parents=True, exist_ok=True)
                with _stream(opened, item) as source, open(target, "wb") as stream:
                    left = _copy(source, stream, left)
                if left < 0:
                    _refuse_size(largest_bytes, archive)
    except UserError:
        raise
    except OSError as error:  # tarfile.ReadError is one; a full disk, too
        raise UserError(
            "An archive must be whole and its folder writable", error, archive
        ) from error
    except Exception as error:  # zlib, lzma, BadZipFile, EOFError, RuntimeError (password), ...
        received = f"{type(error).__name__}: {error}"
        raise UserError("An archive must be whole", received, archive) from error
    return len(seen)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            yield opened
    else:
        with tarfile.open(archive) as opened:
            yield opened


def _members(opened: zipfile.ZipFile | tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    """Yields name, size and entry of each regular file; folders are made as needed."""
    if isinstance(opened, zipfile.ZipFile):
        for item in opened.infolist():
            kind = stat.S_IFMT(item.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                _refuse_kind(item.filename, archive)
            _safe_name(item.filename, archive)
            if not item.is_dir():
                yield item.filename, item.file_size, item
        return
    for item in opened:
        if not item.isfile() and not item.isdir():
            _refuse_kind(item.name, archive)
        _safe_name(item.name, archive)
        if item.isfile():
            yield item.name, item.size, item


def _safe_name(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    is_odd = "\\" in name or ":" in name or "\0" in name
    if is_odd or path.is_absolute() or ".." in path.parts:
        raise UserError("An archive must hold only paths below its own folder", name, archive)
    return path


def _stream(
    opened: zipfile.ZipFile | tarfile.TarFile, item: zipfile.ZipInfo | tarfile.TarInfo
) -> BinaryIO:
    if isinstance(opened, zipfile.ZipFile):
        return opened.open(item)
    return opened.extractfile(item)


def _copy(source: BinaryIO, target: BinaryIO, left: int) -> int:
    """Copies until the end or just over the bound; returns what is left of it, below 0 if over."""
    while left >= 0 and (block := source.read(min(_BLOCK, left + 1))):
        target.write(block)
        left -= len(block)
    return left


def _refuse_kind(name: str, archive: Path) -> None:
    raise UserError("An archive must hold only files and folders, no links", name, archive)


def _refuse_size(largest_bytes: int, archive: Path) -> None:
    free = shutil.disk_usage(archive.parent).free
    received = f"more ({free} bytes are free on the disk)"
    raise UserError(f"An archive must unpack to at most {largest_bytes} bytes", received, archive)
