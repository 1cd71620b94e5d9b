"""Downloads: resumed, checked, unpacked safely."""

import hashlib
import io
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from data_prep import downloading
from data_prep.downloading import download_file, unpack_archive
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
    moved_to: str = ""
    shift: int = 0  # how far a ranged answer starts beside what was asked for
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
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
    if state.moved_to:
        handler.send_response(302)
        handler.send_header("Location", state.moved_to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        state.moved_to = ""
        return
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


def test_a_broken_transfer_resumes(site: Site, tmp_path: Path):
    site.break_after = [1_048_576, 524_288]
    assert download_file(site.url, tmp_path / "set.zip", HASH) == HASH
    assert site.asked == [None, "bytes=1048576-", "bytes=1572864-"]


def test_a_second_start_resumes_the_transfer(site: Site, tmp_path: Path):
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


def test_a_complete_partial_file_is_kept(site: Site, tmp_path: Path):
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


@pytest.mark.parametrize("url", ["http://example.org/a.zip", "ftp://127.0.0.1/a", "file:///a"])
def test_what_others_can_change_on_the_way_is_refused(tmp_path: Path, url: str):
    with pytest.raises(UserError, match=rf"must come by https.*Received: {url}"):
        download_file(url, tmp_path / "set.zip")


def test_a_redirection_to_http_is_refused(site: Site, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(downloading, "_THIS_MACHINE", ("127.0.0.1",))
    site.moved_to = site.url.replace("127.0.0.1", "localhost")
    with pytest.raises(UserError, match=r"must come by https.*Received: http://localhost"):
        download_file(site.url, tmp_path / "set.zip")
    assert names(tmp_path) == []


def test_a_server_that_cannot_be_reached(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(UserError, match="The server must send the whole file"):
        download_file("http://127.0.0.1:9/set.zip", tmp_path / "set.zip")


def test_folder_is_a_file(site: Site, tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="The download must be writable"):
        download_file(site.url, tmp_path / "file" / "set.zip")


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
