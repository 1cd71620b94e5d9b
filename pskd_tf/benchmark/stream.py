"""The board of methods in a stream: recall at thresholds that validation chose.

`stream_stages` runs each cell's student over streams of the held-out clips and over idle streams.
`stream.csv` keeps the score of every decision, so that each figure of the board can be computed
again. Each run's threshold is the lowest at which its validation folds stay within a bound of false
decisions an hour; test subjects choose nothing.
"""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from data_prep.csv_cells import CsvWriter
from data_prep.errors import UserError
from data_prep.files import whole_file
from pskd_tf.benchmark.board import REFERENCE
from pskd_tf.benchmark.results import table_rows
from pskd_tf.benchmark.statistics import Difference, Spread, paired_difference, points_text
from pskd_tf.evaluation.stream import BOUNDED_KINDS, STREAM_KINDS, lowest_threshold

# False decisions an hour, on each bounded kind of idle.
BOUNDS = (0.0, 1.0, 6.0)
_FINEST = 65535


@dataclass(frozen=True)
class StreamRecord:
    """The scores of one cell's decisions on one kind of stream.

    Attributes:
        cell: Key of the stage.
        method: Name of the method.
        trial: Which of its trials.
        protocol: `validation` or a protocol that scores test subjects.
        held_out: The streamed subjects, separated by bars.
        teacher_seed: Seed of the teachers; -1 without.
        student_seed: Seed of the student.
        kind: `movements` (the right decision's score for each clip, in the manifest's order; 0
            without one), `wrong` (wrong decisions among movements) or a kind of idle.
        hours: Hours of idle of this kind; 0 for movements.
        distinct_hours: Hours of distinct signal in it.
        scores: Four hexadecimal digits a decision: its score in 65535ths, rounded down.
    """

    cell: str
    method: str
    trial: int
    protocol: str
    held_out: str
    teacher_seed: int
    student_seed: int
    kind: str
    hours: float
    distinct_hours: float
    scores: str

    def __post_init__(self) -> None:
        if not 0 <= self.hours < math.inf or not 0 <= self.distinct_hours < math.inf:
            raise UserError("Hours of a stream must not be negative", self.hours)
        if not re.fullmatch(r"([0-9a-f]{4})*", self.scores):
            rule = "scores must be four hexadecimal digits a decision"
            raise UserError(rule, self.scores[:20])

    @property
    def values(self) -> np.ndarray:
        """`(decisions,)` scores, 0..1."""
        return np.frombuffer(bytes.fromhex(self.scores), ">u2").astype(np.float64) / _FINEST


def scores_text(scores: np.ndarray) -> str:
    """Returns scores `(decisions,)`, 0..1 or -1, as four hexadecimal digits each."""
    steps = np.clip(np.floor(np.asarray(scores) * _FINEST), 0, _FINEST)
    return bytes(steps.astype(">u2").tobytes()).hex()


def read_streams(path: Path) -> list[StreamRecord]:
    """Reads `stream.csv`; there are no records where there is no file.

    Raises:
        UserError: The file has other columns or a wrong value.
    """
    if not path.exists():
        return []
    fields = dataclasses.fields(StreamRecord)
    rows = table_rows(path, [field.name for field in fields])
    try:
        return [
            StreamRecord(
                **{field.name: cast("Any", field.type)(row[field.name]) for field in fields}
            )
            for _, row in rows
        ]
    except ValueError as error:
        received = error.reason if isinstance(error, UserError) else error
        raise UserError("Each line of stream.csv must hold a record", received, path) from error


def write_streams(path: Path, records: Sequence[StreamRecord]) -> None:
    """Writes `stream.csv`, whole or not at all."""
    names = [field.name for field in dataclasses.fields(StreamRecord)]
    with whole_file(path) as temporary, open(temporary, "w", newline="") as stream:
        writer = CsvWriter(stream, names)
        for one in records:
            writer.write_row(dataclasses.astuple(one))


