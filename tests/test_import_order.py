"""Imports go one way: each package imports only what stands below it, and there is no cycle."""

import ast
import graphlib
import re
from collections import defaultdict

import pytest

from architecture import (
    LAYERS,
    imports_of,
    layer_imports,
    layer_of,
    modules_table,
    packages_picture,
    read_sources,
)


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
    return read_sources()


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


def folder_graphs(sources: dict[str, str]) -> dict[str, dict[str, set[str]]]:
    """Returns for each folder what its own modules and folders import from each other.

    A folder is one node among its siblings, whatever it holds. A `__main__` is a node of its own,
    because commands stand above the package that they are named after; `__init__` is none, because
    it imports at first use.

    Args:
        sources: Text by module name.
    """
    packages = {module.rpartition(".")[0] for module in sources} - {""}
    graphs: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for module, source in sources.items():
        if module in packages:
            continue
        for other in imports_of(source, sources, everywhere=True) - packages - {module}:
            own, others = _node_parts(module), _node_parts(other)
            pairs = zip(own, others, strict=False)
            shared = next(place for place, (one, two) in enumerate(pairs) if one != two)
            graphs[".".join(own[:shared])][own[shared]].add(others[shared])
    return graphs


def _node_parts(module: str) -> list[str]:
    """Returns folders and module; a `__main__` stands beside its folder."""
    parts = module.split(".")
    return [*parts[:-2], ".".join(parts[-2:])] if parts[-1] == "__main__" else parts


def test_packages_import_each_other_in_no_cycle(sources):
    graphs = folder_graphs(sources)
    assert {"", "data_prep", "pskd_tf", "pskd_tf.distillation"} <= set(graphs)
    for graph in graphs.values():
        list(graphlib.TopologicalSorter(graph).static_order())


def test_a_planted_cycle_of_packages_is_found(sources):
    """Modules would not be in a cycle, their folders would."""
    text = sources["data_prep.formats.mat"] + "\n\nimport data_prep.loaders.utd_mhad\n"
    graph = folder_graphs(sources | {"data_prep.formats.mat": text})["data_prep"]
    with pytest.raises(graphlib.CycleError) as caught:
        list(graphlib.TopologicalSorter(graph).static_order())
    assert {"formats", "loaders"} <= set(caught.value.args[1])


def test_what_a_package_offers_is_defined_where_it_says(sources):
    """Also what nobody of us imports."""
    checked = 0
    for package, source in sources.items():
        for block in ast.parse(source).body:
            if not (isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)):
                continue
            for node in block.body:
                if not isinstance(node, ast.ImportFrom) or node.module not in sources:
                    continue
                defined = _defined(sources[node.module])
                missing = {alias.name for alias in node.names} - defined
                assert not missing, f"{package} offers {missing}, not in {node.module}"
                checked += len(node.names)
    assert checked > 100


def _defined(source: str) -> set[str]:
    """Returns the names that a module defines itself."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {
                name.id
                for target in targets
                for name in ast.walk(target)
                if isinstance(name, ast.Name)
            }
    return found


def test_the_picture_shows_each_layer_and_only_imports_that_exist(sources):
    picture = packages_picture(sources)
    assert re.findall(r"<text x[^>]*>([a-z_]+)</text>", picture) == list(LAYERS)
    arrows = picture.count('class="arrow"')
    assert 15 <= arrows < sum(len(others) for others in layer_imports(sources).values())


def test_the_picture_leaves_out_what_a_longer_path_implies():
    sources = {
        "data_prep.clip": "\n\n",
        "pskd_tf.settings": "import data_prep.clip\n\n",
        "pskd_tf.run": "import data_prep.clip\nimport pskd_tf.settings\n\n",
    }
    assert layer_imports(sources)["run"] == {"data_prep", "settings"}
    assert packages_picture(sources).count('class="arrow"') == 2
    assert "1 module, 3 lines" in packages_picture(sources)


def test_every_module_has_a_row_that_says_what_it_holds(sources):
    rows = re.findall(r"^\| `([a-z_0-9/]+)` \| .{8,} \|$", modules_table(sources), re.MULTILINE)
    assert sorted(rows) == sorted(
        module.replace(".", "/") for module in sources if layer_of(module)
    )
