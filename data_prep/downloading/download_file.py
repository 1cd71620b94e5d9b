"""Downloading one file over HTTP, going on where an earlier attempt was cut off."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import requests

from data_prep.fingerprint import file_sha256
from data_prep.user_error import UserError

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
    """Downloads a file; whole or, for the next attempt to go on, as `path` + ".partial".

    Args:
        url: An http or https address.
        path: Where to write it. A file there is taken as downloaded and only checked.
        sha256: Hash the bytes must have, None if not known.
        progress: Called with the bytes there and the bytes in all (None if not told).

    Returns:
        The file's SHA-256.

    Raises:
        UserError: The server refuses or is out of reach, breaks off again and again, or the
            bytes have another hash (then nothing of them is kept).
    """
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
    """One request for what is missing; returns whether the file is whole then."""
    have = _size(partial)
    headers = {"Accept-Encoding": "identity"}  # lengths and hashes are of the file itself
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator.exists():  # else a file that changed meanwhile would be sewn to the old half
            headers["If-Range"] = validator.read_text(encoding="utf-8")
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as response:
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
    """First byte and size of the whole file, from Content-Range."""
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
