"""Worker processes on this machine, or on a Ray cluster."""

import multiprocessing
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    wait as wait_for_futures,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Protocol

from data_prep.errors import UserError

RUNNERS = ("processes", "ray")


class WorkerPool(Protocol):
    """Calls functions in other processes; a task is an opaque handle of one call."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Starts a call and returns its task; function and arguments must be picklable."""

    def first_done(self, tasks: Collection[Any]) -> Any:
        """Waits until one of the tasks is done and returns it."""

    def result(self, task: Any) -> Any:
        """Waits for a task and returns what its function returned.

        Raises:
            UserError: A worker died.
            Exception: What the function raised.
        """


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def worker_pool(
    workers: int, runner: str = "processes", ray_address: str | None = None
) -> Iterator[WorkerPool]:
    """Starts worker processes that end with this one, however it ends.

    At the end of the block, calls that were not begun are cancelled.

    Args:
        workers: Number of processes; with `ray_address` the cluster has its own.
        runner: One of `RUNNERS`: "processes" spawns workers on this machine; a script needs
            `if __name__ == "__main__":`. "ray" gives the calls to a Ray cluster, whose machines
            need this package and the same files under the same paths.
        ray_address: The Ray cluster; None starts one on this machine with `workers` CPUs.

    Yields:
        The pool.

    Raises:
        UserError: The runner is unknown, or Ray is not installed or out of reach.
    """
    if runner not in RUNNERS:
        raise UserError(f"The runner must be one of {', '.join(RUNNERS)}", runner)
    if ray_address and runner != "ray":
        raise UserError("ray_address goes with the runner ray", runner)
    with _ray_pool(workers, ray_address) if runner == "ray" else _process_pool(workers) as pool:
        yield pool


class _ProcessPool:
    def __init__(self, executor: ProcessPoolExecutor, workers: int):
        self._executor, self._workers = executor, workers
        self._started: set[BaseProcess] = set()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        try:
            with _blocked(*_OF_A_TERMINAL):  # it may start a worker
                future = self._executor.submit(_ended_by_signal, function, *arguments)
                self._started |= set((self._executor._processes or {}).values())
                self._watch_all()
                return future
        except BrokenProcessPool as error:
            raise self._died() from error

    def _watch_all(self) -> None:
        # Python 3.11 to 3.13 wake the thread that watches the workers before they start a new one,
        # whose death it then overlooks until another call is done.
        executor = self._executor
        with executor._shutdown_lock:
            executor._executor_manager_thread_wakeup.wakeup()

    def end(self) -> None:
        """Ends the workers amid their calls."""
        processes = list((self._executor._processes or {}).values())
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(_SECONDS_TO_END)
            if process.is_alive():
                process.kill()

    def first_done(self, tasks: Collection[Future[Any]]) -> Future[Any]:
        done, _ = wait_for_futures(tasks, return_when=FIRST_COMPLETED)
        return next(task for task in tasks if task in done)

    def result(self, task: Future[Any]) -> Any:
        try:
            return task.result()
        except BrokenProcessPool as error:
            raise self._died() from error

    def _died(self) -> UserError:
        # The executor ends the others; a status is there only once its process was waited for.
        deadline = time.monotonic() + _SECONDS_TO_END
        while any(process.exitcode is None for process in self._started):
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        if any(process.exitcode == _STARTED_IN_IMPORT for process in self._started):
            rule = "A script must start workers under if __name__ == '__main__': (or workers=1)"
            return UserError(rule, "a script that starts them when it is imported")
        rule = "A worker process must not be ended (with little memory: fewer --workers); try again"
        return UserError(rule, f"one of {self._workers} died")


@contextmanager
def _process_pool(workers: int) -> Iterator[WorkerPool]:
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # A worker imports the script first, here one that starts workers at once. This process
        # could not start any; `_died` reads the status.
        os._exit(_STARTED_IN_IMPORT)
    # Spawned, because a forked process with threads (BLAS, TensorFlow) may deadlock.
    spawn = multiprocessing.get_context("spawn")
    with _blocked(*_OF_A_TERMINAL):  # it starts multiprocessing's tracker
        executor = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start_worker)
    pool = _ProcessPool(executor, workers)
    try:
        yield pool
    except KeyboardInterrupt:
        pool.end()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


# Ctrl-C and the end of a terminal reach all its processes. Workers have both blocked from their
# start on; this process ends them.
_OF_A_TERMINAL = (signal.SIGINT, signal.SIGHUP)
_STARTED_IN_IMPORT = 97
# A worker that has to end removes what it has half written.
_SECONDS_TO_END = 10.0


@contextmanager
def _blocked(*numbers: signal.Signals) -> Iterator[None]:
    """Keeps signals from this thread, and for good from processes started in the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        resource_tracker.ensure_running()  # its first start unblocks INT
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    """Makes this worker end on TERM after its cleaning up, and with its parent, which would
    otherwise leave it running.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _clean_up_and_end)
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _clean_up_and_end(number: int, frame: FrameType | None) -> None:
    del frame
    signal.signal(number, signal.SIG_IGN)  # a second one must not stop the cleaning up
    sys.exit(128 + number)


def _ended_by_signal(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function; when TERM has ended it, the worker begins no other call."""
    try:
        return function(*arguments)
    except SystemExit:
        os._exit(1)


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)


class _RayPool:
    def __init__(self, ray: Any):
        self._ray = ray
        self._remote: dict[Callable[..., Any], Any] = {}

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if function not in self._remote:
            self._remote[function] = self._ray.remote(num_cpus=1)(function)
        return self._remote[function].remote(*arguments)

    def first_done(self, tasks: Collection[Any]) -> Any:
        (done,), _ = self._ray.wait(list(tasks), num_returns=1)
        return done

    def result(self, task: Any) -> Any:
        try:
            return self._ray.get(task)
        except self._ray.exceptions.WorkerCrashedError as error:
            raise UserError("A Ray worker must not be ended", error) from error
        except self._ray.exceptions.RayTaskError as error:
            # What the function raised, as a local process would raise it.
            raise error.cause from error


@contextmanager
def _ray_pool(workers: int, address: str | None) -> Iterator[WorkerPool]:
    try:
        import ray
    except ImportError as error:
        rule = "The runner ray needs Ray; install it with: pip install 'pskd_tf[ray]'"
        raise UserError(rule, "no Ray") from error

    was_started = ray.is_initialized()
    if not was_started:
        _start_ray(ray, workers, address)
    try:
        yield _RayPool(ray)
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
