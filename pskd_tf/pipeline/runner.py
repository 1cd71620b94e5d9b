"""Running the stages of a plan over worker processes."""

import fcntl
import json
import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from data_prep.files import whole_folder
from pskd_tf.pipeline.score import forest_stage, score_stage
from pskd_tf.pipeline.shrink import compress_stage, quantise_stage, slim_stage
from pskd_tf.pipeline.stage import RunContext, Stage
from pskd_tf.pipeline.teach import fit_stage, teacher_outputs_stage
from pskd_tf.processes import start_worker


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

    run_stage(stage, context)


def run_stage(stage: Stage, context: RunContext) -> None:
    """Makes a stage's result unless it exists; its inputs' results must exist.

    The folder appears whole or not at all. A lock keeps two processes, such as an orphan of a
    killed run, from making the same stage at once; it ends with its process.

    Args:
        stage: The stage.
        context: Where to read and report.
    """
    folder = context.folder(stage)
    with _lock(folder.with_name(f"{folder.name}.lock")):
        if (folder / "result.json").exists():
            context.log(f"found {folder.name}")
            return
        context.log(f"started {folder.name}")
        started = time.monotonic()
        action = {
            "fit": fit_stage,
            "forest": forest_stage,
            "teacher_outputs": teacher_outputs_stage,
            "compress": compress_stage,
            "slim": slim_stage,
            "quantise": quantise_stage,
            "score": score_stage,
        }[stage.kind]
        with whole_folder(folder) as temporary:
            result = action(stage, context, temporary)
            result["wall_seconds"] = round(time.monotonic() - started, 3)
            made_by = {
                "kind": stage.kind,
                "key": stage.key,
                "settings": stage.settings,
                "inputs": {role: one.key for role, one in stage.inputs.items()},
            }
            (temporary / "stage.json").write_text(json.dumps(made_by, indent=2), encoding="utf-8")
            (temporary / "result.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
        context.record(stage).unlink(missing_ok=True)
        context.log(f"finished {folder.name} in {result['wall_seconds']} s")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
