"""Imports go one way: each package imports only what stands below it, and there is no cycle."""

import ast
import graphlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from project import ROOT

# From the ground up. A module may import from its own layer and from those before it; modules of
# `pskd_tf` that are in no package and not named here are commands.
LAYERS = (
    "data_prep",
    "settings",
    "processes",
    "run",
    "data",
    "models",
    "distillation",
    "evaluation",
    "compression",
    "pipeline",
    "device",
    "export",
    "reporting",
    "benchmark",
    "monitoring",
    "runs",
    "commands",
)


def module_of(path: Path, root: Path) -> str:
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    return name.removesuffix(".__init__")


def layer_of(module: str) -> str | None:
    """Returns the layer of a module; None of `pskd_tf` itself, which imports on first use."""
    parts = module.split(".")
    if parts[0] == "data_prep":
        return "data_prep"
    if parts == ["pskd_tf"]:
        return None
    if parts[-1] == "__main__" or parts[1] not in LAYERS:
        return "commands"
    return parts[1]


def imports_of(source: str, modules: Iterable[str], everywhere: bool) -> set[str]:
    """Returns the project's modules that a source text imports.

    Args:
        source: The text.
        modules: Names of all modules.
        everywhere: Whether imports inside functions count too.
    """
    known, found = set(modules), set()
    tree = ast.parse(source)
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & known
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            names = {f"{node.module}.{alias.name}" for alias in node.names} & known
            found |= names or {node.module}
    return found


def upward_imports(sources: dict[str, str]) -> list[str]:
    """Returns each import that goes from a layer to one above it.

    Args:
        sources: Text by module name.
    """
    wrong = []
    for module, source in sorted(sources.items()):
        own = layer_of(module)
        for other in sorted(imports_of(source, sources, everywhere=True)):
            above = layer_of(other)
            if own and above and LAYERS.index(above) > LAYERS.index(own):
                wrong.append(f"{module} ({own}) imports {other} ({above})")
    return wrong


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    paths = [path for top in ("data_prep", "pskd_tf") for path in (ROOT / top).rglob("*.py")]
    return {module_of(path, ROOT): path.read_text(encoding="utf-8") for path in paths}


def test_no_import_goes_up(sources):
    assert upward_imports(sources) == []


def test_a_planted_upward_import_is_found(sources):
    text = sources["pskd_tf.data.clips"] + "\n\ndef _late():\n    import pskd_tf.pipeline.plan\n"
    assert upward_imports(sources | {"pskd_tf.data.clips": text}) == [
        "pskd_tf.data.clips (data) imports pskd_tf.pipeline.plan (pipeline)"
    ]


def test_modules_import_each_other_in_no_cycle(sources):
    graph = {
        module: imports_of(text, sources, everywhere=False) - {module}
        for module, text in sources.items()
    }
    list(graphlib.TopologicalSorter(graph).static_order())
