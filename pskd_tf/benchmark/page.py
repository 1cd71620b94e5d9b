"""A board as one HTML page, `leaderboard.html`, made from the committed records alone.

Every row is a method. It shows the figures of `leaderboard.csv` and `halves.csv`, each paired
difference to cross-entropy with a bar of its interval, and the cells of `cells.csv` of which the
figures are made.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.csv_cells import cell_text
from data_prep.errors import UserError
from data_prep.protocols import REPEATED_SUBJECT_HALVES
from pskd_tf.benchmark.cells import pooled_accuracy
from pskd_tf.benchmark.results import CellRecord, ResultsFile
from pskd_tf.method import Method
from pskd_tf.reporting.page import render, write_page
from pskd_tf.reporting.tables import signed

PAGE = "leaderboard.html"
_HEADINGS = {
    "validation": "validation",
    "cross_subject": "test subjects",
    "leave_one_subject_out": "leave one subject out",
    REPEATED_SUBJECT_HALVES: "repeated halves",
}
_FURTHER = {
    "macro_f1_mean": "macro F1 %",
    "wrist_actions_accuracy_mean": "wrist actions %",
    "vote": "all runs voting %",
}
# Share of the bars that the scale of a column shows whole.
_SHOWN_WHOLE = 0.8


@dataclass(frozen=True)
class Bar:
    """An interval in a drawing that is 100 wide, with zero at 50.

    Attributes:
        low: Left end, 0..100.
        mean: Where the mean is, 0..100.
        high: Right end, 0..100.
        goes_on_left: Whether the interval goes on beyond the drawing.
        goes_on_right: The same on the right.
        side: `above` or `below` where the interval leaves out zero, else `around`.
    """

    low: float
    mean: float
    high: float
    goes_on_left: bool
    goes_on_right: bool
    side: str


@dataclass(frozen=True)
class Figure:
    """One figure of a row.

    Attributes:
        text: As it is shown; "" where there is none.
        value: The text of the table that rows are sorted by.
        bar: The interval of a difference.
    """

    text: str = ""
    value: str = ""
    bar: Bar | None = None


@dataclass(frozen=True)
class CellGroup:
    """The cells of a row under one protocol.

    Attributes:
        heading: The protocol in words.
        runs: Number of pairs of seeds; of halves, number of trainings.
        cells: The cells, by seeds and subjects.
    """

    heading: str
    runs: int
    cells: Sequence[CellRecord]


@dataclass(frozen=True)
class PageRow:
    """A method of the page.

    Attributes:
        title: Its name on boards.
        name: Its name in results.
        is_picked: Whether validation chose it.
        figures: One for each column.
        groups: The cells by protocol.
    """

    title: str
    name: str
    is_picked: bool
    figures: Sequence[Figure]
    groups: Sequence[CellGroup]

    @property
    def num_cells(self) -> int:
        """Number of its cells."""
        return sum(len(group.cells) for group in self.groups)


@dataclass(frozen=True)
class _Column:
    heading: str
    note: str
    figures: Sequence[Figure]


def write_board_page(results_dir: Path, methods: Sequence[Method]) -> Path:
    """Writes `leaderboard.html` of a results folder; the same records give the same bytes.

    Args:
        results_dir: A folder with `cells.csv` and `leaderboard.csv` or `halves.csv`.
        methods: The methods of its boards, whose titles are in these tables.

    Returns:
        The page's path.

    Raises:
        UserError: A table is missing, names another method, or is not the board of `cells.csv`.
    """
    try:
        return _write(results_dir, {method.title: method for method in methods})
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        if isinstance(error, UserError):
            raise
        rule = "leaderboard.csv and halves.csv must be as the benchmark wrote them"
        raise UserError(f"{rule}; check them out again", error, results_dir) from error


def _write(results_dir: Path, names: Mapping[str, Method]) -> Path:
    board, halves = _table(results_dir / "leaderboard.csv"), _table(results_dir / "halves.csv")
    if not board and not halves:
        rule = "A results folder needs leaderboard.csv or halves.csv; run the benchmark first"
        raise UserError(rule, "neither", results_dir)
    records = list(ResultsFile(results_dir / "cells.csv").records.values())
    lines = {line["method"]: line for line in board}
    of_halves = {line["method"]: line for line in halves}
    titles = list(lines) + [title for title in of_halves if title not in lines]
    columns = _columns([lines.get(title, {}) for title in titles])
    columns += _halves_columns([of_halves.get(title, {}) for title in titles])
    columns += _cost_columns([lines.get(title, {}) for title in titles])
    rows = []
    for place, title in enumerate(titles):
        if title not in names:
            rule = "The methods of a board must be in --methods_file"
            raise UserError(rule, title, results_dir)
        line = lines.get(title, {})
        trial = int(line.get("trial", 0))
        own = [one for one in records if (one.method, one.trial) == (names[title].name, trial)]
        groups = _groups(own, records)
        _check(groups, line, of_halves.get(title, {}), results_dir)
        figures = [column.figures[place] for column in columns]
        is_picked = line.get("validation_picks_it") == "True"
        rows.append(PageRow(title, names[title].name, is_picked, figures, groups))
    path = results_dir / PAGE
    folder = results_dir.resolve()
    name = f"{folder.parent.name}, {folder.name}" if folder.name.isdecimal() else folder.name
    write_page(path, render("leaderboard.html.j2", name=name, columns=columns, rows=rows))
    return path


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            return [
                {name: cell_text(cell) for name, cell in line.items()}
                for line in csv.DictReader(stream)
            ]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        rule = "A board's table must be readable; check it out again"
        raise UserError(rule, error, path) from error


def _columns(lines: Sequence[Mapping[str, str]]) -> list[_Column]:
    """Returns the columns of `leaderboard.csv`: by protocol, then further figures of one."""
    protocols = [name for name in _HEADINGS if any(line.get(f"{name}_runs") for line in lines)]
    main = "cross_subject" if "cross_subject" in protocols else next(iter(protocols), "")
    columns = []
    for name in protocols:
        accuracy = [
            _with_spread(line, f"{name}_accuracy_mean", f"{name}_accuracy_std", f"{name}_runs")
            for line in lines
        ]
        columns.append(_Column("accuracy %", _HEADINGS[name], accuracy))
        columns += _differences(lines, f"{name}_minus_cross_entropy", _HEADINGS[name])
        if name == main:
            for column, heading in _FURTHER.items():
                figures = [_percent(line.get(f"{name}_{column}", "")) for line in lines]
                columns.append(_Column(heading, _HEADINGS[name], figures))
    return columns


def _halves_columns(lines: Sequence[Mapping[str, str]]) -> list[_Column]:
    if not any(lines):
        return []
    note = _HEADINGS[REPEATED_SUBJECT_HALVES]
    accuracy = [_with_spread(one, "accuracy_mean", "accuracy_std", "trainings") for one in lines]
    columns = [_Column("accuracy %", note, accuracy)]
    columns += _differences(lines, "minus_cross_entropy", note)
    smallest = [_percent(line.get("smallest_difference", "")) for line in lines]
    return [*columns, _Column("smallest difference shown", note, smallest)]


def _cost_columns(lines: Sequence[Mapping[str, str]]) -> list[_Column]:
    parameters = [line.get("parameters", "") for line in lines]
    seconds = [line.get("seconds", "") for line in lines]
    if not any(parameters):
        return []
    # A forest has none.
    counts = [Figure(f"{_count(one):,}", one) if _count(one) else Figure() for one in parameters]
    times = [Figure(f"{float(one):.0f}" if one else "", one) for one in seconds]
    return [_Column("parameters", "", counts), _Column("s / run", "", times)]


def _differences(lines: Sequence[Mapping[str, str]], name: str, note: str) -> list[_Column]:
    ends = [tuple(line.get(f"{name}{end}", "") for end in ("", "_low", "_high")) for line in lines]
    known = [tuple(map(float, one)) for one in ends if all(one)]
    if not known:
        return []
    extents = [max(abs(low), abs(high)) for _, low, high in known]
    # One method far away must not make the bars of all others too short to read.
    scale = float(np.quantile(extents, _SHOWN_WHOLE, method="higher")) or 1.0
    figures = []
    for one in ends:
        if not all(one):
            figures.append(Figure())
            continue
        mean, low, high = map(float, one)
        text = f"{signed(mean)} [{signed(low)}, {signed(high)}]"
        figures.append(Figure(text, one[0], _bar(mean, low, high, scale)))
    heading = "minus cross-entropy, points"
    return [_Column(heading, f"{note}; bar: ±{100 * scale:.1f}", figures)]


def _bar(mean: float, low: float, high: float, scale: float) -> Bar:
    def place(value: float) -> float:
        return round(50 + 50 * min(max(value / scale, -1.0), 1.0), 1)

    side = "above" if low > 0 else "below" if high < 0 else "around"
    return Bar(place(low), place(mean), place(high), low < -scale, high > scale, side)


def _with_spread(line: Mapping[str, str], mean: str, std: str, count: str) -> Figure:
    if not line.get(mean):
        return Figure()
    text = f"{100 * float(line[mean]):.1f}"
    runs = _count(line[count])
    if runs > 1:
        text += f" ± {100 * float(line[std]):.1f}"
    return Figure(f"{text} ({runs})", line[mean])


def _count(text: str) -> int:
    # Tables of before wrote a count as 5.0 where another method had none.
    return int(float(text or 0))


def _percent(value: str) -> Figure:
    return Figure(f"{100 * float(value):.1f}", value) if value else Figure()


def _groups(own: Sequence[CellRecord], everything: Sequence[CellRecord]) -> list[CellGroup]:
    """Returns the cells that count, by protocol: those of pairs of seeds with every fold."""
    groups = []
    for protocol, heading in _HEADINGS.items():
        folds = {one.held_out for one in everything if one.protocol == protocol}
        by_seeds: dict[tuple[int, int], list[CellRecord]] = {}
        for one in own:
            if one.protocol == protocol:
                by_seeds.setdefault((one.teacher_seed, one.student_seed), []).append(one)
        halves = protocol == REPEATED_SUBJECT_HALVES
        runs = [
            sorted(cells, key=lambda one: one.held_out)
            for _, cells in sorted(by_seeds.items())
            if halves or len(cells) == len(folds)
        ]
        cells = [one for run in runs for one in run]
        if cells:
            groups.append(CellGroup(heading, len(cells) if halves else len(runs), cells))
    return groups


def _check(
    groups: Sequence[CellGroup], line: Mapping[str, str], halves: Mapping[str, str], folder: Path
) -> None:
    """Refuses tables that are not of these cells."""
    of_heading = {group.heading: group for group in groups}
    for protocol, heading in _HEADINGS.items():
        group = of_heading.get(heading)
        if protocol == REPEATED_SUBJECT_HALVES:
            runs, mean = halves.get("trainings", ""), ""
        else:
            runs, mean = line.get(f"{protocol}_runs", ""), line.get(f"{protocol}_accuracy_mean", "")
        same = _count(runs) == (group.runs if group else 0)
        if same and group and mean:
            same = math.isclose(float(mean), _mean_accuracy(group), abs_tol=2e-6)
        if not same:
            rule = "leaderboard.csv and halves.csv must be the boards of cells.csv"
            received = f"other cells of {protocol} of {line.get('method') or halves['method']}"
            raise UserError(f"{rule}; run the benchmark's command again", received, folder)


def _mean_accuracy(group: CellGroup) -> float:
    runs: dict[tuple[int, int], list[CellRecord]] = {}
    for one in group.cells:
        runs.setdefault((one.teacher_seed, one.student_seed), []).append(one)
    return float(np.mean([pooled_accuracy(cells) for cells in runs.values()]))
