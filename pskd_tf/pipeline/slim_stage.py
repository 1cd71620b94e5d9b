"""The stage that cuts channels out of a student until it fits a board, and trains what is left."""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from data_prep.prepared_set import PreparedSet
from pskd_tf.compression.board_limits import BoardCost, BoardLimits
from pskd_tf.compression.channel_importance import channel_importance
from pskd_tf.compression.choose_channels import choose_channels
from pskd_tf.compression.count_macs import count_macs
from pskd_tf.compression.cut_weights import slim_weights
from pskd_tf.compression.estimated_cost import estimated_cost
from pskd_tf.compression.prunable_layers import prunable_layers, slim_builder_arguments
from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.draw_generator import draw_generator
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.distillation.fit_student import fit_student
from pskd_tf.distillation.training_settings import TrainingSettings
from pskd_tf.models.build_student import build_student
from pskd_tf.pipeline.load_stage_model import load_stage_model
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.student_teaching import StudentTeaching
from pskd_tf.pipeline.weights_file import save_weights


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
