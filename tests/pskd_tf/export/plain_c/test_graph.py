"""What plain C does not compute is refused by name, before any text is written."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from data_prep.errors import UserError
from pskd_tf.export.plain_c.source import plain_model


@pytest.fixture
def graph(hand_made):
    """One convolution of 12 rows and 4 channels."""
    graph = hand_made(np.random.default_rng(0), 12, 4)
    graph.conv(4, 3)
    return graph


def test_an_operator_outside_the_set(graph):
    result = graph.tensor(graph.shape(), 1 / 256, -128)
    graph.operator("SOFTMAX", schema.SoftmaxOptionsT(), [graph.last], result)
    message = "AVERAGE_POOL_2D, CONV_2D, .* TANH. Received: SOFTMAX 1, which is none of them"
    with pytest.raises(UserError, match=message):
        plain_model(graph.build())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strideH": 5}, "3 output rows. Received: CONV_2D 0, 12"),
        ({"fusedActivationFunction": 4}, "none, ReLU, ReLU6. Received: 4"),
    ],
)
def test_options_of_a_convolution(graph, change, message):
    for name, value in change.items():
        setattr(graph.graph.operators[0].builtinOptions, name, value)
    with pytest.raises(UserError, match=message):
        plain_model(graph.build())


def test_a_signal_with_a_width(graph):
    graph.graph.tensors[graph.graph.inputs[0]].shape = [1, 6, 2, 4]
    with pytest.raises(UserError, match=r"int8 signals .* CONV_2D 0, INT8 \[1, 6, 2, 4\]"):
        plain_model(graph.build())


def test_a_float_signal(graph):
    graph.graph.tensors[graph.graph.inputs[0]].type = schema.TensorType.FLOAT32
    with pytest.raises(UserError, match=r"int8 signals .* CONV_2D 0, FLOAT32"):
        plain_model(graph.build())


def test_a_depth_multiplier(hand_made):
    graph = hand_made(np.random.default_rng(0), 12, 4)
    graph.depthwise(3)
    graph.graph.tensors[graph.graph.inputs[0]].shape = [1, 12, 1, 2]
    with pytest.raises(UserError, match=r"multiplier 1. Received: DEPTHWISE_CONV_2D 0"):
        plain_model(graph.build())


def test_an_output_too_fine_for_its_sums(graph):
    graph.graph.tensors[graph.last].quantization.scale = np.array([1e-9], np.float32)
    with pytest.raises(UserError, match=r"factors below a half. Received: CONV_2D 0"):
        plain_model(graph.build())


def _set_tensor(graph, position, values):
    """Replaces the weights (1) or biases (2) of the first operator."""
    tensor = graph.graph.tensors[graph.graph.operators[0].inputs[position]]
    graph.model.buffers[tensor.buffer].data = values.view(np.uint8).ravel()


def test_sums_of_2_to_the_30(graph):
    """The single multiply is exact below: weights of one reach 12 * 128, the bias the rest."""
    graph.graph.tensors[graph.graph.inputs[0]].quantization.zeroPoint[:] = 0
    _set_tensor(graph, 1, np.ones((4, 3, 1, 4), np.int8))
    largest = (1 << 30) - 1 - 12 * 128
    _set_tensor(graph, 2, np.full(4, largest, np.int32))
    plain_model(graph.build())
    _set_tensor(graph, 2, np.array([0, 0, largest + 1, 0], np.int32))
    with pytest.raises(UserError, match=r"sums below 2\^30. Received: CONV_2D 0, 1073741824"):
        plain_model(graph.build())
    _set_tensor(graph, 2, np.array([0, 0, -largest - 1, 0], np.int32))
    with pytest.raises(UserError, match=r"sums below 2\^30. Received: CONV_2D 0, 1073741824"):
        plain_model(graph.build())


def test_a_factor_too_small_for_the_shift(graph):
    """2^-24 is refused where a sum of it is seen; where none is, the output is the zero point."""
    source = graph.graph.tensors[graph.graph.inputs[0]]
    weights = graph.graph.tensors[graph.graph.operators[0].inputs[1]]
    source.quantization.scale[:] = weights.quantization.scale[:] = 1
    graph.graph.tensors[graph.last].quantization.scale[:] = 2.0**25
    assert "{0, 0, 0}" not in plain_model(graph.build())["plain_model.c"]
    _set_tensor(graph, 2, np.full(4, 1 << 29, np.int32))
    with pytest.raises(UserError, match=r"right shifts up to 23. Received: CONV_2D 0, 24"):
        plain_model(graph.build())


def test_weights_that_are_computed(graph):
    weights = graph.graph.tensors[graph.graph.operators[0].inputs[1]]
    weights.buffer = 0
    with pytest.raises(UserError, match=r"constant weights .* CONV_2D 0, computed"):
        plain_model(graph.build())


def test_an_add_that_broadcasts(graph):
    other = graph.tensor((1, 1, 1, 4), 0.1)
    graph.add(other)
    with pytest.raises(UserError, match=r"one shape. Received: ADD 1, \[\(12, 4\), \(1, 4\)"):
        plain_model(graph.build())


def test_a_mean_of_channels(graph):
    graph.mean(1.0, axes=(1, 3))
    with pytest.raises(UserError, match=r"reductions over time alone. Received: MEAN 1, axes"):
        plain_model(graph.build())


def test_a_padding_of_channels(graph):
    graph.pad(1, 1)
    pads = graph.graph.tensors[graph.graph.operators[-1].inputs[1]]
    values = np.array([[0, 0], [0, 0], [0, 0], [1, 1]], np.int32)
    graph.model.buffers[pads.buffer].data = values.view(np.uint8).ravel()
    with pytest.raises(UserError, match=r"padding along time alone. Received: PAD 1, \[\[0, 0\]"):
        plain_model(graph.build())


def test_a_constant_signal(graph):
    other = graph.tensor(graph.shape(), 0.1, 0, np.zeros(graph.shape(), np.int8))
    graph.add(other)
    with pytest.raises(UserError, match=r"that are computed. Received: ADD 1, a constant"):
        plain_model(graph.build())
