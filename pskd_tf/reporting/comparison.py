"""Runs side by side."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import whole_file
from pskd_tf.reporting.charts import DotRow, numbered_colour, seed_dots
from pskd_tf.reporting.markup import (
    Section,
    element,
    figure,
    page,
    paired_text,
    panel,
    paragraph,
    percent,
    table,
    words,
)
from pskd_tf.run import read_metrics

FORMS = ("cross-entropy alone", "float", "pruned", "int8")


@dataclass(frozen=True)
class ComparedRun:
    """The numbers and settings of one run.

    Attributes:
        name: The shortest end of its path that no other compared run has.
        metrics: `metrics.json`.
        settings: `settings.json`.
    """

    name: str
    metrics: dict[str, Any]
    settings: dict[str, Any]

    @property
    def seeds(self) -> list[int]:
        """The student seeds."""
        return self.metrics["seeds"]

    def summary(self, form: str) -> dict[str, Any]:
        """Returns the scores of one of `FORMS`, as `metrics.json` holds them."""
        if form == "cross-entropy alone":
            return self.metrics["baseline"]["cross_entropy"]
        return self.metrics["student"][form]


def load_compared_runs(run_dirs: Sequence[str | Path]) -> list[ComparedRun]:
    """Reads the runs.

    Args:
        run_dirs: Folders of at least two finished runs, each once.

    Returns:
        The runs, in the same order.

    Raises:
        UserError: Fewer than two, one twice, or one is not finished.
    """
    folders = [Path(one).resolve() for one in run_dirs]
    if len(folders) < 2 or len(set(folders)) < len(folders):
        received = ", ".join(map(str, run_dirs))
        raise UserError("--compare takes at least two different runs", received)
    runs = []
    for folder, name in zip(folders, _short_names(folders), strict=True):
        metrics = read_metrics(folder)
        path = folder / "settings.json"
        settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        runs.append(ComparedRun(name, metrics, settings))
    return runs


def paired_values(first: ComparedRun, other: ComparedRun, form: str) -> list[float] | None:
    """Returns other minus first, a value for each seed that both have.

    Args:
        first: The run that is subtracted.
        other: Another run.
        form: One of `FORMS`.

    Returns:
        Differences of the accuracy, fractions; None where the runs were scored on other clips or
        share no seed.
    """
    for key in ("dataset", "protocol", "folds", "splits_sha256"):
        # Older runs lack the hash; their folds still name the subjects.
        each = [run.metrics[key] for run in (first, other) if key in run.metrics]
        if len(each) == 2 and each[0] != each[1]:
            return None
    values = [
        dict(zip(run.seeds, run.summary(form)["accuracy"]["values"], strict=True))
        for run in (first, other)
    ]
    shared = [seed for seed in first.seeds if seed in values[1]]
    return [values[1][seed] - values[0][seed] for seed in shared] or None


def settings_differences(runs: Sequence[ComparedRun]) -> dict[str, list[str]]:
    """Returns every setting in which the runs differ, by its dotted name, one value a run."""
    flat = [_flat(run.settings) for run in runs]
    names = list(dict.fromkeys(name for one in flat for name in one))
    values = {name: [one.get(name, "not there") for one in flat] for name in names}
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def _flat(value: Any, name: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for key, one in value.items():
            found |= _flat(one, f"{name}.{key}" if name else key)
        return found
    return {name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)}


def _short_names(folders: Sequence[Path]) -> list[str]:
    for count in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = [os.sep.join(folder.parts[-count:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def side_by_side_section(runs: Sequence[ComparedRun]) -> Section:
    """Writes each run's figures, one row a run, and one dot a seed."""
    rows = [
        [
            run.name,
            *(percent(run.summary(form)["accuracy"]) for form in FORMS),
            percent(run.summary("int8")["macro_f1"]),
            percent(run.summary("int8")["wrist_actions_accuracy"]),
            str(len(run.seeds)),
            *(f"{run.metrics['model'][name]:,}" for name in _SIZES),
        ]
        for run in runs
    ]
    header = [
        "Run",
        *(f"Accuracy %: {form}" for form in FORMS),
        "Macro F1 %: int8",
        "Wrist actions %: int8",
        "n",
        *_SIZES.values(),
    ]
    charts = []
    for form in FORMS:
        dots = [
            DotRow(
                run.name,
                [100 * value for value in run.summary(form)["accuracy"]["values"]],
                numbered_colour(number),
            )
            for number, run in enumerate(runs)
        ]
        heading = f"student, {form}"
        charts.append(panel(heading, seed_dots(dots, f"Accuracy: {heading}", "accuracy, %")))
    caption = (
        "How to read it: one dot is one seed, the upright line their mean, the thin line one "
        "standard deviation to either side. The axes do not start at zero and differ."
    )
    note = "Mean ± sample standard deviation over n seeds, in the order given; nothing is ranked."
    body = table(header, rows) + paragraph(note, "remark") + figure(charts, caption, flow="wide")
    return Section("numbers", "Numbers", body)


