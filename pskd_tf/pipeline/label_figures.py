"""What a run did without labels: how many there were, and how right the teachers' guesses were.

In a study the hidden labels are known. They are read here, after all trainings, and nowhere before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from data_prep.clip import NO_LABEL
from data_prep.prepared_set import PreparedSet
from data_prep.records import read_arrays
from pskd_tf.pipeline.plan import FoldPlan
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.settings import RunSettings

# As screens and reports call what the student follows on a clip without a label.
TARGET_WORDS = {
    "mean": "the mean of the teachers",
    "fusion": "the fusion teacher",
    "most_confident": "the most confident teacher (ACS hard, our reconstruction)",
    "acs": "teachers that ACS (our reconstruction) selects by confidence",
    "method": "what its method says",
    "none": "nothing: labelled clips alone",
}
MEAN_OF_TEACHERS = "mean of teachers"


def label_figures(
    plans: Sequence[FoldPlan], prepared: PreparedSet, context: RunContext, settings: RunSettings
) -> dict[str, Any] | None:
    """Collects what `metrics.json` keeps of a run without all labels.

    Args:
        plans: The run's finished folds.
        prepared: The prepared set, with the labels that a study hides.
        context: Where results lie.
        settings: Settings of the run.

    Returns:
        None where every training clip has its label. Else `clips` and `labelled` over all folds,
        `target`, and `guesses` of cached teacher outputs on clips whose labels are hidden: by kind
        of outputs, then teacher (and their mean), `right` and mean `confidence`, 0..1.
    """
    clips = sum(len(plan.split.train_clips) for plan in plans)
    labelled = sum(len(plan.labelled_clips) for plan in plans)
    if clips == labelled:
        return None
    kinds = {kind for plan in plans for kind in plan.teacher_outputs}
    guesses = {kind: _guesses(kind, plans, prepared, context) for kind in sorted(kinds)}
    return {
        "clips": clips,
        "labelled": labelled,
        "target": _target(settings),
        "guesses": {kind: one for kind, one in guesses.items() if one},
    }


def _target(settings: RunSettings) -> str:
    method = settings.method
    if method is None:
        return settings.labels.unlabelled_target
    return "method" if method.uses_unlabelled or method.pretraining is not None else "none"


def _guesses(
    kind: str, plans: Sequence[FoldPlan], prepared: PreparedSet, context: RunContext
) -> dict[str, dict[str, float]]:
    action_of = dict(zip(prepared.manifest["clip_id"], prepared.manifest["action"], strict=True))
    right: dict[str, list[np.ndarray]] = {}
    confidence: dict[str, list[np.ndarray]] = {}
    for plan in plans:
        for stage in plan.teacher_outputs[kind].values():
            arrays = read_arrays(context.folder(stage) / "outputs.npz")
            hidden = set(stage.spec.part.unlabelled or ())
            rows = [
                row
                for row, clip in enumerate(arrays["clip_ids"])
                if clip in hidden and action_of[clip] != NO_LABEL
            ]
            labels = np.array([action_of[clip] for clip in arrays["clip_ids"][rows]], int)
            for name, (own, seen) in _probabilities(arrays, stage.spec.names, rows).items():
                hits = own.argmax(axis=1) == labels
                right.setdefault(name, []).append(hits[seen])
                confidence.setdefault(name, []).append(own.max(axis=1)[seen])
    return {
        name: {
            "right": float(np.concatenate(right[name]).mean()),
            "confidence": float(np.concatenate(confidence[name]).mean()),
        }
        for name in right
        if sum(map(len, right[name]))
    }


def _probabilities(
    arrays: Mapping[str, np.ndarray], names: Sequence[str], rows: list[int]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns probabilities `(rows, classes)` and which rows count, by teacher, last the mean."""
    everywhere = np.ones(len(arrays["clip_ids"]))
    found = {
        name: (
            softmax(arrays[f"{name}_logits"][rows].astype(np.float64), axis=1),
            arrays.get(f"{name}_available", everywhere)[rows] > 0,
        )
        for name in names
    }
    weights = np.stack([seen for _, seen in found.values()]).astype(float)
    total = np.maximum(weights.sum(axis=0), 1)
    each = np.stack([own for own, _ in found.values()])
    mean = np.einsum("tr,trc->rc", weights / total, each)
    return {**found, MEAN_OF_TEACHERS: (mean, np.asarray(weights.sum(axis=0) > 0))}
