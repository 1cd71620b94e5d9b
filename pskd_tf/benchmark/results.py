"""The committed tables of a benchmark: finished cells, and the ledger of what met test subjects."""

import csv
import dataclasses
import datetime
import math
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from data_prep.csv_cells import CsvWriter, cell_text
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.records import read_json_object

_HIGHEST_CLASS = 255


@dataclass(frozen=True)
class CellRecord:
    """One line; every figure of a board can be computed again from these and `clips.csv`.

    Attributes:
        cell: The cell's key.
        configuration: Hash of recipe, method and trial, without seeds.
        method: Name of the method.
        trial: Which of its trials.
        teacher_outputs: Kind of teacher outputs; "" without teachers.
        protocol: `validation` or a protocol that scores test subjects.
        held_out: The scored subjects, separated by bars.
        teacher_seed: Seed of the teachers; -1 without.
        student_seed: Seed of the student.
        parameters: Weights of the net; 0 for a forest.
        seconds: Wall time of the training, in s.
        accuracy: Share of right clips, 0..1.
        macro_f1: Mean F1 over the fold's classes, 0..1.
        wrist_actions_accuracy: The same share over clips with the sensor at the wrist.
        guesses: Two hexadecimal digits a clip: the predicted class of each held-out clip, in the
            order of `clips.csv`.
    """

    cell: str
    configuration: str
    method: str
    trial: int
    teacher_outputs: str
    protocol: str
    held_out: str
    teacher_seed: int
    student_seed: int
    parameters: int
    seconds: float
    accuracy: float
    macro_f1: float
    wrist_actions_accuracy: float
    guesses: str

    def __post_init__(self) -> None:
        scores = (self.accuracy, self.macro_f1, self.wrist_actions_accuracy)
        if not all(0 <= one <= 1 for one in scores):
            raise UserError("Scores of a cell must lie in 0..1", min(scores))
        if not 0 <= self.seconds < math.inf or min(self.trial, self.parameters) < 0:
            raise UserError("Figures of a cell must not be negative", self.seconds)
        if not re.fullmatch(r"([0-9a-f]{2})+", self.guesses):
            raise UserError("guesses must be two hexadecimal digits a clip", self.guesses[:20])

    @property
    def predicted(self) -> np.ndarray:
        """`(clips,)` predicted class indices."""
        return np.frombuffer(bytes.fromhex(self.guesses), np.uint8).astype(int)


def guesses_text(predicted: np.ndarray) -> str:
    """Returns class indices `(clips,)` as two hexadecimal digits each.

    Raises:
        UserError: A class index needs more than two digits.
    """
    if predicted.max(initial=0) > _HIGHEST_CLASS:
        rule = f"Results hold up to {_HIGHEST_CLASS + 1} classes"
        raise UserError(rule, f"class {predicted.max()}")
    return predicted.astype(np.uint8).tobytes().hex()


def table_rows(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Reads a committed table.

    Args:
        path: The CSV file.
        columns: The columns that it must have.

    Returns:
        Every line with its number and a text in each column.

    Raises:
        UserError: The file cannot be read, has other columns or a line with other fields.
    """
    rule = "A committed table must have the columns of docs/benchmark.md; check it out again"
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            if list(reader.fieldnames or ()) != list(columns):
                raise UserError(rule, reader.fieldnames or "an empty file", path)
            rows = list(enumerate(reader, start=2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(rule, error, path) from error
    for number, row in rows:
        if None in row or None in row.values():
            raise UserError(f"Line {number} must have {len(columns)} fields", "others", path)
    return [(number, {name: cell_text(row[name]) for name in columns}) for number, row in rows]


class ResultsFile:
    """Cells by key, in the order in which they were finished; written anew with each.

    Args:
        path: The CSV file; it need not exist.

    Raises:
        UserError: The file has other columns, a wrong value or a cell twice.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.records: dict[str, CellRecord] = {}
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        fields = dataclasses.fields(CellRecord)
        for number, row in table_rows(self.path, [field.name for field in fields]):
            try:
                record = CellRecord(
                    **{field.name: cast("Any", field.type)(row[field.name]) for field in fields}
                )
            except ValueError as error:
                received = error.reason if isinstance(error, UserError) else error
                raise UserError(f"Line {number} must hold a cell", received, self.path) from error
            if record.cell in self.records:
                raise UserError("A cell must be there once", record.cell, self.path)
            self.records[record.cell] = record

    def add(self, record: CellRecord) -> None:
        """Adds a cell, unless it is there, and writes the whole file."""
        if record.cell in self.records:
            return
        self.records[record.cell] = record
        names = [field.name for field in dataclasses.fields(CellRecord)]
        with whole_file(self.path) as temporary, open(temporary, "w", newline="") as stream:
            writer = CsvWriter(stream, names)
            for one in self.records.values():
                writer.write_row(dataclasses.astuple(one))


def held_out_parts(folder: Path) -> dict[tuple[str, str], pd.DataFrame]:
    """Reads the scored clips of a results folder from its `splits_*.json` and `clips.csv`.

    Args:
        folder: The results folder.

    Returns:
        By protocol and `CellRecord.held_out`: the clips in the order of the guesses, indexed by
        clip_id, with columns subject, label and on_wrist.

    Raises:
        UserError: A file is missing or damaged.
    """
    rule = "A results folder must have clips.csv and splits_*.json; check it out again"
    path = folder / "clips.csv"
    parts: dict[tuple[str, str], pd.DataFrame] = {}
    try:
        clips = pd.read_csv(path, converters={"clip_id": cell_text, "subject": cell_text})
        clips = clips.set_index("clip_id")
        for path in sorted(folder.glob("splits_*.json")):
            protocol = path.stem.removeprefix("splits_")
            for split in read_json_object(path)["splits"]:
                held_out = "|".join(split["test_subjects"])
                parts[protocol, held_out] = clips.loc[split["test_clips"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(rule, error, path) from error
    return parts


_COLUMNS = (
    *("cell", "configuration", "method", "trial", "protocol", "held_out"),
    *("teacher_seed", "student_seed", "revision", "date"),
)


class TestLedger:
    """One line for each configuration, pair of seeds and fold that met test subjects.

    Args:
        path: The CSV file; it need not exist. Lines are only ever added.

    Raises:
        UserError: The file has other columns, a line with other fields, or a cell twice.
    """

    __test__ = False  # not a test, whatever pytest thinks of the name

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.lines: dict[str, dict[str, str]] = {}
        if self.path.exists():
            for _, line in table_rows(self.path, _COLUMNS):
                if line["cell"] in self.lines:
                    raise UserError("A cell must be there once", line["cell"], self.path)
                self.lines[line["cell"]] = line

    def add(self, record: CellRecord) -> None:
        """Adds a line with the revision and today's date, unless the cell has one."""
        if record.cell in self.lines:
            return
        line = {name: str(getattr(record, name)) for name in _COLUMNS[:-2]}
        line |= {"revision": _revision(), "date": datetime.date.today().isoformat()}
        self.lines[record.cell] = line
        with whole_file(self.path) as temporary, open(temporary, "w", newline="") as stream:
            writer = CsvWriter(stream, _COLUMNS)
            for one in self.lines.values():
                writer.write_row(_cell(name, one[name]) for name in _COLUMNS)


def _cell(name: str, text: str) -> str | int:
    """A negative seed as a number: as a text it would get the apostrophe of a formula."""
    return int(text) if name.endswith("_seed") and re.fullmatch(r"-\d+", text) else text


def _revision() -> str:
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
