"""The command on generated data: killed at random and resumed, it records each cell once."""

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from project import ROOT, run_command

TEACHERS = ["skeleton_teacher"]
METHODS = [
    {"name": "cross_entropy", "title": "cross-entropy", "loss": "cross_entropy", "trials": [{}]},
    {
        "name": "acs",
        "title": "ACS",
        "loss": "adaptive_confidence_semantic",
        "teachers": TEACHERS,
        "teacher_outputs": "in_sample",
        "crossed": True,
        "trials": [{"selection": "hard"}, {"selection": "soft"}],
    },
    {
        "name": "dropping",
        "title": "DGKD",
        "loss": "densely_guided_distillation",
        "teachers": TEACHERS,
        "teacher_outputs": "in_sample",
        "drop_one_teacher": True,
        "most_seeds": 1,
        "trials": [{}],
    },
    {
        "name": "random_forest",
        "title": "forest",
        "loss": "",
        "model": "random_forest",
        "trials": [{"n_estimators": 5}],
    },
]  # fmt: skip


def flags(folder: Path, *arguments: str) -> list[str]:
    if not (folder / "methods.json").exists():
        (folder / "methods.json").write_text(json.dumps({"methods": METHODS}))
    return [
        "--flagfile=configs/tiny.flags",
        "--teachers=skeleton_teacher", "--epochs=2", "--skeleton_teacher_epochs=2",
        f"--run_dir={folder / 'work'}", f"--results_dir={folder / 'results'}",
        f"--methods_file={folder / 'methods.json'}", "--seeds=1,2", "--trial_seeds=1",
        "--validation_seeds=1", *arguments,
    ]  # fmt: skip


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return run_command("pskd_tf.benchmark", *flags(folder, *arguments))


