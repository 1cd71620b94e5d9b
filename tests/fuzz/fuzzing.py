"""Gives one reader many changed files: guided by coverage where atheris is installed."""

import json
import os
import resource
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from mutation import mutated

try:
    import atheris
except ImportError:  # its wheels are for Linux
    atheris = None

with atheris.instrument_imports(["data_prep", "pskd_tf"]) if atheris else nullcontext():
    from outcome import Tried
    from recording_readers import Reader, recording_readers
    from run_readers import run_readers

DRIVER = "atheris" if atheris else "mutation"
_MOST_MEGABYTES = 4096
_LONGEST_SECONDS = 60


def all_readers(folder: Path) -> list[Reader]:
    """Returns every reader.

    Args:
        folder: Takes the file that a reader opens by its path.
    """
    return [*recording_readers(folder), *run_readers(folder)]


def fuzz(reader: Reader, inputs: int, seconds: float, seed: int, folder: Path) -> None:
    """Tries a reader, writes `report.json` and ends the process.

    A process of its own, because atheris never returns and a crash of native code ends it.

    Args:
        reader: The reader.
        inputs: How many files, at most.
        seconds: How much processor time, at most.
        seed: Draws the changes.
        folder: Takes the report, what is printed, and the first input of each finding.
    """
    with open(folder / "screen.txt", "w") as screen:
        for descriptor in (1, 2):
            os.dup2(screen.fileno(), descriptor)
    tried, started = Tried(reader, folder / "findings"), time.process_time()

    def give(content: bytes) -> None:
        tried.give(content)
        spent = time.process_time() - started
        if sum(tried.outcomes.values()) >= inputs or spent > seconds:
            _report(tried, folder)
            os._exit(0)

    for content in reader.seeds:
        give(content)
    assert tried.outcomes["read"] == len(reader.seeds), (reader.name, tried.findings)
    if atheris is None:
        random = np.random.default_rng(seed)
        while True:
            give(mutated(reader.seeds[random.integers(len(reader.seeds))], random))
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(reader.seeds):
        (corpus / str(number)).write_bytes(content)

    def change(content: bytes, most: int, change_seed: int) -> bytes:
        # Half of the inputs as libFuzzer makes them, half in the form of the file.
        if change_seed % 2:
            return bytes(atheris.Mutate(content, most))
        return mutated(content, np.random.default_rng([seed, change_seed]))[:most]

    longest = 4 * max(map(len, reader.seeds)) + 1000
    flags = [f"-seed={seed}", f"-max_len={longest}", f"-rss_limit_mb={_MOST_MEGABYTES}"]
    flags += [f"-timeout={_LONGEST_SECONDS}", f"-artifact_prefix={folder}/died-", "-verbosity=0"]
    atheris.Setup([reader.name, *flags, str(corpus)], give, custom_mutator=change)
    atheris.Fuzz()


def _report(tried: Tried, folder: Path) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    content: dict[str, Any] = {
        "outcomes": dict(tried.outcomes),
        "findings": dict(tried.findings),
        "slowest_seconds": round(tried.slowest_seconds, 2),
        "peak_megabytes": peak,
    }
    (folder / "report.json").write_text(json.dumps(content, indent=1))
