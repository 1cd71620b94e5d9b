"""The names that `pskd_tf` offers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pskd_tf

SOURCE = Path(pskd_tf.__file__)


def test_every_name_is_what_its_home_defines():
    for name in pskd_tf.__all__:
        value = getattr(pskd_tf, name)
        assert value.__name__ == name and value.__module__.startswith("pskd_tf.")
        assert value.__doc__
    assert set(pskd_tf.__all__) <= set(dir(pskd_tf))


def test_type_checkers_see_the_same_names():
    """The imports that only they read, against those that happen."""
    (block,) = [
        node for node in ast.parse(SOURCE.read_text("utf-8")).body if isinstance(node, ast.If)
    ]
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == alias.asname
    }
    assert seen == {name: f"pskd_tf.{home}" for name, home in pskd_tf._HOMES.items()}
    assert SOURCE.with_name("py.typed").exists()


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="module 'pskd_tf' has no attribute 'nothing'"):
        _ = pskd_tf.nothing
    with pytest.raises(ImportError):
        exec("from pskd_tf import nothing", {})


def test_importing_the_package_imports_nothing_else():
    """So that a command can start TensorFlow quietly and on one thread."""
    script = (
        "import sys, pskd_tf; before = set(sys.modules)\n"
        "from pskd_tf import InputSettings, TrainingSettings\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & before, 'heavy import'\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules), 'heavy settings'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
