"""The leaderboard of a benchmark: a row for each method, with differences and their intervals.

`board_rows` sums up the recorded runs of each method's picked trial. Differences between methods
are paired by seed, with an interval from `nested_bootstrap`. A Markdown table, a CSV table and a
plot show the rows.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.files import whole_file
from pskd_tf.benchmark.results import CellRecord
from pskd_tf.benchmark.statistics import (
    Difference,
    Spread,
    majority_vote,
    paired_difference,
    percent_text,
    points_text,
)
from pskd_tf.evaluation.scores import classification_scores
from pskd_tf.method import Method


@dataclass(frozen=True)
class BoardRow:
    """The figures of one method; all shares are fractions 0..1.

    Attributes:
        title: Name of the method on the board.
        trial: The trial that validation picked, from 0.
        spreads: By protocol, then figure (`accuracy`, `macro_f1`, `wrist_actions_accuracy`).
        differences: By protocol, then the name of the method that is subtracted.
        votes: By protocol, the accuracy of the ensemble of all runs; see `majority_vote`.
        parameters: Weights of the net.
        seconds: Median wall time of a training, in s.
        is_picked: Whether its validation accuracy is the board's highest.
    """

    title: str
    trial: int
    spreads: dict[str, dict[str, Spread]] = field(default_factory=dict)
    differences: dict[str, dict[str, Difference]] = field(default_factory=dict)
    votes: dict[str, float] = field(default_factory=dict)
    parameters: int = 0
    seconds: float = 0.0
    is_picked: bool = False


REFERENCE = "cross_entropy"
# The methods that are subtracted, all of them in the CSV. The Markdown table has the first one and
# the first of `_RIVALS` that is on the board.
REFERENCES = (
    REFERENCE,
    "knowledge_distillation",
    "confidence_aware_distillation",
    "mean_of_teachers",
    "three_own_nets",
    # Longer trainings: the rivals of equal compute.
    "cross_entropy_x2",
    "cross_entropy_x4",
    "cross_entropy_x10",
)
_RIVALS = {"three_own_nets": "three own nets", "knowledge_distillation": "KD"}


def board_rows(
    methods: Sequence[Method],
    picked: Mapping[str, int],
    records: Collection[CellRecord],
    parts: Mapping[tuple[str, str], pd.DataFrame],
    *,
    replicates: int = 2000,
) -> list[BoardRow]:
    """Sums up each method's picked trial, sorted by validation accuracy, the best first.

    Only pairs of seeds with every fold count. Differences pair runs by student seed; a method
    without teachers has the same run for every teacher seed of the other.

    Args:
        methods: The methods of the board.
        picked: The picked trial of each, by name.
        records: Finished cells of one recipe.
        parts: Held-out clips by protocol and `CellRecord.held_out`, in the order of the guesses:
            indexed by clip_id, columns subject, label, on_wrist.
        replicates: Of the bootstrap.

    Returns:
        A row for each method that has a complete run.
    """
    runs: dict[tuple[str, str], dict[tuple[int, int], pd.DataFrame]] = {}
    folds: dict[str, set[str]] = {}
    for protocol, held_out in parts:
        folds.setdefault(protocol, set()).add(held_out)
    own: dict[str, list[CellRecord]] = {}
    for method in methods:
        chosen = [
            one
            for one in records
            if one.method == method.name and one.trial == picked.get(method.name)
        ]
        own[method.name] = chosen
        by_seeds: dict[tuple[str, int, int], list[CellRecord]] = {}
        for one in chosen:
            key = (one.protocol, one.teacher_seed, one.student_seed)
            by_seeds.setdefault(key, []).append(one)
        for (protocol, teacher_seed, student_seed), done in by_seeds.items():
            if len(done) == len(folds[protocol]):
                guesses = pd.concat(
                    [parts[protocol, one.held_out].assign(guess=one.predicted) for one in done]
                ).sort_index()
                runs.setdefault((method.name, protocol), {})[teacher_seed, student_seed] = guesses
    rows = []
    for method in methods:
        row = BoardRow(method.title, picked.get(method.name, 0))
        for protocol in folds:
            if (method.name, protocol) in runs:
                mine = runs[method.name, protocol]
                row.spreads[protocol] = _spreads(list(mine.values()))
                row.votes[protocol] = _vote(list(mine.values()))
                for other in REFERENCES:
                    if other != method.name and (other, protocol) in runs:
                        difference = _difference(mine, runs[other, protocol], replicates)
                        if difference:
                            row.differences.setdefault(protocol, {})[other] = difference
        if row.spreads:
            seconds = float(np.median([one.seconds for one in own[method.name]]))
            parameters = own[method.name][0].parameters
            rows.append(dataclasses.replace(row, seconds=seconds, parameters=parameters))
    rows.sort(key=_validation, reverse=True)
    if rows and "validation" in rows[0].spreads:
        rows[0] = dataclasses.replace(rows[0], is_picked=True)
    return rows


def _validation(row: BoardRow) -> float:
    return row.spreads["validation"]["accuracy"].mean if "validation" in row.spreads else -1.0


def _spreads(runs: Sequence[pd.DataFrame]) -> dict[str, Spread]:
    scores = pd.DataFrame(
        classification_scores(
            run["label"].to_numpy(), run["guess"].to_numpy(), run["on_wrist"].to_numpy()
        )
        for run in runs
    )
    return {str(name): Spread.of(column.to_numpy()) for name, column in scores.items()}


def _vote(runs: Sequence[pd.DataFrame]) -> float:
    together = majority_vote(np.stack([run["guess"].to_numpy() for run in runs]))
    return float((together == runs[0]["label"].to_numpy()).mean())


def _difference(
    mine: Mapping[tuple[int, int], pd.DataFrame],
    others: Mapping[tuple[int, int], pd.DataFrame],
    replicates: int,
) -> Difference | None:
    subjects = next(iter(mine.values()))["subject"].to_numpy()
    own = {seeds: _right(run) for seeds, run in mine.items()}
    subtracted = {seeds: _right(run) for seeds, run in others.items()}
    return paired_difference(own, subtracted, subjects, replicates)


def _right(run: pd.DataFrame) -> np.ndarray:
    return (run["label"] == run["guess"]).to_numpy(float)


_PROTOCOLS = ("validation", "cross_subject", "leave_one_subject_out")
_FIGURES = ("accuracy", "macro_f1", "wrist_actions_accuracy")


def leaderboard_markdown(rows: Sequence[BoardRow]) -> str:
    """Returns the board as a Markdown table, in %: mean +- sample standard deviation (runs).

    Differences are in points, with the 95 % interval of the nested bootstrap. `*` marks the method
    with the highest validation accuracy.
    """
    subtracted = {name for row in rows for name in row.differences.get("cross_subject", {})}
    rival = next((name for name in _RIVALS if name in subtracted), "knowledge_distillation")
    heads = ["method", "validation", "test", "minus cross-entropy", f"minus {_RIVALS[rival]}"]
    heads += ["macro F1"]
    heads += ["wrist actions", "all its runs voting", "leave one out", "parameters", "s / run"]
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for row in rows:
        test = row.spreads.get("cross_subject", {})
        differences = row.differences.get("cross_subject", {})
        cells = [
            row.title + (" *" if row.is_picked else ""),
            percent_text(row.spreads.get("validation", {}).get("accuracy")),
            percent_text(test.get("accuracy")),
            points_text(differences.get(REFERENCE)),
            points_text(differences.get(rival)),
            percent_text(test.get("macro_f1"), False),
            percent_text(test.get("wrist_actions_accuracy"), False),
            f"{100 * row.votes['cross_subject']:.1f}" if test else "",
            percent_text(row.spreads.get("leave_one_subject_out", {}).get("accuracy")),
            f"{row.parameters:,}" if row.parameters else "",
            f"{row.seconds:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def leaderboard_table(rows: Sequence[BoardRow]) -> pd.DataFrame:
    """Returns every figure of the board in one flat table, in fractions 0..1."""
    table = []
    for row in rows:
        line = {
            "method": row.title,
            "trial": row.trial,
            "validation_picks_it": row.is_picked,
            "parameters": row.parameters,
            "seconds": round(row.seconds, 1),
        }
        for protocol in _PROTOCOLS:
            for figure in _FIGURES:
                spread = row.spreads.get(protocol, {}).get(figure)
                if spread:
                    line[f"{protocol}_{figure}_mean"] = round(spread.mean, 6)
                    line[f"{protocol}_{figure}_std"] = round(spread.std, 6)
                    line[f"{protocol}_runs"] = spread.count
            if protocol in row.votes:
                line[f"{protocol}_vote"] = round(row.votes[protocol], 6)
            for other, difference in row.differences.get(protocol, {}).items():
                name = f"{protocol}_minus_{other}"
                line[name] = round(difference.mean, 6)
                line[f"{name}_low"] = round(difference.low, 6)
                line[f"{name}_high"] = round(difference.high, 6)
        table.append(line)
    whole = pd.DataFrame(table)
    # Counts stay whole numbers where a method has no run of a protocol.
    counts = [name for name in whole.columns if name.endswith("_runs")]
    return whole.astype(dict.fromkeys(counts, "Int64"))


_COLOURS = {"validation": "#6b7f99", "cross_subject": "#b3482e"}
_NAMES = {"validation": "validation: training subjects left out", "cross_subject": "test subjects"}


def leaderboard_plot(path: str | Path, rows: Sequence[BoardRow]) -> None:
    """Draws accuracy and its difference to cross-entropy, a line a method, validation's order.

    Args:
        path: The PNG to write.
        rows: As `board_rows` sorts them.
    """
    # Here, because pyplot takes a second to import.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 1.2 + 0.32 * len(rows)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    for place, row in enumerate(rows):
        for shift, (protocol, colour) in zip((-0.13, 0.13), _COLOURS.items(), strict=True):
            spread = row.spreads.get(protocol, {}).get("accuracy")
            if spread:
                left.errorbar(
                    100 * spread.mean,
                    place + shift,
                    xerr=100 * spread.std,
                    fmt="o",
                    markersize=5,
                    capsize=2,
                    color=colour,
                    label=_NAMES[protocol],
                )
            difference = row.differences.get(protocol, {}).get(REFERENCE)
            if difference:
                right.plot(
                    [100 * difference.low, 100 * difference.high],
                    [place + shift] * 2,
                    color=colour,
                    linewidth=2,
                    solid_capstyle="round",
                )
                right.plot(100 * difference.mean, place + shift, "o", markersize=5, color=colour)
    titles = [row.title + (" *" if row.is_picked else "") for row in rows]
    left.set_yticks(range(len(rows)), titles)
    left.invert_yaxis()
    left.set_xlabel("accuracy, % (mean, sample standard deviation)")
    right.set_xlabel("minus cross-entropy, points (95 % nested bootstrap)")
    right.axvline(0, color="#888888", linewidth=0.8)
    for axes in (left, right):
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = left.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    if unique:
        figure.legend(
            unique.values(), unique.keys(), loc="outside upper center", ncols=2, frameon=False
        )
    with whole_file(Path(path).with_suffix(".png")) as temporary:
        figure.savefig(temporary)
