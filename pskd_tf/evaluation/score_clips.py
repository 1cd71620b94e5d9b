"""The scores of one model on given clips."""

from collections.abc import Callable

import numpy as np

from pskd_tf.data.evaluation_views import evaluation_views
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.evaluation.classification_scores import classification_scores
from pskd_tf.evaluation.clip_probabilities import clip_probabilities


def score_clips(
    logits_of: Callable[[np.ndarray], np.ndarray], clips: PairedClips, inputs: InputSettings
) -> dict[str, float]:
    """Preprocesses the clips, asks an accelerometer model, and scores what it says.

    Args:
        logits_of: From features `(views, steps, 1, channels)` in g to logits `(views, classes)`.
        clips: The clips.
        inputs: The preprocessing that the model was trained on.

    Returns:
        The scores, as `classification_scores` gives them.
    """
    views = evaluation_views(clips, {"accelerometer"}, inputs)
    logits = logits_of(views.streams["accelerometer"])
    probabilities = clip_probabilities(logits, views.rows, len(clips), inputs.window_score)
    return classification_scores(clips.labels, probabilities.argmax(axis=1), clips.on_wrist)
