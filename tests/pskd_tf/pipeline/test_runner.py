"""Running stages: memory, kills and resumption."""

import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from project import ROOT
from sharing import result_hashes

COMMAND = ("pskd_tf.train", "--flagfile=configs/tiny.flags")
STAGES = (
    "skeleton_teacher",
    "fusion_teacher",
    "accelerometer_teacher",
    "in_sample",
    "student-in_sample",
    "baseline",
    "compressed",
    "score-int8",
)


def start(run_dir: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", *COMMAND, f"--run_dir={run_dir}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def log_of(run_dir: Path) -> list[str]:
    path = run_dir / "log.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def is_started(run_dir: Path, stage: str) -> bool:
    return any(line.startswith(f"started {stage}") for line in log_of(run_dir))


def wait_for(process: subprocess.Popen, happened) -> None:
    while not happened():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def killed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed once in each of its stages and then finished."""
    run_dir = tmp_path_factory.mktemp("killed") / "run"
    generator = random.Random(20221010)
    for stage in STAGES:
        process = start(run_dir)
        if stage == "skeleton_teacher":
            # Killed after an epoch's record, so that it has something to resume from.
            wait_for(process, lambda: list(run_dir.glob("stages/skeleton_teacher*.record.npz")))
        else:
            wait_for(process, partial(is_started, run_dir, stage))
            longest = 6.0 if stage == "compressed" else 1.5
            time.sleep(generator.uniform(0.0, longest))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    process = start(run_dir)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return run_dir


@pytest.mark.slow
def test_a_killed_training_resumes_and_leaves_the_bytes_of_the_tiny_run(tiny_run, tmp_path):
    """Killed after an epoch's record of the student without distillation, which the copy lacks."""
    run_dir = tmp_path / "run"
    absent = shutil.ignore_patterns(
        "*baseline*", "export", "tensorboard", "metrics.json", "run.json", "log.txt"
    )
    shutil.copytree(tiny_run, run_dir, ignore=absent)
    process = start(run_dir)
    wait_for(process, lambda: list(run_dir.glob("stages/baseline*.record.npz")))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    process = start(run_dir)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert result_hashes(run_dir) == result_hashes(tiny_run)
    log = "\n".join(log_of(run_dir))
    assert re.search(r"^resumed baseline\S* from epoch [1-9]", log, re.MULTILINE)
    assert len(re.findall(r"^finished ", log, re.MULTILINE)) == 2  # the student and its score


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_bytes(killed_run, tiny_run):
    assert result_hashes(killed_run) == result_hashes(tiny_run)


@pytest.mark.slow
def test_finished_stages_are_not_done_again(killed_run):
    finished = Counter(
        line.split()[1] for line in log_of(killed_run) if line.startswith("finished ")
    )
    assert len(finished) == 15
    assert set(finished.values()) == {1}
    found = [line for line in log_of(killed_run) if line.startswith("found skeleton_teacher")]
    assert found, "later commands must say that they found the first stage's result"


@pytest.mark.slow
def test_a_resumed_stage_logs_its_epoch(killed_run):
    resumed = [
        re.fullmatch(r"resumed skeleton_teacher\S* from epoch (\d+)", line)
        for line in log_of(killed_run)
    ]
    epochs = [int(match[1]) for match in resumed if match]
    assert len(epochs) == 1
    assert 1 <= epochs[0] < 10


@pytest.mark.slow
def test_nothing_half_written_is_left(killed_run):
    left = [path.name for path in killed_run.rglob("*.partial*")]
    assert left == []
    assert not list(killed_run.glob("stages/*.record.npz"))
    with np.load(next(killed_run.glob("stages/baseline*/weights.npz"))) as weights:
        assert len(weights.files) == 42


SCRIPT = """
import resource, sys
import numpy as np
from pskd_tf.processes import keep_freed_memory

assert sys.argv[1] == "given_back" or keep_freed_memory()
for step in range(110):
    if step == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(12_000) for _ in range(50)]
    del arrays
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc's malloc")
def test_repeated_requests_cause_no_new_page_faults():
    def faults(what: str) -> int:
        done = subprocess.run([sys.executable, "-c", SCRIPT, what], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    # 4.8 MB a step are 1172 pages of 4 KiB, over 100 steps. A kernel may map several pages a fault.
    assert faults("kept") < 1172
    assert faults("given_back") > 10 * 1172
