"""Where the project lies, and its commands as a user starts them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MICROCONTROLLER = ROOT / "microcontroller"


def run_command(module: str, *arguments: object, **settings: Any) -> subprocess.CompletedProcess:
    """Runs `python -m module` with arguments from the project's folder; returns what it printed.

    Args:
        module: Name of the command's module.
        *arguments: Its flags.
        **settings: Further arguments of `subprocess.run`.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    settings = {"cwd": ROOT, "timeout": 600, **settings}
    return subprocess.run(command, capture_output=True, text=True, **settings)
