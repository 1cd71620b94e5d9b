"""Removal of channels: the choice, and the remaining weights."""

import keras
import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.compression.cost import BoardCost, BoardLimits, count_macs
from pskd_tf.compression.slim import (
    channel_importance,
    channel_masks,
    choose_channels,
    estimated_cost,
    masked_weights,
    prunable_layers,
    slim_builder_arguments,
    slim_weights,
)
from pskd_tf.evaluation.tflm import arena_bytes
from pskd_tf.models.registry import build_student
from pskd_tf.student_settings import STUDENTS

FULL = BoardCost(40_752, 9_360, 262_656)


@pytest.fixture(scope="module")
def student(int8_student) -> keras.Model:
    model = build_student(keras, **int8_student.builder_arguments)
    model.set_weights(int8_student.weights)
    return model


@pytest.fixture(scope="module")
def importance(student) -> dict[str, np.ndarray]:
    names = prunable_layers("accelerometer_student")
    return {name: channel_importance(student, name, "norm_scale") for name in names}


def test_importance_is_the_norm_s_scale_or_the_kernel_s_length(student):
    gamma = student.get_layer("stem_norm").gamma.numpy()
    scores = channel_importance(student, "stem", "norm_scale")
    np.testing.assert_allclose(scores, np.abs(gamma) / np.abs(gamma).mean(), rtol=1e-6)
    kernel = student.get_layer("stem").kernel.numpy()
    lengths = np.linalg.norm(kernel.reshape(-1, 24), axis=0)
    scores = channel_importance(student, "stem", "kernel")
    np.testing.assert_allclose(scores, lengths / lengths.mean(), rtol=1e-5)


def test_weights_masked_by_tfmot_have_no_importance(int8_student):
    model = build_student(keras, **int8_student.builder_arguments)
    kernel = np.ones(model.get_layer("stem").kernel.shape, np.float32)
    kernel[..., 3] = 0  # all weights of this channel are masked
    kernel[:3, ..., 5] = 0  # and some of this one's
    model.get_layer("stem").kernel.assign(kernel)
    scores = channel_importance(model, "stem", "kernel")
    assert scores[3] == 0 and 0 < scores[5] < scores[0]


@pytest.mark.parametrize(
    "limits",
    [
        BoardLimits(flash_bytes=20_376),
        BoardLimits(arena_bytes=7_000),
        BoardLimits(macs=100_000),
        BoardLimits(flash_bytes=24_576, arena_bytes=6_400, macs=90_000),
    ],
)
def test_the_choice_fits_and_is_no_smaller_than_it_must_be(student, importance, limits):
    kept = choose_channels(student, importance, limits, FULL)
    cost = estimated_cost(student, kept, FULL)
    assert not limits.excess(cost)
    # One step less would not do: at least one limit is used to 90 %.
    shares = [getattr(cost, name) / limit for name, limit in vars(limits).items() if limit]
    assert max(shares) > 0.9
    for name, mask in kept.items():
        scores = importance[name]
        assert mask.sum() >= 4
        # Within a layer the least important ones went.
        assert scores[mask].min() >= scores[~mask].max(initial=0)


def test_a_model_that_fits_stays_whole(student, importance):
    kept = choose_channels(student, importance, BoardLimits(flash_bytes=41_000), FULL)
    assert all(mask.all() for mask in kept.values())


@pytest.mark.slow
def test_the_estimate_is_a_close_upper_bound_of_the_converted_model(
    int8_student, student, importance
):
    limits = BoardLimits(flash_bytes=18_000, arena_bytes=6_500)
    kept = choose_channels(student, importance, limits, FULL)
    estimate = estimated_cost(student, kept, FULL)
    arguments = slim_builder_arguments(int8_student.builder_arguments, kept)
    weights = slim_weights(student, kept)
    tflite = convert_to_int8(weights, arguments, int8_student.features[::9])
    assert 0 <= estimate.flash_bytes - len(tflite) < 200
    assert 0 <= estimate.arena_bytes - arena_bytes(tflite) < 250
    assert estimate.macs == count_macs(build_student(keras, **arguments))


def test_limits_below_the_smallest_student_are_refused(student, importance):
    with pytest.raises(UserError, match=r"room for the smallest student.*flash_bytes by \d+ over"):
        choose_channels(student, importance, BoardLimits(flash_bytes=5_000), FULL)


def test_a_limit_must_be_positive():
    with pytest.raises(UserError, match=r"limit on macs must be positive\. Received: 0"):
        BoardLimits(macs=0)


def test_an_unknown_importance_and_a_missing_norm_are_refused(student):
    with pytest.raises(UserError, match=r"one of norm_scale, kernel\. Received: age"):
        channel_importance(student, "stem", "age")
    with pytest.raises(UserError, match=r"needs a BatchNorm after the layer\. Received: logits"):
        channel_importance(student, "logits", "norm_scale")


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
def test_the_slim_student_equals_the_masked_one(name, head):
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


def test_the_embedding_may_stay_as_it_is():
    layers = prunable_layers("accelerometer_student", embedding=False)
    assert (*layers, "semantic") == prunable_layers("accelerometer_student")
    kept = {name: np.arange(8) < 6 for name in layers}
    assert slim_builder_arguments({"embedding_width": 64}, kept) == {
        "embedding_width": 64,
        "widths": [6, 6, 6, 6],
    }
