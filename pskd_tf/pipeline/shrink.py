"""The stages that make a student small: channels, pruning, quantisation."""

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from data_prep.files import whole_file
from data_prep.prepared_set import PreparedSet
from pskd_tf.compression.convert import calibration_clips, convert_to_int8
from pskd_tf.compression.cost import BoardCost, BoardLimits, count_macs
from pskd_tf.compression.prune import kernel_sparsity, prune_student
from pskd_tf.compression.slim import (
    channel_importance,
    choose_channels,
    estimated_cost,
    prunable_layers,
    slim_builder_arguments,
    slim_weights,
)
from pskd_tf.compression.twin import with_convolution_head
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import draw_generator, evaluation_views
from pskd_tf.distillation.training import fit_student
from pskd_tf.evaluation.layers import layer_noise, layer_table
from pskd_tf.evaluation.tflm import arena_bytes, tflm_operators, tflm_probe
from pskd_tf.models.registry import build_student
from pskd_tf.pipeline.stage import RunContext, Stage, load_weights, save_weights
from pskd_tf.pipeline.teach import StudentTeaching, load_stage_model
from pskd_tf.settings import AugmentationSettings, InputSettings, TrainingSettings


def slim_stage(stage: Stage, context: RunContext, folder: Path) -> dict:
    """Cuts and fine-tunes a student, in as many cuts as it is told.

    Args:
        stage: A stage of kind `slim`; its input `student` is the fit stage, `measured` the
            quantise stage that says what the uncut student costs.
        context: Where to read and report.
        folder: Where to write `weights.npz`, `channels.json` (what each cut kept) and
            `history.csv`.

    Returns:
        What `result.json` says: the builder's arguments, the estimated cost, parameters and MACs.
    """
    settings, student = stage.settings, stage.inputs["student"]
    fitted = student.settings
    clips = PairedClips.load_clips(PreparedSet.load(context.prepared_dir), fitted["train_clips"])
    teaching, loss = StudentTeaching.load(student, context, clips).taught_or_not(settings["distil"])
    measured = context.result(stage.inputs["measured"])
    cost = BoardCost(measured["flatbuffer_bytes"], measured["arena_bytes"], measured["macs"])
    limits = BoardLimits(**settings["limits"])
    arguments = dict(measured["builder_arguments"]) | {"head": "dense"}
    if fitted["model"] != "accelerometer_student":
        arguments.pop("head")
    model = load_stage_model(student, context, clips)
    cuts, history, channels = settings["cuts"], [], []
    for number in range(1, cuts + 1):
        importance = {
            name: channel_importance(model, name, settings["importance"])
            for name in prunable_layers(fitted["model"])
        }
        share = number / cuts if number < cuts else 1.0
        kept = choose_channels(model, importance, _on_the_way(limits, cost, share), cost)
        channels.append({name: np.flatnonzero(mask).tolist() for name, mask in kept.items()})
        cost = estimated_cost(model, kept, cost)
        arguments = slim_builder_arguments(arguments, kept)
        weights = slim_weights(model, kept)
        draws = f"slim/{number}"
        seed = fitted["seed"]
        keras.utils.set_random_seed(int(draw_generator(seed, f"{draws}/weights").integers(2**31)))
        model = build_student(keras, **arguments)
        model.set_weights(weights)
        record = context.record(stage)
        record = record.with_name(f"{record.name}.cut{number}.npz")
        rows, _ = fit_student(
            model,
            teaching.live or dict.fromkeys(_taught_by(teaching)),
            loss,
            clips,
            seed=seed,
            stage=draws,
            training=dataclasses.replace(
                TrainingSettings(**fitted["training"]),
                epochs=settings["epochs"],
                peak_learning_rate=settings["learning_rate"],
            ),
            inputs=InputSettings(**fitted["inputs"]),
            augmentation=AugmentationSettings(**fitted["augmentation"]),
            given=teaching.given,
            embedding_widths={name: one.shape[1] for name, one in teaching.projections.items()},
            record_path=record,
            record_every_epochs=context.record_every_epochs,
            report=lambda epoch: context.advance(1),
        )
        history += [{"cut": number, **row} for row in rows]
    for number in range(1, cuts + 1):
        record = context.record(stage)
        record.with_name(f"{record.name}.cut{number}.npz").unlink(missing_ok=True)
    save_weights(folder / "weights.npz", model.get_weights())
    (folder / "channels.json").write_text(json.dumps(channels), encoding="utf-8")
    pd.DataFrame(history).to_csv(folder / "history.csv", index_label="epoch")
    return {
        "builder_arguments": arguments,
        "estimated": dataclasses.asdict(cost),
        "parameters": model.count_params(),
        "macs": count_macs(model),
    }


def _taught_by(teaching: StudentTeaching) -> list[str]:
    return [key.removesuffix("_logits") for key in teaching.given if key.endswith("_logits")]


def _on_the_way(limits: BoardLimits, cost: BoardCost, share: float) -> BoardLimits:
    """Returns limits between the present cost and the final ones, equal factors apart."""
    between = {}
    for name, limit in dataclasses.asdict(limits).items():
        now = getattr(cost, name)
        between[name] = limit
        if limit is not None and limit < now and share < 1:
            between[name] = round(now * (limit / now) ** share)
    return BoardLimits(**between)


def calibration_views(
    clips: PairedClips,
    inputs: InputSettings,
    count: int,
    seed: int,
    folder: Path,
    *,
    stratified: bool = True,
) -> np.ndarray:
    """Draws calibration clips, lists them in `calibration.csv` and returns their views.

    Args:
        clips: The training clips.
        inputs: The preprocessing.
        count: Clips to draw; all where there are fewer.
        seed: Seed of the draw.
        folder: Where the list goes.
        stratified: Whether classes take turns; else every clip is equally likely.

    Returns:
        `(count, steps, 1, channels)` float32; in window mode the middle window of each clip, where
        the movement is.
    """
    count = min(count, len(clips))
    if stratified:
        rows = calibration_clips(clips.labels, count, seed)
    else:
        rows = np.sort(np.random.default_rng(seed).permutation(len(clips))[:count])
    with whole_file(folder / "calibration.csv") as temporary:
        listed = {"clip_id": clips.clip_ids, "subject": clips.subjects, "action": clips.labels}
        pd.DataFrame(listed).iloc[rows].to_csv(temporary, index=False)
    views = evaluation_views(clips, {"accelerometer"}, inputs)
    middles = [np.flatnonzero(views.rows == row) for row in rows]
    return views.streams["accelerometer"][[windows[len(windows) // 2] for windows in middles]]


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


def source_arguments(source: Stage, student: Stage, context: RunContext) -> dict[str, Any]:
    """Returns the builder's arguments of a student that was cut or not.

    Args:
        source: A finished stage that wrote `weights.npz` of a student.
        student: The fit stage it comes from.
        context: Where results lie.

    Returns:
        Keyword arguments of `build_student`, as JSON can hold them.
    """
    known = context.result(source).get("builder_arguments")
    inputs = InputSettings(**student.settings["inputs"])
    return known or {
        "model": student.settings["model"],
        "input_shape": list(inputs.accelerometer_shape),
        "num_classes": student.settings["num_classes"],
    }


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
    from pskd_tf.compression.quantise import train_quantised  # TFMOT is slow to import

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
