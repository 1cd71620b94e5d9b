"""The numbers, the protocol and who is in which part."""

from collections.abc import Sequence

from pskd_tf.reporting.charts.seed_dots import DotRow, seed_dots
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.number_text import percent, words
from pskd_tf.reporting.markup.table import table
from pskd_tf.reporting.paired_differences import paired_text
from pskd_tf.reporting.scored_model import scored_models
from pskd_tf.reporting.section import Section, paragraph

_MOST_LISTED = 40


def numbers_section(run: LoadedRun) -> Section:
    """Writes the table of scores, one dot a seed, and the parts of the protocol."""
    rows, dots = [], []
    models = scored_models(run)
    for model in models:
        scores = model_scores(run, model.name)
        cells = [percent(scores[name]) for name in _SCORES]
        rows.append([model.label, *cells, str(len(model.seeds))])
        values = [100 * value for value in scores["accuracy"]["values"]]
        dots.append(DotRow(model.label, values, model.colour))
    header = ["Model", "Accuracy %", "Macro F1 %", "Wrist actions %", "n"]
    chart = seed_dots(dots, "Accuracy of each model and seed", "accuracy on held-out clips, %")
    body = [
        protocol_text(run),
        table(header, rows, strong_rows=[len(rows) - 1]),
        paragraph(
            "Mean ± sample standard deviation over n seeds; no value is picked. Wrist actions: "
            "only the clips whose sensor was worn at the wrist. int8 is run by TensorFlow Lite "
            "Micro's interpreter, all others by Keras.",
            "remark",
        ),
        figure(
            [chart],
            "How to read it: one dot is one seed, the upright line their mean, the thin line one "
            "standard deviation to either side. The axis does not start at zero.",
            flow="single",
        ),
        paragraph(_pairs(run)),
    ]
    return Section("numbers", "Numbers", "".join(body))


def model_scores(run: LoadedRun, name: str) -> dict:
    """Returns the summaries of a model from `metrics.json`."""
    metrics = run.metrics
    group, _, own = name.partition("/")
    if group == "teachers":
        return metrics["teachers"][own]
    if group == "students":
        return metrics["students_by_teacher_outputs"][own]
    return (
        metrics["baseline"]["cross_entropy"] if group == "baseline" else metrics["student"][group]
    )


def protocol_text(run: LoadedRun) -> str:
    """Writes who trains and who is held out."""
    metrics, manifest = run.metrics, run.prepared.manifest
    folds, everyone = metrics["folds"], run.prepared.description.subjects
    rows = []
    for number, fold in enumerate(folds):
        name = f"fold {number + 1}" if len(folds) > 1 else "the only split"
        held = run.scores(f"baseline/{run.first_seed}")[number]
        train = run.stage(held.inputs["model"])
        sizes = [f"{len(train.settings['train_clips'])}", f"{len(held.settings['clips'])}"]
        rows.append(
            [name, _names(fold["train_subjects"]), _names(fold["test_subjects"]), " / ".join(sizes)]
        )
    text = (
        f"Protocol: {words(metrics['protocol'])}. {run.prepared.description.title} has "
        f"{len(manifest)} clips of {len(run.class_names)} actions by {len(everyone)} subjects"
    )
    taking_part = {*metrics["train_subjects"], *metrics["test_subjects"]}
    text += (
        f", of whom {len(taking_part)} take part. " if len(taking_part) < len(everyone) else ". "
    )
    if len(folds) > 1:
        text += f"Each seed's value pools the held-out clips of {len(folds)} folds. "
    text += f"Student seeds {_names(metrics['seeds'])}; "
    text += f"teacher seeds {_names(metrics['teacher_seeds'])}."
    header = ["Split", "Training subjects", "Held-out subjects", "Clips: training / held out"]
    return paragraph(text) + table(header, rows, kind="text")


def _pairs(run: LoadedRun) -> str:
    values = run.metrics["paired_difference"]["values"]
    each = ", ".join(f"{100 * value:+.1f}".replace("-", "−") for value in values)
    return (
        "The shipped kind of student minus cross-entropy alone, both in float: "
        f"{paired_text(values)}. "
        f"By seed: {each}. The interval covers seeds only; other subjects would move it further."
    )


def _names(values: Sequence[object]) -> str:
    listed = ", ".join(map(str, values[:_MOST_LISTED]))
    more = len(values) - _MOST_LISTED
    return listed if more <= 0 else f"{listed} and {more} more"


_SCORES = ("accuracy", "macro_f1", "wrist_actions_accuracy")
