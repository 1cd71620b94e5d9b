"""Validation picks, and only validation."""

import pytest

from data_prep.errors import UserError
from pskd_tf.benchmark.cells import Cell, CellRecord, pick_trial, pooled_accuracy
from pskd_tf.pipeline.stage import Stage


def cell(trial: int, seed: int, fold: str) -> Cell:
    stage = Stage("score", "score", {"trial": trial, "seed": seed, "fold": fold})
    return Cell("kd", trial, "validation", (fold,), "live", 1, seed, stage)


def record(one: Cell, right: int, clips: int) -> CellRecord:
    shares = (right / clips, 0.0, 0.0)
    return CellRecord(
        one.key, "c", "kd", one.trial, "live", "validation", one.held_out[0], 1, one.student_seed,
        1, 1.0, *shares, "00" * clips,
    )  # fmt: skip


def test_folds_are_pooled_by_clips():
    """9 of 10 and 1 of 2 are 10 of 12, not the mean of the two shares."""
    parts = [record(cell(0, 1, "3"), 9, 10), record(cell(0, 1, "5"), 1, 2)]
    assert pooled_accuracy(parts) == pytest.approx(10 / 12)


def test_the_better_mean_over_seeds_is_picked():
    trials = [[cell(trial, seed, "3") for seed in (1, 2)] for trial in (0, 1)]
    right = {(0, 1): 9, (0, 2): 4, (1, 1): 7, (1, 2): 7}
    records = {
        one.key: record(one, right[one.trial, one.student_seed], 10)
        for cells in trials
        for one in cells
    }
    assert pick_trial(trials, records) == 1


def test_the_first_of_equals_is_picked():
    trials = [[cell(trial, 1, "3")] for trial in (0, 1)]
    records = {one.key: record(one, 5, 10) for cells in trials for one in cells}
    assert pick_trial(trials, records) == 0


def test_nothing_is_picked_before_validation_is_done():
    trials = [[cell(0, 1, "3")], [cell(1, 1, "3")]]
    records = {trials[0][0].key: record(trials[0][0], 5, 10)}
    with pytest.raises(UserError, match=r"picked on validation first .* no cell of kd, trial 1"):
        pick_trial(trials, records)
