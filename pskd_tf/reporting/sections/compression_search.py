"""What `pskd_tf.compress` left in `compression.json`; shown whatever it holds."""

from html import escape
from typing import Any

from pskd_tf.reporting.charts.cost_chart import CostDot, cost_chart
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.legend import legend
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.markup.table import table
from pskd_tf.reporting.palette import numbered_colour
from pskd_tf.reporting.section import paragraph

_MOST_ROWS = 60


def compression_search(content: Any) -> str:
    """Draws the candidates, then writes lists of objects as tables and other values as one table.

    Args:
        content: The JSON value.

    Returns:
        The markup.
    """
    parts = [element("h3", "Search under a budget"), paragraph("From compression.json:")]
    values: list[list[str]] = []
    fields = content if isinstance(content, dict) else {"content": content}
    parts.append(_front(fields))
    for name, value in fields.items():
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            header = [key for key in value[0] if not isinstance(value[0][key], dict | list)]
            rows = [[_cell(one.get(key)) for key in header] for one in value[:_MOST_ROWS]]
            if header:
                parts.append(table([words(key) for key in header], rows, words(name)))
        elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            items = [element("li", escape(one)) for one in value]
            parts.append(element("ul", *items, class_="remark"))
        else:
            values += _flat(words(name), value)
    if values:
        listed = table(["Value", ""], values[:_MOST_ROWS], kind="text")
        parts.append(element("details", element("summary", "All other values"), listed))
    return "".join(parts)


def _front(fields: dict[str, Any]) -> str:
    """Draws flash against accuracy where there are candidates with both."""
    wanted = {"name", "method", "flash_bytes", "int8_accuracy"}
    rows = fields.get("candidates")
    rows = rows if isinstance(rows, list) else []
    rows = [one for one in rows if isinstance(one, dict) and wanted <= set(one)]
    if not rows:
        return ""
    methods = list(dict.fromkeys(str(one["method"]) for one in rows))
    colours = {method: numbered_colour(number) for number, method in enumerate(methods)}
    dots = [
        CostDot(
            f"{one['name']}, {one['method']}: {one['flash_bytes']:,} bytes",
            one["flash_bytes"] / 1024,
            100 * one["int8_accuracy"],
            colours[str(one["method"])],
            one.get("refused") is None,
            "ships"
            if fields.get("chosen") == {key: one[key] for key in ("name", "method")}
            else "",
        )
        for one in rows
    ]
    chart = cost_chart(dots, "Accuracy of the candidates against their flash", "flash, KiB")
    caption = (
        "How to read it: one dot is one candidate, its int8 accuracy pooled over the validation "
        "folds against the bytes of its flatbuffer; better ones lie up and left. Hollow ones were "
        "refused. Test subjects choose nothing. The axis of accuracy does not start at zero."
    )
    return figure([chart], caption, legend(colours), "single")


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
