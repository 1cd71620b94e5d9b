"""Teacher selection and embeddings of a run, computed again from its weights."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from data_prep.records import read_arrays
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import EvaluationViews, draw_generator, evaluation_views
from pskd_tf.distillation.losses.acs import followed_shares
from pskd_tf.models.registry import model_outputs
from pskd_tf.pipeline.specs import FitSpec, ScoreSpec
from pskd_tf.pipeline.stage import load_weights
from pskd_tf.pipeline.teach import build_fit_model
from pskd_tf.pipeline.teacher_columns import availability_column, given_columns
from pskd_tf.run import Run
from pskd_tf.settings import STREAMS_READ
from pskd_tf.stage_record import StageRecord
from pskd_tf.training_settings import SELECTIONS_BY_STUDENT


def stage_model(record: StageRecord, clips: PairedClips) -> keras.Model:
    """Builds the model of a fit stage and loads its weights.

    Args:
        record: The stage; found by its folder, so that results of other versions can be read.
        clips: Any clips of the set; they give the number of joints.

    Returns:
        The model.
    """
    model = build_fit_model(record.spec(FitSpec), clips)
    model.set_weights(load_weights(record.folder / "weights.npz"))
    return model


def teacher_selection_by_class(run: Run, kind: str) -> dict[str, np.ndarray] | None:
    """Replays the selection of the first fold's student of the first seed.

    The selection is that of the loss, computed once for every training clip without augmentation:
    from cached outputs of the teachers, or from the weights of live ones.

    Args:
        run: The run.
        kind: Kind of the teachers' outputs.

    Returns:
        For each teacher and then `ground_truth` the mean share of each class, `(classes,)`, NaN
        for a class without a training clip; None where the student's loss selects nothing.
    """
    score = run.scores(f"students/{kind}/{run.first_seed}")[0]
    fit = run.stage(score.spec(ScoreSpec).model)
    spec = fit.spec(FitSpec)
    acs, names = spec.loss.acs, spec.teachers
    if acs is None or not names:
        return None
    selection, inputs = acs.selection, spec.data.inputs
    clips = PairedClips.load_clips(run.prepared, spec.part.clips)
    # A study knows the labels that it hid from the training.
    used = clips.without_labels(spec.part.unlabelled or ())
    if spec.cached is not None:
        source = run.stage(spec.cached).folder / "outputs.npz"
        given = given_columns(read_arrays(source), clips, names)
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
        ops.convert_to_tensor(used.labels[rows]),
        ops.convert_to_tensor(np.stack(teachers, axis=1), "float32"),
        ops.convert_to_tensor(student, "float32"),
        selection,
        ops.convert_to_tensor(np.stack(seen, axis=1), "float32"),
        acs.lowest_confidence,
    )
    shares = ops.convert_to_numpy(shares)
    shares = np.concatenate([shares, 1 - shares.sum(axis=1, keepdims=True)], axis=1)
    known = clips.is_labelled[rows]
    labels = clips.labels[rows][known]
    return _by_class([*names, "ground_truth"], shares[known], labels, len(run.class_names))


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
    run: Run, fit: StageRecord, name: str, clips: PairedClips, views: EvaluationViews
) -> np.ndarray:
    """The mean over the teacher's seeds; only an ensemble has several."""
    keys = [one.fit for one in fit.spec(FitSpec).live if one.name == name]
    return np.asarray(np.mean([_logits(run.stage(key), clips, views) for key in keys], axis=0))


def _available(name: str, clips: PairedClips) -> np.ndarray:
    return availability_column(name, name, clips).get(f"{name}_available", np.ones(len(clips)))


def _mean_by_clip(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    sums = np.zeros((rows.max() + 1, values.shape[1]))
    np.add.at(sums, rows, values)
    return sums / np.bincount(rows)[:, None]


@dataclass(frozen=True)
class EmbeddingMap:
    """A map of one model.

    Attributes:
        name: The model, as `ScoredModel.name` has it.
        places: `(clips, 2)`.
        labels: `(clips,)` class indices.
    """

    name: str
    places: np.ndarray
    labels: np.ndarray


_MOST_CLIPS, _FEWEST_CLIPS = 450, 12
_SAME = 1e-6


def embedding_maps(run: Run) -> list[EmbeddingMap]:
    """Lays out the embeddings of the first fold's held-out clips, of the teachers and the student.

    Of more than 450 clips, 450 are drawn. A clip's embedding is the mean over its views.

    Args:
        run: The run.

    Returns:
        One map for each teacher of the first seed, and one for the student before pruning.
    """
    seed = run.metrics["teacher_seeds"][0]
    names = {f"teachers/{name}": seed for name in run.metrics["teachers"]}
    names[f"students/{run.first_kind}"] = run.first_seed
    maps = []
    for name, own_seed in names.items():
        score = run.scores(f"{name}/{own_seed}")[0]
        fit = run.stage(score.spec(ScoreSpec).model)
        spec = fit.spec(FitSpec)
        clips = PairedClips.load_clips(run.prepared, score.spec(ScoreSpec).clips)
        if len(clips) > _MOST_CLIPS:
            drawn = draw_generator(0, "map").choice(len(clips), _MOST_CLIPS, replace=False)
            clips = clips.subset(np.sort(drawn))
        streams = STREAMS_READ[spec.model]
        if "skeleton" in streams:
            clips = clips.subset(clips.has_skeleton)
        views = evaluation_views(clips, streams, spec.data.inputs)
        embedding = model_outputs(stage_model(fit, clips), views.streams)["embedding"]
        sums = np.zeros((len(clips), embedding.shape[1]))
        np.add.at(sums, views.rows, embedding)
        means = sums / np.bincount(views.rows, minlength=len(clips))[:, None]
        maps.append(EmbeddingMap(name, plane_places(means), clips.labels))
    return maps


def plane_places(embedding: np.ndarray) -> np.ndarray:
    """Lays embeddings out in the plane: t-SNE from a PCA start, seeded, one thread.

    Args:
        embedding: `(clips, width)`.

    Returns:
        `(clips, 2)` float; by PCA alone for fewer than 12 clips, and one place for all where the
        embeddings are equal. The same input gives the same output, which several
        threads would not promise.
    """
    if np.ptp(embedding, axis=0).max(initial=0) < _SAME:
        return np.zeros((len(embedding), 2))  # t-SNE would divide by their spread, and crash
    if len(embedding) < _FEWEST_CLIPS:
        plane = np.zeros((len(embedding), 2))
        if len(embedding) < 2:
            return plane
        width = min(2, *embedding.shape)
        plane[:, :width] = PCA(width, random_state=0).fit_transform(embedding)
        return plane
    neighbours = min(30.0, (len(embedding) - 1) / 3)
    layout = TSNE(2, init="pca", random_state=0, perplexity=neighbours, max_iter=500)
    with threadpool_limits(1):
        return np.asarray(layout.fit_transform(embedding))