@dataclass(frozen=True)
class StreamRow:
    """One method in the stream at one bound.

    Attributes:
        method: Its name.
        bound: False decisions an hour at most, on validation.
        thresholds: Mean threshold over runs.
        validation: Recall on left-out training subjects, 0..1.
        test: Recall on test subjects; None where none was scored.
        false_an_hour: By kind of idle, what test streams really gave, mean over runs.
        wrong: Wrong decisions among the test movements, mean over runs.
        difference: Test recall minus that of cross-entropy, paired by seed; None without.
        validation_difference: The same of the recall on left-out training subjects.
    """

    method: str
    bound: float
    threshold: Spread
    validation: Spread
    test: Spread | None
    false_an_hour: dict[str, float]
    wrong: float
    difference: Difference | None = None
    validation_difference: Difference | None = None


_Runs = dict[tuple[int, int], dict[str, list[StreamRecord]]]
# By teacher and student seed, `(movements,)` 1 where a movement is right, else 0.
_Right = dict[tuple[int, int], np.ndarray]


def stream_rows(
    records: Sequence[StreamRecord], subjects: Mapping[str, np.ndarray], replicates: int = 2000
) -> list[StreamRow]:
    """Sums up every method at each bound.

    Args:
        records: All records of one recipe, one trial a method.
        subjects: `(clips,)` subject of each held-out clip, by `StreamRecord.held_out`.
        replicates: Of the bootstrap.

    Returns:
        Rows by bound, then in the order of the records. A test run needs the validation folds of
        its own seeds, which choose its threshold.
    """
    runs: dict[str, dict[str, _Runs]] = {}
    for one in records:
        of_protocol = runs.setdefault(one.method, {}).setdefault(one.protocol, {})
        of_run = of_protocol.setdefault((one.teacher_seed, one.student_seed), {})
        of_run.setdefault(one.kind, []).append(one)
    rows = []
    for bound in BOUNDS:
        right: dict[str, dict[str, _Right]] = {}
        for method, protocols in runs.items():
            row, right[method] = _row(method, bound, protocols)
            rows.append(row)
        for place in range(len(rows) - len(runs), len(rows)):
            method = rows[place].method
            differences: dict[str, Difference | None] = {}
            for part in ("test", "validation"):
                mine, others = right[method][part], right.get(REFERENCE, {}).get(part, {})
                if mine and others and method != REFERENCE:
                    groups = _streamed_subjects(runs[method], part, subjects)
                    differences[part] = paired_difference(mine, others, groups, replicates)
            rows[place] = dataclasses.replace(
                rows[place],
                difference=differences.get("test"),
                validation_difference=differences.get("validation"),
            )
    return rows


def _row(
    method: str, bound: float, protocols: Mapping[str, _Runs]
) -> tuple[StreamRow, dict[str, _Right]]:
    validation, tests = _part(protocols, "validation"), _part(protocols, "test")
    thresholds, recalls, test_recalls, wrong = [], [], [], []
    false: dict[str, list[float]] = {kind: [] for kind in STREAM_KINDS}
    right: dict[str, _Right] = {"validation": {}, "test": {}}
    for seeds, kinds in validation.items():
        idle = {kind: _pooled(kinds[kind]) for kind in BOUNDED_KINDS}
        hours = {kind: sum(one.hours for one in kinds[kind]) for kind in BOUNDED_KINDS}
        threshold = lowest_threshold(idle, hours, bound)
        thresholds.append(threshold)
        right["validation"][seeds] = _reached(kinds["movements"], threshold)
        recalls.append(float(right["validation"][seeds].mean()))
        if seeds not in tests:
            continue
        seen = tests[seeds]
        right["test"][seeds] = _reached(seen["movements"], threshold)
        test_recalls.append(float(right["test"][seeds].mean()))
        wrong.append(float((_pooled(seen["wrong"]) >= threshold).sum()))
        for kind in STREAM_KINDS:
            total = sum(one.hours for one in seen[kind])
            false[kind].append(float((_pooled(seen[kind]) >= threshold).sum()) / total)
    row = StreamRow(
        method,
        bound,
        Spread.of(thresholds),
        Spread.of(recalls),
        Spread.of(test_recalls) if test_recalls else None,
        {kind: float(np.mean(values)) for kind, values in false.items() if values},
        float(np.mean(wrong)) if wrong else 0.0,
    )
    return row, right


