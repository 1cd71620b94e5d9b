"""The site builds without a warning, and every link within it leads somewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import pskd_tf
from project import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """As `make docs` builds it; with a proxy that does not exist, so that no network helps."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", f"--site-dir={folder}"]
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    # Outputs where the notebooks' test has left them; `make docs` insists on them.
    quiet = {"NO_MKDOCS_2_WARNING": "1", "PSKD_SITE_WITHOUT_OUTPUTS": "1"}
    environment = os.environ | nowhere | quiet
    finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "WARNING" not in finished.stderr
    return folder


class _Page(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values["id"]} if "id" in values else set()
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in ("img", "script") and "src" in values:
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preconnect"):
            self.loaded.append(values["href"])


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, _Page]:
    found = site.rglob("*.html")
    return {path: _Page(path.read_text("utf-8")) for path in found if path.name != "404.html"}


def test_every_link_within_the_site_resolves(pages, site):
    count = 0
    for path, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), f"{path.relative_to(site)} links to {link}"
            if parts.fragment and target in pages:
                known = pages[target].anchors
                assert unquote(parts.fragment) in known, f"{path.relative_to(site)}: {link}"
            count += 1
    assert count > 500 and len(pages) >= 15


def test_nothing_is_loaded_from_elsewhere(pages):
    """Pages read the same on a machine without a network."""
    loaded = {link for page in pages.values() for link in page.loaded}
    assert loaded and not [link for link in loaded if urlsplit(link).netloc]


def test_every_name_of_the_api_has_its_docstring_in_the_reference(pages):
    anchors = set().union(*(page.anchors for page in pages.values()))
    documented = {anchor.rpartition(".")[2] for anchor in anchors if anchor.startswith("pskd_tf.")}
    assert set(pskd_tf.__all__) - documented == set()
    index = (ROOT / "docs" / "api" / "index.md").read_text("utf-8")
    rows = "\n".join(line for line in index.splitlines() if line.startswith("| ["))
    assert sorted(re.findall(r"`(\w+)`", rows)) == sorted(pskd_tf.__all__)


def test_no_name_is_described_twice(site):
    described = [
        anchor
        for path in (site / "api").glob("*.html")
        for anchor in re.findall(r'id="((?:pskd_tf|data_prep)[.\w]+)"', path.read_text("utf-8"))
    ]
    assert len(described) > 100
    assert {anchor for anchor in described if described.count(anchor) > 1} == set()


FAQ = (
    "board-s-output",
    "arena",
    "shrink",
    "tfmot",
    "int8",
    "preprocessing",
    "which-subjects",
    "several-teachers",
)


def test_the_faq_answers_what_was_asked(pages, site):
    anchors = {
        anchor.replace("the-boards", "the-board-s") for anchor in pages[site / "faq.html"].anchors
    }
    for question in FAQ:
        assert any(question in anchor for anchor in anchors), question


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "microcontroller/README.md"])
def test_links_of_pages_outside_the_site_resolve(name):
    page = ROOT / name
    text = page.read_text("utf-8")
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text) + re.findall(r'src="([^"]+)"', text)
    for link in links:
        if not urlsplit(link).scheme:
            assert (page.parent / link).exists(), f"{name} links to {link}"
