"""The sections about scores: of models, classes and subjects, confusions, calibration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pskd_tf.method import ACS_LOSS
from pskd_tf.pipeline.metrics import virtual_sentence
from pskd_tf.pipeline.specs import FitSpec, ScoreSpec
from pskd_tf.reporting.charts import Chart, Panel
from pskd_tf.reporting.score_charts import (
    BarRow,
    DotRow,
    Mark,
    bar_rows,
    confusion_matrix_chart,
    reliability_diagram,
    seed_dots,
)
from pskd_tf.reporting.scored_models import (
    SCORES,
    ScoredModel,
    calibration_error,
    pooled_confusion,
    reliability_bins,
    scored_models,
)
from pskd_tf.reporting.tables import Table, listed, paired_text, percent, signed, words
from pskd_tf.run import Run
from pskd_tf.stage_record import Predictions


def summary_sentences(run: Run) -> str:
    """Returns the result of a run in three or four sentences of plain text."""
    metrics, model = run.metrics, run.metrics["model"]
    int8 = metrics["student"]["int8"]
    seeds = len(metrics["seeds"])
    over = f"mean and standard deviation over n = {seeds} seeds" if seeds > 1 else "one seed, n = 1"
    gain = paired_text(metrics["paired_difference"]["values"])
    virtual = f" {virtual_sentence(metrics['virtual'])}" if "virtual" in metrics else ""
    method, own = "distillation", ""
    if "method" in metrics:
        method = metrics["method"]["title"]
        own = f" The student's method is {method}: {method_text(run)}."
    return (
        "The int8 student, which reads only the accelerometer, reaches an accuracy of "
        f"{percent(int8['accuracy'])} % ({over}; macro F1 {percent(int8['macro_f1'])} %) on "
        f"held-out clips of {run.prepared.description.title}. "
        f"It takes {model['flatbuffer_bytes']:,} bytes of flash, {model['arena_bytes']:,} bytes of "
        f"arena and {model['macs']:,} multiply-accumulates per inference. In float, {method} "
        f"minus cross-entropy alone is {gain}.{own}{virtual}"
    )


def method_text(run: Run) -> str:
    """Returns loss, arguments and teachers of a run with a method, as a part of a sentence."""
    method = run.metrics["method"]
    given = ", ".join(f"{words(name)} {value}" for name, value in method["arguments"].items())
    taught = "no teacher"
    if method["teachers"]:
        kind = words(method["teacher_outputs"])
        taught = f"{kind} outputs of {listed([words(one) for one in method['teachers']])}"
    loss = f"the loss {method['loss']}{f' ({given})' if given else ''}"
    if "pretraining" in method:
        loss += f" after pre-training without labels by {method['pretraining']},"
    other = f", trained with {method['training']}" if "training" in method else ""
    return f"{loss} with {taught}{other}"


def warnings(run: Run) -> list[str]:
    """Returns what a reader must know before reading any number."""
    check = run.metrics.get("compression_check", {})
    serious = [*check.get("warnings", []), *run.metrics.get("warnings", [])]
    found = [f"Warning: {text}" for text in serious]
    if run.metrics["dataset_is_synthetic"]:
        found.append(
            "Generated data, not recordings: the figures show that every part works and say "
            "nothing about people."
        )
    if run.metrics.get("leaks_subjects"):
        found.append(
            "In this protocol some subjects are in both the training and the test part: the "
            "scores say little about new people."
        )
    if run.metrics["protocol"] == "validation":
        found.append(
            "Validation: each training subject is left out in turn, to choose settings. The test "
            "subjects are not used."
        )
    method = run.settings.method
    # Teachers after the first follow ACS whatever the student follows.
    if method is None or method.loss == ACS_LOSS or len(run.settings.teachers) > 1:
        found.append(
            "ACS is our reconstruction from the abstract of PSKD (Ni, Ngu, Yan, ACM MM 2022); its "
            "formula, the order of the stages and all settings are ours."
        )
    return found


@dataclass(frozen=True)
class Scores:
    """The section of scores.

    Attributes:
        protocol: Protocol, clips and seeds, in words.
        splits: The subjects of each part.
        table: Mean and spread of each model.
        dots: One dot a seed.
        difference: Distillation minus cross-entropy alone, paired by seed.
        by_seed: The same, a value for each seed.
    """

    protocol: str
    splits: Table
    table: Table
    dots: Chart
    difference: str
    by_seed: str


def scores_section(run: Run) -> Scores:
    """Collects the scores of every model and the parts of the protocol."""
    rows, dots = [], []
    for model in scored_models(run):
        scores = model.scores(run)
        cells = [percent(scores[name]) for name in SCORES]
        rows.append([model.label, *cells, str(len(model.seeds))])
        values = [100 * value for value in scores["accuracy"]["values"]]
        dots.append(DotRow(model.label, values, model.colour))
    header = ["Model", "Accuracy %", "Macro F1 %", "Wrist actions %", "n"]
    differences = run.metrics["paired_difference"]["values"]
    return Scores(
        protocol=_protocol(run),
        splits=_splits(run),
        table=Table(header, rows, strong_rows=[len(rows) - 1]),
        dots=seed_dots(dots, "Accuracy of each model and seed", "accuracy on held-out clips, %"),
        difference=paired_text(differences),
        by_seed=", ".join(map(signed, differences)),
    )


def _protocol(run: Run) -> str:
    metrics, everyone = run.metrics, run.prepared.description.subjects
    taking_part = {*metrics["train_subjects"], *metrics["test_subjects"]}
    some = f", of whom {len(taking_part)} take part" if len(taking_part) < len(everyone) else ""
    text = (
        f"Protocol: {words(metrics['protocol'])}. {run.prepared.description.title} has "
        f"{len(run.prepared.manifest)} clips of {len(run.class_names)} actions by {len(everyone)} "
        f"subjects{some}. "
    )
    if len(metrics["folds"]) > 1:
        text += f"Each seed's value pools the held-out clips of {len(metrics['folds'])} folds. "
    return (
        f"{text}Student seeds: {listed(metrics['seeds'])}. "
        f"Teacher seeds: {listed(metrics['teacher_seeds'])}."
    )


def _splits(run: Run) -> Table:
    folds, rows = run.metrics["folds"], []
    for number, fold in enumerate(folds):
        name = f"fold {number + 1}" if len(folds) > 1 else "the only split"
        held = run.scores(f"baseline/{run.first_seed}")[number]
        held_out = held.spec(ScoreSpec)
        train = run.stage(held_out.model).spec(FitSpec)
        sizes = f"{len(train.part.clips)} / {len(held_out.clips)}"
        rows.append([name, listed(fold["train_subjects"]), listed(fold["test_subjects"]), sizes])
    header = ["Split", "Training subjects", "Held-out subjects", "Clips: training / held out"]
    return Table(header, rows, kind="text")


def confusion_panels(run: Run) -> list[Panel]:
    """Draws a confusion matrix for each teacher, the student in float and in int8."""
    panels = []
    for model in scored_models(run):
        if model.name.startswith("teachers/") or model.name in (
            f"students/{run.first_kind}",
            "int8",
        ):
            counts = pooled_confusion(run, model)
            title = f"Confusion matrix of {model.label}"
            chart = confusion_matrix_chart(counts, run.class_names, title)
            panels.append(Panel(model.label, chart, _frequent_errors(counts, run.class_names)))
    return panels


def _frequent_errors(counts: np.ndarray, class_names: list[str]) -> str:
    errors = counts - np.diag(np.diag(counts))
    found = []
    for place in np.argsort(errors, axis=None, kind="stable")[::-1][:3]:
        row, column = np.unravel_index(place, counts.shape)
        if errors[row, column]:
            names = words(f"{class_names[row]} → {class_names[column]}")
            found.append(f"{names} ({errors[row, column]} of {counts[row].sum()})")
    return "; ".join(found) or "no error"


def group_panels(run: Run) -> list[Panel]:
    """Draws one bar a subject and one a class."""
    models = compared_models(run)
    held = {model.name: [run.predictions(key) for key in model.keys] for model in models}
    manifest = run.prepared.manifest
    subject_of = dict(zip(manifest["clip_id"], manifest["subject"], strict=True))

    def subjects(part: Predictions) -> np.ndarray:
        return np.array([subject_of[clip] for clip in part.clip_ids])

    def classes(part: Predictions) -> np.ndarray:
        return part.labels

    present = set(subjects(held["int8"][0]))
    by_subject = [
        _row(f"subject {name}", models, held, subjects, name)
        for name in run.prepared.description.subjects
        if name in present
    ]
    colour = models[-1].colour
    panels = [Panel("by subject", bar_rows(by_subject, colour, "Accuracy by subject"))]
    for heading, members in _class_groups(run, held["int8"][0]):
        rows = [
            _row(words(run.class_names[one], 24), models, held, classes, one) for one in members
        ]
        panels.append(Panel(heading, bar_rows(rows, colour, f"Accuracy {heading}")))
    return panels


def compared_models(run: Run) -> list[ScoredModel]:
    """Returns the models whose scores are drawn by subject and class; the int8 student is last."""
    return [one for one in scored_models(run) if not one.name.startswith(("students/", "pruned"))]


def _row(
    label: str,
    models: Sequence[ScoredModel],
    held: dict[str, list[Predictions]],
    groups_of: Callable[[Predictions], np.ndarray],
    group: str | int,
) -> BarRow:
    """Returns the accuracies on the clips of one group; `groups_of` gives the group of each."""
    shares = {}
    for model in models:
        each = [
            100 * part.right[mask].mean()
            for part in held[model.name]
            if (mask := groups_of(part) == group).any()
        ]
        if each:
            shares[model.name] = each
    own = shares.pop("int8")
    spread = float(np.std(own, ddof=1)) if len(own) > 1 else 0.0
    marks = [
        Mark(model.label, float(np.mean(shares[model.name])), model.colour)
        for model in models
        if model.name in shares
    ]
    return BarRow(label, float(np.mean(own)), spread, marks)


def _class_groups(run: Run, part: Predictions) -> list[tuple[str, list[int]]]:
    """Splits the classes that occur by where the sensor was worn in most of their clips."""
    wrist: list[int] = []
    elsewhere: list[int] = []
    for one in np.unique(part.labels):
        at_wrist = part.on_wrist[part.labels == one].mean() >= 0.5
        (wrist if at_wrist else elsewhere).append(int(one))
    if not elsewhere:
        return [("by class", wrist)]
    place = words(run.prepared.description.wrist_place)
    groups = [
        (f"by class, sensor at the {place}", wrist),
        ("by class, sensor elsewhere", elsewhere),
    ]
    return [(heading, classes) for heading, classes in groups if classes]


def calibration_panels(run: Run) -> list[Panel]:
    """Draws a reliability diagram for the baseline, the student, and the student in int8."""
    wanted = ("baseline", f"students/{run.first_kind}", "int8")
    panels = []
    for model in scored_models(run):
        if model.name in wanted:
            parts = [run.predictions(key) for key in model.keys]
            errors = [100 * calibration_error(*reliability_bins([part])) for part in parts]
            spread = f" ± {np.std(errors, ddof=1):.1f}" if len(errors) > 1 else ""
            title = f"Reliability diagram of {model.label}"
            chart = reliability_diagram(*reliability_bins(parts), model.colour, title)
            remark = f"expected calibration error {np.mean(errors):.1f}{spread} points"
            panels.append(Panel(model.label, chart, f"{remark} (n = {len(errors)})"))
    return panels
