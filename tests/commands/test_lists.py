"""The lists of commands, and commands side by side in one process."""

import ast
import importlib
import re

import pytest

from project import ROOT, run_command


@pytest.mark.parametrize("package", ["data_prep", "pskd_tf", "pskd_tf.develop"])
def test_every_command_of_a_package_is_listed_with_a_call(package):
    finished = run_command(package)
    assert (finished.returncode, finished.stderr) == (0, "")
    folder = ROOT / package.replace(".", "/")
    commands = {
        path.stem if path.parent == folder else path.parent.name
        for path in [*folder.glob("*.py"), *folder.glob("*/__main__.py")]
        if re.search(r"^    run_command\(main, \w+\)$", path.read_text("utf-8"), re.MULTILINE)
    }
    listed = set(re.findall(r"^(\w+) +\S", finished.stdout, re.MULTILINE)) & commands
    assert listed == commands and len(commands) >= 3
    for name in commands:
        assert re.search(rf"^ +python -m {package}\.{name} --", finished.stdout, re.MULTILINE)
    assert len(finished.stdout.splitlines()) <= 26
    assert max(map(len, finished.stdout.splitlines())) <= 120


def test_commands_define_no_flag_when_they_are_imported():
    """Two commands can be imported in one process: no DuplicateFlagError."""
    from absl import flags

    before = set(flags.FLAGS)
    for name in ("evaluate", "report", "train", "simulate", "benchmark.__main__", "compress"):
        importlib.import_module(f"pskd_tf.{name}")
    assert set(flags.FLAGS) == before


def test_flags_are_defined_in_one_way():
    """From dataclasses, by `data_prep.flags` alone."""
    users = set()
    for folder in ("data_prep", "pskd_tf", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            names = {
                node.attr
                for node in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(node, ast.Attribute)
            }
            if any(name.startswith("DEFINE_") or name == "ArgumentParser" for name in names):
                users.add(str(path.relative_to(ROOT)))
    assert users == {"data_prep/flags.py"}
