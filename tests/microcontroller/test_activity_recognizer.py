"""`activity_recognizer.c` and what it is made of, as a board compiles them.

What it decides is compared with Python's in tests/pskd_tf/device/test_simulate.py.
"""

import shutil
import subprocess

import pytest

from pskd_tf.evaluation.tflm import Int8Interface
from pskd_tf.export.headers import model_settings_header
from pskd_tf.input_settings import InputSettings

SOURCES = ("activity_recognizer", "activity_filter", "segment_detector", "signal_check")
# Besides each other's functions: freestanding ones and math.h's.
ALLOWED = {"memcpy", "memmove", "memset", "expf"}


@pytest.mark.parametrize("mode", ["clip", "window"])
def test_no_heap_no_static_state_in_c_and_from_cxx(sources, compiler, tmp_path, mode):
    interface = Int8Interface((96, 1, 10), 3, 0.02, 0, 0.1, 0)
    settings = InputSettings(mode=mode)
    header = model_settings_header(interface, settings, ["a", "b", "c"], (2, 200), 1, 1024, 50.0)
    (tmp_path / "model_settings.h").write_text(header)
    strict = ("-O2", "-Wshadow", "-Wconversion", "-Wdouble-promotion", f"-I{tmp_path}", "-c")
    nm = shutil.which("nm")
    for name in (*SOURCES, "window_buffer", "accelerometer_features"):
        source, result = sources / "src" / f"{name}.c", tmp_path / f"{name}.o"
        compiler("g++", "-std=c++11", "-x", "c++", *strict, source, "-o", result)
        compiler("gcc", "-std=c99", *strict, "-fno-math-errno", source, "-o", result)
        if nm is None:
            pytest.skip("nm is not installed")
        listed = subprocess.run([nm, result], capture_output=True, text=True, check=True).stdout
        symbols = [line.split()[-2:] for line in listed.splitlines()]
        assert not [name for kind, name in symbols if kind in "bBdDC"]
        foreign = {name for kind, name in symbols if kind == "U" and not name.startswith("pskd_")}
        assert foreign <= ALLOWED | {"_GLOBAL_OFFSET_TABLE_", "sqrtf", "roundf"}
