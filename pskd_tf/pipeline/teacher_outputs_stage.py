"""The stage that caches what teachers say about the training clips."""

from pathlib import Path

import numpy as np

from data_prep.prepared_set import PreparedSet
from data_prep.whole_file import whole_file
from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.draw_generator import draw_generator
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.data.plain_views import plain_views
from pskd_tf.data.random_views import random_views
from pskd_tf.evaluation.model_outputs import model_outputs
from pskd_tf.models.streams_read import STREAMS_READ
from pskd_tf.pipeline.given_columns import availability_column
from pskd_tf.pipeline.load_stage_model import load_stage_model
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage


def teacher_outputs_stage(stage: Stage, context: RunContext, folder: Path) -> dict:
    """Writes each teacher's logits and embeddings of the training clips.

    `in_sample`: the teachers that were trained on these very clips. `cross_fitted`: each subject's
    logits come from teachers that never saw that subject. Embeddings always come from the teachers
    trained on all of them, because the spaces of different nets cannot be compared.

    Args:
        stage: A stage of kind `teacher_outputs`; inputs are `<teacher>` and, for `cross_fitted`,
            `<teacher>/<subject>`.
        context: Where to read and report.
        folder: Where to write `outputs.npz`.

    Returns:
        What `result.json` says: each teacher's accuracy on the clips as they were cached, and the
        share of clips on which at least one is right.
    """
    settings = stage.settings
    clips = PairedClips.load_clips(PreparedSet.load(context.prepared_dir), settings["train_clips"])
    views = _views(clips, settings)
    arrays: dict[str, np.ndarray] = {"clip_ids": np.array(clips.clip_ids)}
    right = {}
    for name in settings["teachers"]:
        own = _mean_outputs(stage.inputs[name], context, clips, views)
        logits = own["logits"]
        if settings["teacher_outputs"] == "cross_fitted":
            logits = np.empty_like(own["logits"])
            for subject in settings["train_subjects"]:
                rows = clips.subjects == subject
                chosen = [{key: view[rows] for key, view in one.items()} for one in views]
                fold = stage.inputs[f"{name}/{subject}"]
                logits[rows] = _mean_outputs(fold, context, clips, chosen)["logits"]
        arrays[f"{name}_logits"] = logits
        arrays[f"{name}_embedding"] = own["embedding"]
        arrays |= availability_column(name, clips)
        seen = arrays.get(f"{name}_available", np.ones(len(clips))) > 0
        right[name] = np.where(seen, logits.argmax(axis=1) == clips.labels, False)
    with whole_file(folder / "outputs.npz") as temporary:
        np.savez(temporary, **arrays)
    return {
        "accuracy": {name: float(hits.mean()) for name, hits in right.items()},
        "any_right": float(np.any(list(right.values()), axis=0).mean()),
    }


def _views(clips: PairedClips, settings: dict) -> list[dict[str, np.ndarray]]:
    inputs = InputSettings(**settings["inputs"])
    streams = {stream for name in settings["teachers"] for stream in STREAMS_READ[name]}
    if settings["views"] == 0:
        return [plain_views(clips, streams, inputs)]
    augmentation = AugmentationSettings(**settings["augmentation"])
    rows = np.arange(len(clips))
    return [
        random_views(
            clips,
            rows,
            streams,
            draw_generator(settings["seed"], "teacher_views", number),
            inputs,
            augmentation,
        )
        for number in range(settings["views"])
    ]


def _mean_outputs(
    teacher: Stage, context: RunContext, clips: PairedClips, views: list[dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    model = load_stage_model(teacher, context, clips)
    outputs = [model_outputs(model, view) for view in views]
    return {key: np.mean([one[key] for one in outputs], axis=0) for key in outputs[0]}
