"""Every notebook runs from top to bottom; the assertions in its cells are the checks.

The executed notebooks stay in `build/notebooks`, where the documentation site takes them.
"""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from data_prep.files import whole_file
from project import ROOT
from site_hooks import EXECUTED

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Notebooks that look at a finished run; without it they would make one of their own.
_OF_A_RUN = ("03_compress_and_export",)


def test_all_notebooks_are_there():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_asserts_a_number(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("PSKD_UTD_MHAD_DIR", raising=False)
    monkeypatch.delenv("PSKD_RUN_DIR", raising=False)
    if path.stem in _OF_A_RUN:
        monkeypatch.setenv("PSKD_RUN_DIR", str(request.getfixturevalue("tiny_run")))
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert any("assert" in cell.source for cell in code)
    assert all(not cell.outputs for cell in code)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert notebook.cells[1].outputs, "the first cell prints what the notebook is about"
    outputs = [output for cell in code for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    noise = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not noise
    assert not list(tmp_path.iterdir()), "a notebook leaves nothing in the user's folder"
    with whole_file(EXECUTED / path.name) as file:
        nbformat.write(notebook, file)
