"""Reading clips in their order, in this process or in several."""

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from data_prep.clip import Clip, check_clip
from data_prep.errors import Refusal, UserError
from data_prep.formats.archives import RawFile
from data_prep.loader import ClipSource, Loader
from data_prep.workers import RUNNERS, WorkerPool, cores, worker_pool

READERS = (*RUNNERS, "here")

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
) -> Generator[_Result, None, None]:
    """Yields every clip in the order of `sources`, checked; the same for any number of workers.

    Only a few clips are in memory at a time, however many there are: at most 16 a worker, or the
    clips of two long recordings, because clips of one file are read by one worker.

    Args:
        loader: The data set.
        sources: Its clips to read.
        runner: One of `READERS`: "here" reads in this process, the others as `worker_pool` says.
        workers: How many clips are read at the same time; 1 with "processes" reads in this
            process. 0 chooses: reads in this process for 2 s and spawns one worker a core only if
            the rest would take longer than 8 s.
        ray_address: See `worker_pool`.
        skeleton_dimensions: The data set's; see `DatasetDescription`.

    Yields:
        A clip, or in its place a refusal if it is bad.

    Raises:
        UserError: An argument is out of range, Ray is not installed or out of reach, or a worker
            died.
    """
    if runner not in READERS:
        raise UserError(f"The runner must be one of {', '.join(READERS)}", runner)
    if workers < 0:
        raise UserError("workers must be at least 0", workers)
    if ray_address and runner != "ray":
        raise UserError("ray_address goes with the runner ray", runner)
    chunks = _Chunks(loader, sources, skeleton_dimensions)
    if runner == "ray":
        return _read_in_pool(chunks, workers or cores(), runner, ray_address)
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
            first, files = self._next, set[RawFile]()
            while self._next < len(self._sources):
                own = set(self._sources[self._next].files.values())
                if self._next - first >= _CHUNK and not own & files:
                    break
                files |= own
                self._next += 1
            yield self._sources[first : self._next]

    def share_done(self) -> float:
        return self._next / len(self._sources)

    def read_here(self) -> Generator[_Result, None, None]:
        for chunk in self:
            for source in chunk:
                yield _read_one(self.loader, source, self.skeleton_dimensions)


def _read_by_trial(chunks: _Chunks) -> Generator[_Result, None, None]:
    spent = 0.0
    for chunk in chunks:
        for source in chunk:
            start = time.monotonic()
            result = _read_one(chunks.loader, source, chunks.skeleton_dimensions)
            spent += time.monotonic() - start
            yield result
        if _pool_pays(spent, chunks.share_done(), cores()):
            yield from _read_in_pool(chunks, cores())


def _pool_pays(spent_seconds: float, share_done: float, num_cores: int) -> bool:
    if num_cores == 1 or spent_seconds < _TRIAL_SECONDS:
        return False
    return spent_seconds * (1 - share_done) / share_done > _POOL_PAYS_SECONDS


def _read_in_pool(
    chunks: _Chunks, workers: int, runner: str = "processes", ray_address: str | None = None
) -> Generator[_Result, None, None]:
    """Keeps a bounded number of tasks under way and yields their results in order."""
    with worker_pool(workers, runner, ray_address) as pool:
        running: deque[Any] = deque()
        for chunk in chunks:
            running.append(_submit(pool, chunks, chunk))
            if len(running) >= workers * _TASKS_A_WORKER:
                yield from pool.result(running.popleft())
        while running:
            yield from pool.result(running.popleft())


def _submit(pool: WorkerPool, chunks: _Chunks, chunk: Sequence[ClipSource]) -> Any:
    return pool.submit(_read_chunk, chunks.loader, chunk, chunks.skeleton_dimensions)


def _read_chunk(
    loader: Loader, sources: Sequence[ClipSource], skeleton_dimensions: int
) -> list[_Result]:
    return [_read_one(loader, source, skeleton_dimensions) for source in sources]


def _read_one(loader: Loader, source: ClipSource, skeleton_dimensions: int) -> _Result:
    try:
        clip = loader.read(source)
        check_clip(clip, skeleton_dimensions)
    except UserError as error:
        return Refusal(source.clip_id, error, source.subject, source.action)
    return clip
