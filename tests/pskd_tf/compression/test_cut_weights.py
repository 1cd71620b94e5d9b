"""Removed channels: the slim net computes what the masked one computes, in every graph we have."""

import keras
import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.compression.slim import (
    channel_masks,
    masked_weights,
    prunable_layers,
    slim_builder_arguments,
    slim_weights,
)
from pskd_tf.models.registry import STUDENTS, build_student

ARGUMENTS = {"input_shape": [96, 1, 10], "num_classes": 27}


def randomised(model: keras.Model, seed: int = 0) -> keras.Model:
    generator = np.random.default_rng(seed)
    weights = [generator.uniform(-0.5, 0.5, one.shape) for one in model.get_weights()]
    model.set_weights([np.abs(one) if one.ndim == 1 else one for one in weights])
    return model


def logits(model: keras.Model, weights: list[np.ndarray], clips: np.ndarray) -> np.ndarray:
    model.set_weights(weights)
    outputs = model(clips, training=False)
    return np.asarray(outputs["logits"] if isinstance(outputs, dict) else outputs)


@pytest.mark.parametrize("name", STUDENTS)
@pytest.mark.parametrize("head", ["dense", "convolution"])
def test_the_slim_student_computes_what_the_masked_one_computes(name, head):
    """Before any fine-tuning, to 1e-5; depthwise followers, segments and norms included."""
    arguments = {"model": name, **ARGUMENTS}
    if head == "convolution":
        if name != "accelerometer_student":
            return
        arguments["head"] = head
    model = randomised(build_student(keras, **arguments))
    generator = np.random.default_rng(1)
    kept = {}
    for layer in prunable_layers(name):
        kept[layer] = generator.random(model.get_layer(layer).output.shape[-1]) < 0.5
        kept[layer][0] = True
    slim = build_student(keras, **slim_builder_arguments(arguments, kept))
    assert slim.count_params() < 0.6 * model.count_params()
    clips = generator.normal(size=(9, 96, 1, 10)).astype(np.float32)
    of_slim = logits(slim, slim_weights(model, kept), clips)
    of_full = logits(model, list(model.get_weights()), clips)
    of_masked = logits(model, masked_weights(model, kept), clips)
    scale = max(1.0, np.abs(of_masked).max())
    assert np.abs(of_slim - of_masked).max() < 1e-5 * scale
    assert np.abs(of_full - of_masked).max() > 1e-2 * scale


def branched(first: int, second: int) -> keras.Model:
    """Two branches, one with a depthwise multiplier of 2, joined, pooled, flattened, dense."""
    layers = keras.layers
    inputs = layers.Input((8, 1, 3))
    one = layers.ReLU()(layers.Conv2D(first, (3, 1), padding="same", name="one")(inputs))
    two = layers.Conv2D(second, (1, 1), name="two")(inputs)
    two = layers.DepthwiseConv2D((3, 1), depth_multiplier=2, padding="same", name="deep")(two)
    joined = layers.Concatenate()([one, layers.BatchNormalization()(two)])
    hidden = layers.Flatten()(layers.MaxPooling2D((2, 1))(joined))
    return keras.Model(inputs, layers.Dense(4)(hidden))


def test_concatenations_and_depthwise_multipliers_are_followed():
    model = randomised(branched(5, 3))
    kept = {"one": np.array([1, 0, 1, 1, 0], bool), "two": np.array([0, 1, 1], bool)}
    masks = channel_masks(model, kept)
    joined = next(layer.name for layer in model.layers if "concat" in layer.name)
    assert masks.outputs[joined].tolist() == [1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1]
    clips = np.random.default_rng(2).normal(size=(5, 8, 1, 3)).astype(np.float32)
    of_slim = logits(branched(3, 2), slim_weights(model, kept), clips)
    of_masked = logits(model, masked_weights(model, kept), clips)
    assert np.abs(of_slim - of_masked).max() < 1e-5


def test_branches_that_are_added_must_agree():
    layers = keras.layers
    inputs = layers.Input((8, 1, 3))
    sides = [layers.Conv2D(4, 1, name=name)(inputs) for name in ("left", "right")]
    model = keras.Model(inputs, layers.Add(name="sum")(sides))
    half = np.array([1, 1, 0, 0], bool)
    assert channel_masks(model, {"left": half, "right": half}).outputs["sum"].sum() == 2
    with pytest.raises(UserError, match=r"added keep the same channels\. Received: sum"):
        channel_masks(model, {"left": half})


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"block1_depth": np.ones(24, bool)}, r"Conv2D and Dense .* Received: block1_depth"),
        ({"stem": np.zeros(24, bool)}, r"stem keeps some of its 24 channels\. Received: 0 of 24"),
        ({"stem": np.ones(7, bool)}, r"stem keeps some of its 24 channels\. Received: 7 of 7"),
    ],
)
def test_an_impossible_mask_is_refused(kept, message):
    model = build_student(keras, **ARGUMENTS)
    with pytest.raises(UserError, match=message):
        channel_masks(model, kept)


def test_a_layer_that_mixes_channels_otherwise_is_refused():
    inputs = keras.layers.Input((8, 3))
    model = keras.Model(inputs, keras.layers.GRU(4)(inputs))
    with pytest.raises(UserError, match=r"can be followed through .* Received: GRU"):
        channel_masks(model, {})
