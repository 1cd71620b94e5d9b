"""Accuracy by subject and by class, actions at the wrist apart."""

from collections.abc import Sequence

import numpy as np

from pskd_tf.reporting.charts.bar_rows import BarRow, bar_rows
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.legend import legend
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.markup.panel import panel
from pskd_tf.reporting.palette import blend
from pskd_tf.reporting.predictions import Predictions
from pskd_tf.reporting.scored_model import ScoredModel, scored_models
from pskd_tf.reporting.section import Section


def by_group_section(run: LoadedRun) -> Section:
    """Draws one bar a subject and one a class."""
    models = [one for one in scored_models(run) if not one.name.startswith(("students/", "pruned"))]
    held = {model.name: [run.predictions(key) for key in model.keys] for model in models}
    subject_of = dict(
        zip(run.prepared.manifest["clip_id"], run.prepared.manifest["subject"], strict=True)
    )

    def subjects(part: Predictions) -> np.ndarray:
        return np.array([subject_of[clip] for clip in part.clip_ids])

    present = set(subjects(held["int8"][0]))
    order = [name for name in run.prepared.description.subjects if name in present]
    by_subject = [
        _row(f"subject {name}", models, held, lambda part, name=name: subjects(part) == name)
        for name in order
    ]
    panels = [panel("by subject", bar_rows(by_subject, _colour(models), "Accuracy by subject"))]
    for heading, classes in _class_groups(run, held["int8"][0]):
        rows = [
            _row(
                words(run.class_names[one], 24),
                models,
                held,
                lambda part, one=one: part.labels == one,
            )
            for one in classes
        ]
        panels.append(panel(heading, bar_rows(rows, _colour(models), f"Accuracy {heading}")))
    key = legend({"int8 student (bar, number)": blend(_colour(models), 0.35)})
    key += legend(
        {model.label: model.colour for model in models if model.name != "int8"}, shape="mark"
    )
    caption = (
        "How to read it: the bar and the number are the int8 student's share of right answers in "
        "per cent, mean over seeds; the thin line is one standard deviation. Upright marks are the "
        "same figure for the teachers and for the student trained without them: a mark right of "
        "the bar's end is better."
    )
    return Section("groups", "By subject and by class", figure(panels, caption, key))


def _colour(models: Sequence[ScoredModel]) -> str:
    return next(model.colour for model in models if model.name == "int8")


def _row(label: str, models: Sequence[ScoredModel], held: dict, chosen) -> BarRow:
    shares = {}
    for model in models:
        each = [
            100 * part.right[mask].mean()
            for part in held[model.name]
            if (mask := chosen(part)).any()
        ]
        if each:
            shares[model.name] = each
    own = shares.pop("int8")
    spread = float(np.std(own, ddof=1)) if len(own) > 1 else 0.0
    marks = {
        model.colour: float(np.mean(shares[model.name])) for model in models if model.name in shares
    }
    return BarRow(label, float(np.mean(own)), spread, marks)


def _class_groups(run: LoadedRun, part: Predictions) -> list[tuple[str, list[int]]]:
    """Splits the classes that occur by where the sensor was worn in most of their clips."""
    wrist, elsewhere = [], []
    for one in np.unique(part.labels):
        at_wrist = part.on_wrist[part.labels == one].mean() >= 0.5
        (wrist if at_wrist else elsewhere).append(int(one))
    place = words(run.prepared.description.wrist_place)
    groups = [
        (f"by class, sensor at the {place}", wrist),
        ("by class, sensor elsewhere", elsewhere),
    ]
    if not elsewhere:
        groups = [("by class", wrist)]
    return [(heading, classes) for heading, classes in groups if classes]