def cells(folder: Path) -> list[dict[str, str]]:
    with open(folder / "results" / "cells.csv", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Validation, killed twice at random moments, then validation and test; and the last screen."""
    folder = tmp_path_factory.mktemp("benchmark")
    generator = random.Random(4)
    results = folder / "results" / "cells.csv"
    for lines in (1, 4):
        process = subprocess.Popen(
            [sys.executable, "-m", "pskd_tf.benchmark", *flags(folder)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not results.exists() or len(results.read_text().splitlines()) <= lines:
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(generator.random())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    last = run(folder, "--protocols=validation,cross_subject", "--score_test", "--keep_views")
    assert last.returncode == 0, last.stderr
    return folder, last.stdout


@pytest.mark.slow
def test_each_cell_is_there_once(finished):
    rows = cells(finished[0])
    assert len({row["cell"] for row in rows}) == len(rows)
    validation = [row for row in rows if row["protocol"] == "validation"]
    assert len(validation) == 3 * 5  # three left-out subjects, five trials
    test = [row for row in rows if row["protocol"] == "cross_subject"]
    assert sorted(row["method"] for row in test) == sorted(
        ["cross_entropy"] * 2 + ["acs"] * 2 + ["dropping"] + ["random_forest"] * 2
    )


@pytest.mark.slow
def test_only_the_picked_trial_is_tested_and_the_ledger_records_it(finished):
    rows = [row for row in cells(finished[0]) if row["protocol"] == "cross_subject"]
    assert len({row["trial"] for row in rows if row["method"] == "acs"}) == 1
    with open(finished[0] / "results" / "test_ledger.csv", newline="") as stream:
        ledger = list(csv.DictReader(stream))
    assert sorted(line["cell"] for line in ledger) == sorted(row["cell"] for row in rows)
    assert all(len(line["configuration"]) == 16 and line["date"] for line in ledger)


@pytest.mark.slow
def test_the_same_command_again_changes_nothing(finished):
    folder, screen = finished
    paths = sorted((folder / "results").iterdir())
    before = [path.read_bytes() for path in paths if path.suffix != ".png"]
    again = run(folder, "--protocols=validation,cross_subject", "--score_test")
    assert again.returncode == 0, again.stderr
    assert [path.read_bytes() for path in paths if path.suffix != ".png"] == before
    assert again.stdout.splitlines() == screen.splitlines()[-8:]


@pytest.mark.slow
def test_a_command_with_fewer_methods_leaves_the_others_on_the_board(finished):
    results = finished[0] / "results"
    before = [(results / name).read_bytes() for name in ("leaderboard.md", "leaderboard.csv")]
    again = run(finished[0], "--methods=random_forest", "--seeds=1")
    assert again.returncode == 0, again.stderr
    after = [(results / name).read_bytes() for name in ("leaderboard.md", "leaderboard.csv")]
    assert after == before


@pytest.mark.slow
def test_a_curve_keeps_the_amounts_and_methods_of_earlier_commands(tmp_path):
    curve = ("--curve=labelled_subjects", "--epochs=1", "--validation_seeds=1")
    first = run(tmp_path, *curve, "--amounts=1,2", "--methods=cross_entropy,random_forest")
    assert first.returncode == 0, first.stderr
    path = tmp_path / "results" / "learning_curve.csv"
    before = path.read_bytes()
    assert before.count(b"cross-entropy") == before.count(b"forest") == 2
    again = run(tmp_path, *curve, "--amounts=2", "--methods=random_forest")
    assert again.returncode == 0, again.stderr
    assert path.read_bytes() == before


@pytest.mark.slow
def test_the_last_lines_name_the_result_and_the_next_command(finished):
    *_, result, following = finished[1].splitlines()
    assert result == f"result: {finished[0] / 'results' / 'leaderboard.md'}"
    assert following.startswith("next: ")


@pytest.mark.slow
def test_views_are_kept_once_for_all_methods(finished):
    names = [path.name for path in (finished[0] / "work" / "views").iterdir()]
    assert all(name.endswith("-accelerometer.npy") for name in names)
    # Two student seeds on test, one on each fold of validation that was still to do.
    assert 2 <= len(names) <= 2 + 3


@pytest.mark.slow
def test_without_a_terminal_each_cell_is_a_line_with_the_time_left(finished):
    lines = [line for line in finished[1].splitlines() if line.startswith("cell ")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"cell \d+ of \d+: \S+, about \d+ min left", line)
    assert lines[-1].endswith("about 0 min left")


@pytest.mark.slow
def test_a_dry_run_counts_the_cells_and_does_none(finished):
    dry = run(
        finished[0], "--protocols=cross_subject", "--score_test", "--seeds=1,2,3", "--dry_run"
    )
    assert dry.returncode == 0, dry.stderr
    assert "cross_subject: 3 cells to do" in dry.stdout
    assert not any(row["student_seed"] == "3" for row in cells(finished[0]))


@pytest.mark.slow
def test_ray_does_the_same_cells(finished):
    folder, _ = finished
    done = run(
        folder, "--protocols=cross_subject", "--score_test", "--methods=cross_entropy",
        "--seeds=5", "--runner=ray", "--workers=1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [row["student_seed"] for row in cells(folder)].count("5") == 1


def test_forests_are_picked_on_validation_and_then_scored_on_test_subjects(tmp_path):
    """The whole command with a method that trains in a moment."""
    flags = ("--methods=random_forest", "--protocols=validation,cross_subject", "--score_test")
    done = run(tmp_path, *flags)
    assert done.returncode == 0, done.stderr
    rows = cells(tmp_path)
    assert [row["protocol"] for row in rows] == ["validation"] * 3 + ["cross_subject"] * 2
    assert {row["method"] for row in rows} == {"random_forest"}
    with open(tmp_path / "results" / "test_ledger.csv", newline="") as stream:
        ledger = list(csv.DictReader(stream))
    assert [line["cell"] for line in ledger] == [row["cell"] for row in rows[3:]]
    assert done.stdout.splitlines()[-2].endswith(str(tmp_path / "results" / "leaderboard.md"))


FORESTS = [
    {"name": name, "title": name, "loss": "", "model": "random_forest",
     "trials": [{"n_estimators": trees}]}
    for name, trees in (("cross_entropy", 2), ("many_trees", 20))
]  # fmt: skip


def test_halves_score_every_subject_equally_often_with_the_splits_of_all_methods(tmp_path):
    (tmp_path / "methods.json").write_text(json.dumps({"methods": FORESTS}))
    halves = ("--protocols=repeated_subject_halves", "--halvings=2")
    refused = run(tmp_path, *halves)
    assert refused.returncode == 2 and "with --score_test only" in refused.stderr
    first = run(tmp_path, *halves, "--score_test", "--methods=cross_entropy")
    assert first.returncode == 0, first.stderr
    # Another protocol keeps the halves, whatever number of halvings its command has.
    other = ("--protocols=cross_subject", "--score_test", "--halvings=1")
    done = run(tmp_path, *other)
    assert done.returncode == 0, done.stderr
    assert "| cross_entropy |" in (tmp_path / "results" / "halves.md").read_text()
    done = run(tmp_path, *halves, "--score_test")
    assert done.returncode == 0, done.stderr
    assert "2 halvings, 2 student seeds, as the cells of" in done.stdout
    results = tmp_path / "results"
    rows = [row for row in cells(tmp_path) if row["protocol"] == "repeated_subject_halves"]
    assert len(rows) == 2 * 2 * 2 * 2  # halvings, halves, methods, seeds
    split_of = json.loads((results / "splits_repeated_subject_halves.json").read_text())["splits"]
    held_out = ["|".join(split["test_subjects"]) for split in split_of]
    for method in ("cross_entropy", "many_trees"):
        own = [row["held_out"] for row in rows if row["method"] == method]
        assert sorted(own) == sorted(held_out * 2)
    # Halving after halving: an interrupted command has whole ones of every method.
    last = [row["held_out"] for row in rows if row["method"] == "many_trees"]
    assert [held_out.index(one) for one in last] == [0, 0, 1, 1, 2, 2, 3, 3]
    table = (results / "halves.md").read_text()
    assert table in done.stdout and "| many_trees |" in table
    assert "cross_subject_runs" in (results / "leaderboard.csv").read_text()
    assert "repeated" not in (results / "leaderboard.csv").read_text()
    assert "repeated halves" in (results / "leaderboard.html").read_text(encoding="utf-8")
    with open(results / "test_ledger.csv", newline="") as stream:
        ledger = list(csv.DictReader(stream))
    assert sorted(line["cell"] for line in ledger) == sorted(one["cell"] for one in cells(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--protocols=cross_subject",), "with --score_test only. Received: cross_subject"),
        (
            ("--protocols=repeated_subject_halves", "--score_test", "--seeds=3"),
            "needs at least two student seeds (--seeds=1,2). Received: 3",
        ),
        (
            ("--protocols=repeated_subject_halves", "--score_test", "--curve=labelled_subjects"),
            "goes without --curve and --stream_training. Received: labelled_subjects",
        ),
        (("--methods=magic",), "A method is one of cross_entropy, acs"),
        (("--trial_seeds=one",), "trial_seeds takes whole numbers. Received: one"),
    ],
)
def test_a_wrong_command_is_one_line(tmp_path, arguments, message):
    refused = run(tmp_path, *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_test_subjects_wait_for_validation(tmp_path):
    refused = run(tmp_path, "--protocols=cross_subject", "--score_test")
    assert refused.returncode == 2
    assert "picked on validation first" in refused.stderr


def test_a_curve_plans_a_board_for_each_amount(tmp_path):
    finished = run_command(
        "pskd_tf.benchmark",
        *flags(tmp_path, "--curve=labelled_subjects", "--amounts=1,2", "--dry_run"),
        "--methods=cross_entropy",
    )
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    plans = [lines.index(f"labelled_subjects: {amount}") for amount in (1, 2)]
    boards = [lines[plans[0] : plans[1]], lines[plans[1] :]]
    trained = [
        {line.split("-on-")[1].split(",")[0] for line in one if "-on-" in line} for one in boards
    ]
    # Validation leaves one of three people out: one or both of the others have labels.
    assert all("-" not in subjects for subjects in trained[0])
    assert trained[1] == {"1-3", "1-5", "3-5"}
