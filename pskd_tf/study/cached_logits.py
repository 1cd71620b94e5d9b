"""What cached teachers say about the training clips of a run."""

import numpy as np

from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.pipeline.given_columns import given_columns
from pskd_tf.reporting.loaded_run import LoadedRun


def cached_logits(run: LoadedRun, kind: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads the outputs that the first fold's student of the first seed was taught by.

    Args:
        run: The run.
        kind: Kind of the teachers' outputs.

    Returns:
        For each teacher the logits `(clips, classes)` of every training clip that it can see, and
        their labels `(clips,)`. Empty for live teachers, whose outputs are not kept.
    """
    score = run.scores(f"students/{kind}/{run.first_seed}")[0]
    fit = run.stage(score.inputs["model"])
    if "teacher_outputs" not in fit.inputs:
        return {}
    clips = PairedClips.load_clips(run.prepared, fit.settings["train_clips"])
    source = run.stage(fit.inputs["teacher_outputs"]).folder / "outputs.npz"
    with np.load(source, allow_pickle=False) as arrays:
        given = given_columns(arrays, clips, fit.settings["teachers"])
    found = {}
    for name in fit.settings["teachers"]:
        seen = given.get(f"{name}_available", np.ones(len(clips))) > 0
        found[name] = given[f"{name}_logits"][seen], clips.labels[seen]
    return found
