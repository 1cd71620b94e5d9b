"""Running the stages of a plan over worker processes."""

import ctypes
import fcntl
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from data_prep.files import whole_folder
from data_prep.workers import end_with_parent
from pskd_tf.pipeline.score import forest_stage, score_stage
from pskd_tf.pipeline.shrink import compress_stage, quantise_stage, slim_stage
from pskd_tf.pipeline.stage import RunContext, Stage
from pskd_tf.pipeline.teach import fit_stage, teacher_outputs_stage

# Names and numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MEBIBYTE = 2**20


def keep_freed_memory() -> bool:
    """Lets this process keep freed memory for its next request instead of giving it back.

    A training step frees and asks again for the same few megabytes; given back each time, they
    come as about a thousand page faults a step, a tenth of its time. No result changes.

    Returns:
        Whether the C library knows the setting (glibc does; others are left as they are).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {
        _M_TRIM_THRESHOLD: 2**31 - 1,
        _M_TOP_PAD: 64 * _MEBIBYTE,
        _M_MMAP_THRESHOLD: 32 * _MEBIBYTE,
    }
    return all([mallopt(name, value) == 1 for name, value in settings.items()])


def start_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages and gives each process one thread.

    One or several threads sum in another order and give other bits at equal speed for nets this
    small; parallel processes are the lever. Call it before anything imports TensorFlow; a
    second call does nothing.
    """
    keep_freed_memory()
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    # The messages come from C++ before any log level is read, so the descriptor itself is moved.
    sys.stderr.flush()
    with tempfile.TemporaryFile() as messages:
        screen = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            import keras
            import tensorflow as tf

            threading = tf.config.threading
            # A second call may not even set the same again.
            if threading.get_intra_op_parallelism_threads() != 1:
                threading.set_intra_op_parallelism_threads(1)
                threading.set_inter_op_parallelism_threads(1)
            keras.ops.zeros((1,))
        finally:
            os.dup2(screen, 2)
            os.close(screen)


def start_worker() -> None:
    """Ties the worker to its parent and starts TensorFlow; the initializer of a pool."""
    end_with_parent()
    start_tensorflow()


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
