"""A few held-out clips: what was recorded and what was said."""

from html import escape

import numpy as np

from pskd_tf.reporting.charts.clip_chart import AXIS_COLOURS, clip_chart
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.legend import legend
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.predictions import Predictions
from pskd_tf.reporting.section import Section


def clips_section(run: LoadedRun) -> Section:
    """Draws up to six clips, chosen by a rule that the caption states."""
    said = {"int8 student": run.predictions(f"int8/{run.first_seed}", fold=0)}
    seed = run.metrics["teacher_seeds"][0]
    for name in run.metrics["teachers"]:
        said[words(name)] = run.predictions(f"teachers/{name}/{seed}", fold=0)
    cards = [_card(run, row, said) for row in chosen_clips(said["int8 student"])]
    caption = (
        "How to read it: above, the acceleration as recorded; below, the skeleton, "
        "which only the teachers see, at six moments, pale first, seen from 30 degrees aside. "
        "The lists say what each model answered and how sure it was (✓ right, ✗ wrong). "
        "The clips: of the int8 student's right answers the surest, the median and the "
        "least sure; of its wrong ones likewise. First fold, first seed."
    )
    axes = legend({f"{name} axis": colour for name, colour in AXIS_COLOURS.items()})
    return Section("clips", "A few clips", figure(cards, caption, axes))


def chosen_clips(part: Predictions) -> list[int]:
    """Returns rows: surest, median and least sure, of the right and then of the wrong answers."""
    chosen = []
    for right in (True, False):
        rows = np.flatnonzero(part.right == right)
        order = rows[np.argsort(-part.probabilities.max(axis=1)[rows], kind="stable")]
        places = [0, len(order) // 2, len(order) - 1] if len(order) else []
        chosen += [int(order[place]) for place in dict.fromkeys(places)]
    return chosen


def _card(run: LoadedRun, row: int, said: dict[str, Predictions]) -> str:
    student = next(iter(said.values()))
    clip_id, truth = str(student.clip_ids[row]), int(student.labels[row])
    (place,) = run.clip_rows([clip_id])
    description = run.prepared.description
    chart = clip_chart(
        run.prepared.accelerometer(place),
        description.streams["accelerometer"]["nominal_rate_hz"],
        run.prepared.skeleton(place),
        description.joint_names,
        description.joint_parents,
        description.up_axis,
        description.skeleton_dimensions,
        f"Recording {clip_id}: {words(run.class_names[truth])}",
    )
    row_of = run.prepared.manifest.iloc[place]
    where = words(row_of["sensor_place"])
    answers = []
    for name, part in said.items():
        found = np.flatnonzero(part.clip_ids == clip_id)
        if len(found):
            answers.append(_answer(run, name, part.probabilities[found[0]], truth))
    return element(
        "div",
        element("h4", escape(words(run.class_names[truth]))),
        element(
            "p",
            escape(f"clip {clip_id}, subject {row_of['subject']}, sensor at the {where}"),
            class_="remark",
        ),
        chart,
        element("ul", *answers, class_="answers"),
        class_="panel clip",
    )


def _answer(run: LoadedRun, name: str, probabilities: np.ndarray, truth: int) -> str:
    guess = int(probabilities.argmax())
    right = guess == truth
    return element(
        "li",
        element("span", escape(name), class_="who"),
        element("b", "✓ " if right else "✗ ", class_="right" if right else "wrong"),
        escape(f"{words(run.class_names[guess])}, {100 * probabilities[guess]:.0f} %"),
    )
