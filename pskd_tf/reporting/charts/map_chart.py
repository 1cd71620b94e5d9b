"""A map of embeddings: one dot a clip, the class's number where its clips lie."""

from collections.abc import Sequence
from html import escape

import numpy as np

from pskd_tf.reporting.charts.plot_area import PlotArea, label
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.markup.svg_image import svg_image
from pskd_tf.reporting.palette import numbered_colour

_SIDE = 350


def map_chart(
    places: np.ndarray, labels: np.ndarray, class_names: Sequence[str], title: str
) -> str:
    """Draws the map.

    Args:
        places: `(clips, 2)`.
        labels: `(clips,)` class indices.
        class_names: Name of each class.
        title: Text alternative.

    Returns:
        The markup; dots and numbers carry `data-class`, by which the page's script finds them.
    """
    low, high = places.min(axis=0), places.max(axis=0)
    area = PlotArea(14, 22, _SIDE - 28, _SIDE - 36, (low[0], high[0]), (low[1], high[1]))
    parts = [element("rect", x=1, y=1, width=_SIDE - 2, height=_SIDE - 2, class_="plate")]
    for (x, y), clip_class in zip(places, labels, strict=True):
        parts.append(
            element(
                "circle",
                element("title", escape(words(class_names[clip_class]))),
                cx=area.x(x),
                cy=area.y(y),
                r=3.4,
                fill=numbered_colour(clip_class),
                fill_opacity=0.7,
                data_class=clip_class,
            )
        )
    for clip_class in np.unique(labels):
        x, y = _middle(places[labels == clip_class])
        mark = label(area.x(x), area.y(y) - 6, str(clip_class + 1), "middle", "halo")
        parts.append(element("g", mark, data_class=clip_class))
    return svg_image(_SIDE, _SIDE, title, *parts)


def _middle(places: np.ndarray) -> np.ndarray:
    """Returns the member nearest to the median, which unlike it lies among its own."""
    distances = np.linalg.norm(places - np.median(places, axis=0), axis=1)
    return places[distances.argmin()]
