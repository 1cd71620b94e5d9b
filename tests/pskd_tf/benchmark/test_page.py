"""The board's page: the numbers of the tables, the cells they are made of, escaped labels."""

import csv
import dataclasses
import shutil
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_prep.csv_cells import cell_text, safe_table
from data_prep.errors import UserError
from data_prep.files import json_sha256
from data_prep.flags import parse_flags
from project import ROOT, run_command
from pskd_tf.benchmark.__main__ import BenchmarkArguments
from pskd_tf.benchmark.board import board_rows, leaderboard_table
from pskd_tf.benchmark.halves import halves_rows, halves_table
from pskd_tf.benchmark.page import write_board_page
from pskd_tf.benchmark.results import CellRecord, ResultsFile, guesses_text
from pskd_tf.method import Method, read_methods

PLAIN = Method("cross_entropy", "cross-entropy", "cross_entropy", ({},))
KD = Method(
    "kd", '=<script>"KD" & more', "knowledge_distillation", ({}, {}),
    teachers=("skeleton_teacher",), teacher_outputs="live",
)  # fmt: skip


@dataclass
class ShownRow:
    """What a page shows of a method: its title, its figures and its cells."""

    title: str = ""
    values: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)


class BoardReader(HTMLParser):
    """Reads the rows of a page as a browser would, with every escape undone."""

    def __init__(self, page: Path):
        super().__init__()
        self.rows: list[ShownRow] = []
        self._at: list[str] | None = None
        self._in_cells = False
        self.tags: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.add(tag)
        if tag == "tr":
            self._in_cells = "method" not in (given.get("class") or "")
            if not self._in_cells:
                self.rows.append(ShownRow())
            elif self.rows and not given:
                self.rows[-1].cells.append([])
        elif tag == "th" and "data-value" in given:
            self.rows[-1].title = given["data-value"]
        elif tag == "td" and "data-value" in given:
            self.rows[-1].values.append(given["data-value"])
            self.rows[-1].texts.append("")
            self._at = self.rows[-1].texts
        elif tag == "td" and not given and self._in_cells:
            self.rows[-1].cells[-1].append("")
            self._at = self.rows[-1].cells[-1]

    def handle_endtag(self, tag):
        if tag == "td":
            self._at = None

    def handle_data(self, data):
        if self._at is not None:
            self._at[-1] += data.strip()

    @property
    def cells(self) -> dict[str, list[list[str]]]:
        """The lines of cells of each method, without those that are headings."""
        return {row.title: [one for one in row.cells if one] for row in self.rows}


def record(
    method: Method, protocol: str, held_out: str, seeds: tuple[int, int], right: int
) -> CellRecord:
    name = json_sha256([method.name, protocol, held_out, *seeds])[:16]
    guesses = guesses_text((pd.Series(range(4)) >= right).to_numpy())
    return CellRecord(
        name, "c", method.name, len(method.trials) - 1, method.teacher_outputs, protocol, held_out,
        *seeds, 1234, 10.0, right / 4, 0.0, 0.0, guesses,
    )  # fmt: skip


def part(held_out: str) -> pd.DataFrame:
    subjects = (held_out.split("|") * 4)[:4]
    return pd.DataFrame(
        {"clip_id": [f"{held_out}{n}" for n in range(4)], "subject": subjects, "label": 0,
         "on_wrist": True}
    ).set_index("clip_id")  # fmt: skip


PARTS = {
    ("validation", "1"): part("1"),
    ("validation", "3"): part("3"),
    ("cross_subject", "2|4"): part("2|4"),
}
RECORDS = [
    record(PLAIN, "validation", "1", (-1, 1), 2),
    record(PLAIN, "validation", "3", (-1, 1), 4),
    record(PLAIN, "cross_subject", "2|4", (-1, 1), 1),
    record(KD, "validation", "1", (1, 1), 4),
    record(KD, "validation", "3", (1, 1), 4),
    record(KD, "validation", "1", (1, 2), 4),  # its other fold is not done
    record(KD, "cross_subject", "2|4", (1, 1), 3),
    record(KD, "cross_subject", "2|4", (2, 1), 4),
]


def write(folder: Path, records: list[CellRecord] = RECORDS) -> Path:
    folder.mkdir(exist_ok=True)
    results = ResultsFile(folder / "cells.csv")
    for one in records:
        results.add(one)
    rows = board_rows([PLAIN, KD], {"cross_entropy": 0, "kd": 1}, records, PARTS, replicates=50)
    safe_table(leaderboard_table(rows)).to_csv(
        folder / "leaderboard.csv", index=False, lineterminator="\n"
    )
    return folder


