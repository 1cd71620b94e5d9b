"""The site shows a notebook's outputs where they are of the notebook as it is now."""

import base64

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from site_hooks import notebook_page, read_notebook

_PIXELS = b"\x89PNG not really"


def _notebook(last: str = "draw()", outputs: list | None = None) -> nbformat.NotebookNode:
    return new_notebook(
        cells=[new_markdown_cell("# Title"), new_code_cell(last, outputs=outputs or [])]
    )


def _executed() -> nbformat.NotebookNode:
    picture = base64.b64encode(_PIXELS).decode()
    printed = new_output("stream", text="0.93 accuracy\n")
    shown = new_output("display_data", data={"image/png": picture})
    return _notebook(outputs=[printed, shown])


@pytest.mark.parametrize(
    ("now", "is_executed"), [("draw()", True), ("draw_other()", False)], ids=["same", "changed"]
)
def test_outputs_are_taken_only_of_the_same_cells(tmp_path, now, is_executed):
    nbformat.write(_notebook(now), tmp_path / "01.ipynb")
    (tmp_path / "executed").mkdir()
    nbformat.write(_executed(), tmp_path / "executed" / "01.ipynb")
    notebook, has_outputs = read_notebook(tmp_path / "01.ipynb", tmp_path / "executed")
    assert has_outputs is is_executed
    assert len(notebook.cells[1].outputs) == (2 if is_executed else 0)


def test_a_notebook_that_was_never_executed_has_no_outputs(tmp_path):
    nbformat.write(_notebook(), tmp_path / "01.ipynb")
    assert read_notebook(tmp_path / "01.ipynb", tmp_path / "executed")[1] is False


def test_a_page_holds_text_code_output_and_picture():
    text, pictures = notebook_page(_executed(), "01")
    assert list(pictures.values()) == [_PIXELS]
    (name,) = pictures
    assert name.startswith("01_") and f"]({name})" in text
    assert text.startswith("# Title") and "```python\ndraw()\n```" in text
    assert "    0.93 accuracy" in text
