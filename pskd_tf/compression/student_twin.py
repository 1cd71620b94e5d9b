"""The student's twin in tf_keras, the only Keras that TFMOT and the converter take."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tf_keras

from pskd_tf.models.accelerometer_student import accelerometer_student


def student_twin(student_weights: Sequence[np.ndarray], **builder_arguments: Any) -> tf_keras.Model:
    """Builds the tf_keras student with the weights of a Keras 3 student.

    Args:
        student_weights: `get_weights()` of the Keras 3 student; both Kerases keep one order.
        **builder_arguments: Keyword arguments of `accelerometer_student`.

    Returns:
        A functional tf_keras model with the outputs `logits` and `embedding`.

    Raises:
        ValueError: The weights do not fit the architecture.
    """
    arguments = dict(builder_arguments)
    # JSON knows no tuples.
    arguments["input_shape"] = tuple(arguments["input_shape"])
    twin = accelerometer_student(tf_keras, **arguments)
    twin.set_weights(list(student_weights))
    return twin
