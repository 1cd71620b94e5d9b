"""Running stages, each as soon as its inputs are there, in this process or in several."""

import heapq
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.files import lock_stream, remove_file, whole_folder
from data_prep.workers import WorkerPool, worker_pool
from pskd_tf.pipeline.stage import RunContext, Stage, all_stages
from pskd_tf.processes import start_tensorflow
from pskd_tf.run_records import keep_stage_hashes, stage_damage

Action = Callable[[Stage[Any], RunContext, Path], dict[str, Any]]
Finished = Callable[[Stage[Any]], None]


def stage_actions() -> dict[str, Action]:
    """Returns what makes the result of each kind of stage."""
    # Imported here, because they import TensorFlow: a worker that unpickles this module's
    # functions has not started it yet.
    from pskd_tf.pipeline.score import compare_stage, forest_stage, score_stage
    from pskd_tf.pipeline.shrink import compress_stage, quantise_stage, slim_stage
    from pskd_tf.pipeline.stream_score import stream_score_stage
    from pskd_tf.pipeline.teach import fit_stage
    from pskd_tf.pipeline.teacher_outputs import teacher_outputs_stage

    return {
        "fit": fit_stage,
        "forest": forest_stage,
        "teacher_outputs": teacher_outputs_stage,
        "compress": compress_stage,
        "slim": slim_stage,
        "quantise": quantise_stage,
        "score": score_stage,
        "stream_score": stream_score_stage,
        "compare": compare_stage,
    }


def run_stage(stage: Stage[Any], context: RunContext) -> None:
    """Makes a stage's result unless it exists; its inputs' results must exist.

    The folder appears whole or not at all. A lock keeps two processes, such as an orphan of a
    killed run, from making the same stage at once; it ends with its process.

    Args:
        stage: The stage.
        context: Where to read and report.
    """
    folder = context.folder(stage)
    with _lock(folder.with_name(f"{folder.name}.lock")):
        if context.is_done(stage):
            context.log(f"found {folder.name}")
            return
        if folder.exists():
            # A folder appears whole, so what is not done was damaged later.
            for error in stage_damage(folder):
                context.log(f"made again {folder.name}: {error}")
        context.log(f"started {folder.name}")
        started = time.monotonic()
        with whole_folder(folder) as temporary:
            result = stage_actions()[stage.kind](stage, context, temporary)
            result["wall_seconds"] = round(time.monotonic() - started, 3)
            record = {"key": stage.key, **stage.record()}
            (temporary / "stage.json").write_text(json.dumps(record, indent=2), encoding="utf-8")
            (temporary / "result.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
            keep_stage_hashes(temporary)
        remove_file(context.record(stage))
        context.log(f"finished {folder.name} in {result['wall_seconds']} s")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as stream:
        lock_stream(stream)
        yield


def run_stage_in_worker(stage: Stage[Any], context: RunContext) -> None:
    """Starts TensorFlow, unless it runs, and makes a stage's result; what worker processes do."""
    start_tensorflow()
    run_stage(stage, context)


def _ignore(stage: Stage[Any]) -> None:
    del stage


def run_stages(
    wanted: Iterable[Stage[Any]],
    context: RunContext,
    workers: int,
    runner: str = "processes",
    ray_address: str | None = None,
    *,
    finished: Finished = _ignore,
    show_epochs: bool = True,
    in_worker: Callable[[Stage[Any], RunContext], None] = run_stage_in_worker,
) -> None:
    """Makes every stage's result and that of all its inputs.

    A stage starts as soon as its inputs are there and a worker is free; of several, the one that
    the first of the wanted stages needs.

    Args:
        wanted: The stages whose results are wanted, the most wanted first.
        context: Where to read and report. On a Ray cluster every machine needs these folders.
        workers: Stages at a time; 1 with "processes" does everything in this process.
        runner: See `worker_pool`.
        ray_address: See `worker_pool`.
        finished: Called in this process with each stage as soon as its result is there.
        show_epochs: Whether a terminal shows a bar of the epochs.
        in_worker: Makes one stage's result in a worker, which must be able to import it.

    Raises:
        UserError: A worker died, or Ray is not installed or out of reach. What is finished stays.
        Exception: What a stage raised.
    """
    stages = all_stages(wanted)
    epochs = {one.key: one.spec.epochs for one in stages if not context.is_done(one)}
    hidden = not show_epochs or not sys.stderr.isatty()
    with tqdm(total=sum(epochs.values()), unit="epoch", smoothing=0.05, disable=hidden) as bar:
        if workers == 1 and runner == "processes":

            def advance(count: int) -> None:
                bar.update(count)

            for stage in stages:
                bar.set_description(stage.name)
                run_stage(stage, replace(context, advance=advance))
                finished(stage)
            return
        # A Ray cluster has its own number of workers.
        at_once = len(stages) if ray_address else workers
        with ExitStack() as stack:

            def start_pool() -> WorkerPool:
                return stack.enter_context(worker_pool(workers, runner, ray_address))

            for stage in _made_in_workers(stages, context, start_pool, at_once, in_worker):
                bar.set_description(stage.name)
                finished(stage)
                bar.update(epochs.get(stage.key, 0))


def _made_in_workers(
    stages: list[Stage[Any]],
    context: RunContext,
    start_pool: Callable[[], WorkerPool],
    at_once: int,
    in_worker: Callable[[Stage[Any], RunContext], None],
) -> Iterator[Stage[Any]]:
    """Yields each stage as soon as its result is there; those found there need no worker."""
    by_key = {stage.key: stage for stage in stages}
    places = {stage.key: place for place, stage in enumerate(stages)}
    graph = TopologicalSorter({stage.key: stage.spec.inputs for stage in stages})
    graph.prepare()
    pool: WorkerPool | None = None
    ready: list[tuple[int, str]] = []
    running: dict[Any, Stage[Any]] = {}
    while graph.is_active():
        for key in graph.get_ready():
            heapq.heappush(ready, (places[key], key))
        if ready and len(running) < at_once:
            stage = by_key[heapq.heappop(ready)[1]]
            if not context.is_done(stage):
                pool = pool or start_pool()
                running[pool.submit(in_worker, stage, context)] = stage
                continue
            context.log(f"found {context.folder(stage).name}")
        else:
            assert pool is not None  # what is neither ready nor done is running
            task = pool.first_done(running)
            pool.result(task)
            stage = running.pop(task)
        graph.done(stage.key)
        yield stage