def test_every_figure_has_the_cells_it_is_made_of(tmp_path):
    page = BoardReader(write_board_page(write(tmp_path / "board"), [PLAIN, KD]))
    kd, plain = page.rows
    assert (kd.title, plain.title) == (KD.title, "cross-entropy")
    assert kd.texts[0] == "100.0 (1)" and plain.texts[0] == "75.0 (1)"
    assert kd.texts[1].startswith("+25.0 [") and plain.texts[1] == ""
    assert kd.texts[2] == "87.5 ± 17.7 (2)"
    assert [one[:4] for one in page.cells[KD.title]] == [
        ["1", "1", "1", "100.00"],
        ["3", "1", "1", "100.00"],
        ["2, 4", "1", "1", "75.00"],
        ["2, 4", "2", "1", "100.00"],
    ]
    assert [one[1] for one in page.cells["cross-entropy"]] == ["–"] * 3


def test_labels_are_escaped(tmp_path):
    path = write_board_page(write(tmp_path / "a <b> board"), [PLAIN, KD])
    text = path.read_text(encoding="utf-8")
    assert "=&lt;script&gt;&#34;KD&#34; &amp; more" in text
    assert "<b>" not in text and text.count("<script>") == 1


def test_the_page_names_nothing_outside_itself(tmp_path):
    text = write_board_page(write(tmp_path / "board"), [PLAIN, KD]).read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "http:" not in text and "https:" not in text and 'src="' not in text


def test_a_bar_lies_between_the_ends_of_its_interval(tmp_path):
    folder = write(tmp_path / "board")
    table = pd.read_csv(folder / "leaderboard.csv")
    ends = ("", "_low", "_high")
    columns = [f"cross_subject_minus_cross_entropy{end}" for end in ends]
    table.loc[table["method"] == f"'{KD.title}", columns] = [0.02, -0.01, 0.04]
    table.to_csv(folder / "leaderboard.csv", index=False)
    text = write_board_page(folder, [PLAIN, KD]).read_text(encoding="utf-8")
    # The largest end, 4 points, is the scale: 50 is zero, 100 is +4.
    assert "M37.5 7H100.0" in text and 'cx="75.0"' in text
    assert "test subjects; bar: ±4.0" in text


def test_bars_far_from_the_others_are_cut_and_have_an_arrow():
    folder = BOARDS["utd_mhad"][0]
    table = pd.read_csv(folder / "leaderboard.csv")
    to_the_left = to_the_right = 0
    for protocol in ("validation", "cross_subject", "leave_one_subject_out"):
        name = f"{protocol}_minus_cross_entropy"
        ends = table[[f"{name}_low", f"{name}_high"]].dropna()
        scale = np.quantile(ends.abs().max(axis=1), 0.8, method="higher")
        to_the_left += int((ends[f"{name}_low"] < -scale).sum())
        to_the_right += int((ends[f"{name}_high"] > scale).sum())
    text = (folder / "leaderboard.html").read_text(encoding="utf-8")
    assert text.count("M5 3L0 7L5 11") == to_the_left > 0
    assert text.count("M95 3L100 7L95 11") == to_the_right


HALVES = [("1|2", "3|4"), ("1|3", "2|4")]


def test_halves_are_columns_of_the_same_rows(tmp_path):
    folder = write(tmp_path / "board")
    records = [
        record(method, "repeated_subject_halves", held_out, (teacher, seed), right)
        for pair in HALVES
        for held_out in pair
        for seed in (1, 2)
        for method, teacher, right in ((PLAIN, -1, 2), (KD, 1, 4))
    ]
    results = ResultsFile(folder / "cells.csv")
    for one in records:
        results.add(one)
    parts = {name: part(name) for pair in HALVES for name in pair}
    table = halves_table(halves_rows([PLAIN, KD], records, parts, HALVES))
    safe_table(table).to_csv(folder / "halves.csv", index=False, lineterminator="\n")
    page = BoardReader(write_board_page(folder, [PLAIN, KD]))
    kd = page.rows[0]
    assert "100.0 ± 0.0 (8)" in kd.texts and "+50.0 [+50.0, +50.0]" in kd.texts
    assert len(page.cells[KD.title]) == 4 + 8
    (folder / "leaderboard.csv").unlink()
    alone = [one for one in ResultsFile(folder / "cells.csv").records.values() if one in records]
    (folder / "cells.csv").unlink()
    for one in alone:
        ResultsFile(folder / "cells.csv").add(dataclasses.replace(one, trial=0))
    only_halves = BoardReader(write_board_page(folder, [PLAIN, KD]))
    assert [row.title for row in only_halves.rows] == ["cross-entropy", KD.title]


