"""Downloads of public data sets: their addresses, resumable transfer, safe unpacking.

`DOWNLOADS` lists the addresses; `download_file` goes on where an earlier transfer ended and checks
the hash; `unpack_archive` refuses paths outside the folder, links, and more bytes than a bound.
"""

import os
import re
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

import requests

from data_prep.errors import UserError
from data_prep.files import file_sha256, whole_folder

_ATTEMPTS = 5  # in a row without a new byte
_BLOCK = 1 << 16  # what a cut connection can lose
_TIMEOUT_SECONDS = (20, 60)  # to connect; between two blocks
_Progress = Callable[[int, int | None], None]


def download_file(
    url: str,
    path: str | Path,
    sha256: str | None = None,
    progress: _Progress | None = None,
) -> str:
    """Downloads a file; an incomplete one stays as `path` + ".partial", for the next attempt.

    Args:
        url: An https address; http is for this machine alone, redirections included.
        path: Where to write it. A file there is taken as downloaded and only checked.
        sha256: Hash the bytes must have, None if not known.
        progress: Called with the bytes received and the bytes in all (None if not known).

    Returns:
        The file's SHA-256.

    Raises:
        UserError: The address is not https, the server refuses, cannot be reached or breaks off
            five times in a row, or the bytes have another hash (then the file is removed).
    """
    _check_encrypted(url)
    path = Path(path)
    if not path.exists():
        partial = path.with_name(f"{path.name}.partial")
        validator = path.with_name(f"{path.name}.partial.etag")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _fetch(url, partial, validator, progress or (lambda *_: None))
            _check_hash(partial, sha256, url)
            os.replace(partial, path)
            validator.unlink(missing_ok=True)
        except OSError as error:
            rule = "The download must be writable"
            raise UserError(rule, error.strerror or error, path) from error
    return _check_hash(path, sha256, url)


_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


def _check_encrypted(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) not in [
        ("http", host) for host in _THIS_MACHINE
    ]:
        raise UserError("A file must come by https, which nobody on the way can change", url)


def _fetch(url: str, partial: Path, validator: Path, progress: _Progress) -> None:
    failures = 0
    while True:
        before = _size(partial)
        try:
            if _fetch_once(url, partial, validator, progress):
                return
            received = "the transfer ended early"
        except requests.RequestException as error:  # also cut off in the middle
            received = f"{type(error).__name__}: {error}"
        failures = failures + 1 if _size(partial) <= before else 0
        if failures >= _ATTEMPTS:
            rule = f"The server must send the whole file; the same command goes on ({url})"
            raise UserError(rule, received, partial)


def _fetch_once(url: str, partial: Path, validator: Path, progress: _Progress) -> bool:
    """Makes one request for the missing bytes; returns whether the file is whole then."""
    have = _size(partial)
    headers = {"Accept-Encoding": "identity"}  # lengths and hashes are of the file itself
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator.exists():  # else the rest of a changed file would follow the old start
            headers["If-Range"] = validator.read_text(encoding="utf-8")
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as response:
        for one in (*response.history, response):
            _check_encrypted(one.url)
        start, total = _range(response)
        if response.status_code == 416 and have and total == have:
            return True  # all of it was there already
        if response.status_code == 416 or (response.status_code == 206 and start != have):
            partial.unlink(missing_ok=True)  # of no use; the next attempt starts anew
            return False
        if response.status_code not in (200, 206):
            received = f"{response.status_code} {response.reason}"
            raise UserError(f"The server must have the file ({url})", received)
        if response.status_code == 200:  # the server knows no ranges, or the file has changed
            have = 0
            total = int(response.headers["Content-Length"]) if _has_length(response) else None
            _keep_validator(response, validator)
        with open(partial, "ab" if have else "wb") as stream:
            for block in response.iter_content(_BLOCK):
                stream.write(block)
                have += len(block)
                progress(have, total)
    return total is None or have == total


def _range(response: requests.Response) -> tuple[int | None, int | None]:
    """Returns the first byte and the size of the whole file, from Content-Range."""
    text = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", text)
    if match is None:
        return None, None
    return (
        int(match[1]) if match[1] else None,
        int(match[2]) if match[2] != "*" else None,
    )


def _has_length(response: requests.Response) -> bool:
    return response.headers.get("Content-Length", "").isdecimal()


