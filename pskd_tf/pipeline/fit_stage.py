"""The stage that trains one model: a teacher, the student or the baseline."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd

from data_prep.fingerprint import json_sha256
from data_prep.prepared_set import PreparedSet
from data_prep.whole_file import whole_file
from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.draw_generator import draw_generator
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.distillation.device_strategy import device_strategy
from pskd_tf.distillation.fit_student import fit_student
from pskd_tf.distillation.losses.make_loss import make_loss
from pskd_tf.distillation.training_settings import TrainingSettings
from pskd_tf.models.streams_read import STREAMS_READ
from pskd_tf.pipeline.given_columns import availability_column, given_columns
from pskd_tf.pipeline.load_stage_model import build_stage_model
from pskd_tf.pipeline.load_teachers import load_teachers, teachers_see
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import RESULT_VERSION, Stage
from pskd_tf.pipeline.tensorboard_scalars import TensorBoardScalars
from pskd_tf.pipeline.weights_file import save_weights


def fit_stage(stage: Stage, context: RunContext, folder: Path) -> dict:
    """Trains the stage's model and writes its weights and history.

    Args:
        stage: A stage of kind `fit`.
        context: Where to read and report.
        folder: Where to write `weights.npz` and `history.csv`.

    Returns:
        What `result.json` says: parameters, epochs and the share of samples that followed each
        target, averaged over all epochs; and the devices, where the training was shared by several.
    """
    strategy = device_strategy(context.strategy)
    with strategy.scope():
        result = _fit(stage, context, folder)
    devices = strategy.num_replicas_in_sync
    return result if devices == 1 else result | {"devices": devices}


def _kept_views(stage: Stage, context: RunContext, clips: PairedClips) -> Path | None:
    if context.views_dir is None:
        return None
    # All that the draws depend on, so not the loss, the teachers or the optimiser.
    settings = stage.settings
    names = ("dataset", "seed", "draws", "inputs", "augmentation")
    draws = {name: settings[name] for name in names}
    draws |= {name: settings["training"][name] for name in ("epochs", "batch_size")}
    draws |= {"clips": clips.clip_ids, "result_version": RESULT_VERSION}
    return context.views_dir / json_sha256(draws)[:16]


def _fit(stage: Stage, context: RunContext, folder: Path) -> dict:
    settings = stage.settings
    clips = PairedClips.load_clips(PreparedSet.load(context.prepared_dir), settings["train_clips"])
    seed, draws = settings["seed"], settings["draws"]
    if "skeleton" in STREAMS_READ[settings["model"]]:
        clips = clips.subset(clips.has_skeleton)
    keras.utils.set_random_seed(int(draw_generator(seed, f"{draws}/weights").integers(2**31)))
    model = build_stage_model(stage, clips)
    given, widths, teachers = {}, {}, {}
    if "teacher_outputs" in stage.inputs:
        source = context.folder(stage.inputs["teacher_outputs"]) / "outputs.npz"
        with np.load(source, allow_pickle=False) as arrays:
            given = given_columns(arrays, clips, settings["teachers"])
        teachers = dict.fromkeys(settings["teachers"])
        widths = {teacher: given[f"{teacher}_embedding"].shape[1] for teacher in teachers}
    else:
        teachers = load_teachers(stage, context, clips)
        for teacher in teachers:
            given |= availability_column(teacher, clips)
    name = context.folder(stage).name
    history, projections = fit_student(
        model,
        teachers,
        make_loss(**settings["loss"]),
        clips,
        seed=seed,
        stage=draws,
        training=TrainingSettings(**settings["training"]),
        inputs=InputSettings(**settings["inputs"]),
        augmentation=AugmentationSettings(**settings["augmentation"]),
        given=given,
        dropped_teachers=settings["teachers"] if settings.get("drop_one_teacher") else (),
        embedding_widths=widths,
        teachers_see=teachers_see(stage),
        kept_views=_kept_views(stage, context, clips),
        record_path=context.record(stage),
        record_every_epochs=context.record_every_epochs,
        resumed=lambda epoch: context.log(f"resumed {name} from epoch {epoch}"),
        report=lambda epoch: context.advance(1),
        callbacks=(TensorBoardScalars(context.run_dir / "tensorboard" / name),),
    )
    save_weights(folder / "weights.npz", model.get_weights())
    with whole_file(folder / "projections.npz") as temporary:
        np.savez(temporary, **projections)
    table = pd.DataFrame(history)
    table.insert(0, "epoch", range(1, len(table) + 1))
    table.to_csv(folder / "history.csv", index=False)
    followed = {
        column.removeprefix("followed_"): float(table[column].mean())
        for column in table
        if column.startswith("followed_")
    }
    return {"parameters": model.count_params(), "epochs": len(table), "followed": followed}
