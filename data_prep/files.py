"""Files that appear whole or not at all, their locks and fingerprints, and the versions that made
them.
"""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import filelock

from data_prep.errors import UserError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and renames it to `path` when the block succeeds.

    Args:
        path: The final file. Missing parent folders are made; an empty folder there is replaced.

    Yields:
        The temporary path to write to; it is removed if the block raises.

    Raises:
        IsADirectoryError: A folder with content lies there.
    """
    path = Path(path)
    # The suffix stays last: numpy and Keras choose the format by it.
    temporary = _temporary(path, path.stem, path.suffix)
    try:
        yield temporary
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        if path.is_dir():
            remove_file(path)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_file(path: Path) -> None:
    """Removes a file, or an empty folder in its place, if either is there.

    Raises:
        IsADirectoryError: A folder with content lies there.
    """
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    try:
        path.rmdir()
    except OSError as error:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from error


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path` and puts it in the place of `path` on success.

    Args:
        path: The final folder; an older one there is replaced.

    Yields:
        The temporary folder to fill; it is removed if the block raises.
    """
    path = Path(path)
    temporary = _temporary(path, path.name, "")
    temporary.mkdir()
    try:
        yield temporary
        _remove(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


# Of a machine's name, enough to tell those that share a folder apart.
_MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
_LONGEST_NAME = 40


def _temporary(path: Path, name: str, suffix: str) -> Path:
    """Returns a name beside `path` that no other process has, and removes what killed processes
    of this machine left there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for entry in os.scandir(path.parent):
        match = re.search(rf"\.{_MACHINE}-(\d+)-[0-9a-f]{{8}}\.partial", entry.name)
        if match and not _runs(int(match[1])):
            _remove(Path(entry.path))
    token = f"{_MACHINE}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return path.with_name(f".{name[:_LONGEST_NAME]}.{token}.partial{suffix}")


def _runs(process: int) -> bool:
    if os.name == "nt":  # where signal 0 would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def lock_stream(stream: IO[Any], *, waits: bool = True) -> bool:
    """Locks an open file for this process alone, on every platform.

    The lock ends when the stream is closed, and with its process however that ends.

    Args:
        stream: An open file.
        waits: Whether to wait while another process, or another stream, holds the lock.

    Returns:
        Whether the lock is held now.
    """
    return filelock.lock_descriptor(stream.fileno(), blocking=waits)


# More than a day of six channels at 100 Hz in float32. What claims to be larger is refused before
# it is unpacked: a few kilobytes can claim gigabytes of zeros.
LARGEST_UNPACKED = 256 * 2**20


def check_unpacked_size(size: int) -> None:
    """Refuses what claims to be larger than `LARGEST_UNPACKED` bytes when it is unpacked.

    Raises:
        ValueError: States the size and the bound.
    """
    if size > LARGEST_UNPACKED:
        megabytes = LARGEST_UNPACKED // 2**20
        raise ValueError(f"{size:,} bytes when unpacked, where at most {megabytes} MiB are taken")


def file_sha256(path: str | Path) -> str:
    """Returns the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_sha256(path: str | Path, sha256: str, rule: str) -> None:
    """Refuses a file that is missing or whose bytes are not those of a kept hash.

    Args:
        path: The file.
        sha256: The SHA-256 that was kept when the file was written.
        rule: What the error says; it names the command that heals.

    Raises:
        UserError: The file is missing, a folder, unreadable, or other bytes.
    """
    try:
        if file_sha256(path) == sha256:
            return
        received = "other bytes than were written"
    except FileNotFoundError:
        received = "no such file"
    except OSError as error:
        received = str(error.strerror)
    except ValueError as error:  # no name of a file
        received = str(error)
    raise UserError(rule, received, path)


def json_sha256(value: Any) -> str:
    """Returns the SHA-256 of a JSON value in canonical form (sorted keys, no white space)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def made_by(seed: int | None = None) -> dict[str, str | int]:
    """Returns the versions of Python and of the packages that prepare data, and the seed.

    Args:
        seed: The seed of generated data; None for recordings.
    """
    versions: dict[str, str | int] = {"python": platform.python_version()}
    for package in ("numpy", "pandas", "scipy", "pskd_tf"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    if seed is not None:
        versions["seed"] = seed
    return versions


def natural_order(names: Iterable[str]) -> list[str]:
    """Returns names sorted with their numbers by value, so that "s2" comes before "s10"."""

    def key(name: str) -> list[tuple[int, int, str]]:
        pieces = re.findall(r"[0-9]+|[^0-9]+", name)
        return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]

    return sorted(names, key=lambda name: (key(name), name))
