"""Shares of zeros, depthwise kernels apart, biases not counted."""

import keras
import numpy as np

from pskd_tf.compression.prune import kernel_sparsity


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
