"""What the site is given besides the pages of `docs/`: executed notebooks, boards, packages.

The notebooks' test executes them and leaves them in `build/notebooks`, which `make docs` waits for.
"""

import logging
import os
import re
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

from architecture import ROOT, modules_table, packages_picture, read_sources

NOTEBOOKS = ROOT / "notebooks"
LEADERBOARD = "../benchmarks/results/utd_mhad/leaderboard.png"
BOARDS = ROOT / "benchmarks" / "results"
EXECUTED = ROOT / "build" / "notebooks"

_log = logging.getLogger("mkdocs.hooks.notebooks")


def read_notebook(path: Path, executed: Path) -> tuple[nbformat.NotebookNode, bool]:
    """Returns a notebook, executed if `executed` holds the same cells.

    Args:
        path: The notebook as it is committed, without outputs.
        executed: Folder of executed notebooks.

    Returns:
        The notebook and whether it has its outputs.
    """
    notebook = nbformat.read(path, as_version=4)
    if (executed / path.name).is_file():
        other = nbformat.read(executed / path.name, as_version=4)
        if [cell.source for cell in other.cells] == [cell.source for cell in notebook.cells]:
            return other, True
    return notebook, False


def notebook_page(notebook: nbformat.NotebookNode, name: str) -> tuple[str, dict[str, bytes]]:
    """Returns a notebook as a page of Markdown, and its pictures by file name.

    Args:
        notebook: The notebook.
        name: Its name, which its pictures' names start with.
    """
    notebook.metadata.setdefault("language_info", {"name": "python"})  # for the code's colours
    exporter = MarkdownExporter()
    resources: dict[str, Any] = {"output_files_dir": ".", "unique_key": name}
    text, resources = exporter.from_notebook_node(notebook, resources=resources)
    pictures = {Path(one).name: data for one, data in resources.get("outputs", {}).items()}
    for one in pictures:
        text = text.replace(f"![png](./{one})", f"![Output of the cell above]({one})")
    return text, pictures


@event_priority(50)
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds a page for each notebook, and the boards of the benchmark."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook, is_executed = read_notebook(path, EXECUTED)
        if not is_executed and "PSKD_SITE_WITHOUT_OUTPUTS" not in os.environ:
            _log.warning("%s was not executed since it changed; `make docs` does that", path.name)
        text, pictures = notebook_page(notebook, path.stem)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
        for name, data in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=data))
    picture = str((Path(config.docs_dir) / LEADERBOARD).resolve())
    files.append(File.generated(config, "figures/leaderboard.png", abs_src_path=picture))
    for path in sorted(BOARDS.rglob("leaderboard.html")):
        name = path.relative_to(BOARDS).as_posix()
        files.append(File.generated(config, f"boards/{name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fits a page to the site: links to files outside `docs/`, the packages and their modules."""
    markdown = re.sub(r"\]\(\.\./notebooks/(\w+)\.ipynb", r"](notebooks/\1.md", markdown)
    markdown = markdown.replace(LEADERBOARD, "figures/leaderboard.png")
    markdown = re.sub(
        r"\]\(\.\./benchmarks/results/([\w/]+/leaderboard\.html)\)", r"](boards/\1)", markdown
    )
    if "<!-- packages:" not in markdown:
        return markdown
    sources = read_sources()
    picture = f'<div class="picture">{packages_picture(sources)}</div>'
    markdown = markdown.replace("<!-- packages: picture -->", picture)
    return markdown.replace("<!-- packages: modules -->", modules_table(sources))
