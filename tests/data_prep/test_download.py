"""The download command, against a server on this machine."""

import functools
import hashlib
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data_prep import download
from data_prep.downloading import DOWNLOADS, DatasetDownload, RemoteFile
from data_prep.errors import UserError
from data_prep.registry import DATASETS
from project import run_command


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch) -> Iterator[tuple[Path, str]]:
    """A folder and its address."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(monkeypatch, tmp_path: Path) -> Callable[..., None]:
    """Runs the command's main with the given flags and a data set "tiny" of the given files."""

    def start(*files: RemoteFile, dataset: str = "tiny", unverified: bool = True) -> None:
        tiny = DatasetDownload("Tiny", "https://example.org/tiny", files, "Ask them.")
        monkeypatch.setitem(DOWNLOADS, "tiny", tiny)
        arguments = {"dataset": dataset, "out_dir": tmp_path / "out", "unverified": unverified}
        download.main(download.DownloadArguments(**arguments))

    return start


def zip_in(folder: Path) -> None:
    with zipfile.ZipFile(folder / "Inertial.zip", "w") as stream:
        stream.writestr("Inertial/a1_s1_t1_inertial.mat", b"1")


def test_zip_stays_packed(served, run, tmp_path: Path, capsys):
    """The loaders read it as it is."""
    zip_in(served[0])
    run(RemoteFile("Inertial.zip", f"{served[1]}/Inertial.zip", None, "a test"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["Inertial.zip"]
    output = capsys.readouterr().out
    assert "authors' page: https://example.org/tiny" in output
    assert "Inertial.zip (a test)" in output
    assert "nothing to compare it with" in output


def test_without_a_published_hash_it_must_be_asked_for(served, run, tmp_path: Path, capsys):
    zip_in(served[0])
    url = f"{served[1]}/Inertial.zip"
    with pytest.raises(UserError, match=rf"needs --unverified.* Received: {re.escape(url)}"):
        run(RemoteFile("Inertial.zip", url, None, "a test"), unverified=False)
    assert not (tmp_path / "out").exists()
    sha256 = hashlib.sha256((served[0] / "Inertial.zip").read_bytes()).hexdigest()
    run(RemoteFile("Inertial.zip", url, sha256, "a test"), unverified=False)
    assert f"SHA-256 {sha256}, as expected" in capsys.readouterr().out


def test_unpacked_once(served, run, tmp_path: Path, capsys):
    zip_in(served[0])
    item = RemoteFile("Set-main.zip", f"{served[1]}/Inertial.zip", None, "a test", unpack=True)
    run(item)
    expected = tmp_path / "out" / "Set-main" / "Inertial" / "a1_s1_t1_inertial.mat"
    assert expected.read_bytes() == b"1"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["Set-main"]
    (served[0] / "Inertial.zip").unlink()
    run(item)
    assert "Set-main: there already" in capsys.readouterr().out


def test_moved_address_names_the_page(served, run):
    item = RemoteFile("Inertial.zip", f"{served[1]}/moved.zip", None, "a test")
    message = r"Ask them\. The authors' page: https://example\.org/tiny\. Received: 404"
    with pytest.raises(UserError, match=message):
        run(item)


def test_page_of_text_instead_of_an_archive(served, run, tmp_path: Path):
    (served[0] / "Inertial.zip").write_text("<html>Not here any more</html>")
    with pytest.raises(UserError, match="must be a zip archive"):
        run(RemoteFile("Inertial.zip", f"{served[1]}/Inertial.zip", None, "a test"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("dataset", ["berkeley_mhad", "mmact", "mm_fit", "czu_mhad", "openpack"])
def test_a_data_set_on_request_prints_how_to_get_it(run, dataset: str):
    """One line that says how, with the page."""
    with pytest.raises(UserError) as error:
        run(dataset=dataset)
    assert DOWNLOADS[dataset].page in str(error.value)
    assert "cannot be downloaded by this command" in str(error.value)


def test_unknown_data_set():
    """Started as the documentation says."""
    result = run_command("data_prep.download", "--dataset=mhad")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: dataset must be one of utd_mhad, berkeley_mhad, mmact")


def test_table():
    """Every recorded set stands in it; no address or hash without a source."""
    assert set(DOWNLOADS) == {
        "utd_mhad",
        "berkeley_mhad",
        "mmact",
        "smartfallmm",
        "mm_fit",
        "czu_mhad",
        "openpack",
    }
    assert {"utd_mhad"} <= set(DATASETS) & set(DOWNLOADS)
    for entry in DOWNLOADS.values():
        assert entry.page.startswith("https://") and entry.how.endswith(".")
        for item in entry.files:
            assert item.url.startswith("https://") and item.source
            assert item.sha256 is None or len(item.sha256) == 64
