"""Where clips lie in the embeddings of teachers and student."""

from collections.abc import Sequence
from html import escape

from pskd_tf.reporting.charts.map_chart import map_chart
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.markup.panel import panel
from pskd_tf.reporting.palette import numbered_colour
from pskd_tf.reporting.replay.embedding_map import EmbeddingMap
from pskd_tf.reporting.section import Section


def embeddings_section(run: LoadedRun, maps: Sequence[EmbeddingMap]) -> Section:
    """Draws the maps side by side, with one list of the classes.

    Args:
        run: The run.
        maps: What `embedding_maps` gives.

    Returns:
        The section.
    """
    panels = []
    for one in maps:
        name = words(one.name.split("/")[-1])
        heading = name if one.name.startswith("teachers/") else f"student, {name} teachers"
        chart = map_chart(one.places, one.labels, run.class_names, f"Embeddings of {heading}")
        panels.append(panel(heading, chart, f"{len(one.labels)} clips"))
    numbers = [
        element(
            "li",
            element("b", str(number + 1), style=f"color:{numbered_colour(number)}"),
            f" {escape(words(name))}",
            data_class=number,
        )
        for number, name in enumerate(run.class_names)
    ]
    caption = (
        "How to read it: one dot is one held-out clip, the number its class; clips that a model "
        "holds for alike lie close together. Point at a class to see it in every map. Layout by "
        "t-SNE (seeded, started from PCA): only who is whose neighbour means something, neither "
        "distances between groups nor their sizes. First fold, first seeds."
    )
    body = element(
        "div",
        figure(panels, caption, element("ul", *numbers, class_="numbered"), _flow(panels)),
        class_="maps",
    )
    return Section("embeddings", "A map of the embeddings", body)


def _flow(panels: Sequence[str]) -> str:
    """Two by two looks better than three and one."""
    return "wide" if len(panels) in (2, 4) else ""
