"""Several runs compared: scores, paired differences, subjects, settings."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from pskd_tf.reporting.charts import Panel, numbered_colour
from pskd_tf.reporting.page import render, write_page
from pskd_tf.reporting.score_charts import DotRow, seed_dots
from pskd_tf.reporting.tables import Table, paired_text, percent, words
from pskd_tf.run import Run

_SIZES = {
    "parameters": "Parameters",
    "macs": "MACs",
    "flatbuffer_bytes": "Flash, bytes",
    "arena_bytes": "Arena, bytes",
}
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
        return list(self.metrics["seeds"])

    def summary(self, form: str) -> dict[str, Any]:
        """Returns the scores of one of `FORMS`, as `metrics.json` holds them."""
        summary: dict[str, Any] = (
            self.metrics["baseline"]["cross_entropy"]
            if form == "cross-entropy alone"
            else self.metrics["student"][form]
        )
        return summary


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
        run = Run.load(folder)
        runs.append(ComparedRun(name, run.metrics, run.settings_as_written))
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


def _scores(runs: Sequence[ComparedRun]) -> Table:
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
    return Table(header, rows)


def _score_panels(runs: Sequence[ComparedRun]) -> list[Panel]:
    panels = []
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
        chart = seed_dots(dots, f"Accuracy: {heading}", "accuracy on held-out clips, %")
        panels.append(Panel(heading, chart))
    return panels


def _differences(runs: Sequence[ComparedRun]) -> tuple[Table, list[Panel]]:
    """Returns the difference of each run from the first one, paired by seed."""
    first, *others = runs
    rows, panels = [], []
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
            panels.append(Panel(heading, chart))
    return Table(["Run, form", "Difference"], rows, kind="text"), panels


def _subjects(runs: Sequence[ComparedRun]) -> Table:
    rows = []
    for run in runs:
        metrics = run.metrics
        remarks = [
            *(["generated data"] if metrics["dataset_is_synthetic"] else []),
            *(["subjects in both parts"] if metrics.get("leaks_subjects") else []),
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
    return Table(header, rows, kind="text")


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
    sentences = _sentences(runs)
    if path is not None:
        names = " · ".join(run.name for run in runs)
        differences, difference_panels = _differences(runs)
        settings = [[name, *values] for name, values in settings_differences(runs).items()]
        try:
            text = render(
                "comparison.html.j2",
                heading=names if len(runs) <= 3 else f"{len(runs)} runs",
                first=runs[0].name,
                sentences=sentences,
                scores=_scores(runs),
                score_panels=_score_panels(runs),
                differences=differences,
                difference_panels=difference_panels,
                subjects=_subjects(runs),
                settings=Table(["Setting", *(run.name for run in runs)], settings, kind="text"),
            )
            write_page(Path(path), text)
        except OSError as error:
            raise UserError("--out must be a writable file", error.strerror, path) from error
    lines = [
        f"{run.name}: int8 student {percent(run.summary('int8')['accuracy'])} % accuracy, "
        f"n = {len(run.seeds)}"
        for run in runs
    ]
    return "\n".join([*lines, *sentences])


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
