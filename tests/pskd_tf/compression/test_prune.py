"""Pruning with the distillation loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.tools import flatbuffer_utils

from data_prep.errors import UserError
from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.compression.prune import kernel_sparsity, prune_student
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.base import CrossEntropy
from pskd_tf.models.students import accelerometer_student

BATCH, STEPS, EPOCHS = 27, 8, 2
SMALL = {"input_shape": [24, 1, 10], "num_classes": 5, "widths": [8, 8, 12, 12]}


def _small_student():
    keras.utils.set_random_seed(0)
    arguments = {**SMALL, "input_shape": (24, 1, 10)}
    return accelerometer_student(keras, **arguments)


def _batches(count=STEPS * EPOCHS):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 5, count * BATCH).astype(np.int32)
    features = generator.normal(size=(len(labels), 24, 1, 10)) + labels[:, None, None, None] / 4
    x = {
        "accelerometer": features.astype(np.float32),
        "mixup_share": generator.uniform(size=len(labels)).astype(np.float32),
    }
    for teacher in ("skeleton", "fusion"):
        x[f"{teacher}_logits"] = 3 * np.eye(5, dtype=np.float32)[labels]
        x[f"{teacher}_embedding"] = generator.normal(size=(len(labels), 6)).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices((x, labels)).batch(BATCH, drop_remainder=True)


def _prune(**changes):
    arguments = {
        "steps_per_epoch": STEPS,
        "epochs": EPOCHS,
        "learning_rate": 2e-3,
        "target_sparsity": 0.6,
        "projection_widths": {"skeleton": 6, "fusion": 6},
        "seed": 1,
    }
    weights = _small_student().get_weights()
    batches = changes.pop("batches", None) or _batches()
    loss = changes.pop("loss", None) or AdaptiveConfidenceSemantic(semantic_weight=1.0)
    return prune_student(weights, SMALL, batches, loss, **{**arguments, **changes})


@pytest.fixture(scope="module")
def pruned():
    return _prune()


def test_every_kernel_reaches_the_target_and_depthwise_stays_dense(pruned):
    student = _small_student()
    student.set_weights(pruned[0])
    for layer in student.layers:
        kind = type(layer).__name__
        if kind in ("Conv2D", "Dense"):
            kernel = layer.get_weights()[0]
            assert np.sum(kernel == 0) == pytest.approx(0.6 * kernel.size, abs=1), layer.name
    sparsity = kernel_sparsity(student)
    assert sparsity["conv_and_dense"] == pytest.approx(0.6, abs=0.01)
    assert sparsity["depthwise"] == 0


def test_all_else_was_trained(pruned):
    """Every array but a fresh zero differs from where it began, BatchNorm's averages too."""
    before = _small_student().get_weights()
    for old, new in zip(before, pruned[0], strict=True):
        assert old.shape == new.shape and np.isfinite(new).all()
        assert not np.array_equal(old, new)


def test_zeros_survive_the_int8_conversion(pruned):
    """Kernels are symmetric in int8, so a zero stays one through BatchNorm's folding."""
    features = np.random.default_rng(2).normal(size=(10, 24, 1, 10)).astype(np.float32)
    tflite = convert_to_int8(pruned[0], SMALL, features)
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    graph = model.subgraphs[0]
    shares = []
    for operator in graph.operators:
        name = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        if name in ("CONV_2D", "FULLY_CONNECTED"):
            buffer = model.buffers[graph.tensors[operator.inputs[1]].buffer]
            shares.append(np.mean(np.asarray(buffer.data) == 0))
    assert len(shares) == 6 and min(shares) > 0.59


def test_history_has_one_value_per_epoch_and_the_loss_falls(pruned):
    history = pruned[1]
    assert set(history) == {"loss", "accuracy"} and len(history["loss"]) == EPOCHS
    assert history["loss"][1] < history["loss"][0]


def test_the_same_seed_gives_the_same_weights(pruned):
    again, _ = _prune()
    for first, second in zip(pruned[0], again, strict=True):
        np.testing.assert_array_equal(first, second)


def test_zero_sparsity_is_plain_fine_tuning():
    weights, _ = _prune(target_sparsity=0.0, epochs=1, loss=CrossEntropy())
    student = _small_student()
    student.set_weights(weights)
    assert kernel_sparsity(student)["conv_and_dense"] == 0


def test_projections_start_from_the_given_kernels(pruned):
    """Large kernels put the student's projection far from the teachers' embeddings."""
    large = {name: np.full((64, 6), 5, np.float32) for name in ("skeleton", "fusion")}
    history = _prune(projection_kernels=large, epochs=1)[1]
    assert history["loss"][0] > 10 * pruned[1]["loss"][0]


def test_too_few_batches_are_refused():
    with pytest.raises(UserError, match=r"Fine-tuning needs 16 batches\. Received: 9"):
        _prune(batches=_batches(9))


@pytest.mark.parametrize("sparsity", [-0.1, 1.0])
def test_an_impossible_sparsity_is_refused(sparsity):
    with pytest.raises(UserError, match=f"at least 0 and below 1. Received: {sparsity}"):
        _prune(target_sparsity=sparsity)


def test_shares_by_hand():
    inputs = keras.Input((4, 1, 2))
    hidden = keras.layers.DepthwiseConv2D((2, 1))(inputs)
    hidden = keras.layers.Conv2D(3, (1, 1))(hidden)
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    depthwise, conv, dense = (layer for layer in model.layers if layer.get_weights())
    depthwise.set_weights([np.array([1, 0, 1, 1.0]).reshape(2, 1, 2, 1), np.zeros(2)])
    conv.set_weights([np.array([0, 0, 0, 1, 1, 1.0]).reshape(1, 1, 2, 3), np.zeros(3)])
    dense.set_weights([np.array([[0, 1], [1, 1], [1, 1.0]]), np.zeros(2)])
    assert kernel_sparsity(model) == {"conv_and_dense": 4 / 12, "depthwise": 1 / 4}


def test_nothing_to_count_gives_zero():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.ReLU()(inputs))
    assert kernel_sparsity(model) == {"conv_and_dense": 0.0, "depthwise": 0.0}
