"""The sections about training: training curves, teacher selection, embeddings, clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pskd_tf.pipeline.specs import LossSpec
from pskd_tf.reporting.charts import Chart, Panel, colour_of
from pskd_tf.reporting.clip_drawing import body_of, clip_chart
from pskd_tf.reporting.replay import EmbeddingMap
from pskd_tf.reporting.scored_models import group_heading, training_group
from pskd_tf.reporting.tables import Table, words
from pskd_tf.reporting.training_charts import (
    embedding_chart,
    selection_by_class,
    selection_by_epoch,
    training_curves,
)
from pskd_tf.run import Run
from pskd_tf.stage_record import Predictions, StageRecord

_ORDER = ("teachers", "baseline", "students", "pruned")


def curve_panels(run: Run) -> list[Panel]:
    """Draws loss and accuracy of every training, grouped by what was trained."""
    groups: dict[str, list[StageRecord]] = {}
    for stage in run.stages:
        if {"loss", "accuracy"} <= set(stage.history.columns):
            groups.setdefault(training_group(run, stage), []).append(stage)
    panels = []
    for name in sorted(groups, key=lambda name: _ORDER.index(name.partition("/")[0])):
        heading, histories = group_heading(name, run), [stage.history for stage in groups[name]]
        chart = training_curves(histories, colour_of(name), f"Training curves of {heading}")
        epochs = ", ".join(map(str, sorted({len(history) for history in histories})))
        trainings = "1 training" if len(histories) == 1 else f"{len(histories)} trainings"
        panels.append(Panel(heading, chart, f"{trainings} of {epochs} epochs"))
    return panels


@dataclass(frozen=True)
class TeacherSelection:
    """The section on which teachers ACS selected.

    Attributes:
        selection: The setting of ACS: `hard`, `gap`, `soft`, ...; "" of another loss.
        colours: Colour of each target.
        by_epoch: Shares while the students trained; empty where their loss selects nothing.
        by_class: Shares by class, replayed with the trained student.
    """

    selection: str
    colours: Mapping[str, str]
    by_epoch: list[Panel]
    by_class: list[Panel]


def teacher_selection(
    run: Run, by_class: Mapping[str, Mapping[str, np.ndarray] | None]
) -> TeacherSelection:
    """Draws which teachers ACS selected.

    Args:
        run: The run.
        by_class: For each kind of teacher outputs what `teacher_selection_by_class` gives.

    Returns:
        The section.
    """
    targets = list(next(iter(run.metrics["acs"]["selection"].values())))
    colours = {target: colour_of(target) for target in targets}
    epoch_panels, class_panels = [], []
    for kind in run.settings.teacher_outputs:
        heading = f"{words(kind)} teachers"
        shares = _shares_by_epoch(run, kind, targets)
        if shares is not None and len(targets) > 1:
            chart = selection_by_epoch(shares, colours, f"Teacher selection by epoch: {heading}")
            means = [f"{words(name)} {100 * one.mean():.0f} %" for name, one in shares.items()]
            epoch_panels.append(Panel(heading, chart, f"mean over epochs: {', '.join(means)}"))
        own = by_class.get(kind)
        if own:
            kept = np.flatnonzero(~np.isnan(own["ground_truth"]))
            names = [words(run.class_names[one], 24) for one in kept]
            occurring = {target: values[kept] for target, values in own.items()}
            title = f"Teacher selection by class: {heading}"
            class_panels.append(
                Panel(heading, selection_by_class(names, occurring, colours, title))
            )
    method, acs = run.settings.method, run.settings.acs
    loss = LossSpec.of_acs(acs) if method is None else LossSpec(method.loss, method.trials[0])
    selection = loss.acs.selection if loss.acs is not None else ""
    return TeacherSelection(selection, colours, epoch_panels, class_panels)


def guess_tables(run: Run) -> list[Table]:
    """Returns how right the teachers are where a study hides labels, a table a kind of outputs."""
    labels = run.metrics.get("labels")
    return [
        Table(
            ("teacher", "right", "mean confidence"),
            [
                (words(name), f"{100 * one['right']:.1f}", f"{100 * one['confidence']:.1f}")
                for name, one in guesses.items()
            ],
            caption=f"Clips whose labels the study hides, {words(kind)} outputs, per cent",
        )
        for kind, guesses in (labels["guesses"].items() if labels else ())
    ]


def _shares_by_epoch(run: Run, kind: str, targets: Sequence[str]) -> dict[str, np.ndarray] | None:
    columns = [f"followed_{target}" for target in targets]
    tables = [
        stage.history[columns].to_numpy()
        for stage in run.stages
        if stage.kind == "fit"
        and training_group(run, stage) == f"students/{kind}"
        and set(columns) <= set(stage.history.columns)
    ]
    if not tables:
        return None
    epochs = min(len(one) for one in tables)
    mean = np.mean([one[:epochs] for one in tables], axis=0)
    return dict(zip(targets, mean.T, strict=True))


def embedding_panels(run: Run, maps: Sequence[EmbeddingMap]) -> list[Panel]:
    """Draws the maps side by side.

    Args:
        run: The run.
        maps: What `embedding_maps` gives.

    Returns:
        One panel a map.
    """
    panels = []
    for one in maps:
        heading = group_heading(one.name, run)
        title = f"Embeddings of {heading}"
        chart = embedding_chart(one.places, one.labels, run.class_names, title)
        panels.append(Panel(heading, chart, f"{len(one.labels)} clips"))
    return panels


@dataclass(frozen=True)
class Answer:
    """A model's prediction for a clip.

    Attributes:
        model: The model.
        predicted: Name of the predicted class.
        confidence: Its probability, in per cent.
        is_right: Whether it is the true class.
    """

    model: str
    predicted: str
    confidence: float
    is_right: bool


@dataclass(frozen=True)
class ExampleClip:
    """A clip with the models' predictions.

    Attributes:
        action: The true class.
        clip_id: The clip.
        subject: The subject.
        sensor_place: Where the sensor was worn.
        chart: Its drawing.
        answers: One a model.
    """

    action: str
    clip_id: str
    subject: str
    sensor_place: str
    chart: Chart
    answers: list[Answer]


def example_clips(run: Run) -> list[ExampleClip]:
    """Draws up to six clips of the first fold, chosen by the rule of `chosen_clips`."""
    predictions = {"int8 student": run.predictions(f"int8/{run.first_seed}", fold=0)}
    seed = run.metrics["teacher_seeds"][0]
    for name in run.metrics["teachers"]:
        predictions[words(name)] = run.predictions(f"teachers/{name}/{seed}", fold=0)
    student = predictions["int8 student"]
    return [
        _example(run, str(student.clip_ids[row]), int(student.labels[row]), predictions)
        for row in chosen_clips(student)
    ]


def chosen_clips(part: Predictions) -> list[int]:
    """Returns rows: the most, median and least confident of the correct and then of the wrong."""
    chosen = []
    for right in (True, False):
        rows = np.flatnonzero(part.right == right)
        order = rows[np.argsort(-part.probabilities.max(axis=1)[rows], kind="stable")]
        places = [0, len(order) // 2, len(order) - 1] if len(order) else []
        chosen += [int(order[place]) for place in dict.fromkeys(places)]
    return chosen


def _example(
    run: Run, clip_id: str, truth: int, predictions: Mapping[str, Predictions]
) -> ExampleClip:
    (place,) = run.clip_rows([clip_id])
    description, row = run.prepared.description, run.prepared.manifest.iloc[place]
    action = words(run.class_names[truth])
    chart = clip_chart(
        run.prepared.measured(place),
        description.streams["accelerometer"]["nominal_rate_hz"],
        run.prepared.skeleton(place),
        body_of(run.prepared),
        f"Recording {clip_id}: {action}",
    )
    answers = []
    for model, part in predictions.items():
        for found in np.flatnonzero(part.clip_ids == clip_id)[:1]:
            guess = int(part.guesses[found])
            share = 100 * float(part.probabilities[found, guess])
            name = words(run.class_names[guess])
            answers.append(Answer(model, name, share, guess == truth))
    return ExampleClip(
        action, clip_id, str(row["subject"]), words(row["sensor_place"]), chart, answers
    )
