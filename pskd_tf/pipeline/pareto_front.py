"""The front of a search: what no other candidate beats."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from data_prep.whole_file import whole_file
from pskd_tf.pipeline.compression_report import candidate_lines

_COSTS = ("flash_bytes", "arena_bytes", "macs")


def pareto_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Keeps the better method of each cut and says which cuts lie on the front.

    A row is on the front where no other one is at least as accurate and at most as costly in
    flash, arena and multiply-accumulates, and better in one of them.

    Args:
        rows: What `CompressionCandidate.measure` says; refused ones are left out.

    Returns:
        The rows by falling size, each with `on_front`.
    """
    best: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        other = best.get(row["name"])
        if row["refused"] is None and (
            other is None or row["int8_accuracy"] > other["int8_accuracy"]
        ):
            best[row["name"]] = row
    points = [
        {**row, "on_front": not any(_beats(other, row) for other in best.values())}
        for row in best.values()
    ]
    return sorted(points, key=lambda row: -row["flash_bytes"])


def write_pareto(folder: Path, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Writes `pareto.csv`, `pareto.md` and `pareto.png`.

    Args:
        folder: Where they go.
        rows: From `pareto_rows`.

    Returns:
        The Markdown table's lines.
    """
    with whole_file(folder / "pareto.csv") as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    named = [{**row, "name": row["name"] + (" *" if row["on_front"] else "")} for row in rows]
    lines = [*candidate_lines(named), "", "`*`: on the front. Accuracy on the validation folds."]
    with whole_file(folder / "pareto.md") as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for on_front, marker in ((True, "o"), (False, "x")):
        chosen = [row for row in rows if row["on_front"] == on_front]
        axes.plot(
            [row["flash_bytes"] / 1024 for row in chosen],
            [100 * row["int8_accuracy"] for row in chosen],
            marker + ("-" if on_front else ""),
            color="0.2" if on_front else "0.6",
            label="on the front" if on_front else "beaten",
        )
    axes.set_xlabel("flatbuffer, kB of 1024 bytes")
    axes.set_ylabel("int8 accuracy on validation, %")
    axes.legend()
    axes.grid(alpha=0.3)
    with whole_file(folder / "pareto.png") as temporary:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})
    return lines


def _beats(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    gains = [one["int8_accuracy"] - other["int8_accuracy"]]
    gains += [other[name] - one[name] for name in _COSTS]
    return min(gains) >= 0 and max(gains) > 0
