"""Doing cells: shared teachers first, then the cells, over processes or on a Ray cluster."""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace

from tqdm import tqdm

from data_prep.user_error import UserError
from pskd_tf.benchmark.cell import Cell
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.run_waves import run_waves
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.start_tensorflow import start_tensorflow
from pskd_tf.pipeline.start_worker import start_worker

RUNNERS = ("processes", "ray")


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
        workers: Cells at a time.
        runner: One of `RUNNERS`.
        ray_address: The Ray cluster; None starts one on this machine.

    Raises:
        UserError: The runner is unknown, or Ray is not installed.
        Exception: What a cell raised.
    """
    if runner not in RUNNERS:
        raise UserError(f"The runner must be one of {', '.join(RUNNERS)}", runner)
    if workers == 1:
        start_tensorflow()  # this very process will work
    teachers = [stage for cell in cells for stage in cell.fit.inputs.values()]
    # A teacher's views serve that teacher alone.
    run_waves(teachers, replace(context, views_dir=None), workers)
    do = _on_ray if runner == "ray" else _in_pool
    started = time.monotonic()
    bar = tqdm(total=len(cells), unit="cell", smoothing=0.1, disable=not sys.stderr.isatty())
    with bar:
        for number, cell in enumerate(do(cells, context, workers, ray_address), start=1):
            finished(cell)
            bar.update()
            if bar.disable:
                left = (time.monotonic() - started) / number * (len(cells) - number)
                said = f"cell {number} of {len(cells)}: {cell.fit.name}"
                print(f"{said}, about {left / 60:.0f} min left", flush=True)


def _in_pool(
    cells: Sequence[Cell], context: RunContext, workers: int, _: str | None
) -> Iterator[Cell]:
    if workers == 1:
        for cell in cells:
            run_cell(cell, context)
            yield cell
        return
    # Spawned, because a forked TensorFlow deadlocks.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=start_worker) as pool:
        running = {pool.submit(run_cell, cell, context): cell for cell in cells}
        try:
            for future in as_completed(running):
                future.result()
                yield running[future]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _on_ray(
    cells: Sequence[Cell], context: RunContext, workers: int, address: str | None
) -> Iterator[Cell]:
    try:
        import ray
    except ImportError:
        raise UserError("--runner=ray needs the extra: pip install pskd_tf[ray]", "none") from None
    ray.init(address=address, num_cpus=None if address else workers, log_to_driver=False)
    try:
        task = ray.remote(num_cpus=1)(run_cell)
        running = {task.remote(cell, context): cell for cell in cells}
        while running:
            (done,), _ = ray.wait(list(running), num_returns=1)
            ray.get(done)
            yield running.pop(done)
    finally:
        ray.shutdown()


def run_cell(cell: Cell, context: RunContext) -> None:
    """Makes one cell's result in this process; its teachers' results must exist."""
    start_tensorflow()
    # Imported here: TensorFlow must not be imported before `start_tensorflow`.
    from pskd_tf.pipeline.run_stage import run_stage

    for stage in _own_stages(cell):
        run_stage(stage, context)


def _own_stages(cell: Cell) -> list[Stage]:
    return [cell.stage] if cell.fit is cell.stage else [cell.fit, cell.stage]
