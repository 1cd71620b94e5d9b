"""The stages that score a model: on held-out clips, and before and after its compression."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.ensemble import RandomForestClassifier

from data_prep.files import whole_file
from data_prep.prepared_set import PreparedSet
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import EvaluationViews, evaluation_views
from pskd_tf.evaluation.scores import classification_scores, clip_probabilities
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits
from pskd_tf.models.registry import build_student, model_outputs
from pskd_tf.pipeline.shrink import source_arguments
from pskd_tf.pipeline.specs import (
    FORM_FILES,
    CompareSpec,
    FitSpec,
    ForestSpec,
    QuantiseSpec,
    ScoreSpec,
    SlimSpec,
)
from pskd_tf.pipeline.stage import RunContext, Stage, load_weights
from pskd_tf.pipeline.teach import build_fit_model, load_stage_model
from pskd_tf.settings import STREAMS_READ


def save_predictions(
    folder: Path, clips: PairedClips, probabilities: np.ndarray
) -> dict[str, float]:
    """Writes `predictions.npz` and scores it.

    Args:
        folder: The stage's folder.
        clips: The held-out clips.
        probabilities: `(clips, classes)`.

    Returns:
        The scores, for `result.json`.
    """
    with whole_file(folder / "predictions.npz") as temporary:
        np.savez(
            temporary,
            clip_ids=np.array(clips.clip_ids),
            labels=clips.labels,
            on_wrist=clips.on_wrist,
            probabilities=probabilities,
        )
    return classification_scores(clips.labels, probabilities.argmax(axis=1), clips.on_wrist)


def score_stage(stage: Stage[ScoreSpec], context: RunContext, folder: Path) -> dict[str, Any]:
    """Predicts the held-out clips and writes the probabilities.

    Args:
        stage: The stage.
        context: Where to read and report.
        folder: Where to write `predictions.npz` (clip_ids, labels, on_wrist,
            probabilities).

    Returns:
        The content of `result.json`: the scores of this part.
    """
    spec = stage.spec
    model: Stage[FitSpec] = stage.input(spec.model)
    source, inputs = stage.input(spec.source), model.spec.data.inputs
    streams = STREAMS_READ[model.spec.model]
    clips = PairedClips.load_clips(PreparedSet.load(context.prepared_dir), spec.clips)
    if "skeleton" in streams:
        clips = clips.subset(clips.has_skeleton)
    evaluation = evaluation_views(clips, streams, inputs)
    file = context.folder(source) / spec.file
    if spec.form == "int8":
        logits = _int8_logits(file.read_bytes(), evaluation)
    else:
        net = _built(model.spec, source, context, clips)
        net.set_weights(load_weights(file))
        logits = model_outputs(net, evaluation.streams)["logits"]
    # A clip is a movement: "none", the last output, is left out.
    logits = logits[:, : model.spec.null_class]
    probabilities = clip_probabilities(logits, evaluation.rows, len(clips), inputs.window_score)
    return save_predictions(folder, clips, probabilities)


def _int8_logits(tflite: bytes, evaluation: EvaluationViews) -> np.ndarray:
    interface = Int8Interface.read(tflite)
    quantised = quantise_input(
        evaluation.streams["accelerometer"], interface.input_scale, interface.input_zero_point
    )
    _, logits = tflm_logits(tflite, quantised)
    return logits


def compare_stage(stage: Stage[CompareSpec], context: RunContext, folder: Path) -> dict[str, Any]:
    """Scores a student before and after pruning and after the conversion, on the same clips.

    Args:
        stage: The stage.
        context: Where to read and report.
        folder: Nothing is written there.

    Returns:
        The content of `result.json`: the scores of `float`, `pruned` and `int8`.
    """
    del folder
    spec = stage.spec
    student: Stage[FitSpec] = stage.input(spec.student)
    compressed = context.folder(stage.input(spec.compressed))
    inputs = student.spec.data.inputs
    clips = PairedClips.load_clips(PreparedSet.load(context.prepared_dir), spec.clips)
    evaluation = evaluation_views(clips, {"accelerometer"}, inputs)
    net = load_stage_model(student, context, clips)
    logits = {"float": model_outputs(net, evaluation.streams)["logits"]}
    net.set_weights(load_weights(compressed / FORM_FILES["float"]))
    logits["pruned"] = model_outputs(net, evaluation.streams)["logits"]
    logits["int8"] = _int8_logits((compressed / FORM_FILES["int8"]).read_bytes(), evaluation)
    scores = {}
    for form, values in logits.items():
        values = values[:, : student.spec.null_class]
        each = clip_probabilities(values, evaluation.rows, len(clips), inputs.window_score)
        scores[form] = classification_scores(clips.labels, each.argmax(axis=1), clips.on_wrist)
    return scores


def _built(
    model: FitSpec, source: Stage[Any], context: RunContext, clips: PairedClips
) -> keras.Model:
    if isinstance(source.spec, SlimSpec | QuantiseSpec):
        return build_student(keras, **source_arguments(source, model, context))
    return build_fit_model(model, clips)


def forest_stage(stage: Stage[ForestSpec], context: RunContext, folder: Path) -> dict[str, Any]:
    """Fits a random forest on the student's input, unaugmented, and writes its predictions.

    Args:
        stage: The stage.
        context: Where to read and report.
        folder: Where to write `predictions.npz`, as `score_stage` does.

    Returns:
        The content of `result.json`: the scores of this part.
    """
    spec = stage.spec
    prepared = PreparedSet.load(context.prepared_dir)
    inputs = spec.data.inputs
    forest = RandomForestClassifier(random_state=spec.seed, **spec.arguments)
    train = PairedClips.load_clips(prepared, spec.part.clips)
    views = evaluation_views(train, {"accelerometer"}, inputs)
    forest.fit(_flat(views), train.labels[views.rows])
    clips = PairedClips.load_clips(prepared, spec.clips)
    views = evaluation_views(clips, {"accelerometer"}, inputs)
    known = np.full((len(views.rows), spec.data.num_classes), -np.inf)
    with np.errstate(divide="ignore"):  # no tree's vote is a probability of 0
        known[:, forest.classes_] = np.log(forest.predict_proba(_flat(views)))
    probabilities = clip_probabilities(known, views.rows, len(clips), inputs.window_score)
    return save_predictions(folder, clips, probabilities)


def _flat(views: EvaluationViews) -> np.ndarray:
    accelerometer = views.streams["accelerometer"]
    return accelerometer.reshape(len(accelerometer), -1)
