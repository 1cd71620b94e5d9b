"""The stage that lets a finished model predict the held-out clips, once."""

from pathlib import Path

import keras

from data_prep.prepared_set import PreparedSet
from pskd_tf.data.evaluation_views import evaluation_views
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.evaluation.clip_probabilities import clip_probabilities
from pskd_tf.evaluation.int8_interface import Int8Interface
from pskd_tf.evaluation.model_outputs import model_outputs
from pskd_tf.evaluation.quantise_input import quantise_input
from pskd_tf.evaluation.tflm_logits import tflm_logits
from pskd_tf.models.build_student import build_student
from pskd_tf.pipeline.load_stage_model import build_stage_model
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.save_predictions import save_predictions
from pskd_tf.pipeline.source_arguments import source_arguments
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.weights_file import load_weights


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
