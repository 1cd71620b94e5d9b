"""Loss and accuracy of a training, epoch by epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pskd_tf.reporting.charts.plot_area import PlotArea
from pskd_tf.reporting.markup.svg_image import svg_image

_WIDTH, _HEIGHT = 350, 250


def history_chart(histories: Sequence[pd.DataFrame], colour: str, title: str) -> str:
    """Draws each training as a thin line and their mean as a thick one.

    Args:
        histories: One a training, with the columns `loss` and `accuracy` (a fraction).
        colour: Colour of the lines.
        title: Text alternative.

    Returns:
        The markup: loss above, accuracy in per cent below.
    """
    epochs = max(len(history) for history in histories)
    losses = [history["loss"].to_numpy() for history in histories]
    accuracies = [100 * history["accuracy"].to_numpy() for history in histories]
    # The first epochs of a loss would press all others to the floor.
    highest = max(float(np.quantile(loss, 0.98)) for loss in losses)
    span = (1.0, float(max(epochs, 2)))
    upper = PlotArea(38, 22, _WIDTH - 46, 78, span, (0.0, highest * 1.05 or 1.0))
    lower = PlotArea(38, 132, _WIDTH - 46, 84, span, (0.0, 100.0))
    parts = [
        upper.axes("", "loss", (0, 3)),
        lower.axes("epoch", "accuracy on training clips, %", (min(5, max(epochs - 1, 1)), 4)),
    ]
    for area, curves in ((upper, losses), (lower, accuracies)):
        curves = [np.minimum(curve, area.y_range[1]) for curve in curves]
        equal = len({len(curve) for curve in curves}) == 1
        thin = len(curves) > 1
        for curve in curves:
            xs = np.arange(1, len(curve) + 1)
            parts.append(area.line(xs, curve, colour, 0.8 if thin else 1.8, 0.35 if thin else None))
        if thin and equal:
            mean = np.mean(curves, axis=0)
            parts.append(area.line(np.arange(1, len(mean) + 1), mean, colour, 2.0))
    return svg_image(_WIDTH, _HEIGHT, title, *parts)
