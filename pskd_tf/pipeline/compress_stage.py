"""The stage that prunes a student under its teachers and converts it to int8."""

from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.prepared_set import PreparedSet
from pskd_tf.compression.convert_to_int8 import convert_to_int8
from pskd_tf.compression.count_macs import count_macs
from pskd_tf.compression.kernel_sparsity import kernel_sparsity
from pskd_tf.compression.prune_student import prune_student
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.evaluation.arena_bytes import arena_bytes
from pskd_tf.pipeline.calibration_views import calibration_views
from pskd_tf.pipeline.load_stage_model import load_stage_model
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.student_teaching import StudentTeaching
from pskd_tf.pipeline.weights_file import load_weights, save_weights


def compress_stage(stage: Stage, context: RunContext, folder: Path) -> dict:
    """Prunes, fine-tunes, calibrates and converts one student.

    Args:
        stage: A stage of kind `compress`; its input `student` is the fit stage, whose own inputs
            are the teachers that go on teaching.
        context: Where to read and report.
        folder: Where to write `weights.npz` (pruned), `student_int8.tflite`, `history.csv` and
            `calibration.csv` (the clips that gave the activation ranges).

    Returns:
        What `result.json` says: parameters, MACs, sparsity, flatbuffer and arena bytes.
    """
    settings, student = stage.settings, stage.inputs["student"]
    fitted = student.settings
    inputs = InputSettings(**fitted["inputs"])
    clips = PairedClips.load_clips(PreparedSet.load(context.prepared_dir), fitted["train_clips"])
    builder_arguments = {
        "model": fitted["model"],
        "input_shape": inputs.accelerometer_shape,
        "num_classes": fitted["num_classes"],
    }
    # A key that came later; stages without it were made with their teachers.
    distil = settings.get("distil", True)
    teaching, loss = StudentTeaching.load(student, context, clips).taught_or_not(distil)
    weights, history = prune_student(
        load_weights(context.folder(student) / "weights.npz"),
        builder_arguments,
        teaching.batches("prune", settings["epochs"]),
        loss,
        steps_per_epoch=teaching.steps_per_epoch,
        epochs=settings["epochs"],
        learning_rate=settings["learning_rate"],
        target_sparsity=settings["sparsity"],
        projection_widths={name: one.shape[1] for name, one in teaching.projections.items()},
        projection_kernels=teaching.projections,
        seed=fitted["seed"],
    )
    context.advance(settings["epochs"])
    save_weights(folder / "weights.npz", weights)
    pd.DataFrame(history).to_csv(folder / "history.csv", index_label="epoch")
    calibration = calibration_views(
        clips, inputs, settings["calibration_clips"], fitted["seed"], folder
    )
    tflite = convert_to_int8(weights, builder_arguments, calibration)
    (folder / "student_int8.tflite").write_bytes(tflite)
    pruned = load_stage_model(student, context, clips)
    pruned.set_weights(weights)
    return {
        "parameters": pruned.count_params(),
        "trainable_parameters": int(sum(np.prod(one.shape) for one in pruned.trainable_weights)),
        "macs": count_macs(pruned),
        "sparsity": kernel_sparsity(pruned),
        "flatbuffer_bytes": len(tflite),
        "arena_bytes": arena_bytes(tflite),
    }
