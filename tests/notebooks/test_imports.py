"""Notebooks show the API as users should write it."""

import ast
import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def imported_modules(source: str) -> set[str]:
    """Returns the modules of the project that a text imports from."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {module for module in found if re.match(r"(pskd_tf|data_prep)\b", module)}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_imports_from_at_most_one_package_down(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    modules = imported_modules(code)
    assert modules, "a notebook of this project imports it"
    deep = {module for module in modules if module.count(".") > 1}
    assert not deep, f"{path.name} imports from {deep}"
    for module in modules:
        assert (path.parent.parent / module.replace(".", "/") / "__init__.py").exists(), module


def test_a_deep_import_is_found():
    source = "def late():\n    from pskd_tf.data.clips import PairedClips\nimport numpy"
    assert imported_modules(source) == {"pskd_tf.data.clips"}
