"""A board at the other end of a pseudo-terminal."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from project import ROOT


@pytest.fixture
def monitor() -> Callable[..., subprocess.CompletedProcess]:
    """Runs the command on a pseudo-terminal that says `text` once the command listens."""

    def run(text: bytes, *arguments: str) -> subprocess.CompletedProcess:
        master, slave = os.openpty()
        command = [sys.executable, "-m", "pskd_tf.monitor", f"--port={os.ttyname(slave)}"]
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        first = process.stdout.readline()
        done = threading.Event()

        def send() -> None:
            view = memoryview(text)
            while view and not done.is_set():
                view = view[os.write(master, view[:512]) :]

        writer = threading.Thread(target=send, daemon=True)
        writer.start()
        try:
            stdout, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
            done.set()
            os.close(slave)
            os.close(master)
            writer.join(timeout=5)
        return subprocess.CompletedProcess(command, process.returncode, first + stdout, stderr)

    return run
