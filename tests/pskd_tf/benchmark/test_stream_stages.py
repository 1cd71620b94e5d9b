"""What a benchmark refuses and says before it streams anything."""

import json

import pytest

from project import run_command
from pskd_tf.benchmark.results import CellRecord, ResultsFile
from pskd_tf.benchmark.stream import StreamRecord, write_streams

CROSS_ENTROPY = {
    "name": "cross_entropy",
    "title": "cross-entropy",
    "loss": "cross_entropy",
    "trials": [{}],
}


@pytest.fixture
def planned(tmp_path):
    """Runs a benchmark in the stream, of one method on generated data, up to its plan."""

    def run(*arguments):
        methods_file = tmp_path / "methods.json"
        methods_file.write_text(json.dumps({"methods": [CROSS_ENTROPY]}))
        return run_command(
            "pskd_tf.benchmark",
            "--flagfile=configs/tiny.flags",
            "--stream_training",
            f"--run_dir={tmp_path / 'work'}",
            f"--results_dir={tmp_path / 'results'}",
            f"--methods_file={methods_file}",
            "--seeds=1,2",
            "--dry_run",
            *arguments,
        )

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--protocols=cross_subject", "--validation_seeds=1,2"),
            "Thresholds are chosen on streams of validation, which come first "
            "(--protocols=validation,...). Received: none of cross_entropy, student seed 1 (file: ",
        ),
        (
            ("--protocols=validation,cross_subject", "--validation_seeds=1"),
            "A threshold is chosen on validation of the same seeds (--validation_seeds). "
            "Received: student seed 2 of cross_entropy on cross_subject alone",
        ),
    ],
    ids=["protocol", "seeds"],
)
def test_a_test_run_without_a_threshold_is_refused_before_any_training(planned, arguments, message):
    refused = planned("--score_test", *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr and refused.stderr.count("\n") == 1


def test_cells_that_no_board_shows_are_named_and_streams_counted(planned, tmp_path):
    """A changed recipe took rows off the board without a word until November 2026."""
    results = tmp_path / "results"
    results.mkdir()
    names = ("cross_entropy", 0)
    cell = CellRecord(
        "c" * 16, "f" * 16, *names, "", "validation", "s1", -1, 1, 9, 1.0, 0.5, 0.5, 0.5, "00"
    )
    ResultsFile(results / "cells.csv").add(cell)
    stream = StreamRecord(
        "d" * 16, *names, "validation", "s1", -1, 1, "movements", 0.0, 0.0, "ffff"
    )
    write_streams(results / "stream.csv", [stream])
    plan = planned("--validation_seeds=1,2")
    assert plan.returncode == 0, plan.stderr
    notes = [line for line in plan.stdout.splitlines() if line.startswith("note: ")]
    left_out = "note: cells of another recipe or version are not on the board: 1 of cross_entropy"
    assert notes == [f"{left_out} ({results / name})" for name in ("cells.csv", "stream.csv")]
    assert "and streams of 6 students, which no line above counts\n" in plan.stdout
