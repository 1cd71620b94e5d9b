"""The benchmark runs and counts right; its figures depend on the machine."""

import os
import subprocess
import sys

import pytest

from project import ROOT

pytestmark = pytest.mark.slow


def test_small_run():
    """Rates times seconds are the clips; a process has some tens of MiB."""
    environment = {name: value for name, value in os.environ.items() if name != "PSKD_DATA_DIR"}
    command = [sys.executable, "benchmarks/prepare_throughput.py", "--clips=16,100", "--workers=1"]
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[1] == "PSKD_DATA_DIR is not set: no UTD-MHAD"
    for line, clips in zip(lines[2:4], (16, 128), strict=True):
        name, count, workers, seconds, rate, peak = line.split()
        assert (name, int(count), int(workers)) == ("synthetic", clips, 1)
        assert abs(float(rate) * float(seconds) - clips) < 0.1 * clips
        assert 30 < float(peak) < 1000
    assert lines[4].startswith("  peak grew by ") and "from 16 to 128" in lines[4]
