"""The Python of the documentation runs as it is written."""

import re

import pytest

from project import ROOT

DOCS = ROOT / "docs"
# Of these pages the examples need a data set of one's own.
NEEDS_DATA = {"data.md"}
PAGES = sorted(
    path
    for path in DOCS.rglob("*.md")
    if "```python" in path.read_text(encoding="utf-8") and path.name not in NEEDS_DATA
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_blocks_of_a_page_run_one_after_the_other(page, tmp_path, monkeypatch):
    """Their own assertions are the checks."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    names = {"__name__": "example"}
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
    assert blocks and "assert" in "".join(blocks)
