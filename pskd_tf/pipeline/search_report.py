"""The report of a search for a smaller student."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from data_prep.csv_cells import write_table
from data_prep.files import whole_file
from pskd_tf.evaluation.layers import LayerRow, layer_table, layer_table_lines
from pskd_tf.pipeline.search import CompressionCandidate, CompressionPlan, PooledGuesses
from pskd_tf.pipeline.stage import RunContext, Stage


def compression_report(
    plan: CompressionPlan,
    context: RunContext,
    rows: Sequence[Mapping[str, Any]],
    chosen: int,
    finals: Mapping[str, CompressionCandidate],
) -> dict[str, Any]:
    """Puts a finished search's figures together.

    Args:
        plan: The search.
        context: Where results lie.
        rows: The validation results of each candidate.
        chosen: Index of the one that ships.
        finals: `final`, `ptq` and `unpruned`, made from all training subjects.

    Returns:
        JSON values; accuracies are fractions 0..1.
    """

    def accuracy(stages: Sequence[Stage[Any]]) -> float:
        return PooledGuesses.read([context.folder(one) for one in stages]).accuracy

    def same_cut(method: str) -> Mapping[str, Any]:
        return next(
            row for row in rows if (row["name"], row["method"]) == (rows[chosen]["name"], method)
        )

    stage = finals["final"].quantised[0]
    result = context.result(stage)
    tflite = (context.folder(stage) / "student_int8.tflite").read_bytes()
    subjects = [", ".join(fold.split.test_subjects) for fold in plan.folds]
    test = plan.final.split.test_subjects
    unpruned = next(row for row in rows if row["name"] == "not cut" and row["method"] == "ptq")
    return {
        "seed": plan.seed,
        "candidates": [dict(row) for row in rows],
        "chosen": {"name": rows[chosen]["name"], "method": rows[chosen]["method"]},
        "model": {
            name: result[name]
            for name in (
                "builder_arguments",
                "parameters",
                "macs",
                "sparsity",
                "flatbuffer_bytes",
                "gzip_bytes",
                "arena_bytes",
                "arena",
                "operators",
            )
        },
        "layers": [vars(row) for row in layer_table(tflite, result["snr_db"])],
        "accuracy": {
            "validation": {
                "float": unpruned["float_accuracy"],
                "unpruned_int8": unpruned["int8_accuracy"],
                "pruned": rows[chosen]["float_accuracy"],
                "ptq": same_cut("ptq")["int8_accuracy"],
                "int8": rows[chosen]["int8_accuracy"],
            },
            "test": {
                "float": accuracy(finals["unpruned"].source_scores),
                "unpruned_int8": accuracy(finals["unpruned"].int8_scores),
                "pruned": accuracy(finals["final"].source_scores),
                "ptq": accuracy(finals["ptq"].int8_scores),
                "int8": accuracy(finals["final"].int8_scores),
            },
        },
        "record": [
            f"Candidates: {len(rows)}; each was made anew on every validation fold "
            f"(subjects left out: {'; '.join(subjects)}), student seed {plan.seed}.",
            "Chosen by the pooled accuracy of int8 over these folds; of equals the smaller one.",
            "Refused before that: candidates over the limits, or unsafe (see refused).",
            "Calibration clips come from the training part of each fold.",
            f"Test subjects ({', '.join(test)}) chose nothing; they were scored after the choice, "
            "for the student that ships and, to compare, the same without training for int8 and "
            "without the cut.",
        ],
    }


def compression_markdown(report: Mapping[str, Any]) -> str:
    """Formats the report for a person.

    Args:
        report: The content of `compression.json`.

    Returns:
        Markdown.
    """
    model, accuracy = report["model"], report["accuracy"]
    lines = [
        "# The compressed student",
        "",
        f"{report['chosen']['name']}, {report['chosen']['method'].upper()}: "
        f"{model['flatbuffer_bytes']:,} bytes of flash ({model['gzip_bytes']:,} gzipped), "
        f"{model['arena_bytes']:,} bytes of arena (head {model['arena']['head']:,}, "
        f"tail {model['arena']['tail']:,}), {model['macs']:,} multiply-accumulates, "
        f"{model['parameters']:,} parameters. Operators: {', '.join(model['operators'])}.",
        "",
        "| accuracy % | float | cut, float | not cut, PTQ | cut, PTQ | ships |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for part, scores in accuracy.items():
        names = ("float", "pruned", "unpruned_int8", "ptq", "int8")
        cells = " | ".join(f"{100 * scores[name]:.1f}" for name in names)
        lines.append(f"| {part} | {cells} |")
    rows = [LayerRow(**row) for row in report["layers"]]
    lines += ["", *layer_table_lines(rows), "", "## What chose what", ""]
    lines += [f"* {line}" for line in report["record"]]
    lines += ["", *candidate_lines(report["candidates"]), ""]
    return "\n".join(lines)


def candidate_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Formats candidates as a Markdown table.

    Args:
        rows: The results of `CompressionCandidate.measure`.

    Returns:
        The lines.
    """
    lines = [
        "| candidate | method | flash | gzip | arena | MACs | float % | int8 % | agree % | "
        "SNR dB | refused |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        lines.append(
            f"| {row['name']} | {row['method']} | {row['flash_bytes']:,} | "
            f"{row['gzip_bytes']:,} | {row['arena_bytes']:,} | {row['macs']:,} | "
            f"{100 * row['float_accuracy']:.1f} | {100 * row['int8_accuracy']:.1f} | "
            f"{100 * row['agreement']:.1f} | {row['least_snr_db']:.1f} | {row['refused'] or ''} |"
        )
    return lines


_COSTS = ("flash_bytes", "arena_bytes", "macs")


def pareto_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Keeps the better method of each cut and marks the cuts on the Pareto front.

    A row is on the front where no other one is at least as accurate and at most as costly in
    flash, arena and multiply-accumulates, and better in one of them.

    Args:
        rows: The results of `CompressionCandidate.measure`; refused ones are left out.

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
    write_table(folder / "pareto.csv", pd.DataFrame(rows))
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
    return bool(min(gains) >= 0 and max(gains) > 0)
