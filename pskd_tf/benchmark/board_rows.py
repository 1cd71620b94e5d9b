"""From finished cells to the lines of a board."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from pskd_tf.benchmark.board_row import BoardRow, Difference, Spread
from pskd_tf.benchmark.cell_record import CellRecord
from pskd_tf.benchmark.majority_vote import majority_vote
from pskd_tf.benchmark.method import Method
from pskd_tf.benchmark.nested_bootstrap import nested_bootstrap
from pskd_tf.evaluation.classification_scores import classification_scores

# What a method is held against: the first two in the table for readers, all in the CSV.
REFERENCES = (
    "cross_entropy",
    "knowledge_distillation",
    "confidence_aware_distillation",
    "mean_of_teachers",
)


def board_rows(
    methods: Sequence[Method],
    picked: Mapping[str, int],
    records: Collection[CellRecord],
    parts: Mapping[tuple[str, str], pd.DataFrame],
    *,
    replicates: int = 2000,
) -> list[BoardRow]:
    """Sums up each method's picked trial, sorted by validation accuracy, the best first.

    Only pairs of seeds with every fold count. Differences pair runs by student seed; against a
    method without teachers, each teacher seed of the other meets the same run.

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
                guesses = [
                    parts[protocol, one.held_out].assign(guess=one.predicted) for one in done
                ]
                guesses = pd.concat(guesses).sort_index()
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
    return {
        name: Spread(
            float(column.mean()), float(column.std()) if len(column) > 1 else 0.0, len(column)
        )
        for name, column in scores.items()
    }


def _vote(runs: Sequence[pd.DataFrame]) -> float:
    together = majority_vote(np.stack([run["guess"].to_numpy() for run in runs]))
    return float((together == runs[0]["label"].to_numpy()).mean())


def _difference(
    mine: Mapping[tuple[int, int], pd.DataFrame],
    others: Mapping[tuple[int, int], pd.DataFrame],
    replicates: int,
) -> Difference | None:
    first = next(iter(mine.values()))
    teacher_seeds = sorted({teacher for teacher, _ in mine})
    student_seeds = sorted({student for _, student in mine})
    values = np.full((len(teacher_seeds), len(student_seeds), len(first)), np.nan)
    for (teacher, student), run in mine.items():
        # A method without teachers has the one teacher seed -1, and meets the mean of the others.
        partners = [
            _right(other)
            for (other_teacher, other_student), other in others.items()
            if other_student == student
            and (other_teacher == teacher or -1 in (teacher, other_teacher))
        ]
        if partners:
            place = teacher_seeds.index(teacher), student_seeds.index(student)
            values[place] = _right(run) - np.mean(partners, axis=0)
    if np.isnan(values).all():
        return None
    return Difference(*nested_bootstrap(values, first["subject"].to_numpy(), replicates=replicates))


def _right(run: pd.DataFrame) -> np.ndarray:
    return (run["label"] == run["guess"]).to_numpy(float)
