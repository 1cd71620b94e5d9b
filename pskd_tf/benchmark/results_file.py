"""The committed file of finished cells, one line each."""

import csv
import dataclasses
from pathlib import Path

from data_prep.user_error import UserError
from data_prep.whole_file import whole_file
from pskd_tf.benchmark.cell_record import CellRecord


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
        with open(self.path, newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            if reader.fieldnames != [field.name for field in fields]:
                rule = "A results file must have the columns of docs/benchmark.md"
                raise UserError(rule, reader.fieldnames, self.path)
            for number, row in enumerate(reader, start=2):
                try:
                    record = CellRecord(
                        **{field.name: field.type(row[field.name]) for field in fields}
                    )
                except (TypeError, ValueError) as error:
                    raise UserError(f"Line {number} must hold a cell", error, self.path) from error
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
            writer = csv.DictWriter(stream, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(dataclasses.asdict(one) for one in self.records.values())
