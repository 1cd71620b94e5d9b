"""The import graph of the packages: read from the sources, held by a test, drawn for the site."""

import ast
import graphlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]

# From the bottom to the top. A module may import from its own layer and from those before it;
# modules of `pskd_tf` that are in no package and not named here are commands.
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

_BOX_WIDTH, _BOX_HEIGHT, _COLUMN, _ROW = 132, 44, 152, 84


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


def _places(graph: Mapping[str, set[str]]) -> dict[str, tuple[float, int]]:
    """Returns column and row of each layer; row 0 imports nothing, arrows lead to lower rows."""
    rows: dict[str, int] = {}
    for layer in graphlib.TopologicalSorter(graph).static_order():
        rows[layer] = 1 + max((rows[other] for other in graph[layer]), default=-1)
    places: dict[str, tuple[float, int]] = {}
    for row in range(max(rows.values()) + 1):
        members = [layer for layer in LAYERS if rows[layer] == row]

        def mean_column(layer: str) -> float:
            columns = [places[other][0] for other in graph[layer] if other in places]
            return sum(columns) / len(columns) if columns else 0.0

        members.sort(key=mean_column)
        for number, layer in enumerate(members):
            places[layer] = (number - (len(members) - 1) / 2, row)
    return places


def packages_picture(sources: Mapping[str, str]) -> str:
    """Returns the picture of the layers as SVG; its colours are those of the page around it.

    Args:
        sources: Text by module name.
    """
    graph = _shortest(layer_imports(sources))
    places = _places(graph)
    lines_of = dict.fromkeys(LAYERS, 0)
    modules_of = dict.fromkeys(LAYERS, 0)
    for module, text in sources.items():
        layer = layer_of(module)
        if layer and text.strip().count("\n"):
            lines_of[layer] += text.count("\n")
            modules_of[layer] += 1
    columns = [column for column, _ in places.values()]
    top = max(row for _, row in places.values())
    left = min(columns) * _COLUMN - _BOX_WIDTH / 2 - 4
    width = (max(columns) - min(columns)) * _COLUMN + _BOX_WIDTH + 8
    height = top * _ROW + _BOX_HEIGHT + 8

    def corner(layer: str) -> tuple[float, float]:
        column, row = places[layer]
        return column * _COLUMN - _BOX_WIDTH / 2, (top - row) * _ROW + 4

    parts = [
        f'<svg class="packages" viewBox="{left:g} 0 {width:g} {height:g}" role="img" '
        'aria-label="Packages and what they import">',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    ]
    for layer, others in graph.items():
        for other in sorted(others, key=LAYERS.index):
            (x, y), (to_x, to_y) = corner(layer), corner(other)
            start, end = (x + _BOX_WIDTH / 2, y + _BOX_HEIGHT), (to_x + _BOX_WIDTH / 2, to_y - 2)
            middle = (start[1] + end[1]) / 2
            parts.append(
                f'<path class="arrow" marker-end="url(#arrow)" d="M{start[0]:g} {start[1]:g}'
                f'C{start[0]:g} {middle:g} {end[0]:g} {middle:g} {end[0]:g} {end[1]:g}"/>'
            )
    for layer in LAYERS:
        x, y = corner(layer)
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
