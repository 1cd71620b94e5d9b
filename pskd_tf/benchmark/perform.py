"""Cells that are performed in processes or on a Ray cluster, and how long they take."""

import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from pskd_tf.benchmark.cells import Cell
from pskd_tf.benchmark.results import CellRecord
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.specs import FitSpec
from pskd_tf.pipeline.stage import RunContext, Stage, all_stages
from pskd_tf.processes import start_tensorflow


def run_cells(
    cells: Sequence[Cell],
    context: RunContext,
    finished: Callable[[Cell], None],
    workers: int,
    runner: str = "processes",
    ray_address: str | None = None,
) -> None:
    """Makes every cell's result; those whose stages are cached only report.

    Args:
        cells: The cells, the most wanted first.
        context: Where to read and report. On a Ray cluster every machine needs these folders.
        finished: Called in this process with each cell as soon as its result is there.
        workers: Stages at a time.
        runner: See `worker_pool`.
        ray_address: See `worker_pool`.

    Raises:
        UserError: The runner is unknown, Ray is not installed, or a worker died.
        Exception: What a cell raised.
    """
    if workers == 1:
        start_tensorflow()  # this very process will work
    of_stage: dict[str, list[Cell]] = {}
    for cell in cells:
        of_stage.setdefault(cell.stage.key, []).append(cell)
    started, number = time.monotonic(), 0
    with tqdm(total=len(cells), unit="cell", smoothing=0.1, disable=not sys.stderr.isatty()) as bar:

        def stage_finished(stage: Stage[Any]) -> None:
            nonlocal number
            for cell in of_stage.get(stage.key, ()):
                finished(cell)
                number += 1
                bar.update()
                if bar.disable:
                    left = (time.monotonic() - started) / number * (len(cells) - number)
                    where = f"cell {number} of {len(cells)}: {cell.fit.name}"
                    print(f"{where}, about {left / 60:.0f} min left", flush=True)

        run_stages(
            [cell.stage for cell in cells],
            context,
            workers,
            runner,
            ray_address,
            finished=stage_finished,
            show_epochs=False,
        )


# Measured on one core: a step of a small net on 48 clips takes about this long.
_SECONDS_A_STEP = 0.011
# A small net as a live teacher, in such steps.
_LIVE_TEACHER = 0.15


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
    teachers: list[Stage[Any]] = []
    for cell in cells:
        guess = _fit_seconds(cell.fit)
        total += float(np.median(known[cell.method])) if cell.method in known else guess
        teachers += cell.fit.inputs
    return total + sum(
        _fit_seconds(stage) for stage in all_stages(teachers) if not context.is_done(stage)
    )


def _fit_seconds(stage: Stage[Any]) -> float:
    spec = stage.spec
    if not isinstance(spec, FitSpec):
        return 2.0
    training = spec.training
    steps = training.num_epochs * training.steps_of_an_epoch(len(spec.part.clips))
    passes = training.views * (2 if training.sharpness_radius else 1)
    return steps * _SECONDS_A_STEP * (passes + _LIVE_TEACHER * len(spec.live))
