"""A failing sensor under the sanitizers, in either mode."""

import shutil
import subprocess

import pytest

from firmware import make_reports
from project import MICROCONTROLLER, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def make_faults(exported, tmp_path):
    """Makes the report of a mode; returns the finished process and the report's numbers."""

    def make(mode, root=ROOT):
        report = tmp_path / f"faults-gcc-{mode}.txt"
        finished = make_reports(report, root=root, FIRMWARE_MODEL=exported)
        lines = report.read_text().splitlines() if report.exists() else []
        return finished, {name: int(value) for name, value in map(str.split, lines)}

    return make


@pytest.mark.parametrize("mode", ["window", "clip"])
def test_a_million_faulty_samples(make_faults, mode):
    """No finding, no broken rule; every kind of fault was there, and every answer was given."""
    finished, report = make_faults(mode)
    assert finished.returncode == 0, finished.stderr
    assert report["samples"] == 1_000_000 and report["broken_rules"] == 0
    faults = {name: count for name, count in report.items() if name.startswith("samples_")}
    assert len(faults) == 11 and sum(faults.values()) == 1_000_000
    assert min(faults.values()) > 30_000
    assert report["inferences"] > 2000 and report["decisions_unknown"] > 100
    said = [report[f"said_{name}"] for name in ("unknown", "no_signal", "activity")]
    assert sum(said) == 1_000_000 and min(said) > 10_000
    # Inputs that are not finite reach the model in no mode; in clip mode the detector drops them.
    assert (report["decisions"] > report["inferences"]) == (mode == "window")


def test_a_broken_rule_fails_the_build(make_faults, tmp_path):
    """With a check that never finds anything, a stuck axis is taken for a signal."""
    root = tmp_path / "checkout"
    shutil.copytree(MICROCONTROLLER, root / "microcontroller")
    source = root / "microcontroller" / "src" / "signal_check.c"
    text = source.read_text()
    broken = text.replace("good = 0;", "good = 1;")
    assert broken != text
    source.write_text(broken)
    finished, report = make_faults("clip", root)
    assert finished.returncode == 2 and not report
    program = tmp_path / "faults-gcc-clip" / "stream_faults"
    printed = subprocess.run([program], capture_output=True, text=True)
    assert printed.returncode == 1 and "broken: a stuck axis is a lost signal" in printed.stdout