def _part(protocols: Mapping[str, _Runs], part: str) -> _Runs:
    """Returns the runs of validation, or those of the protocol that scores test subjects."""
    wanted = part == "validation"
    return next((runs for name, runs in protocols.items() if (name == "validation") == wanted), {})


def _by_fold(records: Sequence[StreamRecord]) -> list[StreamRecord]:
    return sorted(records, key=lambda one: one.held_out)


def _reached(movements: Sequence[StreamRecord], threshold: float) -> np.ndarray:
    """Returns 1.0 for each movement whose right decision reaches the threshold, fold after fold."""
    return (_pooled(_by_fold(movements)) >= max(threshold, 1e-9)).astype(float)


def _pooled(records: Sequence[StreamRecord]) -> np.ndarray:
    return np.concatenate([one.values for one in records])


def _streamed_subjects(
    protocols: Mapping[str, _Runs], part: str, subjects: Mapping[str, np.ndarray]
) -> np.ndarray:
    movements = next(iter(_part(protocols, part).values()))["movements"]
    return np.concatenate([subjects[one.held_out] for one in _by_fold(movements)])


def stream_markdown(rows: Sequence[StreamRow]) -> str:
    """Returns the board as a Markdown table, in %: mean +- sample standard deviation (runs).

    False decisions an hour are what the test streams gave at the thresholds of validation.
    """
    heads = ["at most an hour", "method", "validation", "minus cross-entropy", "test"]
    heads += ["minus cross-entropy"]
    heads += [f"{kind} / h" for kind in STREAM_KINDS] + ["wrong among movements", "threshold"]
    lines = ["| " + " | ".join(heads) + " |", "| ---: | --- |" + " ---: |" * (len(heads) - 2)]
    for row in rows:
        false = [
            f"{row.false_an_hour[kind]:.1f}" if row.false_an_hour else "" for kind in STREAM_KINDS
        ]
        cells = [f"{row.bound:g}", row.method, _percent(row.validation)]
        cells += [points_text(row.validation_difference), _percent(row.test)]
        cells += [points_text(row.difference), *false, f"{row.wrong:.1f}" if row.test else ""]
        lines.append("| " + " | ".join([*cells, f"{row.threshold.mean:.2f}"]) + " |")
    return "\n".join(lines) + "\n"


def stream_table(rows: Sequence[StreamRow]) -> pd.DataFrame:
    """Returns every figure of the board in one flat table, in fractions 0..1."""
    table = []
    for row in rows:
        line: dict[str, Any] = {"bound": row.bound, "method": row.method}
        spreads = {"threshold": row.threshold, "validation": row.validation, "test": row.test}
        for name, spread in spreads.items():
            if spread is not None:
                line |= {f"{name}_mean": round(spread.mean, 6), f"{name}_std": round(spread.std, 6)}
                line[f"{name}_runs"] = spread.count
        line |= {f"{kind}_an_hour": round(v, 4) for kind, v in row.false_an_hour.items()}
        line["wrong_among_movements"] = round(row.wrong, 2)
        differences = {"": row.difference, "validation_": row.validation_difference}
        for part, difference in differences.items():
            named = {} if difference is None else dataclasses.asdict(difference)
            line |= {f"{part}minus_cross_entropy_{name}": round(v, 6) for name, v in named.items()}
        table.append(line)
    return pd.DataFrame(table)


def _percent(spread: Spread | None) -> str:
    if spread is None or not spread.count:
        return ""
    text = f"{100 * spread.mean:.1f}"
    return f"{text} +- {100 * spread.std:.1f} ({spread.count})" if spread.count > 1 else text
