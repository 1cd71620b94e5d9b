"""The section about compression: scores of each form, cost on the device, search under a budget."""

import gzip
from dataclasses import dataclass
from typing import Any

from pskd_tf.reporting.charts import Chart, colour_of, numbered_colour
from pskd_tf.reporting.score_charts import CostDot, DotRow, amount_bars, cost_chart, seed_dots
from pskd_tf.reporting.scored_models import SCORES
from pskd_tf.reporting.tables import Table, percent, words
from pskd_tf.run import Run

_FORMS = {"float": "float32", "pruned": "pruned, float32", "int8": "int8, exported"}
_MOST_ROWS = 60


@dataclass(frozen=True)
class CompressionSearch:
    """What `pskd_tf.compress` left.

    Attributes:
        front: The candidates, accuracy against flash; None where there are none.
        colours: Colour of each method.
        tables: Every list of objects.
        notes: Every list of texts.
        values: All other values.
    """

    front: Chart | None
    colours: dict[str, str]
    tables: list[Table]
    notes: list[list[str]]
    values: Table | None


@dataclass(frozen=True)
class Compression:
    """The section.

    Attributes:
        scores: Scores of each form of the student.
        dots: Their accuracy, one dot a seed.
        cost: What the exported student needs.
        sizes: Its sizes on one scale.
        search: The search under a budget, if there was one.
    """

    scores: Table
    dots: Chart
    cost: Table
    sizes: Chart
    search: CompressionSearch | None


def compression_section(run: Run) -> Compression:
    """Collects the sizes, the scores of each form, and the search under a budget, if any."""
    metrics, model = run.metrics, run.metrics["model"]
    gzip_bytes = len(gzip.compress(run.export.tflite, 9, mtime=0))
    scores = [
        [label, *(percent(metrics["student"][form][name]) for name in SCORES)]
        for form, label in _FORMS.items()
    ]
    cost = [
        ["parameters", f"{model['parameters']:,}"],
        ["multiply-accumulates of an inference", f"{model['macs']:,}"],
        *[
            [f"zeros in kernels: {words(name)}", f"{100 * share:.0f} %"]
            for name, share in model["sparsity"].items()
        ],
        ["flash: int8 flatbuffer", f"{model['flatbuffer_bytes']:,} bytes"],
        ["the same, gzip", f"{gzip_bytes:,} bytes"],
        ["arena: TensorFlow Lite Micro on 64 bit", f"{model['arena_bytes']:,} bytes"],
        ["arena reserved by the export", f"{run.export.manifest.arena_bytes:,} bytes"],
    ]
    sizes = [
        ("weights in float32", 4.0 * model["parameters"], colour_of("baseline")),
        ("int8 flatbuffer (flash)", float(model["flatbuffer_bytes"]), colour_of("int8")),
        ("the same, gzip", float(gzip_bytes), colour_of("int8")),
        ("arena (RAM)", float(model["arena_bytes"]), colour_of("students/cross_fitted")),
    ]
    dots = [
        DotRow(
            label,
            [100 * value for value in metrics["student"][form]["accuracy"]["values"]],
            colour_of({"float": f"students/{run.first_kind}"}.get(form, form)),
        )
        for form, label in _FORMS.items()
    ]
    title = "Accuracy of each form of the student"
    return Compression(
        Table(["Form", "Accuracy %", "Macro F1 %", "Wrist actions %"], scores),
        seed_dots(dots, title, "accuracy on held-out clips, %"),
        Table(["Exported student (first seed)", "Value"], cost),
        amount_bars(sizes, "Sizes of the student in bytes"),
        None if run.compression is None else compression_search(run.compression),
    )


def compression_search(content: Any) -> CompressionSearch:
    """Collects the content of `compression.json`, whatever its fields.

    Args:
        content: The JSON value.

    Returns:
        The candidates as a chart, lists of objects as tables, other values as one table.
    """
    fields = content if isinstance(content, dict) else {"content": content}
    tables: list[Table] = []
    notes: list[list[str]] = []
    values: list[list[str]] = []
    for name, value in fields.items():
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            header = [key for key in value[0] if not isinstance(value[0][key], dict | list)]
            rows = [[_cell(one.get(key)) for key in header] for one in value[:_MOST_ROWS]]
            if header:
                tables.append(Table([words(key) for key in header], rows, words(name)))
        elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            notes.append(value)
        else:
            values += _flat(words(name), value)
    front, colours = _front(fields)
    listed = Table(["Name", "Value"], values[:_MOST_ROWS], kind="text") if values else None
    return CompressionSearch(front, colours, tables, notes, listed)


def _front(fields: dict[str, Any]) -> tuple[Chart | None, dict[str, str]]:
    wanted = {"name", "method", "flash_bytes", "int8_accuracy"}
    rows = fields.get("candidates")
    rows = rows if isinstance(rows, list) else []
    rows = [one for one in rows if isinstance(one, dict) and wanted <= set(one)]
    if not rows:
        return None, {}
    methods = list(dict.fromkeys(str(one["method"]) for one in rows))
    colours = {method: numbered_colour(number) for number, method in enumerate(methods)}
    dots = [
        CostDot(
            f"{one['name']}, {one['method']}: {one['flash_bytes']:,} bytes, "
            f"{100 * one['int8_accuracy']:.1f} %",
            one["flash_bytes"] / 1024,
            100 * one["int8_accuracy"],
            colours[str(one["method"])],
            one.get("refused") is None,
            "exported"
            if fields.get("chosen") == {key: one[key] for key in ("name", "method")}
            else "",
        )
        for one in rows
    ]
    return cost_chart(dots, "Accuracy of the candidates against their flash", "flash, KiB"), colours


def _flat(name: str, value: Any) -> list[list[str]]:
    if isinstance(value, dict):
        return [row for key, one in value.items() for row in _flat(f"{name}: {words(key)}", one)]
    return [[name, _cell(value)]]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(map(str, value))
    if isinstance(value, list | dict):
        return f"{len(value)} values"
    return "" if value is None else str(value)
