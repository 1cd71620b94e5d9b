"""The compression study: its tables, what it learns from them, and what it plans."""

import importlib

import pandas as pd
import pytest

from data_prep.errors import UserError
from pskd_tf.settings import RunSettings


@pytest.fixture(scope="module")
def study():
    return importlib.import_module("compression_study")


def row(**changes) -> dict:
    values = {"part": "int8", "name": "not cut, PTQ", "seed": 1, "scored": "test", "clips": 430}
    values |= {"float_accuracy": 0.92, "int8_accuracy": 0.91, "agreement": 0.99}
    values |= {"least_snr_db": 26.0, "flash_bytes": 40752, "gzip_bytes": 30000}
    values |= {"arena_bytes": 9360, "macs": 262656, "parameters": 26595, "zeros": 0.0}
    return values | changes


def test_a_row_of_the_table_is_mean_and_deviation_over_seeds(study):
    table = pd.DataFrame([row(), row(seed=2, int8_accuracy=0.93)])
    assert study.summary_lines(table)[2] == (
        "| int8 | not cut, PTQ | test | 2 | 92.0 +- 0.0 | 92.0 +- 1.4 | 99.0 | 26.0 | 40,752 | "
        "30,000 | 9,360 | 262,656 | 0 % |"
    )


def test_the_best_cut_is_picked_by_int8_on_validation(study, tmp_path):
    results = tmp_path / "compression.csv"
    assert study.best_choice(results, study.CUTS) == {}
    first, second, *_ = study.CUTS
    rows = [
        row(part="choice", name=first, int8_accuracy=0.88, scored="validation"),
        row(part="choice", name=second, int8_accuracy=0.90, scored="validation"),
        row(part="front", name=first, int8_accuracy=0.99),  # test chooses nothing
        row(part="choice", name="not cut, PTQ", int8_accuracy=0.95, scored="validation"),
    ]
    pd.DataFrame(rows).to_csv(results, index=False)
    assert study.best_choice(results, study.CUTS) == study.CUTS[second]
    assert study.best_choice(results, study.PRUNES) == {}


def test_tables_replace_what_stood_between_the_comments(study):
    document = "# A\n<!-- measured: x -->\nold\n<!-- end of it -->\nafter\n"
    once = study.with_tables(document, pd.DataFrame([row()]))
    assert once.startswith("# A\n<!-- measured: x -->\n\n### int8 against float\n\n| part |")
    assert "old" not in once and once.endswith("\n<!-- end of it -->\nafter\n")
    assert study.with_tables(once, pd.DataFrame([row()])) == once
    with pytest.raises(UserError, match="needs both comments"):
        study.with_tables("# A\n", pd.DataFrame([row()]))


def test_every_part_is_planned_on_the_right_subjects(study, prepared):
    settings = RunSettings(teacher_outputs=("in_sample",))
    plan = study.Study(settings, prepared, 5, 20_376, {"cut": {}, "prune": {}})
    counts = {part: len(plan.rows(part)) for part in study.PARTS}
    assert counts == {
        "int8": 5,
        "choice": 10,
        "sparsity": 5,
        "front": 35,
        "defaults": 24,
        "calibration": 9,
    }
    for part in study.PARTS:
        chooses = part in ("choice", "calibration")
        for one in plan.rows(part):
            assert one.scored == ("validation" if chooses else "test")
            train = {clip for fit in one.students for clip in fit.spec.part.clips}
            held_out = {clip for clips in one.clips for clip in clips}
            # Folds take turns, so validation's held-out clips are training clips of other folds.
            assert held_out <= train if chooses else not held_out & train
