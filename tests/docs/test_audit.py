"""`make audit` ends in one line where nothing was audited, and never as if all were well."""

import os
import subprocess
from pathlib import Path

import pytest

from project import ROOT

# In the place of Python: an environment whose pip-audit says what the real one (2.10) says.
PYTHON = """#!/bin/sh
mkdir -p build/audit/bin && cp pip build/audit/bin/pip && cp pip-audit build/audit/bin/pip-audit
"""
NO_SERVICE = "Traceback (most recent call last):\nrequests.exceptions.ConnectionError: no route"
NOT_LISTED = "WARNING: none\nERROR:pip_audit._cli:absl-py: Dependency not found on PyPI"
FINDING = "Found 1 known vulnerability in 1 package"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (NO_SERVICE, "error: An audit needs PyPI's advisory service. Received: requests."),
        (NOT_LISTED, "error: An audit needs PyPI's advisory service. Received: ERROR:pip_audit."),
        (FINDING, FINDING),
    ],
)
def test_an_audit_that_finds_or_lacks_something_fails_in_a_line(tmp_path: Path, said, line):
    # Without --strict it passes over what it did not find.
    fails = f"cat >&2 <<'END'\n{said}\nEND\ncase \"$*\" in *--strict*) exit 1;; esac\n"
    finished = audit(tmp_path, fails)
    assert finished.returncode == 2
    first, second = finished.stderr.splitlines()
    assert first.startswith(line) and second.startswith("make: ***")


def test_an_audit_without_findings_passes(tmp_path: Path):
    assert audit(tmp_path, "echo No known vulnerabilities found >&2\n").returncode == 0


def audit(folder: Path, pip_audit: str) -> subprocess.CompletedProcess:
    texts = {"python": PYTHON, "pip": "#!/bin/sh\n", "pip-audit": f"#!/bin/sh\n{pip_audit}"}
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "Makefile").write_text((ROOT / "Makefile").read_text("utf-8"), "utf-8")
    (folder / "microcontroller").mkdir()
    (folder / "microcontroller" / "firmware.mk").touch()
    # Without the settings of a `make` that runs the tests.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "audit", f"PYTHON={folder / 'python'}"]
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)
