"""The stages that score a model on held-out clips."""

from pathlib import Path

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
from pskd_tf.pipeline.stage import RunContext, Stage, load_weights
from pskd_tf.pipeline.teach import build_stage_model
from pskd_tf.settings import InputSettings


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


def score_stage(stage: Stage, context: RunContext, folder: Path) -> dict:
    """Predicts the held-out clips and writes the probabilities.

    Args:
        stage: A stage of kind `score`; its inputs are `model`, the fit stage that says how to
            build the net, and `source`, the stage whose `settings["file"]` holds weights (.npz)
            or an int8 flatbuffer (.tflite, run by the TensorFlow Lite Micro interpreter).
        context: Where to read and report.
        folder: Where to write `predictions.npz` (clip_ids, labels, on_wrist,
            probabilities).

    Returns:
        What `result.json` says: the scores of this part.
    """
    settings = stage.settings
    clips = PairedClips.load_clips(PreparedSet.load(context.prepared_dir), settings["clips"])
    if "skeleton" in settings["streams"]:
        clips = clips.subset(clips.has_skeleton)
    inputs = InputSettings(**stage.inputs["model"].settings["inputs"])
    evaluation = evaluation_views(clips, settings["streams"], inputs)
    views = evaluation.streams
    source = context.folder(stage.inputs["source"]) / settings["file"]
    if source.suffix == ".tflite":
        tflite = source.read_bytes()
        interface = Int8Interface.read(tflite)
        quantised = quantise_input(
            views["accelerometer"], interface.input_scale, interface.input_zero_point
        )
        _, logits = tflm_logits(tflite, quantised)
    else:
        model = _built(stage, context, clips)
        model.set_weights(load_weights(source))
        logits = model_outputs(model, views)["logits"]
    probabilities = clip_probabilities(logits, evaluation.rows, len(clips), inputs.window_score)
    return save_predictions(folder, clips, probabilities)


def _built(stage: Stage, context: RunContext, clips: PairedClips) -> keras.Model:
    model, source = stage.inputs["model"], stage.inputs["source"]
    if source.kind in ("slim", "quantise"):
        return build_student(keras, **source_arguments(source, model, context))
    return build_stage_model(model, clips)


def forest_stage(stage: Stage, context: RunContext, folder: Path) -> dict:
    """Fits a random forest on the student's input, unaugmented, and writes its predictions.

    Args:
        stage: A stage of kind `forest`; `settings["arguments"]` are scikit-learn's.
        context: Where to read and report.
        folder: Where to write `predictions.npz`, as `score_stage` does.

    Returns:
        What `result.json` says: the scores of this part.
    """
    settings = stage.settings
    prepared = PreparedSet.load(context.prepared_dir)
    inputs = InputSettings(**settings["inputs"])
    forest = RandomForestClassifier(random_state=settings["seed"], **settings["arguments"])
    train = PairedClips.load_clips(prepared, settings["train_clips"])
    views = evaluation_views(train, {"accelerometer"}, inputs)
    forest.fit(_flat(views), train.labels[views.rows])
    clips = PairedClips.load_clips(prepared, settings["clips"])
    views = evaluation_views(clips, {"accelerometer"}, inputs)
    known = np.full((len(views.rows), settings["num_classes"]), -np.inf)
    with np.errstate(divide="ignore"):  # no tree's vote is a probability of 0
        known[:, forest.classes_] = np.log(forest.predict_proba(_flat(views)))
    probabilities = clip_probabilities(known, views.rows, len(clips), inputs.window_score)
    return save_predictions(folder, clips, probabilities)


def _flat(views: EvaluationViews) -> np.ndarray:
    accelerometer = views.streams["accelerometer"]
    return accelerometer.reshape(len(accelerometer), -1)
