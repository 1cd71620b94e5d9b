"""A board as a Markdown table and as CSV."""

from collections.abc import Sequence

import pandas as pd

from pskd_tf.benchmark.board_row import BoardRow, Difference, Spread

_PROTOCOLS = ("validation", "cross_subject", "leave_one_subject_out")
_FIGURES = ("accuracy", "macro_f1", "wrist_actions_accuracy")


def leaderboard_markdown(rows: Sequence[BoardRow]) -> str:
    """Returns the board as a Markdown table, in %: mean +- sample standard deviation (runs).

    Differences are in points, with the 95 % interval of the nested bootstrap. `*` marks the method
    that validation prefers.
    """
    heads = ["method", "validation", "test", "minus cross-entropy", "minus KD", "macro F1"]
    heads += ["wrist actions", "all its runs voting", "leave one out", "parameters", "s / run"]
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for row in rows:
        test = row.spreads.get("cross_subject", {})
        differences = row.differences.get("cross_subject", {})
        cells = [
            row.title + (" *" if row.is_picked else ""),
            _percent(row.spreads.get("validation", {}).get("accuracy")),
            _percent(test.get("accuracy")),
            _points(differences.get("cross_entropy")),
            _points(differences.get("knowledge_distillation")),
            _percent(test.get("macro_f1"), False),
            _percent(test.get("wrist_actions_accuracy"), False),
            f"{100 * row.votes['cross_subject']:.1f}" if test else "",
            _percent(row.spreads.get("leave_one_subject_out", {}).get("accuracy")),
            f"{row.parameters:,}" if row.parameters else "",
            f"{row.seconds:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def leaderboard_table(rows: Sequence[BoardRow]) -> pd.DataFrame:
    """Returns every figure of the board in one flat table, in fractions 0..1."""
    table = []
    for row in rows:
        line = {
            "method": row.title,
            "trial": row.trial,
            "validation_picks_it": row.is_picked,
            "parameters": row.parameters,
            "seconds": round(row.seconds, 1),
        }
        for protocol in _PROTOCOLS:
            for figure in _FIGURES:
                spread = row.spreads.get(protocol, {}).get(figure)
                if spread:
                    line[f"{protocol}_{figure}_mean"] = round(spread.mean, 6)
                    line[f"{protocol}_{figure}_std"] = round(spread.std, 6)
                    line[f"{protocol}_runs"] = spread.count
            if protocol in row.votes:
                line[f"{protocol}_vote"] = round(row.votes[protocol], 6)
            for other, difference in row.differences.get(protocol, {}).items():
                name = f"{protocol}_minus_{other}"
                line[name] = round(difference.mean, 6)
                line[f"{name}_low"] = round(difference.low, 6)
                line[f"{name}_high"] = round(difference.high, 6)
        table.append(line)
    return pd.DataFrame(table)


def _percent(spread: Spread | None, with_count: bool = True) -> str:
    if spread is None:
        return ""
    text = f"{100 * spread.mean:.1f}"
    if spread.count > 1:
        text += f" +- {100 * spread.std:.1f}"
    return f"{text} ({spread.count})" if with_count else text


def _points(difference: Difference | None) -> str:
    if difference is None:
        return ""
    low, high = 100 * difference.low, 100 * difference.high
    return f"{100 * difference.mean:+.1f} [{low:+.1f}, {high:+.1f}]"
