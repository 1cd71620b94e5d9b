"""A worker process that does not outlive the process that started it."""

import multiprocessing
import os
import threading
from multiprocessing.connection import wait


def end_with_parent() -> None:
    """Makes this worker process end as soon as its parent has; the initializer of a pool.

    A pool's worker outlives a killed parent; it would go on working for nobody.
    """
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
