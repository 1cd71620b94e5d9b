"""Imports go one way: each package imports only what stands below it, and there is no cycle."""

import graphlib
import re

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
