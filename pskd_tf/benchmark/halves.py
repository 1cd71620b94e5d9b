"""Differences of methods over repeated halves of the subjects, and the least that they can show.

In `repeated_subject_halves` each half of the people trains once and the other half is scored, for
many halvings. All splits share the same people, so they are not independent: an interval that took
each split as new data would be far too narrow. No estimate of the variance is unbiased for every
distribution (Bengio and Grandvalet 2004, "No Unbiased Estimator of the Variance of K-Fold
Cross-Validation"), so two intervals are given, of different assumptions:

* `crossed_interval`, a random-effects model of the difference of accuracies: person + halving +
  the rest. People are the sample from the population, halvings and seeds are chance in training.
  It does not contain what other people would bring as a training set, which eight people cannot
  show.
* `corrected_interval`, the corrected resampled t-test (Nadeau and Bengio 2003, "Inference for the
  Generalization Error"), which assumes that two splits correlate as n_test / (n_train + n_test),
  one half here. It does contain other training sets, is wide, and more halvings hardly narrow it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from data_prep.csv_cells import write_table
from data_prep.files import whole_file
from pskd_tf.benchmark.board import REFERENCE
from pskd_tf.benchmark.results import CellRecord
from pskd_tf.benchmark.statistics import Difference, Spread, points_text
from pskd_tf.method import Method

_POWER = 0.8


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval.

    Attributes:
        mean: The mean.
        error: Its standard error.
        freedom: Degrees of freedom of t.
    """

    mean: float
    error: float
    freedom: float

    @property
    def difference(self) -> Difference:
        """The mean with the ends of its interval."""
        half = self.error * float(student_t.ppf(0.975, self.freedom))
        return Difference(self.mean, self.mean - half, self.mean + half)

    @property
    def detectable(self) -> float:
        """The smallest true difference whose interval leaves out zero in 80 % of repetitions."""
        quantiles = student_t.ppf([0.975, _POWER], self.freedom)
        return self.error * float(quantiles.sum())


def crossed_interval(values: np.ndarray) -> Interval:
    """Returns the interval of a mean over people and halvings, both drawn at random.

    With the mean squares MS of a two-way layout, (MS_people + MS_halvings - MS_rest) / (people x
    halvings) is an unbiased estimate of the variance of the mean, also where the people of one half
    share a student. It is never taken to be less than the term of people or of halvings alone.

    Args:
        values: `(people, halvings)`, at least 2 of each: the mean difference of accuracy on each
            person's clips, over the seeds of the student that the other half trained.

    Returns:
        The interval. Source: the crossed random-effects model (Searle, Casella and McCulloch 1992,
        "Variance Components"); degrees of freedom by Satterthwaite (1946).
    """
    people, halvings, rest = _mean_squares(values) / values.size
    return _interval(float(values.mean()), people, halvings, rest, values.shape)


def _mean_squares(values: np.ndarray) -> np.ndarray:
    """Returns the mean squares of rows, of columns, and of the rest."""
    rows, columns = values.shape
    of_rows, of_columns = values.mean(axis=1), values.mean(axis=0)
    rest = values - of_rows[:, None] - of_columns[None, :] + values.mean()
    return np.array(
        [
            columns * of_rows.var(ddof=1),
            rows * of_columns.var(ddof=1),
            (rest**2).sum() / ((rows - 1) * (columns - 1)),
        ]
    )


def _interval(
    mean: float, people: float, halvings: float, rest: float, shape: tuple[int, ...]
) -> Interval:
    rows, columns = shape[0] - 1, shape[1] - 1
    variance = max(people + halvings - rest, people, halvings)
    spread = people**2 / rows + halvings**2 / columns + rest**2 / (rows * columns)
    freedom = variance**2 / spread if spread > 0 else float(rows)
    return Interval(mean, float(np.sqrt(variance)), float(freedom))


def corrected_interval(values: np.ndarray, test_to_train: float = 1.0) -> Interval:
    """Returns the interval of the corrected resampled t-test.

    Args:
        values: `(splits,)`, at least 2: the mean difference of each split.
        test_to_train: Number of scored subjects for each subject that trains; 1 for halves.

    Returns:
        The interval, with the variance (1 / splits + test_to_train) s^2. Source: Nadeau and Bengio
        (2003), equation 9.
    """
    variance = (1 / len(values) + test_to_train) * values.var(ddof=1)
    return Interval(float(values.mean()), float(np.sqrt(variance)), len(values) - 1.0)


