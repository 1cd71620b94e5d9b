"""The student's twin in tf_keras, the only Keras that TFMOT and the converter take."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tf_keras

from pskd_tf.models.build_student import build_student


def student_twin(student_weights: Sequence[np.ndarray], **builder_arguments: Any) -> tf_keras.Model:
    """Builds the tf_keras student with the weights of a Keras 3 student.

    Args:
        student_weights: `get_weights()` of the Keras 3 student; both Kerases keep one order.
        **builder_arguments: Keyword arguments of `build_student`; without `model` it is the
            `accelerometer_student`.

    Returns:
        A functional tf_keras model with the outputs `logits` and `embedding`.

    Raises:
        ValueError: The weights do not fit the architecture.
    """
    twin = build_student(tf_keras, **builder_arguments)
    twin.set_weights(list(student_weights))
    return twin


def with_convolution_head(
    weights: Sequence[np.ndarray], builder_arguments: Mapping[str, Any]
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Turns an `accelerometer_student` with a dense head into the equal one of convolutions.

    Args:
        weights: `get_weights()` of the student.
        builder_arguments: Keyword arguments of `build_student`.

    Returns:
        The same weights in the shapes of the other head, and its arguments.
    """
    arguments = {**builder_arguments, "head": "convolution"}
    shapes = [tuple(one.shape) for one in build_student(tf_keras, **arguments).weights]
    return [one.reshape(shape) for one, shape in zip(weights, shapes, strict=True)], arguments
