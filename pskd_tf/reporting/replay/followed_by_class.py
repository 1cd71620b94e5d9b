"""Which target ACS follows on the training clips of each class, at the end of the training."""

import numpy as np
from keras import ops

from pskd_tf.data.evaluation_views import EvaluationViews, evaluation_views
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.distillation.acs_settings import SELECTIONS_BY_STUDENT
from pskd_tf.distillation.losses.adaptive_confidence_semantic import followed_shares
from pskd_tf.evaluation.model_outputs import model_outputs
from pskd_tf.models.streams_read import STREAMS_READ
from pskd_tf.pipeline.given_columns import availability_column, given_columns
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.replay.stage_model import stage_model
from pskd_tf.reporting.stage_record import StageRecord


def followed_by_class(run: LoadedRun, kind: str) -> dict[str, np.ndarray] | None:
    """Replays the selection of the first fold's student of the first seed.

    The selection is that of the loss, asked once about every training clip without random changes:
    cached teachers by their cached outputs, live ones by their weights.

    Args:
        run: The run.
        kind: Kind of the teachers' outputs.

    Returns:
        For each teacher and then `ground_truth` the mean share of each class, `(classes,)`, NaN
        for a class without a training clip; None where the student's loss selects nothing.
    """
    score = run.scores(f"students/{kind}/{run.first_seed}")[0]
    fit = run.stage(score.inputs["model"])
    if fit.settings["loss"]["name"] != "adaptive_confidence_semantic" or not fit.inputs:
        return None
    names = fit.settings["teachers"]
    selection = fit.settings["loss"]["arguments"]["selection"]
    clips = PairedClips.load_clips(run.prepared, fit.settings["train_clips"])
    inputs = InputSettings(**fit.settings["inputs"])
    if "teacher_outputs" in fit.inputs:
        source = run.stage(fit.inputs["teacher_outputs"]).folder / "outputs.npz"
        with np.load(source, allow_pickle=False) as arrays:
            given = given_columns(arrays, clips, names)
        rows = np.arange(len(clips))
        teachers = [given[f"{name}_logits"] for name in names]
        seen = [given.get(f"{name}_available", np.ones(len(clips))) for name in names]
        student = np.zeros_like(teachers[0])
        if selection in SELECTIONS_BY_STUDENT:
            views = evaluation_views(clips, {"accelerometer"}, inputs)
            student = _mean_by_clip(_logits(fit, clips, views), views.rows)
    else:
        views = evaluation_views(clips, _streams([*names, "accelerometer_student"]), inputs)
        rows = views.rows
        teachers = [_teacher_logits(run, fit, name, clips, views) for name in names]
        seen = [_available(name, clips)[rows] for name in names]
        student = _logits(fit, clips, views)
    shares = followed_shares(
        ops.convert_to_tensor(clips.labels[rows]),
        ops.convert_to_tensor(np.stack(teachers, axis=1), "float32"),
        ops.convert_to_tensor(student, "float32"),
        selection,
        ops.convert_to_tensor(np.stack(seen, axis=1), "float32"),
    )
    shares = ops.convert_to_numpy(shares)
    shares = np.concatenate([shares, 1 - shares.sum(axis=1, keepdims=True)], axis=1)
    return _by_class([*names, "ground_truth"], shares, clips.labels[rows], len(run.class_names))


def _by_class(
    names: list[str], shares: np.ndarray, labels: np.ndarray, num_classes: int
) -> dict[str, np.ndarray]:
    sums = np.zeros((num_classes, len(names)))
    np.add.at(sums, labels, shares)
    counts = np.bincount(labels, minlength=num_classes)[:, None]
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return {name: np.clip(means[:, column], 0, 1) for column, name in enumerate(names)}


def _streams(models: list[str]) -> set[str]:
    return {stream for name in models for stream in STREAMS_READ.get(name, ("accelerometer",))}


def _logits(stage: StageRecord, clips: PairedClips, views: EvaluationViews) -> np.ndarray:
    return model_outputs(stage_model(stage, clips), views.streams)["logits"]


def _teacher_logits(
    run: LoadedRun, fit: StageRecord, name: str, clips: PairedClips, views: EvaluationViews
) -> np.ndarray:
    """The mean over the seeds that speak together; there is one, but for an ensemble."""
    keys = [key for role, key in fit.inputs.items() if role.partition("/")[0] == name]
    return np.mean([_logits(run.stage(key), clips, views) for key in keys], axis=0)


def _available(name: str, clips: PairedClips) -> np.ndarray:
    return availability_column(name, clips).get(f"{name}_available", np.ones(len(clips)))


def _mean_by_clip(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    sums = np.zeros((rows.max() + 1, values.shape[1]))
    np.add.at(sums, rows, values)
    return sums / np.bincount(rows)[:, None]
