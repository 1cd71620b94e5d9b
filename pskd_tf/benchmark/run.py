"""A benchmark: its cells, run until none is left."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.files import json_sha256, whole_file
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import REPEATED_SUBJECT_HALVES
from data_prep.records import record_to_json
from data_prep.split_file import kept_splits
from pskd_tf.benchmark.board import (
    BoardRow,
    board_rows,
    leaderboard_markdown,
    leaderboard_plot,
    leaderboard_table,
)
from pskd_tf.benchmark.cells import (
    Cell,
    CellPlanner,
    pick_trial,
    record_cell,
)
from pskd_tf.benchmark.halves import (
    Expectation,
    HalvesRow,
    expectations,
    halves_rows,
    write_halves,
)
from pskd_tf.benchmark.page import write_board_page
from pskd_tf.benchmark.results import CellRecord, ResultsFile, TestLedger, held_out_parts
from pskd_tf.benchmark.unworn_classes import unworn_rows, write_unworn
from pskd_tf.method import Method
from pskd_tf.pipeline.plan import run_splits
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.settings import RunSettings

# Fields of a method on which no single training depends.
_NOT_MADE = ("name", "title", "trials", "crossed", "most_seeds")

Perform = Callable[[Sequence[Cell], Callable[[Cell], None]], None]


class BenchmarkRun:
    """The state of one benchmark: what is wanted, and what its results folder holds.

    Args:
        settings: The recipe that all methods share; its seeds are those of test.
        methods: The methods to run.
        listed: The methods that the board shows as far as their cells are finished; those to run
            are among them.
        prepared: The prepared set.
        context: Where stages are cached.
        results_dir: The folder to commit: `cells.csv`, `clips.csv`, `splits_*.json`,
            `test_ledger.csv` and the board.
        trial_seeds: Student seeds by which a trial is picked.
        validation_seeds: Student seeds that validate a picked trial.
        halvings: Halvings of `repeated_subject_halves`.
        halving_seed: Seed of their draw.
    """

    def __init__(
        self,
        settings: RunSettings,
        methods: Sequence[Method],
        listed: Sequence[Method],
        prepared: PreparedSet,
        context: RunContext,
        results_dir: Path,
        trial_seeds: Sequence[int],
        validation_seeds: Sequence[int],
        halvings: int,
        halving_seed: int,
    ):
        self.settings, self.prepared = settings, prepared
        self.methods, self.listed = list(methods), list(listed)
        self.context, self.results_dir = context, results_dir
        self.trial_seeds, self.validation_seeds = list(trial_seeds), list(validation_seeds)
        self.halvings, self.halving_seed = halvings, halving_seed
        self.results = ResultsFile(results_dir / "cells.csv")
        self.ledger = TestLedger(results_dir / "test_ledger.csv")
        self._planners: dict[str, CellPlanner] = {}

    def planner(self, protocol: str) -> CellPlanner:
        """Returns the planner of a protocol; its splits are kept in the results folder."""
        if protocol not in self._planners:
            splits = run_splits(self.prepared, protocol, self.halvings, self.halving_seed)
            self._planners[protocol] = CellPlanner(self.settings, self.prepared, protocol, splits)
        return self._planners[protocol]

    def trials(self, method: Method) -> list[list[Cell]]:
        """Returns the validation cells of each of a method's trials; none where it has but one."""
        if len(method.trials) == 1:
            return []
        planner = self.planner("validation")
        seeds = self.settings.teacher_seeds[:1]
        return [
            planner.cells(method, trial, self.trial_seeds, seeds)
            for trial in range(len(method.trials))
        ]

    def picked(self, method: Method) -> int:
        """Returns the trial that validation prefers (see `pick_trial`), or the only one."""
        trials = self.trials(method)
        return pick_trial(trials, self.results.records) if trials else 0

    def cells(self, protocol: str, method: Method, trial: int) -> list[Cell]:
        """Returns the cells of a method's picked trial under a protocol."""
        planner = self.planner(protocol)
        teacher_seeds = self.settings.teacher_seeds
        if protocol == "validation":
            return planner.cells(method, trial, self.validation_seeds, teacher_seeds[:1])
        return planner.cells(method, trial, self.settings.seeds[: method.most_seeds], teacher_seeds)

    def planned_cells(self, protocol: str, method: Method) -> list[Cell]:
        """Returns a method's cells; those of its first trial where validation has picked none."""
        unfinished = self.missing([cell for cells in self.trials(method) for cell in cells])
        return self.cells(protocol, method, 0 if unfinished else self.picked(method))

    def missing(self, cells: Sequence[Cell]) -> list[Cell]:
        """Returns the cells without a line in the results, each once."""
        unique = {cell.key: cell for cell in cells}
        return [cell for key, cell in unique.items() if key not in self.results.records]

    def perform(self, protocol: str, perform: Perform) -> None:
        """Does a protocol's missing cells; `validation` also does every trial before it picks.

        Args:
            protocol: `validation`, or one that scores test subjects.
            perform: Does cells and calls back with each finished one; see `run_cells`.
        """
        splits_path = self.results_dir / f"splits_{protocol}.json"
        kept_splits(splits_path, self.planner(protocol).splits)
        self._keep_clips()
        if protocol == "validation":
            self._do(
                [one for m in self.methods for cells in self.trials(m) for one in cells], perform
            )
        cells = [one for m in self.methods for one in self.cells(protocol, m, self.picked(m))]
        if protocol == REPEATED_SUBJECT_HALVES:
            # Halving after halving, so that an interrupted command has whole ones of all methods.
            splits = self.planner(protocol).splits
            place = {split.test_subjects: number for number, split in enumerate(splits)}
            cells.sort(key=lambda cell: place[cell.held_out])
        self._do(cells, perform)

    def _do(self, cells: Sequence[Cell], perform: Perform) -> None:
        missing = self.missing(cells)
        if missing:
            perform(missing, self._finished)

    def _finished(self, cell: Cell) -> None:
        record = record_cell(
            cell, self._configuration(self._method(cell), cell.trial), self.context
        )
        if cell.protocol != "validation":
            self.ledger.add(record)
        self.results.add(record)

    def _method(self, cell: Cell) -> Method:
        return next(one for one in self.methods if one.name == cell.method)

    def _configuration(self, method: Method, trial: int) -> str:
        recipe = self.settings.to_json()
        for name in ("seeds", "teacher_seeds", "protocol"):
            del recipe[name]
        made_of = {
            **{key: value for key, value in record_to_json(method).items() if key not in _NOT_MADE},
            "recipe": recipe,
            "arguments": method.trials[trial],
            "dataset": self.prepared.fingerprint,
        }
        return json_sha256(made_of)[:16]

    def _keep_clips(self) -> None:
        path = self.results_dir / "clips.csv"
        if not path.exists():
            write_table(path, self.clips())

    def clips(self) -> pd.DataFrame:
        """Returns what a board needs of the clips, in the manifest's order."""
        manifest = self.prepared.manifest
        return pd.DataFrame(
            {
                "clip_id": manifest["clip_id"],
                "subject": manifest["subject"].astype(str),
                "label": manifest["action"],
                "on_wrist": manifest["sensor_place"] == self.prepared.description.wrist_place,
            }
        )

    def _known(self, *, halves: bool = False) -> tuple[dict[str, int], list[CellRecord]]:
        """Returns each method's picked trial, and all finished cells of them in this recipe.

        Args:
            halves: Whether cells of `repeated_subject_halves` are wanted, or those of the board.
        """
        picked, known = {}, []
        recorded = {one.method for one in self.results.records.values()}
        for method in self.listed:
            if method.name not in recorded:
                continue
            trials = self.trials(method)
            if self.missing([cell for cells in trials for cell in cells]):
                continue
            trial = picked[method.name] = self.picked(method)
            configuration = self._configuration(method, trial)
            known += [
                one
                for one in self.results.records.values()
                if (one.method, one.configuration) == (method.name, configuration)
                and (one.protocol == REPEATED_SUBJECT_HALVES) == halves
            ]
        return picked, known

    def left_out(self) -> Counter[str]:
        """Returns by method how many finished cells are not on the board: another recipe's."""
        today = {
            (method.name, self._configuration(method, trial))
            for method in self.listed
            for trial in range(len(method.trials))
        }
        records = self.results.records.values()
        return Counter(
            one.method for one in records if (one.method, one.configuration) not in today
        )

    def recorded_cells(self) -> list[Cell]:
        """Returns the cells of all methods of the board whose results are known."""
        picked, known = self._known()
        seeds: dict[tuple[str, str], tuple[set[int], set[int]]] = {}
        for one in known:
            students, teachers = seeds.setdefault((one.protocol, one.method), (set(), set()))
            students.add(one.student_seed)
            teachers.add(one.teacher_seed)
        methods = {method.name: method for method in self.listed}
        cells = []
        for (protocol, name), (students, teachers) in seeds.items():
            planner = self.planner(protocol)
            trial = picked[name]
            cells += planner.cells(methods[name], trial, sorted(students), sorted(teachers))
        return [cell for cell in cells if cell.key in self.results.records]

    def _parts(self, records: Sequence[CellRecord]) -> dict[tuple[str, str], pd.DataFrame]:
        """Returns the held-out clips by protocol and subjects, as records name them.

        Raises:
            UserError: A record has another number of guesses.
        """
        parts = held_out_parts(self.results_dir) if records else {}
        for one in records:
            clips_held_out = len(parts.get((one.protocol, one.held_out), ()))
            if len(one.predicted) != clips_held_out:
                rule = f"A cell of {one.held_out} must have {clips_held_out} guesses"
                raise UserError(rule, len(one.predicted), self.results.path)
        return parts

    def board(self) -> list[BoardRow]:
        """Sums up all finished cells of this recipe and writes the boards.

        Returns:
            The rows of `leaderboard.{md,csv,png}`. `halves.{md,csv}` and `leaderboard.html` are
            written, too.
        """
        picked, known = self._known()
        parts = self._parts(known)
        rows = board_rows(self.listed, picked, known, parts)
        if rows:
            with whole_file(self.results_dir / "leaderboard.md") as temporary:
                temporary.write_text(leaderboard_markdown(rows), encoding="utf-8")
            write_table(self.results_dir / "leaderboard.csv", leaderboard_table(rows))
            leaderboard_plot(self.results_dir / "leaderboard.png", rows)
        halves = self.halves_rows()
        if halves:
            write_halves(self.results_dir, halves)
        if rows or halves:
            write_board_page(self.results_dir, self.listed)
        return rows

    def halves_rows(self) -> list[HalvesRow]:
        """Returns the rows of all methods with finished cells of `repeated_subject_halves`.

        Raises:
            UserError: A cell is of other splits than the results folder's.
        """
        _, known = self._known(halves=True)
        if not known:
            return []
        # The splits as they were kept, whatever number of halvings this command has.
        parts = {
            held_out: part
            for (protocol, held_out), part in held_out_parts(self.results_dir).items()
            if protocol == REPEATED_SUBJECT_HALVES
        }
        others = [one.held_out for one in known if one.held_out not in parts]
        if others:
            rule = f"Cells of {REPEATED_SUBJECT_HALVES} must be of the splits of their folder"
            raise UserError(rule, others[0], self.results.path)
        names = list(parts)
        halvings = list(zip(names[::2], names[1::2], strict=True))
        return halves_rows(self.listed, known, parts, halvings)

    def halves_expected(self, folder: Path) -> list[Expectation]:
        """Returns what the finished cells of a results folder let expect of the halves.

        Args:
            folder: A results folder with cells of `cross_subject` or `leave_one_subject_out`.
        """
        records = ResultsFile(folder / "cells.csv").records.values()
        if not records:
            return []
        people = len(self.prepared.description.subjects)
        sizes = (people, self.halvings, len(self.settings.seeds))
        return expectations(self.methods, records, held_out_parts(folder), *sizes)

    def unworn_classes(self) -> str:
        """Writes `unworn_classes.md` of a recipe with `unworn_classes` and returns its text."""
        _, known = self._known()
        count = self.settings.virtual.unworn_classes
        return write_unworn(
            self.results_dir, unworn_rows(self.listed, known, self._parts(known), count)
        )
