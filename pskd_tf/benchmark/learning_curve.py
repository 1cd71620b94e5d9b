"""Learning curves: a benchmark's boards for several amounts of labels or watches, in one table.

Each amount has a results folder of its own. `curve_points` reads its board's rows; a table, a
picture and sentences show what more of them bring. Source: ours.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_prep.csv_cells import write_table
from data_prep.files import whole_file
from pskd_tf.benchmark.board import REFERENCE, BoardRow
from pskd_tf.benchmark.statistics import Difference, Spread, percent_text
from pskd_tf.label_settings import LABEL_AMOUNTS
from pskd_tf.settings import RunSettings
from pskd_tf.virtual_settings import WATCH_AMOUNTS

# What a curve may be drawn against, in words.
CURVE_AMOUNTS = LABEL_AMOUNTS | WATCH_AMOUNTS


def settings_of_amount(settings: RunSettings, kind: str, amount: int) -> RunSettings:
    """Returns the settings with an amount of labels or watches.

    Args:
        settings: The recipe.
        kind: One of `CURVE_AMOUNTS`.
        amount: How many keep their labels or watches.
    """
    changes: dict[str, Any] = {kind: amount}
    if kind in WATCH_AMOUNTS:
        virtual = dataclasses.replace(settings.virtual, **changes)
        return dataclasses.replace(settings, virtual=virtual)
    labels = dataclasses.replace(settings.labels, **changes)
    return dataclasses.replace(settings, labels=labels)


def recorded_amounts(results_dir: Path) -> list[int]:
    """Returns the amounts that have results, ascending: `RESULTS/AMOUNT/cells.csv`.

    Args:
        results_dir: The results folder of a curve.
    """
    paths = results_dir.glob("*/cells.csv")
    return sorted(int(path.parent.name) for path in paths if path.parent.name.isdecimal())


@dataclass(frozen=True)
class CurvePoint:
    """A method's accuracy at one amount of labels; shares are fractions 0..1.

    Attributes:
        amount: The amount.
        title: The method's name on boards.
        protocol: `cross_subject` where test subjects were scored, else `validation`.
        accuracy: Over draws of the labels.
        minus_cross_entropy: Paired by draw; None for cross-entropy itself.
    """

    amount: int
    title: str
    protocol: str
    accuracy: Spread
    minus_cross_entropy: Difference | None


def curve_points(
    boards: Mapping[int, Sequence[BoardRow]], titles: Sequence[str]
) -> list[CurvePoint]:
    """Collects the points of a curve.

    Args:
        boards: Rows of each amount's board.
        titles: The methods' names on boards, in the order to show.

    Returns:
        The points, by method and amount. All are of test subjects, or all of validation where a
        board has no test score. Where some method has several amounts, one with a single amount is
        left out.
    """
    tested = all(any("cross_subject" in row.spreads for row in rows) for rows in boards.values())
    protocol = "cross_subject" if tested else "validation"
    points = []
    for title in titles:
        for amount, rows in sorted(boards.items()):
            for row in rows:
                if row.title == title and protocol in row.spreads:
                    difference = row.differences.get(protocol, {}).get(REFERENCE)
                    accuracy = row.spreads[protocol]["accuracy"]
                    points.append(CurvePoint(amount, title, protocol, accuracy, difference))
    amounts = Counter(point.title for point in points)
    least = min(2, max(amounts.values(), default=0))
    return [point for point in points if amounts[point.title] >= least]


def curve_table(points: Sequence[CurvePoint]) -> pd.DataFrame:
    """Returns a line for each point, in fractions 0..1."""
    lines = []
    for one in points:
        difference = one.minus_cross_entropy
        lines.append(
            {
                "amount": one.amount,
                "method": one.title,
                "protocol": one.protocol,
                "accuracy_mean": round(one.accuracy.mean, 6),
                "accuracy_std": round(one.accuracy.std, 6),
                "draws": one.accuracy.count,
                "minus_cross_entropy": round(difference.mean, 6) if difference else None,
                "minus_cross_entropy_low": round(difference.low, 6) if difference else None,
                "minus_cross_entropy_high": round(difference.high, 6) if difference else None,
            }
        )
    return pd.DataFrame(lines)


def curve_markdown(points: Sequence[CurvePoint], kind: str) -> str:
    """Returns methods by amounts as a Markdown table, in %: mean +- sample std (draws)."""
    amounts = sorted({one.amount for one in points})
    lines = [
        f"| {CURVE_AMOUNTS[kind]} | " + " | ".join(map(str, amounts)) + " |",
        "| --- |" + " ---: |" * len(amounts),
    ]
    for title in dict.fromkeys(one.title for one in points):
        own = {one.amount: one for one in points if one.title == title}
        cells = [percent_text(own[amount].accuracy) if amount in own else "" for amount in amounts]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def amount_needed(points: Sequence[CurvePoint], accuracy: float) -> float | None:
    """Returns the amount at which a method reaches an accuracy, between points along a line.

    Args:
        points: Points of one method.
        accuracy: A fraction 0..1.

    Returns:
        The least such amount; None where no point reaches it.
    """
    ordered = sorted(points, key=lambda one: one.amount)
    for number, one in enumerate(ordered):
        if one.accuracy.mean >= accuracy:
            if number == 0:
                return float(one.amount)
            before = ordered[number - 1]
            gained = one.accuracy.mean - before.accuracy.mean
            share = (accuracy - before.accuracy.mean) / gained
            return before.amount + share * (one.amount - before.amount)
    return None


def curve_sentences(points: Sequence[CurvePoint], kind: str) -> list[str]:
    """Says what more of them bring, and how many each method replaces.

    Args:
        points: The points of all methods; the first method is the one that others replace.
        kind: One of `CURVE_AMOUNTS`.

    Returns:
        A sentence for each step of each method, then one for each further method at the least
        amount.
    """
    words = CURVE_AMOUNTS[kind]
    titles = list(dict.fromkeys(one.title for one in points))
    of = {
        title: sorted((one for one in points if one.title == title), key=lambda one: one.amount)
        for title in titles
    }
    sentences = []
    for title, own in of.items():
        for before, after in pairwise(own):
            gained = 100 * (after.accuracy.mean - before.accuracy.mean)
            steps = f"{before.amount} to {after.amount} {words}"
            sentences.append(f"{title}: from {steps}, {gained:+.1f} points.")
    for title in titles[1:]:
        first = of[title][0]
        needed = amount_needed(of[titles[0]], first.accuracy.mean)
        reached = f"with {needed:.1f}" if needed is not None else "with none of these amounts"
        sentences.append(
            f"{title} scores {100 * first.accuracy.mean:.1f} % with {first.amount} {words}; "
            f"{titles[0]} reaches that {reached}."
        )
    return sentences


def curve_plot(path: str | Path, points: Sequence[CurvePoint], kind: str) -> None:
    """Draws accuracy against the amount of labels, a line for each method.

    Args:
        path: The PNG to write.
        points: The points.
        kind: One of `CURVE_AMOUNTS`.
    """
    # Here, because pyplot takes a second to import.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    titles = list(dict.fromkeys(one.title for one in points))
    amounts = sorted({one.amount for one in points})
    room = min(np.diff(amounts), default=1) * 0.03
    for number, title in enumerate(titles):
        own = [one for one in points if one.title == title]
        axes.errorbar(
            # Beside each other, so that no bar hides another.
            [one.amount + room * (number - (len(titles) - 1) / 2) for one in own],
            [100 * one.accuracy.mean for one in own],
            yerr=[100 * one.accuracy.std for one in own],
            fmt="o-",
            markersize=5,
            capsize=3,
            label=title,
        )
    axes.set_xticks(amounts)
    axes.set_xlabel(CURVE_AMOUNTS[kind])
    tested = points[0].protocol == "cross_subject"
    of = "test subjects" if tested else "training subjects left out"
    axes.set_ylabel(f"accuracy on {of}, %")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", title="mean and sample std over draws")
    with whole_file(Path(path).with_suffix(".png")) as temporary:
        figure.savefig(temporary)


def write_curve(folder: Path, points: Sequence[CurvePoint], kind: str) -> str:
    """Writes `learning_curve.csv`, `.md` and `.png` and returns the table with the sentences."""
    text = curve_markdown(points, kind) + "\n" + "\n".join(curve_sentences(points, kind)) + "\n"
    with whole_file(folder / "learning_curve.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    write_table(folder / "learning_curve.csv", curve_table(points))
    curve_plot(folder / "learning_curve.png", points, kind)
    return text
