"""The import graph of the packages: read from the sources, held by a test, drawn for the site."""

import ast
import graphlib
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape  # nosec B406

ROOT = Path(__file__).resolve().parents[1]

# From the bottom to the top. A module may import from its own layer and from those before it;
# modules of `pskd_tf` that are in no package and not named here are commands.
LAYERS = (
    "data_prep",
    "stream_settings",
    "label_settings",
    "virtual_settings",
    "student_settings",
    "input_settings",
    "training_settings",
    "method",
    "settings",
    "processes",
    "run_records",
    "metrics_record",
    "stage_record",
    "exported",
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

# Of the picture: a box, the width that a box and an arrow take in a row, and the height of a row.
_BOX_WIDTH, _BOX_HEIGHT, _COLUMN, _LANE, _ROW = 132, 44, 152, 28, 84


def module_of(path: Path, root: Path) -> str:
    """Returns the dotted name of a source file, a package's for its `__init__`."""
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


def read_sources(root: Path = ROOT) -> dict[str, str]:
    """Returns the text of every module of `data_prep` and `pskd_tf` by its name."""
    paths = [path for top in ("data_prep", "pskd_tf") for path in (root / top).rglob("*.py")]
    return {module_of(path, root): path.read_text(encoding="utf-8") for path in sorted(paths)}


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


def layer_imports(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Returns for each layer the other layers that its modules import, also inside functions.

    Args:
        sources: Text by module name.
    """
    graph: dict[str, set[str]] = {layer: set() for layer in LAYERS}
    for module, source in sources.items():
        own = layer_of(module)
        others = {layer_of(other) for other in imports_of(source, sources, everywhere=True)}
        if own:
            graph[own] |= {other for other in others if other} - {own}
    return graph


def _below(graph: Mapping[str, set[str]], layer: str) -> set[str]:
    """Returns all that a layer imports, directly or through others."""
    found: set[str] = set()
    waiting = list(graph[layer])
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting.extend(graph[other])
    return found


def _shortest(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Returns the graph without the arrows that a longer path already implies."""
    return {
        layer: {one for one in others if not any(one in _below(graph, o) for o in others - {one})}
        for layer, others in graph.items()
    }


def _routes(graph: Mapping[str, set[str]]) -> dict[tuple[str, str], list[str]]:
    """Returns the way of each arrow: a box, a free place in each row between, a box.

    Row 0 imports nothing; arrows lead to lower rows. A box is named `layer row`, a free place
    `from>to row`.
    """
    rows: dict[str, int] = {}
    for layer in graphlib.TopologicalSorter(graph).static_order():
        rows[layer] = 1 + max((rows[other] for other in graph[layer]), default=-1)
    ways = {}
    for layer, others in graph.items():
        for other in sorted(others, key=LAYERS.index):
            between = range(rows[layer] - 1, rows[other], -1)
            ways[layer, other] = [
                f"{layer} {rows[layer]}",
                *(f"{layer}>{other} {row}" for row in between),
                f"{other} {rows[other]}",
            ]
    return ways


def _row(place: str) -> int:
    return int(place.split()[-1])


def _centres(ways: Iterable[list[str]]) -> dict[str, float]:
    """Returns the centre of each box and free place in its row, in the picture's units.

    Places are ordered by the mean of what they are joined to, row by row, down and up again.
    """
    joined: dict[str, set[str]] = {}
    for way in ways:
        for upper, lower in pairwise(way):
            joined.setdefault(upper, set()).add(lower)
            joined.setdefault(lower, set()).add(upper)
    top = max(map(_row, joined))
    rows = [[place for place in joined if _row(place) == row] for row in range(top + 1)]
    centres: dict[str, float] = {}
    for sweep in range(6):
        numbers = range(top + 1) if sweep % 2 else range(top, -1, -1)
        for number in numbers:
            row = rows[number]

            def mean(place: str) -> float:
                known = [centres[one] for one in joined[place] if one in centres]
                return sum(known) / len(known) if known else 0.0

            row.sort(key=mean)
            widths = [_COLUMN if ">" not in place else _LANE for place in row]
            left = -sum(widths) / 2
            for place, width in zip(row, widths, strict=True):
                centres[place] = left + width / 2
                left += width
    return centres


def packages_picture(sources: Mapping[str, str]) -> str:
    """Returns the picture of the layers as SVG; its colours are those of the page around it.

    Args:
        sources: Text by module name.
    """
    ways = _routes(_shortest(layer_imports(sources)))
    centres = _centres(ways.values())
    lines_of = dict.fromkeys(LAYERS, 0)
    modules_of = dict.fromkeys(LAYERS, 0)
    for module, text in sources.items():
        layer = layer_of(module)
        if layer and text.strip().count("\n"):
            lines_of[layer] += text.count("\n")
            modules_of[layer] += 1
    top = max(map(_row, centres))
    halves = {place: 4 if ">" in place else _BOX_WIDTH / 2 + 4 for place in centres}
    left = min(centres[place] - half for place, half in halves.items())
    width = max(centres[place] + half for place, half in halves.items()) - left
    height = top * _ROW + _BOX_HEIGHT + 8

    def upper_edge(place: str) -> float:
        return (top - _row(place)) * _ROW + 4

    parts = [
        f'<svg class="packages" viewBox="{left:g} 0 {width:g} {height:g}" role="img" '
        'aria-label="Packages and what they import">',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    ]
    for way in ways.values():
        path = f"M{centres[way[0]]:g} {upper_edge(way[0]) + _BOX_HEIGHT:g}"
        for upper, lower in pairwise(way):
            start, end = upper_edge(upper) + _BOX_HEIGHT, upper_edge(lower) - 2
            x, to_x, middle = centres[upper], centres[lower], (start + end) / 2
            path += f"L{x:g} {start:g}C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {end:g}"
        parts.append(f'<path class="arrow" marker-end="url(#arrow)" d="{path}"/>')
    boxes = {place.split()[0]: place for place in centres if ">" not in place}
    for layer in LAYERS:
        if layer not in boxes:
            continue
        x, y = centres[boxes[layer]] - _BOX_WIDTH / 2, upper_edge(boxes[layer])
        count = modules_of[layer]
        size = f"{count} module{'s' * (count != 1)}, {lines_of[layer]:,} lines"
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="6"/>'
            f'<text x="{x + _BOX_WIDTH / 2:g}" y="{y + 19:g}">{escape(layer)}</text>'
            f'<text class="size" x="{x + _BOX_WIDTH / 2:g}" y="{y + 35:g}">{size}</text>'
        )
    return "".join([*parts, "</svg>"])


def modules_table(sources: Mapping[str, str]) -> str:
    """Returns a Markdown section for each layer: its modules and what each of them is about.

    Args:
        sources: Text by module name.
    """
    graph = layer_imports(sources)
    sections = []
    for layer in LAYERS:
        modules = [module for module in sources if layer_of(module) == layer]
        imported = ", ".join(f"`{one}`" for one in LAYERS if one in graph[layer]) or "nothing"
        rows = [
            f"| `{module.replace('.', '/')}` | {summary} |"
            for module in modules
            if (summary := first_sentence(sources[module]))
        ]
        head = f"### {layer}\n\nImports {imported}.\n\n| module | what it holds |\n| --- | --- |\n"
        sections.append(head + "\n".join(rows))
    return "\n\n".join(sections)


def first_sentence(source: str) -> str:
    """Returns the first line of a module's docstring, without its full stop."""
    text = ast.get_docstring(ast.parse(source)) or ""
    return " ".join(text.partition("\n\n")[0].split()).removesuffix(".").replace("|", "\\|")
