"""Reading clips in worker processes, on this machine or through Ray."""

import multiprocessing
import os
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from multiprocessing.connection import wait
from typing import Any

from data_prep.clip import Clip, check_clip
from data_prep.errors import Refusal, UserError
from data_prep.loader import ClipSource, Loader


def end_with_parent() -> None:
    """Makes this worker process end as soon as its parent has; the initializer of a pool.

    A pool's worker outlives a killed parent; it would go on working for nobody.
    """
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


RUNNERS = ("processes", "ray", "here")

_CHUNK = 8  # clips a task: a task costs about 0.3 ms, a small clip about 1 ms
_TASKS_A_WORKER = 2  # one at work, one waiting
# Two spawned workers took 1.5 s to import what they need (2 busy cores); a pool pays when it saves
# several times that.
_TRIAL_SECONDS = 2.0
_POOL_PAYS_SECONDS = 8.0

_Result = Clip | Refusal


def read_clips(
    loader: Loader,
    sources: Sequence[ClipSource],
    runner: str = "processes",
    workers: int = 1,
    ray_address: str | None = None,
    skeleton_dimensions: int = 3,
) -> Iterator[_Result]:
    """Yields every clip in the order of `sources`, checked; the same for any number of workers.

    Only a few clips are in memory at a time, however many there are: at most 16 a worker.

    Args:
        loader: The data set.
        sources: Its clips to read.
        runner: One of `RUNNERS`. "processes" spawns workers on this machine; a script that asks
            for more than one needs `if __name__ == "__main__":`. "ray" gives the clips to a Ray
            cluster, whose machines need this package and the raw files under the same path.
        workers: How many clips are read at the same time; 1 with "processes" reads in this
            process. 0 chooses: reads in this process for 2 s and spawns one worker a core only if
            the rest would take longer than 8 s.
        ray_address: The Ray cluster; None starts one on this machine with `workers` CPUs.
        skeleton_dimensions: The data set's; see `DatasetDescription`.

    Yields:
        A clip, or in its place a refusal if it is bad.

    Raises:
        UserError: An argument is out of range, Ray is not installed or out of reach, or a worker
            died.
    """
    if runner not in RUNNERS:
        raise UserError(f"The runner must be one of {', '.join(RUNNERS)}", runner)
    if workers < 0:
        raise UserError("workers must be at least 0", workers)
    if ray_address and runner != "ray":
        raise UserError("ray_address goes with the runner ray", runner)
    chunks = _Chunks(loader, sources, skeleton_dimensions)
    if runner == "ray":
        return _read_on_ray(chunks, workers or _cores(), ray_address)
    if runner == "here" or workers == 1:
        return chunks.read_here()
    if workers == 0:
        return _read_by_trial(chunks)
    return _read_in_pool(chunks, workers)


class _Chunks:
    """The sources not yet given out, a few at a time."""

    def __init__(self, loader: Loader, sources: Sequence[ClipSource], skeleton_dimensions: int):
        self.loader = loader
        self.skeleton_dimensions = skeleton_dimensions
        self._sources = sources
        self._next = 0

    def __iter__(self) -> Iterator[Sequence[ClipSource]]:
        while self._next < len(self._sources):
            chunk = self._sources[self._next : self._next + _CHUNK]
            self._next += len(chunk)
            yield chunk

    def share_done(self) -> float:
        return self._next / len(self._sources)

    def read_here(self) -> Iterator[_Result]:
        for chunk in self:
            for source in chunk:
                yield _read_one(self.loader, source, self.skeleton_dimensions)


def _read_by_trial(chunks: _Chunks) -> Iterator[_Result]:
    spent = 0.0
    for chunk in chunks:
        for source in chunk:
            start = time.monotonic()
            result = _read_one(chunks.loader, source, chunks.skeleton_dimensions)
            spent += time.monotonic() - start
            yield result
        if _pool_pays(spent, chunks.share_done(), _cores()):
            yield from _read_in_pool(chunks, _cores())


def _pool_pays(spent_seconds: float, share_done: float, cores: int) -> bool:
    if cores == 1 or spent_seconds < _TRIAL_SECONDS:
        return False
    return spent_seconds * (1 - share_done) / share_done > _POOL_PAYS_SECONDS


def _read_in_pool(chunks: _Chunks, workers: int) -> Iterator[_Result]:
    # Spawned, because a forked process with threads (BLAS, TensorFlow) may deadlock.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=end_with_parent)

    def submit(chunk: Sequence[ClipSource]) -> Future:
        return pool.submit(_read_chunk, chunks.loader, chunk, chunks.skeleton_dimensions)

    try:
        with closing(_in_order(chunks, submit, Future.result, workers)) as results:
            yield from results
    except BrokenProcessPool as error:
        rule = "A reading process must not be ended (with little memory take fewer workers)"
        raise UserError(rule, f"one of {workers} died") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _read_on_ray(chunks: _Chunks, workers: int, address: str | None) -> Iterator[_Result]:
    try:
        import ray
    except ImportError as error:
        rule = "The runner ray needs Ray; install it with: pip install 'pskd_tf[ray]'"
        raise UserError(rule, "no Ray") from error

    was_started = ray.is_initialized()
    if not was_started:
        _start_ray(ray, workers, address)
    try:
        read_chunk = ray.remote(num_cpus=1)(_read_chunk)
        loader = ray.put(chunks.loader)

        def submit(chunk: Sequence[ClipSource]) -> Any:
            return read_chunk.remote(loader, chunk, chunks.skeleton_dimensions)

        with closing(_in_order(chunks, submit, ray.get, workers)) as results:
            yield from results
    finally:
        if not was_started:
            ray.shutdown()


def _start_ray(ray: Any, workers: int, address: str | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent unless asked for
    _check_reachable(address)
    place = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(**place, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        rule = "The Ray cluster must start" if address is None else "Ray must reach its cluster"
        raise UserError(rule, error, address) from error


def _check_reachable(address: str | None) -> None:
    """Ray itself tries for minutes, with warnings, before it gives up."""
    match = re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", address or "")
    if match is None:  # "auto", or left to Ray
        return
    try:
        socket.create_connection((match[1], int(match[2])), timeout=10).close()
    except (OSError, OverflowError) as error:
        rule = "The Ray cluster must be reachable"
        raise UserError(rule, f"{address}: {error}") from error


def _in_order(
    chunks: Iterable[Sequence[ClipSource]],
    submit: Callable[[Sequence[ClipSource]], Any],
    result: Callable[[Any], list[_Result]],
    workers: int,
) -> Iterator[_Result]:
    """Keeps a bounded number of tasks under way and yields their results in order."""
    running: deque[Any] = deque()
    for chunk in chunks:
        running.append(submit(chunk))
        if len(running) >= workers * _TASKS_A_WORKER:
            yield from result(running.popleft())
    while running:
        yield from result(running.popleft())


def _read_chunk(
    loader: Loader, sources: Sequence[ClipSource], skeleton_dimensions: int
) -> list[_Result]:
    return [_read_one(loader, source, skeleton_dimensions) for source in sources]


def _read_one(loader: Loader, source: ClipSource, skeleton_dimensions: int) -> _Result:
    try:
        clip = loader.read(source)
        check_clip(clip, skeleton_dimensions)
    except UserError as error:
        return Refusal(source.clip_id, error)
    return clip


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
