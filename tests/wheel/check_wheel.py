"""The wheel, installed into an empty environment and run in an empty folder.

Builds the wheel from a copy of the checkout, installs it with `pip install -c constraints.txt`,
and starts the commands one after the other: those of `make demo`, evaluate, export, prepare. Each
must end with status 0, without a traceback, and say where its result is.

python tests/wheel/check_wheel.py [FOLDER]

FOLDER (a temporary one if not given) must be empty; it takes about 3 GB and is left as it is.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What each command must leave, below the empty folder.
COMMANDS = {
    ("pskd_tf.train", "--flagfile=configs/demo.flags"): "runs/demo/metrics.json",
    (
        "pskd_tf.train",
        "--flagfile=configs/demo.flags",
        "--protocol=validation",
        "--seeds=1",
        "--run_dir=runs/demo_validation",
    ): "runs/demo_validation/metrics.json",
    (
        "pskd_tf.simulate",
        "--run_dir=runs/demo",
        "--choose_threshold",
        "--validation_run=runs/demo_validation",
    ): "runs/demo/recognizer.json",
    ("pskd_tf.simulate", "--run_dir=runs/demo", "--idle_hours=1"): "runs/demo/metrics.json",
    ("pskd_tf.report", "--run_dir=runs/demo"): "runs/demo/report.html",
    ("pskd_tf.evaluate", "--run_dir=runs/demo"): "runs/demo/metrics.json",
    (
        "pskd_tf.export",
        "--run_dir=runs/demo",
        "--target=arduino",
        "--out=sketch",
    ): "sketch/sketch.ino",
    ("data_prep.prepare", "--dataset=synthetic", "--out_dir=set"): "set/dataset.json",
}
_NOT_COPIED = ("*.egg-info", "__pycache__", ".*_cache")
# Only at the top: `pskd_tf/runs` is a package.
_NOT_COPIED_AT_TOP = (".git", ".venv", "build", "dist", "runs")


def main(folder: Path) -> None:
    """Does all of it and raises at the first failure."""
    source, wheels, empty = (folder / name for name in ("source", "wheels", "empty"))
    shutil.copytree(ROOT, source, ignore=_not_copied)
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    _run("wheel", [sys.executable, *pip, "wheel", "--no-deps", f"--wheel-dir={wheels}", source])
    (wheel,) = wheels.glob("pskd_tf-*.whl")
    _check_modules(wheel)
    # Named after none of the project's: an environment of its own, without the checkout.
    _run("environment", [sys.executable, "-m", "venv", folder / "environment"])
    python = folder / "environment" / "bin" / "python"
    constraints = source / "constraints.txt"
    # Only what is imported gets compiled, which takes seconds instead of a minute.
    _run("install", [python, *pip, "install", "--no-compile", f"--constraint={constraints}", wheel])
    shutil.rmtree(source)
    empty.mkdir()
    where = _run("import", [python, "-c", "import pskd_tf; print(pskd_tf.__file__)"], empty)
    assert Path(where.strip()).is_relative_to(folder / "environment"), where
    for (module, *arguments), result in COMMANDS.items():
        output = _run(module, [python, "-m", module, *arguments], empty)
        last = output.splitlines()[-2:]
        assert last[0].startswith("result: ") and last[1].startswith("next: "), output
        assert (empty / result).is_file(), f"{module} left no {result}"


def _not_copied(folder: str, names: list[str]) -> set[str]:
    patterns = _NOT_COPIED + (_NOT_COPIED_AT_TOP if Path(folder) == ROOT else ())
    return shutil.ignore_patterns(*patterns)(folder, names)


def _check_modules(wheel: Path) -> None:
    """Every module of the checkout's two packages is in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    modules = {
        str(path.relative_to(ROOT))
        for package in ("pskd_tf", "data_prep")
        for path in (ROOT / package).rglob("*.py")
    }
    assert modules <= packed, f"not in the wheel: {sorted(modules - packed)}"


def _run(title: str, command: list[object], cwd: Path | None = None) -> str:
    started = time.monotonic()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "VIRTUAL_ENV", "PSKD_DATA_DIR")
    }
    finished = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True
    )
    print(f"{title}: {time.monotonic() - started:.0f} s", flush=True)
    if finished.returncode or "Traceback" in finished.stderr:
        sys.exit(f"{title} failed:\n{finished.stdout[-4000:]}\n{finished.stderr[-4000:]}")
    return finished.stdout


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]).resolve())
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary).resolve())
