"""Batches as the losses take them, and tiny models that trace in no time."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

SHAPES = {"accelerometer": (6, 1, 3), "skeleton": (5, 4)}


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., tuple[dict[str, Any], dict[str, Any]]]:
    """Makes targets and outputs: make_batch(seed, teachers, batch=8, classes=5, boost=2.0).

    `boost` is added to the teachers' logits of the true class, so that some teachers are right.
    """

    def make(seed: int = 0, teachers: int = 2, batch: int = 8, classes: int = 5, boost=2.0):
        generator = np.random.default_rng(seed)

        def normal(*shape: int) -> np.ndarray:
            return generator.normal(size=shape).astype(np.float32)

        labels = generator.integers(0, classes, batch).astype(np.int32)
        logits = 2 * normal(batch, teachers, classes)
        logits += np.float32(boost) * np.eye(classes, dtype=np.float32)[labels][:, None]
        targets = {
            "labels": labels,
            "teacher_logits": logits,
            "teacher_embeddings": [normal(batch, 3 + k) for k in range(teachers)],
        }
        outputs = {
            "logits": normal(batch, classes),
            "embedding": normal(batch, 4),
            "projected_embeddings": [normal(batch, 3 + k) for k in range(teachers)],
        }
        return targets, outputs

    return make


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., keras.Model]:
    """Makes a model of the package's interface: tiny_model(streams, seed, width, dropout, ...).

    Further arguments go to its first dense layer; `layer` is put after it.
    """

    def make(
        streams: tuple[str, ...] = ("accelerometer",),
        seed: int = 0,
        width: int = 4,
        dropout: float = 0.0,
        layer: keras.layers.Layer | None = None,
        **dense: Any,
    ) -> keras.Model:
        keras.utils.set_random_seed(seed)
        inputs = {name: keras.layers.Input(SHAPES[name], name=name) for name in streams}
        flat = [keras.layers.Flatten()(tensor) for tensor in inputs.values()]
        hidden = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
        hidden = keras.layers.Dense(width, use_bias=False, name="semantic", **dense)(hidden)
        if layer is not None:
            hidden = layer(hidden)
        hidden = keras.layers.BatchNormalization(momentum=0.9)(hidden)
        embedding = keras.layers.ReLU()(hidden)
        logits = keras.layers.Dense(3, name="logits")(keras.layers.Dropout(dropout)(embedding))
        chosen = inputs if len(inputs) > 1 else inputs[streams[0]]
        return keras.Model(chosen, {"logits": logits, "embedding": embedding})

    return make


@pytest.fixture
def streams() -> dict[str, np.ndarray]:
    """Twelve paired samples of both streams."""
    generator = np.random.default_rng(0)
    return {
        name: generator.normal(size=(12, *shape)).astype(np.float32)
        for name, shape in SHAPES.items()
    }


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 3, 12).astype(np.int32)
