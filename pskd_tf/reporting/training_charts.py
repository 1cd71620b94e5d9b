"""Charts of trainings: curves, teacher selection by epoch and by class, embeddings."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from pskd_tf.reporting.charts import (
    INK,
    PAPER,
    SOFT,
    Chart,
    Drawing,
    chart_style,
    numbered_colour,
)
from pskd_tf.reporting.tables import Table, words

_MOST_EPOCHS_LISTED = 12


@chart_style
def training_curves(histories: Sequence[pd.DataFrame], colour: str, title: str) -> Chart:
    """Draws loss and accuracy: each training as a thin line and their mean as a thick one.

    Args:
        histories: One a training, with the columns `loss` and `accuracy` (a fraction).
        colour: Colour of the lines.
        title: Text alternative.

    Returns:
        The chart: loss above, accuracy in per cent below.
    """
    drawing = Drawing(title, 350, 270, rows=2, sharex=True)
    losses = [history["loss"].to_numpy() for history in histories]
    accuracies = [100 * history["accuracy"].to_numpy() for history in histories]
    # The high losses of the first epochs would flatten the rest of the curve.
    highest = 1.05 * max(float(np.quantile(loss, 0.98)) for loss in losses) or 1.0
    means = []
    for plot, curves in zip(drawing.plots, (losses, accuracies), strict=True):
        several = len(curves) > 1
        for curve in curves:
            epochs = np.arange(1, len(curve) + 1)
            width, alpha = (0.8, 0.35) if several else (1.8, 1.0)
            plot.plot(epochs, curve, color=colour, linewidth=width, alpha=alpha)
        shortest = min(map(len, curves))
        means.append(np.mean([curve[:shortest] for curve in curves], axis=0))
        if several and len(set(map(len, curves))) == 1:
            plot.plot(np.arange(1, shortest + 1), means[-1], color=colour, linewidth=2.0)
    upper, lower = drawing.plots
    most = max(map(len, losses))
    upper.set(ylim=(0, highest), title="loss")
    lower.set(xlim=(1, max(most, 2)), ylim=(0, 101), xlabel="epoch")
    lower.set_title("accuracy on training clips, %")
    lower.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    rows = [
        [str(epoch + 1), f"{means[0][epoch]:.3f}", f"{means[1][epoch]:.1f}"]
        for epoch in _listed_epochs(len(means[0]))
    ]
    return drawing.finish(Table(["Epoch", "Loss, mean", "Accuracy %, mean"], rows))


def _listed_epochs(epochs: int) -> np.ndarray:
    count = min(epochs, _MOST_EPOCHS_LISTED)
    return np.unique(np.linspace(0, epochs - 1, count).round().astype(int))


@chart_style
def selection_by_epoch(
    shares: Mapping[str, np.ndarray], colours: Mapping[str, str], title: str
) -> Chart:
    """Stacks the shares of the selected targets over epochs.

    Args:
        shares: `(epochs,)` of each target, 0..1.
        colours: Colour of each target.
        title: Text alternative.

    Returns:
        The chart.
    """
    drawing = Drawing(title, 350, 230)
    plot = drawing.plot
    epochs = len(next(iter(shares.values())))
    # One epoch is an area without width.
    xs = np.arange(1, epochs + 1) if epochs > 1 else np.array([1, 2])
    heights = [100 * np.broadcast_to(values, len(xs)) for values in shares.values()]
    areas = plot.stackplot(xs, *heights, colors=[colours[name] for name in shares], linewidth=0)
    for area, (name, values) in zip(areas, shares.items(), strict=True):
        drawing.tooltips(area, f"{words(name)}: {100 * values.mean():.0f} % on average")
    plot.set(xlim=(xs[0], xs[-1]), ylim=(0, 100), xlabel="epoch", title="share of samples, %")
    plot.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    rows = [
        [str(epoch + 1), *(f"{100 * values[epoch]:.1f}" for values in shares.values())]
        for epoch in _listed_epochs(epochs)
    ]
    return drawing.finish(Table(["Epoch", *(f"{words(name)} %" for name in shares)], rows))


@chart_style
def selection_by_class(
    names: Sequence[str], shares: Mapping[str, np.ndarray], colours: Mapping[str, str], title: str
) -> Chart:
    """Stacks the shares of the selected targets in one row for each class.

    Args:
        names: Name of each row.
        shares: `(rows,)` of each target, 0..1.
        colours: Colour of each target.
        title: Text alternative.

    Returns:
        The chart.
    """
    drawing = Drawing(title, 350, 34 + 17 * len(names))
    plot, start = drawing.plot, np.zeros(len(names))
    for target, values in shares.items():
        bars = plot.barh(
            range(len(names)), 100 * values, 0.75, start, color=colours[target], linewidth=0
        )
        for bar, name, value in zip(bars, names, values, strict=True):
            if value > 0:
                drawing.tooltips(bar, f"{name}, {words(target)}: {100 * value:.0f} %")
            else:
                bar.set_visible(False)
        start = start + 100 * values
    plot.set(xlim=(0, 100.5), ylim=(len(names) - 0.5, -0.5), xlabel="share of clips, %")
    plot.set_yticks(range(len(names)), names)
    plot.tick_params(axis="y", labelcolor=INK)
    plot.grid(visible=False)
    return drawing.finish()


@chart_style
def embedding_chart(
    places: np.ndarray, labels: np.ndarray, class_names: Sequence[str], title: str
) -> Chart:
    """Draws one dot a clip and the number of each class at its middle.

    Args:
        places: `(clips, 2)`.
        labels: `(clips,)` class indices.
        class_names: Name of each class.
        title: Text alternative.

    Returns:
        The chart; dots and numbers carry `data-class`, by which the page's script finds them.
    """
    drawing = Drawing(title, 350, 350)
    plot = drawing.plot
    classes = np.unique(labels)
    for one in classes:
        x, y = places[labels == one].T
        dots = plot.scatter(x, y, 38, numbered_colour(int(one)), alpha=0.75, linewidths=0)
        drawing.tooltips(dots, words(class_names[one]), **{"class": one})
    for one in classes:
        text = plot.annotate(
            str(one + 1),
            tuple(_middle(places[labels == one])),
            (0, 7),
            textcoords="offset points",
            ha="center",
            va="center",
            weight="bold",
            bbox={"boxstyle": "round,pad=0.15", "color": PAPER, "alpha": 0.75, "linewidth": 0},
        )
        drawing.tooltips(text, words(class_names[one]), **{"class": one})
    plot.margins(0.07)
    plot.set(xticks=[], yticks=[])
    plot.spines[:].set(visible=True, color=SOFT, linewidth=0.5)
    return drawing.finish()


def _middle(places: np.ndarray) -> np.ndarray:
    """Returns the member nearest to the median, which unlike it lies among its own."""
    distances = np.linalg.norm(places - np.median(places, axis=0), axis=1)
    return np.asarray(places[distances.argmin()])