def parts_section(runs: Sequence[ComparedRun]) -> Section:
    """Writes who trains and who is held out in each run."""
    rows = []
    for run in runs:
        metrics = run.metrics
        remarks = [
            *(["generated data"] if metrics["dataset_is_synthetic"] else []),
            *(["leaks subjects"] if metrics.get("leaks_subjects") else []),
        ]
        rows.append(
            [
                run.name,
                metrics["dataset"],
                words(metrics["protocol"]),
                ", ".join(metrics["train_subjects"]),
                ", ".join(metrics["test_subjects"]),
                str(len(metrics["folds"])),
                ", ".join(remarks) or "none",
            ]
        )
    header = ["Run", "Data set", "Protocol", "Trained on", "Scored on", "Folds", "Remarks"]
    text = (
        "Under validation and leave-one-subject-out a subject stands in both columns: it is "
        "scored by models that never saw it."
    )
    return Section(
        "parts",
        "Who is in which part",
        table(header, rows, kind="text") + paragraph(text, "remark"),
    )


def paired_section(runs: Sequence[ComparedRun]) -> Section:
    """Writes what each run differs from the first one by, paired by seed."""
    first, *others = runs
    rows, charts = [], []
    for form in FORMS:
        dots = []
        for number, run in enumerate(others, start=1):
            values = paired_values(first, run, form)
            text = "not paired: other clips, or no seed in common"
            if values is not None:
                text = paired_text(values)
                each = [100 * value for value in values]
                dots.append(DotRow(run.name, each, numbered_colour(number)))
            rows.append([f"{run.name}, {form}", text])
        if dots:
            heading = f"student, {form}"
            chart = seed_dots(dots, f"Differences: {heading}", "difference, points", zero=True)
            charts.append(panel(heading, chart))
    body = [
        paragraph(f"Accuracy of each run minus that of {first.name}, in percentage points."),
        table(["Run, form", "Difference"], rows, kind="text"),
    ]
    if charts:
        caption = (
            "How to read it: one dot is one seed that both runs have; left of the line at 0 the "
            "first run is better. The intervals cover seeds only, not other subjects."
        )
        body.append(figure(charts, caption, flow="wide"))
    return Section("paired", f"Differences from {first.name}", "".join(body))


def settings_section(runs: Sequence[ComparedRun]) -> Section:
    """Writes the settings in which the runs differ."""
    rows = [[name, *values] for name, values in settings_differences(runs).items()]
    body = paragraph("The settings are the same in all runs.")
    if rows:
        body = table(["Setting", *(run.name for run in runs)], rows, kind="text")
    return Section("settings", "What was set differently", body)


_SIZES = {
    "parameters": "Parameters",
    "macs": "MACs",
    "flatbuffer_bytes": "Flash, bytes",
    "arena_bytes": "Arena, bytes",
}


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


def listed_arguments(arguments: Sequence[str], name: str) -> list[str]:
    """Rewrites `--name A B C` as `--name=A --name=B --name=C`, which absl understands.

    Args:
        arguments: The words of the command line.
        name: Name of the flag.

    Returns:
        The words, everything else as it was.
    """
    rewritten, is_listed = [], False
    for word in arguments:
        if word.lstrip("-") == name and word.startswith("-"):
            is_listed = True
        elif word.startswith("-"):
            is_listed = False
            rewritten.append(word)
        else:
            rewritten.append(f"--{name}={word}" if is_listed else word)
    return rewritten