def _keep_validator(response: requests.Response, path: Path) -> None:
    tag = response.headers.get("ETag", "")
    if not tag or tag.startswith("W/"):  # a weak one must not be used with ranges
        tag = response.headers.get("Last-Modified", "")
    if tag:
        path.write_text(tag, encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def _check_hash(path: Path, sha256: str | None, url: str) -> str:
    received = file_sha256(path)
    if sha256 is not None and received != sha256.lower():
        if path.name.endswith(".partial"):
            path.unlink()
            path.with_name(f"{path.name}.etag").unlink(missing_ok=True)
        raise UserError(f"The file of {url} must have the SHA-256 {sha256}", received, path)
    return received


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@dataclass(frozen=True)
class RemoteFile:
    """One file of a download.

    Args:
        name: Its name on disk.
        url: Its address.
        sha256: Hash of its bytes, None if not known.
        source: Where the URL and the hash were found.
        unpack: Whether the archive is unpacked into a folder of its own. The loaders read zip
            archives as they are, so that most are left packed.
    """

    name: str
    url: str
    sha256: str | None
    source: str
    unpack: bool = False


@dataclass(frozen=True)
class DatasetDownload:
    """How to get a data set.

    Args:
        title: Name for people.
        page: The authors' page.
        files: Files that anyone can fetch; empty if access is on request or no address is known.
        how: What the user has to do or know.
    """

    title: str
    page: str
    files: tuple[RemoteFile, ...]
    how: str


_UTD_SOURCE = (
    "addresses used by public scripts (datasets/download_utd_mhad.sh of razzu/cmc-cmkm), in the "
    "page's own folder; not tried by us; no hash is published"
)

DOWNLOADS = {
    "utd_mhad": DatasetDownload(
        title="UTD-MHAD",
        page="https://personal.utdallas.edu/~kehtar/UTD-MHAD.html",
        files=tuple(
            RemoteFile(name, f"https://www.utdallas.edu/~kehtar/UTD-MAD/{name}", None, _UTD_SOURCE)
            for name in ("Inertial.zip", "Skeleton.zip")
        ),
        how="If an address has moved, take Inertial.zip and Skeleton.zip from the page.",
    ),
    "berkeley_mhad": DatasetDownload(
        title="Berkeley MHAD",
        page="https://tele-immersion.citris-uc.org/berkeley_mhad",
        files=(),
        how="Take the accelerometer and motion capture archives from the page (we know no address "
        "of the files) and unpack them below one folder, BerkeleyMHAD/Accelerometer and "
        "BerkeleyMHAD/Mocap.",
    ),
    "mmact": DatasetDownload(
        title="MMAct",
        page="https://mmact19.github.io/2019/",
        files=(),
        how="Given out on request: fill in the authors' form on the page, and ask for the trimmed "
        "sensor clips (acc_watch_clip, acc_phone_clip, gyro_clip, orientation_clip) and, for "
        "skeletons, the pose annotations of the challenge. Unpack them below one folder.",
    ),
    "smartfallmm": DatasetDownload(
        title="SmartFallMM",
        page="https://github.com/txst-cs-smartfall/SmartFallMM-Dataset",
        files=(
            RemoteFile(
                "SmartFallMM-Dataset-main.zip",
                "https://github.com/txst-cs-smartfall/SmartFallMM-Dataset/archive/refs/heads/"
                "main.zip",
                None,
                "GitHub's address of a branch as zip, of the authors' repository; not tried by "
                "us. It follows the branch, so that no hash can stand here",
                unpack=True,
            ),
        ),
        how="The same files: git clone the page's address.",
    ),
    "mm_fit": DatasetDownload(
        title="MM-Fit",
        page="https://mmfit.github.io/",
        files=(),
        how="Take the archive of the streams from the page (we know no address of the file) and "
        "put it, or the folders w00 to w20 unpacked, below one folder; no video is needed.",
    ),
    "czu_mhad": DatasetDownload(
        title="CZU-MHAD",
        page="https://github.com/yujmo/CZU_MHAD",
        files=(),
        how="The page links to the archives (Baidu disk). Put the folders sensor_mat and "
        "skeleton_mat, or sensors and skeleton, below one folder; depth is not needed.",
    ),
    "openpack": DatasetDownload(
        title="OpenPack",
        page="https://zenodo.org/records/8145223",
        files=(),
        how="Take U0101.zip to U0210.zip (release 1.0.0, 5 GB) from the page and put them below "
        "one folder; they need not be unpacked, and no images are needed.",
    ),
}


LARGEST_BYTES = 64 * 2**30
_UNPACK_BLOCK = 1 << 20
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
        for entry in opened.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                _refuse_kind(entry.filename, archive)
            _safe_name(entry.filename, archive)
            if not entry.is_dir():
                yield entry.filename, entry.file_size, entry
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
) -> IO[bytes]:
    if isinstance(opened, zipfile.ZipFile):
        assert isinstance(item, zipfile.ZipInfo)
        return opened.open(item)
    assert isinstance(item, tarfile.TarInfo)
    stream = opened.extractfile(item)
    assert stream is not None  # a regular file
    return stream


def _copy(source: IO[bytes], target: IO[bytes], left: int) -> int:
    """Copies until the end or just over the bound; returns the rest of it, below 0 if over."""
    while left >= 0 and (block := source.read(min(_UNPACK_BLOCK, left + 1))):
        target.write(block)
        left -= len(block)
    return left


def _refuse_kind(name: str, archive: Path) -> None:
    raise UserError("An archive must hold only files and folders, no links", name, archive)


def _refuse_size(largest_bytes: int, archive: Path) -> None:
    free = shutil.disk_usage(archive.parent).free
    received = f"more ({free} bytes are free on the disk)"
    raise UserError(f"An archive must unpack to at most {largest_bytes} bytes", received, archive)
