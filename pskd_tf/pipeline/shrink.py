"""The stages that make a student small: channels, pruning, quantisation."""

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from data_prep.csv_cells import write_table
from data_prep.files import remove_file
from data_prep.records import record_to_json
from pskd_tf.compression.convert import (
    calibration_clips,
    calibration_cuts,
    convert_cuts,
    convert_to_int8,
    least_error,
)
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
from pskd_tf.input_settings import InputSettings
from pskd_tf.models.registry import build_student, model_outputs
from pskd_tf.pipeline.specs import CompressSpec, FitSpec, QuantiseSpec, SlimSpec
from pskd_tf.pipeline.stage import RunContext, Stage, load_weights, save_weights
from pskd_tf.pipeline.teach import StudentTeaching, load_stage_model, training_clips


def slim_stage(stage: Stage[SlimSpec], context: RunContext, folder: Path) -> dict[str, Any]:
    """Cuts channels of a student and fine-tunes it, in one or several cuts.

    Args:
        stage: The stage.
        context: Where to read and report.
        folder: Where to write `weights.npz`, `channels.json` (what each cut kept) and
            `history.csv`.

    Returns:
        The content of `result.json`: the builder's arguments, the estimated cost, parameters, MACs.
    """
    spec = stage.spec
    student: Stage[FitSpec] = stage.input(spec.student)
    fitted = student.spec
    clips = training_clips(fitted, context)
    teaching, loss = StudentTeaching.load(student, context, clips).taught_or_not(spec.distil)
    measured = context.result(stage.input(spec.measured))
    cost = BoardCost(measured["flatbuffer_bytes"], measured["arena_bytes"], measured["macs"])
    # A loss that compares embeddings of one width leaves the embedding as it is.
    cut = prunable_layers(fitted.model, embedding=not loss.equal_widths)
    arguments = dict(measured["builder_arguments"]) | {"head": "dense"}
    if fitted.model != "accelerometer_student":
        arguments.pop("head")
    model = load_stage_model(student, context, clips)
    cuts, history, channels = spec.cuts, [], []
    for number in range(1, cuts + 1):
        importance = {name: channel_importance(model, name, spec.importance) for name in cut}
        share = number / cuts if number < cuts else 1.0
        kept = choose_channels(model, importance, _on_the_way(spec.limits, cost, share), cost)
        channels.append({name: np.flatnonzero(mask).tolist() for name, mask in kept.items()})
        cost = estimated_cost(model, kept, cost)
        arguments = slim_builder_arguments(arguments, kept)
        weights = slim_weights(model, kept)
        draws = f"slim/{number}"
        first_weights = draw_generator(fitted.seed, f"{draws}/weights")
        keras.utils.set_random_seed(int(first_weights.integers(2**31)))
        model = build_student(keras, **arguments)
        model.set_weights(weights)
        record = context.record(stage)
        record = record.with_name(f"{record.name}.cut{number}.npz")
        rows, _ = fit_student(
            model,
            teaching.live or dict.fromkeys(_taught_by(teaching)),
            loss,
            clips,
            seed=fitted.seed,
            stage=draws,
            training=dataclasses.replace(
                fitted.training,
                epochs=spec.epochs_per_cut,
                peak_learning_rate=spec.learning_rate,
            ),
            inputs=fitted.data.inputs,
            augmentation=fitted.data.augmentation,
            given=teaching.given,
            embedding_widths={name: one.shape[1] for name, one in teaching.projections.items()},
            record_path=record,
            record_every_epochs=context.record_every_epochs,
            report=lambda epoch: context.advance(1),
        )
        history += [{"cut": number, **row} for row in rows]
    for number in range(1, cuts + 1):
        record = context.record(stage)
        remove_file(record.with_name(f"{record.name}.cut{number}.npz"))
    save_weights(folder / "weights.npz", model.get_weights())
    (folder / "channels.json").write_text(json.dumps(channels), encoding="utf-8")
    write_table(folder / "history.csv", pd.DataFrame(history), index_label="epoch")
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
    listed = {"clip_id": clips.clip_ids, "subject": clips.subjects, "action": clips.labels}
    write_table(folder / "calibration.csv", pd.DataFrame(listed).iloc[rows])
    views = evaluation_views(clips, {"accelerometer"}, inputs)
    middles = [np.flatnonzero(views.rows == row) for row in rows]
    return views.streams["accelerometer"][[windows[len(windows) // 2] for windows in middles]]


def compress_stage(stage: Stage[CompressSpec], context: RunContext, folder: Path) -> dict[str, Any]:
    """Prunes, fine-tunes, calibrates and converts one student.

    Args:
        stage: The stage.
        context: Where to read and report.
        folder: Where to write `weights.npz` (pruned), `student_int8.tflite`, `history.csv` and
            `calibration.csv` (the clips that gave the activation ranges).

    Returns:
        The content of `result.json`: parameters, MACs, sparsity, flatbuffer and arena bytes.
    """
    spec, settings = stage.spec, stage.spec.settings
    student: Stage[FitSpec] = stage.input(spec.student)
    fitted = student.spec
    inputs = fitted.data.inputs
    clips = training_clips(fitted, context)
    builder_arguments = fitted_arguments(fitted)
    teaching, loss = StudentTeaching.load(student, context, clips).taught_or_not(spec.distil)
    weights, history = prune_student(
        load_weights(context.folder(student) / "weights.npz"),
        builder_arguments,
        teaching.batches("prune", settings.epochs),
        loss,
        steps_per_epoch=teaching.steps_per_epoch,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        target_sparsity=settings.sparsity,
        projection_widths={name: one.shape[1] for name, one in teaching.projections.items()},
        projection_kernels=teaching.projections,
        seed=fitted.seed,
    )
    context.advance(settings.epochs)
    save_weights(folder / "weights.npz", weights)
    write_table(folder / "history.csv", pd.DataFrame(history), index_label="epoch")
    calibration = calibration_views(clips, inputs, settings.calibration_clips, fitted.seed, folder)
    pruned = load_stage_model(student, context, clips)
    pruned.set_weights(weights)
    logits = model_outputs(pruned, {"accelerometer": calibration})["logits"]
    cuts = calibration_cuts(settings.calibration, calibration)
    converted = least_error(convert_cuts(weights, builder_arguments, calibration, logits, cuts))
    tflite = converted.tflite
    (folder / "student_int8.tflite").write_bytes(tflite)
    return {
        "calibration_kept_percent": converted.kept_percent,
        "parameters": pruned.count_params(),
        "trainable_parameters": int(sum(np.prod(one.shape) for one in pruned.trainable_weights)),
        "macs": count_macs(pruned),
        "sparsity": kernel_sparsity(pruned),
        "flatbuffer_bytes": len(tflite),
        "arena_bytes": arena_bytes(tflite),
    }


def fitted_arguments(student: FitSpec) -> dict[str, Any]:
    """Returns the arguments of `build_student` for a student that was not cut, as JSON values."""
    arguments = {
        "model": student.model,
        "input_shape": list(student.data.inputs.accelerometer_shape),
        "num_classes": student.data.num_classes,
    }
    if student.architecture is not None:
        arguments["architecture"] = record_to_json(student.architecture)
    return arguments


def source_arguments(source: Stage[Any], student: FitSpec, context: RunContext) -> dict[str, Any]:
    """Returns the builder's arguments of a student that was cut or not.

    Args:
        source: A finished stage that wrote `weights.npz` of a student.
        student: The training that it comes from.
        context: Where results lie.

    Returns:
        Keyword arguments of `build_student`, as JSON values.
    """
    return context.result(source).get("builder_arguments") or fitted_arguments(student)


# Clips that the noise of the layers is measured on.
_NOISE_CLIPS = 64


def quantise_stage(stage: Stage[QuantiseSpec], context: RunContext, folder: Path) -> dict[str, Any]:
    """Quantises one student and measures it on TensorFlow Lite Micro.

    Args:
        stage: The stage.
        context: Where to read and report.
        folder: Where to write `student_int8.tflite`, `weights.npz` (the float weights it stands
            for), `calibration.csv`, `layers.csv` and, after training, `history.csv`.

    Returns:
        The content of `result.json`: builder's arguments, sizes, arena, operators, noise by layer.
    """
    spec = stage.spec
    student: Stage[FitSpec] = stage.input(spec.student)
    source = stage.input(spec.source)
    fitted = student.spec
    clips = training_clips(fitted, context)
    weights = load_weights(context.folder(source) / "weights.npz")
    arguments = source_arguments(source, fitted, context)
    if spec.head == "convolution" and fitted.model == "accelerometer_student":
        weights, arguments = with_convolution_head(weights, arguments)
    calibration = calibration_views(
        clips,
        fitted.data.inputs,
        spec.calibration_clips,
        spec.calibration_seed,
        folder,
        stratified=spec.stratified,
    )
    if spec.method == "qat":
        teaching = StudentTeaching.load(student, context, clips)
        weights, tflite = _trained(spec, teaching, (weights, arguments), calibration, folder)
        context.advance(spec.training_epochs)
    else:
        tflite = convert_to_int8(weights, arguments, calibration)
    (folder / "student_int8.tflite").write_bytes(tflite)
    save_weights(folder / "weights.npz", weights)
    model = build_student(keras, **arguments)
    model.set_weights(weights)
    noise = layer_noise(tflite, model, calibration[:_NOISE_CLIPS])
    write_table(folder / "layers.csv", pd.DataFrame(layer_table(tflite, noise)))
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
    spec: QuantiseSpec,
    teaching: StudentTeaching,
    source: tuple[list[np.ndarray], dict[str, Any]],
    calibration: np.ndarray,
    folder: Path,
) -> tuple[list[np.ndarray], bytes]:
    from pskd_tf.compression.quantise import train_quantised  # TFMOT is slow to import

    seed = teaching.student.spec.seed
    teaching, loss = teaching.taught_or_not(spec.distil)
    trained = train_quantised(
        *source,
        teaching.batches("quantise", spec.training_epochs),
        loss,
        calibration,
        steps_per_epoch=teaching.steps_per_epoch,
        epochs=spec.training_epochs,
        learning_rate=spec.learning_rate,
        warm=spec.warm,
        preserve_sparsity=spec.preserve_sparsity,
        projection_widths={name: one.shape[1] for name, one in teaching.projections.items()},
        seed=seed,
    )
    write_table(folder / "history.csv", pd.DataFrame(trained.history), index_label="epoch")
    if spec.ranges == "recalibrated":
        return trained.weights, convert_to_int8(trained.weights, source[1], calibration)
    return trained.weights, convert_to_int8(trained.wrapped_weights, source[1], None)
