"""Several runs on one page."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from data_prep.user_error import UserError
from data_prep.whole_file import whole_file
from pskd_tf.reporting.compared_run import ComparedRun, load_compared_runs, paired_values
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.number_text import percent
from pskd_tf.reporting.page import page
from pskd_tf.reporting.paired_differences import paired_text
from pskd_tf.reporting.section import paragraph
from pskd_tf.reporting.sections.comparison import (
    paired_section,
    parts_section,
    settings_section,
    side_by_side_section,
)


def write_comparison(run_dirs: Sequence[str | Path], path: str | Path | None) -> str:
    """Compares runs by mean and spread, and by seed where they were scored on the same clips.

    Args:
        run_dirs: Folders of at least two finished runs; the others are compared with the first.
        path: The HTML file; None writes nothing.

    Returns:
        The comparison as lines of text.

    Raises:
        UserError: A run is missing or given twice, or the file cannot be written.
    """
    runs = load_compared_runs(run_dirs)
    if path is not None:
        header = element(
            "header",
            paragraph("Comparison of runs of pskd_tf", "kicker"),
            element("h1", escape(_title(runs))),
            *[paragraph(line, "lead") for line in _sentences(runs)],
            id="summary",
        )
        sections = [
            side_by_side_section(runs),
            paired_section(runs),
            parts_section(runs),
            settings_section(runs),
        ]
        try:
            with whole_file(path) as temporary:
                text = page("Comparison of runs", header, sections)
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError("--out must be a writable file", error.strerror, path) from error
    lines = [
        f"{run.name}: int8 student {percent(run.summary('int8')['accuracy'])} % accuracy, "
        f"n = {len(run.seeds)}"
        for run in runs
    ]
    return "\n".join([*lines, *_sentences(runs)])


def _title(runs: Sequence[ComparedRun]) -> str:
    if len(runs) > 3:
        return f"{len(runs)} runs"
    return " · ".join(run.name for run in runs)


def _sentences(runs: Sequence[ComparedRun]) -> list[str]:
    first, *others = runs
    found = []
    for run in others:
        values = paired_values(first, run, "int8")
        if values is None:
            text = "not paired, for they were scored on other clips or share no seed"
        else:
            text = paired_text(values)
        found.append(f"int8 student of {run.name} minus that of {first.name}: {text}.")
    return found
