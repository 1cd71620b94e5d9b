"""The benchmark runs and counts right; its figures depend on the machine."""

import re
import subprocess
import sys

import pytest

from project import ROOT

pytestmark = pytest.mark.slow


def test_small_run():
    """One line a training, its rate the batch over the time; the ratios beside their aims."""
    command = [sys.executable, "benchmarks/distillation_throughput.py", "--batch_size=6"]
    command += ["--steps=2", "--repetitions=3", "--whole_steps=4", "--whole_repetitions=2"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 1 + 5 + 1 + 3 + 3
    for line in lines[1:6]:
        name, middle, low, high, rate = re.fullmatch(
            r"(\S.*\S) +([\d.]+) +([\d.]+) to ([\d.]+) +(\d+)", line
        ).groups()
        assert name in line and float(low) <= float(middle) <= float(high)
        assert abs(float(rate) * float(middle) / 1e3 - 6) < 0.2
    assert lines[6] == "batch 6, 3 x 2 steps, jit False"
    for line, aim in zip(lines[7:10], ("least 1.00", "most 1.15", "most 1.15"), strict=True):
        assert re.search(rf" [\d.]+ \([\d.]+ to [\d.]+\), at {aim}: (ok|MISSED)$", line)
    assert lines[10] == "CPU seconds of 4 steps, compilation included, medians:"
    medians = re.fullmatch(r"weights one by one ([\d.]+), in vectors ([\d.]+)", lines[11])
    assert all(float(seconds) > 0 for seconds in medians.groups())
    assert re.fullmatch(r"vectors / one by one [\d.]+ \([\d.]+ to [\d.]+\)", lines[12])