@dataclass(frozen=True)
class HalvesRow:
    """One method over halves of the subjects; shares are fractions 0..1.

    Attributes:
        title: The method's name on boards.
        accuracy: Mean over people of the accuracy on their clips, over trainings.
        halvings: Halvings of which both halves are finished, for this method and cross-entropy.
        crossed: Difference to cross-entropy; see `crossed_interval`. None for cross-entropy itself
            and with fewer than two halvings.
        corrected: The same difference; see `corrected_interval`.
    """

    title: str
    accuracy: Spread
    halvings: int = 0
    crossed: Interval | None = None
    corrected: Interval | None = None


def subject_accuracies(
    records: Collection[CellRecord], parts: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Returns the accuracy of each cell on each scored person.

    Args:
        records: Finished cells of one protocol.
        parts: The scored clips by `CellRecord.held_out`, in the order of the guesses, with columns
            subject and label.

    Returns:
        Columns method, held_out, teacher_seed, student_seed, subject, accuracy (0..1).
    """
    lines = []
    for one in records:
        part = parts[one.held_out]
        right = pd.Series(part["label"].to_numpy() == one.predicted)
        for subject, share in right.groupby(part["subject"].to_numpy()).mean().items():
            seeds = (one.teacher_seed, one.student_seed)
            lines.append((one.method, one.held_out, *seeds, subject, share))
    columns = ["method", "held_out", "teacher_seed", "student_seed", "subject", "accuracy"]
    return pd.DataFrame(lines, columns=columns)


def halves_rows(
    methods: Sequence[Method],
    records: Collection[CellRecord],
    parts: Mapping[str, pd.DataFrame],
    halvings: Sequence[tuple[str, str]],
) -> list[HalvesRow]:
    """Sums up finished cells; a difference is of the halvings and seeds that both methods have.

    Args:
        methods: The methods, in the order of the rows.
        records: Finished cells of `repeated_subject_halves`, one trial of each method.
        parts: See `subject_accuracies`.
        halvings: The two values of `held_out` of each halving.

    Returns:
        A row for each method with a finished cell.
    """
    table = subject_accuracies(records, parts)
    number = {held_out: place for place, pair in enumerate(halvings) for held_out in pair}
    table["halving"] = table["held_out"].map(number)
    seeds = ["halving", "held_out", "student_seed", "subject"]
    plain = table[table["method"] == REFERENCE].groupby(seeds)["accuracy"].mean()
    rows = []
    for method in methods:
        mine = table[table["method"] == method.name]
        if mine.empty:
            continue
        trainings = mine.groupby(["held_out", "teacher_seed", "student_seed"])["accuracy"].mean()
        accuracy = Spread.of(trainings.to_numpy())
        # Teacher seeds of one student seed are paired with one run of cross-entropy.
        paired = (mine.groupby(seeds)["accuracy"].mean() - plain).dropna()
        cells = paired.groupby(["subject", "halving"]).mean().unstack("halving")
        whole = [] if method.name == REFERENCE else list(cells.columns[cells.notna().all()])
        if len(whole) < 2 or len(cells) < 2:
            rows.append(HalvesRow(method.title, accuracy, len(whole)))
            continue
        used = paired[paired.index.get_level_values("halving").isin(whole)]
        crossed = crossed_interval(cells[whole].to_numpy())
        corrected = corrected_interval(used.groupby("held_out").mean().to_numpy())
        rows.append(HalvesRow(method.title, accuracy, len(whole), crossed, corrected))
    return rows


def halves_markdown(rows: Sequence[HalvesRow]) -> str:
    """Returns the rows as a Markdown table: accuracy in %, differences in points."""
    heads = ["method", "accuracy (trainings)", "halvings", "minus cross-entropy"]
    heads += ["corrected resampled t", "standard error", "smallest difference shown"]
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for row in rows:
        accuracy = row.accuracy
        text = f"{100 * accuracy.mean:.1f} +- {100 * accuracy.std:.1f} ({accuracy.count})"
        cells = [row.title, text, "", "", "", "", ""]
        if row.crossed and row.corrected:
            cells[2:] = [
                str(row.halvings),
                points_text(row.crossed.difference),
                points_text(row.corrected.difference),
                f"{100 * row.crossed.error:.2f}",
                f"{100 * row.crossed.detectable:.1f}",
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def halves_table(rows: Sequence[HalvesRow]) -> pd.DataFrame:
    """Returns every figure of the rows, in fractions 0..1."""
    lines = []
    for row in rows:
        line: dict[str, str | float] = {
            "method": row.title,
            "accuracy_mean": row.accuracy.mean,
            "accuracy_std": row.accuracy.std,
            "trainings": row.accuracy.count,
        }
        if row.crossed and row.corrected:
            line["halvings"] = row.halvings
            for name, interval in (("", row.crossed), ("_corrected", row.corrected)):
                line[f"minus_cross_entropy{name}"] = interval.mean
                line[f"minus_cross_entropy{name}_low"] = interval.difference.low
                line[f"minus_cross_entropy{name}_high"] = interval.difference.high
                line[f"standard_error{name}"] = interval.error
                line[f"smallest_difference{name}"] = interval.detectable
        lines.append(line)
    table = pd.DataFrame(lines).round(6)
    return table.astype({"halvings": "Int64"}) if "halvings" in table else table


def write_halves(folder: Path, rows: Sequence[HalvesRow]) -> None:
    """Writes `halves.csv` and `halves.md`."""
    with whole_file(folder / "halves.md") as temporary:
        temporary.write_text(halves_markdown(rows), encoding="utf-8")
    write_table(folder / "halves.csv", halves_table(rows))


@dataclass(frozen=True)
class Expectation:
    """What finished cells of another protocol let expect of halves of the subjects.

    Attributes:
        title: The method's name on boards.
        protocol: The protocol of the finished cells.
        people: Number of people that it scored.
        runs: Number of runs, each of another student seed.
        of_people: Standard deviation of the difference to cross-entropy between people.
        of_runs: The same between runs on one person.
        interval: The expected interval; its mean is that of the finished cells.
    """

    title: str
    protocol: str
    people: int
    runs: int
    of_people: float
    of_runs: float
    interval: Interval

    def __str__(self) -> str:
        return (
            f"{self.title}, from {self.protocol} ({self.people} people, {self.runs} runs): the "
            f"difference to cross-entropy varies by {100 * self.of_people:.1f} points between "
            f"people and {100 * self.of_runs:.1f} between runs; expected standard error "
            f"{100 * self.interval.error:.2f}, smallest difference shown "
            f"{100 * self.interval.detectable:.1f} points"
        )


def expected_interval(
    values: np.ndarray, people: int, halvings: int, seeds: int
) -> tuple[float, float, Interval]:
    """Returns what differences of finished runs let expect of repeated halves.

    Args:
        values: `(people, runs)` difference of accuracy to cross-entropy, at least 2 of each.
        people: People of the data set.
        halvings: Halvings to be run.
        seeds: Student seeds of each split.

    Returns:
        The standard deviations between people, and between runs on one person; the interval of the
        same model as `crossed_interval`. What a training set contributes is in that of people where
        each person had students of another training set, and in none of them otherwise.
    """
    of_people, of_runs, rest = _mean_squares(values)
    between_people = max(of_people - rest, 0.0) / values.shape[1]
    between_runs = max(of_runs - rest, 0.0) / values.shape[0]
    chance = rest / (people * halvings * seeds)
    interval = _interval(
        float(values.mean()),
        between_people / people + chance,
        between_runs / (2 * halvings * seeds) + chance,
        chance,
        (people, halvings),
    )
    return float(np.sqrt(between_people)), float(np.sqrt(between_runs + rest)), interval


def expectations(
    methods: Sequence[Method],
    records: Collection[CellRecord],
    parts: Mapping[tuple[str, str], pd.DataFrame],
    people: int,
    halvings: int,
    seeds: int,
) -> list[Expectation]:
    """Returns what finished cells of the usual test protocols let expect, by method and protocol.

    Of each student seed the lowest teacher seed counts.

    Args:
        methods: The methods to be run.
        records: Finished cells of a results folder.
        parts: The scored clips by protocol and `CellRecord.held_out`.
        people: People of the data set.
        halvings: Halvings to be run.
        seeds: Student seeds of each split.
    """
    found = []
    for protocol in ("leave_one_subject_out", "cross_subject"):
        own = {held_out: part for (name, held_out), part in parts.items() if name == protocol}
        table = subject_accuracies(
            [one for one in records if one.protocol == protocol and one.held_out in own], own
        ).sort_values("teacher_seed", kind="stable")
        runs = table.groupby(["method", "subject", "student_seed"])["accuracy"].first()
        names = set(table["method"])
        for method in methods:
            if method.name == REFERENCE or not {REFERENCE, method.name} <= names:
                continue
            paired = (runs[method.name] - runs[REFERENCE]).unstack("student_seed")
            values = paired.dropna(axis=1).to_numpy()
            if min(values.shape) >= 2:
                seen, number = values.shape
                spreads = expected_interval(values, people, halvings, seeds)
                found.append(Expectation(method.title, protocol, seen, number, *spreads))
    return found
