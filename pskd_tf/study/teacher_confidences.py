"""How sure cached teachers are of the truth on the training clips."""

import numpy as np
from keras import ops

from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.distillation.losses.adaptive_confidence_semantic import teacher_confidence
from pskd_tf.pipeline.given_columns import given_columns
from pskd_tf.reporting.loaded_run import LoadedRun


def teacher_confidences(run: LoadedRun, kind: str) -> dict[str, np.ndarray]:
    """Reads the confidence that ACS chooses by, of the first fold's and first seed's student.

    Args:
        run: The run.
        kind: Kind of the teachers' outputs.

    Returns:
        For each teacher the confidence on every training clip that it can see, `(clips,)`: its
        probability of the true class, 0 where another class is more probable. Empty for live
        teachers, whose outputs are not kept.
    """
    score = run.scores(f"students/{kind}/{run.first_seed}")[0]
    fit = run.stage(score.inputs["model"])
    if "teacher_outputs" not in fit.inputs:
        return {}
    clips = PairedClips.load_clips(run.prepared, fit.settings["train_clips"])
    source = run.stage(fit.inputs["teacher_outputs"]).folder / "outputs.npz"
    with np.load(source, allow_pickle=False) as arrays:
        given = given_columns(arrays, clips, fit.settings["teachers"])
    confidences = {}
    for name in fit.settings["teachers"]:
        seen = given.get(f"{name}_available", np.ones(len(clips))) > 0
        logits = ops.convert_to_tensor(given[f"{name}_logits"][seen][:, None], "float32")
        confidence = teacher_confidence(ops.convert_to_tensor(clips.labels[seen]), logits)
        confidences[name] = ops.convert_to_numpy(confidence)[:, 0]
    return confidences
