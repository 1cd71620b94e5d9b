"""The stage that prunes a student under its teachers and converts it to int8."""

from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.prepared_set import PreparedSet
from data_prep.whole_file import whole_file
from pskd_tf.compression.calibration_clips import calibration_clips
from pskd_tf.compression.convert_to_int8 import convert_to_int8
from pskd_tf.compression.count_macs import count_macs
from pskd_tf.compression.kernel_sparsity import kernel_sparsity
from pskd_tf.compression.prune_student import prune_student
from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.evaluation_views import evaluation_views
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.data.training_batches import training_batches
from pskd_tf.distillation.losses.make_loss import make_loss
from pskd_tf.evaluation.arena_bytes import arena_bytes
from pskd_tf.pipeline.given_columns import availability_column, given_columns
from pskd_tf.pipeline.load_stage_model import load_stage_model
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.weights_file import load_weights, save_weights
from pskd_tf.pipeline.with_live_outputs import with_live_outputs


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
        "input_shape": inputs.accelerometer_shape,
        "num_classes": fitted["num_classes"],
    }
    batch_size = min(fitted["training"]["batch_size"], len(clips))
    given, teachers, streams = {}, {}, {"accelerometer"}
    if "teacher_outputs" in student.inputs:
        source = context.folder(student.inputs["teacher_outputs"]) / "outputs.npz"
        with np.load(source, allow_pickle=False) as arrays:
            given = given_columns(arrays, clips)
    else:
        for name in fitted["teachers"]:
            teachers[name] = load_stage_model(student.inputs[name], context, clips)
            streams |= {tensor.name for tensor in teachers[name].inputs}
            given |= availability_column(name, clips)
    batches = training_batches(
        clips,
        streams,
        seed=fitted["seed"],
        stage="prune",
        first_epoch=0,
        epochs=settings["epochs"],
        batch_size=batch_size,
        inputs=inputs,
        augmentation=AugmentationSettings(**fitted["augmentation"]),
        mixup=fitted["training"]["mixup"],
        given=given,
    )
    with np.load(context.folder(student) / "projections.npz", allow_pickle=False) as arrays:
        projections = {name: arrays[name] for name in arrays.files}
    weights, history = prune_student(
        load_weights(context.folder(student) / "weights.npz"),
        builder_arguments,
        with_live_outputs(batches, teachers) if teachers else batches,
        make_loss(**fitted["loss"]),
        steps_per_epoch=len(clips) // batch_size,
        epochs=settings["epochs"],
        learning_rate=settings["learning_rate"],
        target_sparsity=settings["sparsity"],
        projection_widths={name: kernel.shape[1] for name, kernel in projections.items()},
        projection_kernels=projections,
        seed=fitted["seed"],
    )
    context.advance(settings["epochs"])
    save_weights(folder / "weights.npz", weights)
    pd.DataFrame(history).to_csv(folder / "history.csv", index_label="epoch")
    views = evaluation_views(clips, {"accelerometer"}, inputs)
    count = min(settings["calibration_clips"], len(clips))
    rows = calibration_clips(clips.labels, count, fitted["seed"])
    with whole_file(folder / "calibration.csv") as temporary:
        listed = {"clip_id": clips.clip_ids, "subject": clips.subjects, "action": clips.labels}
        pd.DataFrame(listed).iloc[rows].to_csv(temporary, index=False)
    # In window mode the middle window of each clip, where the movement is.
    middles = [np.flatnonzero(views.rows == row) for row in rows]
    middles = [windows[len(windows) // 2] for windows in middles]
    calibration = views.streams["accelerometer"][middles]
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
