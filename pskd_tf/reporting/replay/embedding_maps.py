"""Embeddings of held-out clips, laid out in two dimensions."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from pskd_tf.data.draw_generator import draw_generator
from pskd_tf.data.evaluation_views import evaluation_views
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.evaluation.model_outputs import model_outputs
from pskd_tf.models.streams_read import STREAMS_READ
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.replay.embedding_map import EmbeddingMap
from pskd_tf.reporting.replay.stage_model import stage_model

_MOST_CLIPS, _FEWEST_CLIPS = 450, 12
_SAME = 1e-6


def embedding_maps(run: LoadedRun) -> list[EmbeddingMap]:
    """Lays out what the teachers and the shipped student make of the first fold's held-out clips.

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
        fit = run.stage(score.inputs["model"])
        clips = PairedClips.load_clips(run.prepared, score.settings["clips"])
        if len(clips) > _MOST_CLIPS:
            drawn = draw_generator(0, "map").choice(len(clips), _MOST_CLIPS, replace=False)
            clips = clips.subset(np.sort(drawn))
        streams = STREAMS_READ[fit.settings["model"]]
        if "skeleton" in streams:
            clips = clips.subset(clips.has_skeleton)
        views = evaluation_views(clips, streams, InputSettings(**fit.settings["inputs"]))
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
        `(clips, 2)` float; by PCA alone for fewer than 12 clips, and one place for all where a
        net says the same of every clip. The same input gives the same output, which several
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
        return layout.fit_transform(embedding)
