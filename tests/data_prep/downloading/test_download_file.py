"""Downloads from a real server on this machine that breaks off, changes and lies."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from data_prep.downloading import download_file
from data_prep.errors import UserError

CONTENT = np.random.default_rng(0).bytes(3_000_000)
HASH = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """What the server does, and the Range headers it was sent."""

    url: str = ""
    content: bytes = CONTENT
    etag: str = '"one"'
    break_after: list[int] = field(default_factory=list)  # bytes of one answer after the other
    has_ranges: bool = True
    has_length: bool = True
    status: int = 0
    shift: int = 0  # how far a ranged answer starts beside what was asked for
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, state)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/set.zip"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def answer(handler: BaseHTTPRequestHandler, state: Site) -> None:
    wanted = handler.headers.get("Range")
    state.asked.append(wanted)
    if state.status:
        handler.send_error(state.status)
        return
    start, size = 0, len(state.content)
    is_same = handler.headers.get("If-Range") in (None, state.etag)
    if wanted and state.has_ranges and is_same:
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) + state.shift
        if start >= size:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{size}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
    else:
        handler.send_response(200)
    if state.etag:
        handler.send_header("ETag", state.etag)
    if state.has_length:
        handler.send_header("Content-Length", str(size - start))
    handler.end_headers()
    limit = state.break_after.pop(0) if state.break_after else size
    handler.wfile.write(state.content[start : start + limit])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_whole_file(site: Site, tmp_path: Path):
    calls = []
    received = download_file(
        site.url,
        tmp_path / "new" / "set.zip",
        HASH,
        lambda done, total: calls.append((done, total)),
    )
    assert received == HASH
    assert (tmp_path / "new" / "set.zip").read_bytes() == CONTENT
    assert names(tmp_path / "new") == ["set.zip"]
    assert calls[-1] == (3_000_000, 3_000_000)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_goes_on_where_it_broke_off(site: Site, tmp_path: Path):
    site.break_after = [1_048_576, 524_288]
    assert download_file(site.url, tmp_path / "set.zip", HASH) == HASH
    assert site.asked == [None, "bytes=1048576-", "bytes=1572864-"]


def test_next_start_goes_on(site: Site, tmp_path: Path):
    """A server that stays away ends the attempt; the next one needs only what is missing."""
    site.break_after = [1_048_576, *[0] * 5]
    with pytest.raises(UserError, match=r"the same command goes on .*set\.zip\.partial\)$"):
        download_file(site.url, tmp_path / "set.zip", HASH)
    assert names(tmp_path) == ["set.zip.partial", "set.zip.partial.etag"]
    assert (tmp_path / "set.zip.partial").stat().st_size == 1_048_576
    assert download_file(site.url, tmp_path / "set.zip", HASH) == HASH
    assert site.asked[-1] == "bytes=1048576-"
    assert names(tmp_path) == ["set.zip"]


def test_server_without_ranges(site: Site, tmp_path: Path):
    """It starts anew instead of appending the whole file to a half."""
    site.has_ranges = False
    site.break_after = [1_048_576]
    assert download_file(site.url, tmp_path / "set.zip", HASH) == HASH
    assert site.asked == [None, "bytes=1048576-"]


def test_file_that_changed_meanwhile(site: Site, tmp_path: Path):
    """No mixture of the old and the new file."""
    site.break_after = [1_048_576, *[0] * 5]
    with pytest.raises(UserError):
        download_file(site.url, tmp_path / "set.zip")
    site.content, site.etag = CONTENT[::-1], '"two"'
    download_file(site.url, tmp_path / "set.zip")
    assert (tmp_path / "set.zip").read_bytes() == CONTENT[::-1]


def test_answer_that_starts_elsewhere(site: Site, tmp_path: Path):
    """A part at another place than asked for is not appended."""
    site.break_after = [1_048_576]
    site.shift = 7
    assert download_file(site.url, tmp_path / "set.zip", HASH) == HASH


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_usable_etag(site: Site, tmp_path: Path, etag: str):
    site.etag = etag
    site.break_after = [1_048_576]
    assert download_file(site.url, tmp_path / "set.zip", HASH) == HASH


def test_without_a_length(site: Site, tmp_path: Path):
    site.has_length = False
    assert download_file(site.url, tmp_path / "set.zip", HASH) == HASH


def test_everything_was_there_already(site: Site, tmp_path: Path):
    """Killed between the last byte and the renaming."""
    (tmp_path / "set.zip.partial").write_bytes(CONTENT)
    assert download_file(site.url, tmp_path / "set.zip", HASH) == HASH


def test_more_there_than_the_file_has(site: Site, tmp_path: Path):
    (tmp_path / "set.zip.partial").write_bytes(CONTENT + b"more")
    assert download_file(site.url, tmp_path / "set.zip", HASH) == HASH


def test_wrong_hash_keeps_nothing(site: Site, tmp_path: Path):
    with pytest.raises(UserError, match=rf"must have the SHA-256 {'0' * 64}. Received: {HASH}"):
        download_file(site.url, tmp_path / "set.zip", "0" * 64)
    assert names(tmp_path) == []


def test_file_of_the_user_is_checked_and_kept(site: Site, tmp_path: Path):
    (tmp_path / "set.zip").write_bytes(b"other")
    with pytest.raises(UserError, match="must have the SHA-256"):
        download_file(site.url, tmp_path / "set.zip", HASH)
    assert (tmp_path / "set.zip").read_bytes() == b"other"
    assert site.asked == []


@pytest.mark.parametrize("status", [404, 403, 500])
def test_refused(site: Site, tmp_path: Path, status: int):
    site.status = status
    with pytest.raises(UserError, match=rf"^The server must have the file .*Received: {status} "):
        download_file(site.url, tmp_path / "set.zip")
    assert names(tmp_path) == []


def test_nobody_there(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(UserError, match="The server must send the whole file"):
        download_file("http://127.0.0.1:9/set.zip", tmp_path / "set.zip")


def test_folder_is_a_file(site: Site, tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="The download must be writable"):
        download_file(site.url, tmp_path / "file" / "set.zip")
