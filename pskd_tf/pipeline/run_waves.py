"""Doing a plan's stages: wave after wave of independent ones, over worker processes."""

import multiprocessing
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace

from tqdm import tqdm

from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.start_worker import start_worker


def run_waves(stages: Iterable[Stage], context: RunContext, workers: int) -> None:
    """Makes every stage's result and that of all its inputs.

    Args:
        stages: The stages whose results are wanted.
        context: Where to read and report.
        workers: Processes; 1 does everything in this one.

    Raises:
        Exception: What a stage raised.
    """
    waves = _waves(stages)
    open_stages = [one for wave in waves for one in wave if not _is_done(one, context)]
    epochs = sum(_epochs(stage) for stage in open_stages)
    bar = tqdm(total=epochs, unit="epoch", smoothing=0.05, disable=not sys.stderr.isatty())
    with bar:
        if workers == 1:
            from pskd_tf.pipeline.run_stage import run_stage

            for wave in waves:
                for stage in wave:
                    bar.set_description(stage.name)
                    run_stage(stage, replace(context, advance=bar.update))
            return
        _run_parallel(waves, context, workers, bar)


def _run_parallel(waves: list[list[Stage]], context: RunContext, workers: int, bar: tqdm) -> None:
    # Spawned, because a forked TensorFlow deadlocks.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=start_worker) as pool:
        for number, wave in enumerate(waves, start=1):
            bar.set_description(f"wave {number} of {len(waves)}")
            running = {pool.submit(_run_in_worker, stage, context): stage for stage in wave}
            new = {stage.key for stage in wave if not _is_done(stage, context)}
            try:
                for future in as_completed(running):
                    future.result()
                    stage = running[future]
                    bar.update(_epochs(stage) if stage.key in new else 0)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _waves(stages: Iterable[Stage]) -> list[list[Stage]]:
    """Groups all needed stages, each key once, so that inputs always stand in an earlier wave."""
    depths: dict[str, int] = {}
    by_key: dict[str, Stage] = {}

    def depth(stage: Stage) -> int:
        if stage.key not in depths:
            by_key[stage.key] = stage
            depths[stage.key] = 1 + max((depth(one) for one in stage.inputs.values()), default=-1)
        return depths[stage.key]

    deepest = max((depth(stage) for stage in stages), default=-1)
    return [
        [by_key[key] for key, level in depths.items() if level == number]
        for number in range(deepest + 1)
    ]


def _is_done(stage: Stage, context: RunContext) -> bool:
    return (context.folder(stage) / "result.json").exists()


def _epochs(stage: Stage) -> int:
    if stage.kind == "fit":
        return stage.settings["training"]["epochs"]
    if stage.kind not in ("compress", "slim", "quantise"):
        return 0
    return stage.settings["epochs"] * stage.settings.get("cuts", 1)


def _run_in_worker(stage: Stage, context: RunContext) -> None:
    # Imported here: TensorFlow must not be imported before `start_tensorflow`.
    from pskd_tf.pipeline.run_stage import run_stage

    run_stage(stage, context)
