"""How sure cached teachers are of the truth on the training clips."""

import numpy as np
from keras import ops

from pskd_tf.distillation.losses.adaptive_confidence_semantic import teacher_confidence
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.study.cached_logits import cached_logits


def teacher_confidences(run: LoadedRun, kind: str) -> dict[str, np.ndarray]:
    """Returns the confidence that ACS chooses by, of the first fold's and first seed's student.

    Args:
        run: The run.
        kind: Kind of the teachers' outputs.

    Returns:
        For each teacher the confidence on every training clip that it can see, `(clips,)`: its
        probability of the true class, 0 where another class is more probable. Empty for live
        teachers, whose outputs are not kept.
    """
    confidences = {}
    for name, (logits, labels) in cached_logits(run, kind).items():
        logits = ops.convert_to_tensor(logits[:, None], "float32")
        confidence = teacher_confidence(ops.convert_to_tensor(labels), logits)
        confidences[name] = ops.convert_to_numpy(confidence)[:, 0]
    return confidences
