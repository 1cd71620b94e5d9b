"""What the allocator does with memory that a step frees and asks for again."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from pskd_tf.pipeline.runner import keep_freed_memory

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

    # 4.8 MB a step are 1172 pages of 4 KiB, over 100 steps.
    assert faults("kept") < 1172
    assert faults("given_back") > 50 * 1172
