"""Every test that a page names is there."""

import re

import pytest

from project import ROOT

PAGES = sorted((ROOT / "docs").rglob("*.md"))
NAMED = re.compile(r"`[\w/]*?(test_\w+\.py)?(?:::(test_\w+))?`")


@pytest.fixture(scope="module")
def tests() -> dict[str, str]:
    """The text of all files of one name."""
    texts: dict[str, str] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        texts[path.name] = texts.get(path.name, "") + path.read_text("utf-8")
    return texts


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_pages_name_tests_that_are_there(page, tests):
    """A test without a file (`::test_a`) is of the file that was named before it."""
    file, missing = "", []
    for match in NAMED.finditer(page.read_text("utf-8")):
        file = match[1] or file
        if match[1] and file not in tests:
            missing.append(file)
        elif match[2] and not re.search(rf"^ *def {match[2]}\(", tests[file], re.MULTILINE):
            missing.append(f"{file}::{match[2]}")
    assert not missing


def test_the_page_of_reliability_names_many():
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    assert len([one for one in NAMED.findall(text) if one[1]]) > 100
