"""Which of a method's trials validation prefers."""

from collections.abc import Iterable, Sequence

import numpy as np

from data_prep.user_error import UserError
from pskd_tf.benchmark.cell import Cell
from pskd_tf.benchmark.cell_record import CellRecord
from pskd_tf.benchmark.pooled_accuracy import pooled_accuracy


def pick_trial(trials: Sequence[Sequence[Cell]], records: dict[str, CellRecord]) -> int:
    """Returns the trial with the highest mean accuracy on left-out training subjects.

    Args:
        trials: The validation cells of each trial, all folds and the same seeds.
        records: Finished cells by key.

    Returns:
        Index of the trial; the first of equals.

    Raises:
        UserError: A cell is not finished.
    """
    return int(np.argmax([_mean(cells, records) for cells in trials]))


def _mean(cells: Iterable[Cell], records: dict[str, CellRecord]) -> float:
    by_seeds: dict[tuple[int, int], list[CellRecord]] = {}
    for cell in cells:
        if cell.key not in records:
            rule = "A trial is picked on validation first (--protocols=validation)"
            raise UserError(rule, f"no cell of {cell.method}, trial {cell.trial}")
        seeds = (cell.teacher_seed, cell.student_seed)
        by_seeds.setdefault(seeds, []).append(records[cell.key])
    return float(np.mean([pooled_accuracy(folds) for folds in by_seeds.values()]))
