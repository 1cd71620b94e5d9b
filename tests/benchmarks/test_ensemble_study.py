"""The study of int8 and small ensembles: its tables, and a whole run on generated data."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from project import ROOT, run_command

SCRIPT = ROOT / "benchmarks" / "ensemble_study.py"
METHODS = [
    {"name": "cross_entropy", "title": "cross-entropy", "loss": "cross_entropy", "trials": [{}]}
]


@pytest.fixture(scope="module")
def study():
    return importlib.import_module("ensemble_study")


def flags(folder: Path) -> list[str]:
    return [
        "--flagfile=configs/tiny.flags", "--teachers=", "--epochs=2", "--seeds=1,2,3",
        f"--run_dir={folder / 'work'}", f"--results_dir={folder / 'results'}",
        f"--methods_file={folder / 'methods.json'}",
    ]  # fmt: skip


def run_study(folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPT), *flags(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        ([1, 2], []),
        ([3, 1, 2], [(1, 2, 3)]),
        (range(1, 11), [(1, 2, 3), (4, 5, 6), (7, 8, 9)]),
    ],
)
def test_no_student_is_in_two_ensembles(study, seeds, expected):
    students = [SimpleNamespace(cell=SimpleNamespace(student_seed=seed)) for seed in seeds]
    sets = study.ensembles(students)
    assert [tuple(one.cell.student_seed for one in together) for together in sets] == expected


def test_the_table_has_mean_and_deviation_of_students_and_of_ensembles(study):
    costs = {"flash_bytes": 40752, "arena_bytes": 9360, "macs": 262656}
    students = pd.DataFrame(
        [
            {"method": "a", "float_accuracy": 0.92, "int8_accuracy": value, "agreement": 0.99}
            | costs
            for value in (0.91, 0.93)
        ]
    )
    costs["flash_bytes"] *= 3
    sets = pd.DataFrame([{"method": "a", "float_accuracy": 0.94, "int8_accuracy": 0.94} | costs])
    assert study.summary_lines(students, sets)[2:] == [
        "| a | 1 | 2 | 92.0 +- 0.0 | 92.0 +- 1.4 | 99.0 | 40,752 | 9,360 | 262,656 |",
        "| a | 3 | 1 | 94.0 | 94.0 |  | 122,256 | 9,360 | 262,656 |",
    ]


def test_an_ensemble_averages_probabilities_and_runs_net_after_net(study, tmp_path):
    # Of clip 1 two nets are slightly for class 1 and one is sure of class 0, the true one.
    of_net = {"a": [0.4, 0.6], "b": [0.45, 0.55], "c": [0.99, 0.01]}
    for name, first in of_net.items():
        (tmp_path / name).mkdir()
        probabilities = np.array([first, [0.2, 0.8]])
        labels = np.array([0, 1])
        np.savez(tmp_path / name / "predictions.npz", probabilities=probabilities, labels=labels)
    made = {
        name: {"flatbuffer_bytes": 1000 + number, "arena_bytes": 100 + number, "macs": 10}
        for number, name in enumerate(of_net)
    }
    context = SimpleNamespace(result=lambda stage: made[stage], folder=lambda one: tmp_path / one)
    students = [
        study.Student(SimpleNamespace(method="m", student_seed=seed, stage=name), name, name)
        for seed, name in enumerate(of_net, start=1)
    ]
    assert study.ensemble_row(students, context) == {
        "method": "m",
        "student_seeds": "1|2|3",
        "float_accuracy": 1.0,
        "int8_accuracy": 1.0,
        "flash_bytes": 3003,
        "arena_bytes": 102,
        "macs": 30,
    }


@pytest.mark.slow
def test_finished_students_are_converted_and_averaged(tmp_path):
    (tmp_path / "methods.json").write_text(json.dumps({"methods": METHODS}))
    results = tmp_path / "results"
    nothing = run_study(tmp_path)
    assert nothing.returncode == 2
    assert "The study takes finished cells of nets" in nothing.stderr
    trained = run_command(
        "pskd_tf.benchmark", *flags(tmp_path), "--protocols=cross_subject", "--score_test"
    )
    assert trained.returncode == 0, trained.stderr
    finished = run_study(tmp_path)
    assert finished.returncode == 0, finished.stderr
    cells, students = pd.read_csv(results / "cells.csv"), pd.read_csv(results / "int8.csv")
    np.testing.assert_allclose(students["float_accuracy"], cells["accuracy"], atol=1e-5)
    assert list(students["student_seed"]) == [1, 2, 3]
    (together,) = pd.read_csv(results / "ensembles.csv").to_dict("records")
    assert together["student_seeds"] == "1|2|3"
    assert together["flash_bytes"] == students["flash_bytes"].sum()
