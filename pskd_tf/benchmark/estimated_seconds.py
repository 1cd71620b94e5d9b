"""How long cells will take, from cells that are done."""

from collections.abc import Collection, Iterable

import numpy as np

from pskd_tf.benchmark.cell import Cell
from pskd_tf.benchmark.cell_record import CellRecord
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage

# Measured on one core: a step of a small net on 48 clips takes about this long.
_SECONDS_A_STEP = 0.011


def estimated_seconds(
    cells: Iterable[Cell], records: Collection[CellRecord], context: RunContext
) -> float:
    """Returns the wall time of the cells and their teachers on one core, in s.

    A cell counts as long as the median finished cell of its method, else by its steps.

    Args:
        cells: Cells to do.
        records: Finished cells of any kind.
        context: Where finished stages lie; they take no time.
    """
    known: dict[str, list[float]] = {}
    for record in records:
        known.setdefault(record.method, []).append(record.seconds)
    total = 0.0
    teachers: dict[str, Stage] = {}
    for cell in cells:
        total += float(np.median(known[cell.method])) if cell.method in known else _fit(cell.fit)
        for stage in cell.fit.inputs.values():
            _collect(stage, teachers)
    for stage in teachers.values():
        if not (context.folder(stage) / "result.json").exists():
            total += _fit(stage)
    return total


def _collect(stage: Stage, found: dict[str, Stage]) -> None:
    if stage.key not in found:
        found[stage.key] = stage
        for one in stage.inputs.values():
            _collect(one, found)


def _fit(stage: Stage) -> float:
    training = stage.settings.get("training")
    if training is None:
        return 2.0
    steps = max(1, len(stage.settings["train_clips"]) // training["batch_size"])
    return training["epochs"] * steps * _SECONDS_A_STEP
