"""What is taken for what."""

import numpy as np
from sklearn.metrics import confusion_matrix

from pskd_tf.reporting.charts.confusion_chart import confusion_chart
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.legend import legend
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.markup.panel import panel
from pskd_tf.reporting.palette import RIGHT, WRONG
from pskd_tf.reporting.scored_model import ScoredModel, scored_models
from pskd_tf.reporting.section import Section


def confusion_section(run: LoadedRun) -> Section:
    """Draws a confusion matrix for each teacher, the shipped student in float and in int8."""
    shown = [model for model in scored_models(run) if _is_shown(run, model)]
    panels = []
    for model in shown:
        counts = pooled_confusion(run, model)
        chart = confusion_chart(counts, run.class_names, f"Confusion matrix of {model.label}")
        panels.append(panel(model.label, chart, _worst(counts, run.class_names)))
    caption = (
        "How to read it: a row is what was done, a column what was said (numbers as in the rows); "
        "the darker a cell, the larger its share of the row. Held-out clips of all folds and seeds "
        "together. Below each matrix its most frequent mistakes: what was "
        "done, for what it was taken."
    )
    flow = "wide" if len(run.class_names) > 12 else ""
    colours = legend({"right": RIGHT, "mistaken": WRONG})
    return Section("confusion", "What is taken for what", figure(panels, caption, colours, flow))


def pooled_confusion(run: LoadedRun, model: ScoredModel) -> np.ndarray:
    """Counts a model's answers over all folds and seeds.

    Args:
        run: The run.
        model: One of its models.

    Returns:
        `(classes, classes)`, rows the truth, columns the guess.
    """
    classes = np.arange(len(run.class_names))
    parts = [run.predictions(key) for key in model.keys]
    return sum(confusion_matrix(part.labels, part.guesses, labels=classes) for part in parts)


def _is_shown(run: LoadedRun, model: ScoredModel) -> bool:
    return model.name.startswith("teachers/") or model.name in (
        f"students/{run.first_kind}",
        "int8",
    )


def _worst(counts: np.ndarray, class_names: list[str]) -> str:
    mistakes = counts - np.diag(np.diag(counts))
    order = np.argsort(mistakes, axis=None, kind="stable")[::-1][:3]
    said = []
    for place in order:
        row, column = np.unravel_index(place, counts.shape)
        if mistakes[row, column]:
            names = words(f"{class_names[row]} for {class_names[column]}")
            said.append(f"{names} ({mistakes[row, column]} of {counts[row].sum()})")
    return "; ".join(said) or "no mistake"
