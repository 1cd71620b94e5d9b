"""The committed list of what was ever scored on test subjects."""

import csv
import datetime
import subprocess
from pathlib import Path

from data_prep.whole_file import whole_file
from pskd_tf.benchmark.cell_record import CellRecord

_COLUMNS = ("cell", "configuration", "method", "trial", "protocol", "held_out")
_COLUMNS += ("teacher_seed", "student_seed", "revision", "date")


class TestLedger:
    """One line for each configuration, pair of seeds and fold that met test subjects.

    Args:
        path: The CSV file; it need not exist. Lines are only ever added.
    """

    __test__ = False  # not a test, whatever pytest thinks of the name

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.lines: dict[str, dict[str, str]] = {}
        if self.path.exists():
            with open(self.path, newline="", encoding="utf-8") as stream:
                self.lines = {line["cell"]: line for line in csv.DictReader(stream)}

    def add(self, record: CellRecord) -> None:
        """Adds a line with the revision and today's date, unless the cell has one."""
        if record.cell in self.lines:
            return
        line = {name: str(getattr(record, name)) for name in _COLUMNS[:-2]}
        line |= {"revision": _revision(), "date": datetime.date.today().isoformat()}
        self.lines[record.cell] = line
        with whole_file(self.path) as temporary, open(temporary, "w", newline="") as stream:
            writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.lines.values())


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
