"""A small student with fixed weights, its int8 flatbuffer and made-up features."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest

from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.models.registry import build_student


@dataclass(frozen=True)
class SmallStudent:
    """A student of 5 classes whose every weight comes from one generator.

    Attributes:
        model: The Keras 3 model.
        arguments: What `build_student` was called with.
        features: `(32, 24, 1, 10)` float32.
        tflite: Its int8 flatbuffer, calibrated on the features.
    """

    model: keras.Model
    arguments: dict[str, Any]
    features: np.ndarray
    tflite: bytes


def with_fixed_weights(model: Any) -> Any:
    """Sets every weight, norm statistics included, to something that differs from its start."""
    generator = np.random.default_rng(7)
    model.set_weights(
        [
            # Positive where a weight must be: norm scales and variances.
            (
                generator.uniform(0.5, 1.5, one.shape)
                if one.ndim == 1
                else generator.normal(0, 0.3, one.shape)
            ).astype(np.float32)
            for one in model.get_weights()
        ]
    )
    return model


@pytest.fixture(scope="session")
def small_student() -> SmallStudent:
    arguments = {"input_shape": [24, 1, 10], "num_classes": 5, "widths": [8, 8, 12, 12]}
    arguments["embedding_width"] = 16
    model = with_fixed_weights(build_student(keras, **arguments))
    features = np.random.default_rng(8).normal(size=(32, 24, 1, 10)).astype(np.float32)
    tflite = convert_to_int8(model.get_weights(), arguments, features)
    return SmallStudent(model, arguments, features, tflite)
