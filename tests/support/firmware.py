"""The rules of `microcontroller/firmware.mk` as tests start them, and a struct of its sources."""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT

# The emulated ones that run every check, and those that run the test clips.
CORES = ("m4", "m33", "m55")
SMALLER_CORES = ("m0", "m3", "m7")


def make_reports(
    *reports: Path, root: Path = ROOT, **settings: object
) -> subprocess.CompletedProcess:
    """Makes reports; a test that needs an absent tool is skipped.

    Args:
        *reports: Their paths, all in one folder; the name says what is built.
        root: The checkout whose rules and sources are taken.
        **settings: Variables of make, such as `FIRMWARE_MODEL`.
    """
    needed = {"gcc", "make"}
    if any(report.name.startswith(CORES + SMALLER_CORES) for report in reports):
        needed |= {"arm-none-eabi-gcc", "qemu-system-arm"}
    absent = sorted(tool for tool in needed if shutil.which(tool) is None)
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    settings |= {"FIRMWARE_BUILD": reports[0].parent, "FIRMWARE_PYTHON": sys.executable}
    given = [f"{name}={value}" for name, value in settings.items()]
    command = ["make", "-f", "microcontroller/firmware.mk", *given, *map(str, reports)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)


class CAccelerometer(ctypes.Structure):
    """`PskdAccelerometer` of `accelerometer_provider.h`."""

    start_type = ctypes.CFUNCTYPE(ctypes.c_int)
    collect_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    now_type = ctypes.CFUNCTYPE(ctypes.c_uint32)
    _fields_ = (
        ("start", start_type),
        ("collect", collect_type),
        ("now_us", now_type),
        ("axis", ctypes.c_int8 * 3),
        ("sign", ctypes.c_int8 * 3),
        ("units_per_g", ctypes.c_float),
        ("range_g", ctypes.c_float),
        ("collects_apart", ctypes.c_int),
    )
