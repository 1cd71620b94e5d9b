"""The stage that turns a student into int8, after training or by training."""

import gzip
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from data_prep.prepared_set import PreparedSet
from pskd_tf.compression.convert_to_int8 import convert_to_int8
from pskd_tf.compression.count_macs import count_macs
from pskd_tf.compression.kernel_sparsity import kernel_sparsity
from pskd_tf.compression.student_twin import with_convolution_head
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.evaluation.arena_bytes import arena_bytes
from pskd_tf.evaluation.layer_noise import layer_noise
from pskd_tf.evaluation.layer_table import layer_table
from pskd_tf.evaluation.tflm_operators import tflm_operators
from pskd_tf.evaluation.tflm_probe import tflm_probe
from pskd_tf.models.build_student import build_student
from pskd_tf.pipeline.calibration_views import calibration_views
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.source_arguments import source_arguments
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.student_teaching import StudentTeaching
from pskd_tf.pipeline.weights_file import load_weights, save_weights

# Clips that the noise of the layers is measured on.
_NOISE_CLIPS = 64


def quantise_stage(stage: Stage, context: RunContext, folder: Path) -> dict:
    """Quantises one student and measures it on TensorFlow Lite Micro.

    Args:
        stage: A stage of kind `quantise`; its input `student` is the fit stage, `source` the one
            whose weights are quantised: that stage itself, a `slim` or a `compress` stage.
        context: Where to read and report.
        folder: Where to write `student_int8.tflite`, `weights.npz` (the float weights it stands
            for), `calibration.csv`, `layers.csv` and, after training, `history.csv`.

    Returns:
        What `result.json` says: builder's arguments, sizes, arena, operators, noise by layer.
    """
    settings, student = stage.settings, stage.inputs["student"]
    fitted = student.settings
    inputs = InputSettings(**fitted["inputs"])
    clips = PairedClips.load_clips(PreparedSet.load(context.prepared_dir), fitted["train_clips"])
    weights = load_weights(context.folder(stage.inputs["source"]) / "weights.npz")
    arguments = source_arguments(stage.inputs["source"], student, context)
    if settings["head"] == "convolution" and fitted["model"] == "accelerometer_student":
        weights, arguments = with_convolution_head(weights, arguments)
    calibration = calibration_views(
        clips,
        inputs,
        settings["calibration_clips"],
        settings["calibration_seed"],
        folder,
        stratified=settings["stratified"],
    )
    if settings["method"] == "qat":
        weights, tflite = _trained(stage, context, clips, (weights, arguments), calibration, folder)
    else:
        tflite = convert_to_int8(weights, arguments, calibration)
    (folder / "student_int8.tflite").write_bytes(tflite)
    save_weights(folder / "weights.npz", weights)
    model = build_student(keras, **arguments)
    model.set_weights(weights)
    noise = layer_noise(tflite, model, calibration[:_NOISE_CLIPS])
    pd.DataFrame(layer_table(tflite, noise)).to_csv(folder / "layers.csv", index=False)
    return {
        "builder_arguments": arguments,
        "parameters": model.count_params(),
        "macs": count_macs(model),
        "sparsity": kernel_sparsity(model),
        "flatbuffer_bytes": len(tflite),
        "gzip_bytes": len(gzip.compress(tflite, mtime=0)),
        "arena_bytes": arena_bytes(tflite),
        "arena": tflm_probe(tflite),
        "operators": list(tflm_operators(tflite)),
        "snr_db": noise,
    }


def _trained(
    stage: Stage,
    context: RunContext,
    clips: PairedClips,
    source: tuple[list[np.ndarray], dict[str, Any]],
    calibration: np.ndarray,
    folder: Path,
) -> tuple[list[np.ndarray], bytes]:
    from pskd_tf.compression.train_quantised import train_quantised  # TFMOT is slow to import

    settings, student = stage.settings, stage.inputs["student"]
    teaching, loss = StudentTeaching.load(student, context, clips).taught_or_not(settings["distil"])
    trained = train_quantised(
        *source,
        teaching.batches("quantise", settings["epochs"]),
        loss,
        calibration,
        steps_per_epoch=teaching.steps_per_epoch,
        epochs=settings["epochs"],
        learning_rate=settings["learning_rate"],
        warm=settings["warm"],
        preserve_sparsity=settings["preserve_sparsity"],
        projection_widths={name: one.shape[1] for name, one in teaching.projections.items()},
        seed=student.settings["seed"],
    )
    context.advance(settings["epochs"])
    pd.DataFrame(trained.history).to_csv(folder / "history.csv", index_label="epoch")
    if settings["ranges"] == "recalibrated":
        return trained.weights, convert_to_int8(trained.weights, source[1], calibration)
    return trained.weights, convert_to_int8(trained.wrapped_weights, source[1], None)
