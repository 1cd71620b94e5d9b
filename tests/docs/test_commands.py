"""Every command that README and the documentation quote is started, or says why not.

A command in a `sh` block is started here as it stands, in a folder that holds a finished run as
`RUN` and as `runs/demo`. One that another test starts is listed in `ELSEWHERE`; one that needs a
data set or a board is marked in the page. The flags of all of them must exist.
"""

import functools
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from project import ROOT, run_command

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ONLY_FLAGS = [ROOT / "microcontroller" / "README.md"]
_FENCE = re.compile(
    r"(?:<!-- needs: (?P<comment>\w+) -->\n)?"
    r"^(?P<fence>`{3,})(?P<language>[^\s`]*)(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_INDENTED = re.compile(
    r"(?:<!-- needs: (?P<comment>\w+) -->\n)?^\n(?P<body>(?: {4}\S.*\n)+)", re.MULTILINE
)
_COMMAND = re.compile(r"(?:python -m (?:data_prep|pskd_tf)[.\w]*|make [a-z-]+)(?:\s[^`]*)?")


@dataclass(frozen=True)
class QuotedCommand:
    """A command in a page.

    Attributes:
        text: The command on one line, without a comment.
        needs: What it is marked to need (`data`, `board`, ...); "" if it runs anywhere.
        block: Whether it stands in a `sh` block; else in the running text.
    """

    text: str
    needs: str
    block: bool


def quoted_commands(page: Path) -> list[QuotedCommand]:
    """Returns a page's commands: every line of its `sh` blocks, and those in running text.

    A block is marked by the line `<!-- needs: data -->` above it or by ```` ```sh needs-data ````.
    What talks to a serial port needs a board, what installs needs a registry.
    """
    text = page.read_text(encoding="utf-8")
    found = []

    def add(lines: str, needs: str, any_command: bool) -> None:
        for line in lines.replace("\\\n", " ").splitlines():
            command = " ".join(re.sub(r"(?:^|\s+)#.*", "", line).split())
            if command and (any_command or _COMMAND.fullmatch(command)):
                needed = "board" if "--port=" in command else needs
                needed = "registry" if command.startswith("pip install ") else needed
                found.append(QuotedCommand(command, needed, True))

    for match in _FENCE.finditer(text):
        if match["language"] in ("sh", "bash", "console", "shell", ""):
            needs = match["comment"] or match["info"].strip().removeprefix("needs-")
            add(match["body"], needs, any_command=bool(match["language"]))
    prose = _FENCE.sub("", text)
    for match in _INDENTED.finditer(prose):
        add(match["body"], match["comment"] or "", any_command=False)
    for span in re.findall(r"`([^`]+)`", _INDENTED.sub("", prose)):
        span = " ".join(span.split())
        if _COMMAND.fullmatch(span):
            found.append(QuotedCommand(span, "", False))
    return found


# By what they are started instead: a test, or a target of make that CI makes.
ELSEWHERE = {
    "make demo": "tests/wheel/check_wheel.py::main",
    "make test": "make test",
    "python -m pskd_tf.train --flagfile=configs/demo.flags": "tests/wheel/check_wheel.py::main",
    "python -m pskd_tf.train --flagfile=configs/demo.flags --protocol=validation --seeds=1 "
    "--run_dir=runs/demo_validation": "tests/wheel/check_wheel.py::main",
    "python -m pskd_tf.simulate --run_dir=runs/demo --choose_threshold "
    "--validation_run=runs/demo_validation": "tests/wheel/check_wheel.py::main",
    "python -m data_prep.inspect --manifest=recordings/manifest.csv "
    "--skeleton_layout=kinect_v1_20": "tests/data_prep/loaders/test_custom_example.py::"
    "test_inspect_finds_the_offset_and_prepare_uses_it",
    "python -m pskd_tf.train --flagfile=configs/custom.flags "
    "--manifest=recordings/manifest.csv --skeleton_layout=kinect_v1_20 --run_dir=runs/own": (
        "tests/configs/test_configs.py::test_export_is_whole_and_prints_the_sets_classes"
    ),
    "python -m pskd_tf.train --flagfile=configs/demo.flags --student_module=my_students.py "
    "--student=small_net --run_dir=runs/own_net": (
        "tests/pskd_tf/runs/test_own_student.py::test_a_registered_student_goes_to_c"
    ),
    # The same without its raw files: tests/configs/test_configs.py parses the flagfile.
    "python -m pskd_tf.train --flagfile=configs/utd_mhad.flags --raw_dir=DIR "
    "--run_dir=runs/utd_mhad": "needs data",
}


