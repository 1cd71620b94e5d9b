"""The rules of `microcontroller/firmware.mk` as tests start them, and a struct of its sources."""

import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT

# The emulated ones that run every check, and those that run the test clips.
CORES = ("m4", "m33", "m55")
SMALLER_CORES = ("m0", "m3", "m7")
RISCV = ("rv32imac", "rv32imafc")
# What the reports of a machine need, by the start of their names.
_TOOLS = {
    (*CORES, *SMALLER_CORES): ("arm-none-eabi-gcc", "qemu-system-arm"),
    RISCV: ("riscv64-unknown-elf-gcc", "qemu-system-riscv32"),
    ("s390x",): ("s390x-linux-gnu-gcc", "qemu-s390x"),
}


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
    for starts, tools in _TOOLS.items():
        if any(report.name.startswith(starts) for report in reports):
            needed.update(tools)
    absent = sorted(tool for tool in needed if shutil.which(tool) is None)
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    settings |= {"FIRMWARE_BUILD": reports[0].parent, "FIRMWARE_PYTHON": sys.executable}
    given = [f"{name}={value}" for name, value in settings.items()]
    command = ["make", "-f", "microcontroller/firmware.mk", *given, *map(str, reports)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)


def in_window_mode(settings: str, hop: int, rate_hz: int = 50) -> str:
    """Gives a `model_settings.h` of clip mode the other mode, as if it was exported so.

    Args:
        settings: The file's text.
        hop: From one window to the next, in samples; a window has 96.
        rate_hz: Rate of the windows' samples.
    """
    window = {
        "PSKD_CLIP_MODE": 0,
        "PSKD_WINDOW_RATE_HZ": f"{rate_hz}.0f",
        "PSKD_WINDOW_SAMPLES": 96,
        "PSKD_WINDOW_HOP": hop,
        # Whatever the settings are.
        "PSKD_EXPORTED_SETTINGS": "PSKD_SETTINGS_TEXT",
        "PSKD_SETTINGS_CRC": "pskd_settings_crc(model_id)",
    }
    lines = [f"#define {name} {value}" for name, value in window.items()]
    left_out = re.compile("define PSKD_(CLIP_|M[A-Z]+_SAMPLES|EXPORTED_SETTINGS|SETTINGS_CRC)")
    lines += [line for line in settings.splitlines() if not left_out.search(line)]
    return "\n".join(lines) + "\n"


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
