"""The Python of the documentation runs as it is written."""

import re
import shutil
from pathlib import Path

import pytest

from project import ROOT

DOCS = ROOT / "docs"
# Of these pages the examples need a data set of one's own.
NEEDS_DATA = {"data.md"}
README = ROOT / "README.md"
PAGES = sorted(
    path
    for path in DOCS.rglob("*.md")
    if "```python" in path.read_text(encoding="utf-8") and path.name not in NEEDS_DATA
)


def run_blocks(page: Path, request: pytest.FixtureRequest) -> str:
    """Runs a page's blocks in an empty folder, but for a finished run where they read one."""
    request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    if any("runs/demo" in block for block in blocks):
        shutil.copytree(request.getfixturevalue("tiny_run"), "runs/demo")
    names = {"__name__": "example"}
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
    return "".join(blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_blocks_of_a_page_run_one_after_the_other(page, request):
    """Their own assertions are the checks."""
    assert "assert" in run_blocks(page, request)


def test_the_readmes_block_runs_and_leaves_a_report_and_a_project(request, capsys):
    block = run_blocks(README, request)
    assert len(block.splitlines()) == 12
    printed = capsys.readouterr().out
    assert re.search(r"^accuracy on held-out people: \d+\.\d%$", printed, re.MULTILINE)
    assert re.search(r"Total params: 25,360\b", printed)
    assert Path("runs/demo/report.html").stat().st_size > 100_000
    assert len(list(Path("my_wrist").rglob("*.ino"))) == 1


def test_the_readme_is_short():
    """Results and guides stand in `docs/`."""
    assert len(README.read_text("utf-8").splitlines()) <= 120
