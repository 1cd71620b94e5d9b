"""Charts of scores and costs: seeds, subjects and classes, confusion, calibration, sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pskd_tf.reporting.charts import (
    INK,
    PAPER,
    PLATE,
    RIGHT,
    SOFT,
    WRONG,
    Chart,
    Drawing,
    chart_style,
)
from pskd_tf.reporting.tables import words

MOST_NUMBERED = 12  # classes of a confusion matrix whose cells have room for a number


@dataclass(frozen=True)
class DotRow:
    """One row of `seed_dots`: values in per cent or points.

    Attributes:
        label: Its name.
        values: One a seed.
        colour: Colour of its dots.
    """

    label: str
    values: Sequence[float]
    colour: str


@chart_style
def seed_dots(rows: Sequence[DotRow], title: str, x_label: str, zero: bool = False) -> Chart:
    """Draws one dot a seed, with the mean and one standard deviation of each row.

    Args:
        rows: From the top.
        title: Text alternative.
        x_label: Name of the axis.
        zero: Whether 0 must be on the axis and is marked (differences).

    Returns:
        The chart.
    """
    drawing = Drawing(title, 420, 46 + 25 * len(rows))
    plot = drawing.plot
    if zero:
        plot.axvline(0, color=SOFT, linewidth=1.2)
    drawn = [0.0] if zero else []
    for number, row in enumerate(rows):
        own = np.asarray(row.values, float)
        mean = own.mean()
        drawn += [*own]
        if len(own) > 1:
            spread = own.std(ddof=1)
            drawn += [mean - spread, mean + spread]
            plot.hlines(number, mean - spread, mean + spread, INK, linewidth=1)
        (line,) = plot.plot([mean, mean], [number - 0.36, number + 0.36], color=INK, linewidth=2)
        drawing.tooltips(line, f"{row.label}, mean: {mean:.1f}")
        dots = plot.scatter(
            own, np.full(len(own), number), 50, row.colour, alpha=0.75, linewidths=0, zorder=3
        )
        drawing.tooltips(dots, *(f"{row.label}: {value:.1f}" for value in own))
    plot.locator_params(axis="x", nbins=6)
    low, high = min(drawn), max(drawn)
    margin = max(0.08 * (high - low), 1.0)
    plot.set(xlim=(low - margin, high + margin), ylim=(len(rows) - 0.5, -0.5), xlabel=x_label)
    _row_names(drawing, [row.label for row in rows])
    plot.grid(axis="y", visible=False)
    return drawing.finish()


def _row_names(drawing: Drawing, names: Sequence[str]) -> None:
    drawing.plot.set_yticks(range(len(names)), names)
    drawing.plot.tick_params(axis="y", labelcolor=INK)


@dataclass(frozen=True)
class Mark:
    """The value of another model in a row of `bar_rows`.

    Attributes:
        name: The model.
        value: In per cent.
        colour: Of the mark.
    """

    name: str
    value: float
    colour: str


@dataclass(frozen=True)
class BarRow:
    """One row of `bar_rows`; values in per cent.

    Attributes:
        label: Its name.
        value: Length of the bar.
        spread: Standard deviation around it; 0 draws none.
        marks: Other models.
    """

    label: str
    value: float
    spread: float = 0.0
    marks: Sequence[Mark] = ()


@chart_style
def bar_rows(rows: Sequence[BarRow], colour: str, title: str) -> Chart:
    """Draws bars on an axis from 0 to 100 per cent, with marks for other models.

    Args:
        rows: From the top.
        colour: Colour of the bars.
        title: Text alternative.

    Returns:
        The chart.
    """
    drawing = Drawing(title, 400, 26 + 19 * len(rows))
    plot = drawing.plot
    for number, row in enumerate(rows):
        (bar,) = plot.barh(number, row.value, 0.58, color=colour, alpha=0.4, linewidth=0)
        spread = f" ± {row.spread:.1f}" if row.spread else ""
        drawing.tooltips(bar, f"{row.label}: {row.value:.1f}{spread} %")
        if row.spread:
            plot.hlines(number, row.value - row.spread, row.value + row.spread, INK, linewidth=1)
        for mark in row.marks:
            ends = [number - 0.37, number + 0.37]
            (line,) = plot.plot([mark.value, mark.value], ends, color=mark.colour, linewidth=2.4)
            drawing.tooltips(line, f"{row.label}, {mark.name}: {mark.value:.1f} %")
        plot.text(
            1.02, number, f"{row.value:.0f}", va="center", transform=plot.get_yaxis_transform()
        )
    plot.set(xlim=(0, 101), ylim=(len(rows) - 0.5, -0.5), xticks=range(0, 101, 25))
    _row_names(drawing, [row.label for row in rows])
    plot.grid(axis="y", visible=False)
    return drawing.finish()


@chart_style
def confusion_matrix_chart(counts: np.ndarray, class_names: Sequence[str], title: str) -> Chart:
    """Draws the shares of each row; the diagonal in one colour, errors in another.

    Args:
        counts: `(classes, classes)`, rows the true class, columns the predicted class.
        class_names: Name of each class.
        title: Text alternative.

    Returns:
        The chart.
    """
    count = len(class_names)
    drawing = Drawing(title, 400, 290)
    plot = drawing.plot
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    plot.axhspan(-0.5, count - 0.5, color=PLATE, linewidth=0)
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = shares[row, column]
        (cell,) = plot.barh(
            row,
            0.94,
            0.94,
            left=column - 0.47,
            color=RIGHT if row == column else WRONG,
            alpha=0.25 + 0.75 * share,
            linewidth=0,
        )
        true, predicted = words(class_names[row]), words(class_names[column])
        number = f"{counts[row, column]} of {counts[row].sum()} clips"
        drawing.tooltips(
            cell, f"true {true}, predicted {predicted}: {100 * share:.0f} % ({number})"
        )
        if count <= MOST_NUMBERED:
            ink = PAPER if share > 0.4 else INK
            plot.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=ink)
    every = 1 if count <= MOST_NUMBERED else 2
    size = float(np.clip(190 / count, 6.5, 10.5))
    plot.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), xlabel="predicted class")
    plot.set_xticks(range(0, count, every), [str(one + 1) for one in range(0, count, every)])
    _row_names(drawing, [f"{words(name, 22)} {row + 1}" for row, name in enumerate(class_names)])
    plot.tick_params(axis="y", labelsize=size)
    plot.spines["bottom"].set_visible(False)
    plot.grid(visible=False)
    return drawing.finish()


@chart_style
def reliability_diagram(
    confidence: np.ndarray, accuracy: np.ndarray, counts: np.ndarray, colour: str, title: str
) -> Chart:
    """Draws accuracy against confidence, and below it the number of predictions in each bin.

    Args:
        confidence: `(bins,)` mean confidence, 0..1.
        accuracy: `(bins,)` share of correct predictions, 0..1.
        counts: `(bins,)` predictions in each bin; empty bins are left out.
        colour: Colour of the points.
        title: Text alternative.

    Returns:
        The chart.
    """
    drawing = Drawing(title, 350, 320, rows=2, sharex=True, height_ratios=[5, 1])
    upper, lower = drawing.plots
    upper.plot([0, 100], [0, 100], color=SOFT, linewidth=1, linestyle=(0, (4, 4)))
    held = np.flatnonzero(counts)
    xs, ys = 100 * confidence[held], 100 * accuracy[held]
    upper.plot(xs, ys, color=colour, linewidth=1.6)
    sizes = 20 + 130 * counts[held] / counts.max(initial=1)
    dots = upper.scatter(xs, ys, sizes, colour, linewidths=0, zorder=3, clip_on=False)
    texts = [
        f"confidence {x:.0f} %, accuracy {y:.0f} %, {count:.0f} predictions"
        for x, y, count in zip(xs, ys, counts[held], strict=True)
    ]
    drawing.tooltips(dots, *texts)
    width = 100 / len(counts)
    bars = lower.bar(
        width * held, counts[held], 0.9 * width, align="edge", color=colour, alpha=0.5, linewidth=0
    )
    for bar, count in zip(bars, counts[held], strict=True):
        drawing.tooltips(bar, f"{count:.0f} predictions")
    upper.set(xlim=(0, 100), ylim=(0, 100), title="accuracy, %")
    lower.set(xlabel="confidence, %", yticks=[], title="number of predictions")
    return drawing.finish()


@dataclass(frozen=True)
class CostDot:
    """One candidate of `cost_chart`.

    Attributes:
        name: Its tooltip.
        cost: Its cost.
        accuracy: In per cent.
        colour: Of the dot.
        is_filled: Hollow dots were rejected.
        tag: Text above the dot, if any.
    """

    name: str
    cost: float
    accuracy: float
    colour: str
    is_filled: bool = True
    tag: str = ""


@chart_style
def cost_chart(dots: Sequence[CostDot], title: str, x_label: str) -> Chart:
    """Draws accuracy against a cost.

    Args:
        dots: At least one.
        title: Text alternative.
        x_label: Name of the cost.

    Returns:
        The chart.
    """
    drawing = Drawing(title, 420, 280)
    plot = drawing.plot
    for dot in dots:
        face = dot.colour if dot.is_filled else "none"
        drawn = plot.scatter(
            dot.cost, dot.accuracy, 70, face, alpha=0.85, linewidths=1.5, edgecolors=dot.colour
        )
        drawing.tooltips(drawn, dot.name)
        if dot.tag:
            plot.annotate(
                dot.tag,
                (dot.cost, dot.accuracy),
                (0, 8),
                textcoords="offset points",
                ha="center",
                weight="bold",
            )
    accuracies = [dot.accuracy for dot in dots]
    pad = max(0.12 * (max(accuracies) - min(accuracies)), 0.5)
    plot.set(
        xlim=(0, 1.08 * max(dot.cost for dot in dots) or 1.0),
        ylim=(max(min(accuracies) - pad, 0), min(max(accuracies) + pad, 101)),
        xlabel=x_label,
        title="accuracy of int8, %",
    )
    return drawing.finish()


@chart_style
def amount_bars(rows: Sequence[tuple[str, float, str]], title: str, unit: str = "bytes") -> Chart:
    """Draws amounts as bars on one scale, each with its number.

    Args:
        rows: Name, amount and colour, from the top.
        title: Text alternative.
        unit: What the amounts count.

    Returns:
        The chart.
    """
    drawing = Drawing(title, 420, 10 + 24 * len(rows))
    plot = drawing.plot
    largest = max(amount for _, amount, _ in rows) or 1.0
    for number, (name, amount, colour) in enumerate(rows):
        (bar,) = plot.barh(number, amount, 0.6, color=colour, alpha=0.8, linewidth=0)
        text = f"{amount:,.0f} {unit}"
        drawing.tooltips(bar, f"{name}: {text}")
        plot.text(amount + 0.02 * largest, number, text, va="center")
    plot.set(xlim=(0, 1.45 * largest), ylim=(len(rows) - 0.5, -0.5), xticks=[])
    _row_names(drawing, [name for name, _, _ in rows])
    plot.spines["bottom"].set_visible(False)
    plot.grid(visible=False)
    return drawing.finish()