def test_tables_of_other_cells_are_refused(tmp_path):
    folder = write(tmp_path / "board")
    with pytest.raises(UserError, match=r"must be in --methods_file. Received: =<script>"):
        write_board_page(folder, [PLAIN])
    path = folder / "cells.csv"
    path.write_text(path.read_text().replace(",10.0,0.75,", ",10.0,0.5,"))
    with pytest.raises(UserError, match=r"must be the boards of cells.csv.*other cells of cross_s"):
        write_board_page(folder, [PLAIN, KD])
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(UserError, match=r"must be the boards of cells.csv"):
        write_board_page(folder, [PLAIN, KD])
    table = folder / "leaderboard.csv"
    table.write_text(table.read_text().replace("0.75", "many"))
    with pytest.raises(UserError, match=r"as the benchmark wrote them.*could not convert"):
        write_board_page(folder, [PLAIN, KD])
    table.unlink()
    with pytest.raises(UserError, match=r"needs leaderboard.csv or halves.csv"):
        write_board_page(folder, [PLAIN, KD])


def committed() -> dict[str, tuple[Path, Path]]:
    """Returns the committed boards by name: results folder and methods file."""
    found = {}
    for path in sorted((ROOT / "configs").glob("benchmark_*.flags")):
        words = [f"--flagfile={path}"]
        arguments = parse_flags(BenchmarkArguments, words)
        folder = ROOT / arguments.results_dir
        for table in (*folder.glob("cells.csv"), *folder.glob("[0-9]*/cells.csv")):
            name = str(table.parent.relative_to(ROOT / "benchmarks" / "results"))
            found[name] = (table.parent, ROOT / arguments.methods_file)
    return found


BOARDS = committed()


def test_all_committed_cells_are_on_a_page():
    tables = (ROOT / "benchmarks" / "results").rglob("cells.csv")
    assert sorted(BOARDS) == sorted(
        str(path.parent.relative_to(ROOT / "benchmarks" / "results")) for path in tables
    )


@pytest.mark.parametrize("name", BOARDS)
def test_a_committed_page_is_of_the_committed_records(name, tmp_path):
    """Make it again with --board_only where this fails."""
    folder, methods_file = BOARDS[name]
    copy = tmp_path / folder.parent.name / folder.name
    copy.mkdir(parents=True)
    for table in ("cells.csv", "leaderboard.csv", "halves.csv"):
        if (folder / table).exists():
            shutil.copy(folder / table, copy / table)
    page = write_board_page(copy, read_methods(methods_file))
    assert page.read_bytes() == (folder / "leaderboard.html").read_bytes()
    assert page.stat().st_size < 600_000
    shown = BoardReader(page)
    with open(folder / "cells.csv", newline="") as stream:
        cells = {line["cell"]: line for line in csv.DictReader(stream)}
    for lines in shown.cells.values():
        for held_out, _, student_seed, accuracy, key in lines:
            line = cells[key]
            assert held_out == line["held_out"].replace("|", ", ")
            assert student_seed == line["student_seed"]
            assert float(accuracy) == pytest.approx(100 * float(line["accuracy"]), abs=0.005)
    if not (folder / "leaderboard.csv").exists():
        return
    with open(folder / "leaderboard.csv", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row.title for row in shown.rows[: len(table)]] == [
        cell_text(line["method"]) for line in table
    ]
    wanted = [
        f"{protocol}_{figure}"
        for protocol in ("validation", "cross_subject", "leave_one_subject_out")
        for figure in ("accuracy_mean", "minus_cross_entropy")
    ]
    for row, line in zip(shown.rows, table, strict=False):
        known = {line[column] for column in wanted if line.get(column)}
        assert known <= set(row.values)


def test_the_command_makes_a_page_from_records_alone(tmp_path):
    folder = BOARDS["utd_mhad_stream"][0]
    copy = tmp_path / "utd_mhad_stream"
    copy.mkdir()
    for table in ("cells.csv", "leaderboard.csv"):
        shutil.copy(folder / table, copy / table)
    flagfile = "--flagfile=configs/benchmark_stream_utd_mhad.flags"
    flags = [flagfile, "--board_only", f"--results_dir={copy}", f"--run_dir={tmp_path / 'work'}"]
    done = run_command("pskd_tf.benchmark", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"result: {copy / 'leaderboard.html'}"
    assert not (tmp_path / "work").exists()