def _found() -> dict[QuotedCommand, list[str]]:
    found: dict[QuotedCommand, list[str]] = {}
    for page in [*PAGES, *ONLY_FLAGS]:
        for command in quoted_commands(page):
            found.setdefault(command, []).append(str(page.relative_to(ROOT)))
    return found


FOUND = _found()
IN_BLOCKS = {
    command: pages
    for command, pages in FOUND.items()
    if command.block and set(pages) - {str(page.relative_to(ROOT)) for page in ONLY_FLAGS}
}
STARTED_HERE = sorted(
    {command.text for command in IN_BLOCKS if not command.needs} - ELSEWHERE.keys()
)


def test_the_pages_quote_commands():
    assert len(FOUND) > 20 and len(STARTED_HERE) >= 5
    assert {command.needs for command in IN_BLOCKS} <= {
        "",
        "data",
        "board",
        "registry",
        "browser",
        "recording",
        "tools",
    }


def test_what_is_listed_is_quoted_and_its_test_exists():
    """So that the list cannot outlive what it lists."""
    quoted = {command.text for command in IN_BLOCKS}
    assert ELSEWHERE.keys() - quoted == set()
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for where in ELSEWHERE.values():
        if where.startswith("make "):
            target = where.removeprefix("make ")
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        elif where != "needs data":
            path, _, name = where.partition("::")
            assert f"def {name}(" in (ROOT / path).read_text("utf-8"), where


def test_the_wheel_runs_the_commands_of_the_demo():
    """In their order; then what else the check runs."""
    (recipe,) = re.findall(r"^demo:.*\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.M)
    path = ROOT / "tests" / "wheel" / "check_wheel.py"
    started = list(runpy.run_path(str(path))["COMMANDS"])
    wanted = [tuple(line.split()[2:]) for line in recipe.splitlines()]
    assert len(wanted) == 5 and started[:5] == wanted


@functools.cache
def _flags(module: str) -> frozenset[str]:
    finished = run_command(module, "--help")
    assert finished.returncode == 0, f"python -m {module} --help: {finished.stderr}"
    flags = re.findall(r"^ +(?:-\w,)?--(\[no\])?(\w+)", finished.stdout, re.MULTILINE)
    negated = {f"no{name}" for no, name in flags if no}
    return frozenset({name for _, name in flags} | negated | {"flagfile", "help"})


@pytest.mark.parametrize("command", FOUND, ids=lambda command: command.text[:70])
def test_module_and_flags_exist(command):
    """Of a `make` command, the target."""
    words = command.text.split()
    if words[0] == "make":
        rules = [ROOT / "Makefile", ROOT / "microcontroller" / "firmware.mk"]
        text = "\n".join(path.read_text("utf-8") for path in rules)
        for target in (word for word in words[1:] if "=" not in word):
            assert re.search(rf"^\.PHONY:.*\b{re.escape(target)}\b", text, re.M), FOUND[command]
    elif words[:2] == ["python", "-m"] and words[2].startswith(("data_prep", "pskd_tf")):
        used = {word[2:].partition("=")[0] for word in words[3:] if word.startswith("--")}
        assert used <= _flags(words[2]), (sorted(used - _flags(words[2])), FOUND[command])


@pytest.fixture(scope="module")
def folder(tiny_run, tmp_path_factory) -> Path:
    """An empty folder but for a finished run, under the names that the pages use."""
    folder = tmp_path_factory.mktemp("quoted")
    shutil.copytree(tiny_run, folder / "runs" / "demo")
    (folder / "RUN").symlink_to(folder / "runs" / "demo")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("text", STARTED_HERE)
def test_a_quoted_command_runs(text, folder):
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    finished = subprocess.run(
        ["sh", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert finished.returncode == 0, finished.stderr
    last = finished.stdout.splitlines()[-2:]
    if "--dry_run" not in text and text.startswith("python -m"):
        assert last[0].startswith("result: ") and last[1].startswith("next: "), finished.stdout
