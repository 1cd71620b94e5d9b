"""Sharpness-aware minimisation: the closed form of a quadratic loss, and what a step leaves."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from pskd_tf.distillation.distiller import PSKDDistiller
from pskd_tf.distillation.losses.base import CrossEntropy
from pskd_tf.distillation.sharpness import sharpness_aware_gradients


@pytest.mark.parametrize("radius", [0.05, 2.0])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradient_of_a_quadratic_loss(radius, compiled):
    """L = a w1^2 / 2 + b w2^2 / 2: a (w1 + rho a w1 / n) and so on, n^2 = (a w1)^2 + (b w2)^2."""
    a, b, start = 3.0, 0.5, (0.4, -2.0)
    weights = [keras.Variable(value) for value in start]
    unused, passes = keras.Variable(7.0), keras.Variable(0.0)

    def gradients_of():
        passes.assign(passes + 1)
        with tf.GradientTape() as tape:
            loss = 0.5 * (a * ops.square(weights[0]) + b * ops.square(weights[1]))
        return tape.gradient(loss, [*weights, unused]), loss

    def step():
        return sharpness_aware_gradients(gradients_of, [*weights, unused], [passes], radius)

    gradients, loss = (tf.function(step) if compiled else step)()
    norm = np.hypot(a * start[0], b * start[1])
    expected = [
        factor * (value + radius * factor * value / norm)
        for factor, value in zip((a, b), start, strict=True)
    ]
    np.testing.assert_allclose(gradients[:2], expected, rtol=1e-5)
    assert gradients[2] is None
    assert float(loss) == pytest.approx(0.5 * (a * start[0] ** 2 + b * start[1] ** 2))
    np.testing.assert_array_equal([float(one) for one in weights], np.float32(start))
    assert float(passes) == 1  # the state after the first pass


def test_no_gradient_perturbs_nothing():
    weight = keras.Variable([1.0, 2.0])
    gradients, _ = sharpness_aware_gradients(
        lambda: ([weight - [1.0, 2.0]], None), [weight], [], 0.1
    )
    np.testing.assert_array_equal(gradients[0], [0.0, 0.0])


def _trained(radius: float) -> keras.Model:
    """One SGD step at rate 1 of a net with BatchNorm and dropout."""
    keras.utils.set_random_seed(0)
    inputs = keras.layers.Input((4,), name="accelerometer")
    hidden = keras.layers.Dense(6, name="hidden")(inputs)
    hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    hidden = keras.layers.Dropout(0.5, name="dropout", seed=3)(hidden)
    student = keras.Model(inputs, keras.layers.Dense(3, name="logits")(hidden))
    distiller = PSKDDistiller(student, {}, CrossEntropy(), sharpness_radius=radius)
    distiller.compile(optimizer=keras.optimizers.SGD(1.0))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(8, 4)).astype(np.float32)
    history = distiller.fit({"accelerometer": x}, generator.integers(0, 3, 8), verbose=0)
    student.last_loss = history.history["loss"][0]
    return student


def test_a_step_differs_by_its_gradient_alone():
    """Loss, statistics and seeds are those of the first pass, and a radius near 0 is none."""
    plain, tiny, wide = (_trained(radius) for radius in (0.0, 1e-6, 0.5))
    assert wide.last_loss == pytest.approx(plain.last_loss, rel=1e-6)
    for name, place in (("norm", 2), ("norm", 3)):
        first, second = (one.get_layer(name).get_weights()[place] for one in (plain, wide))
        np.testing.assert_allclose(first, second, rtol=1e-5)
    seeds = [one.get_layer("dropout").seed_generator.state for one in (plain, wide)]
    np.testing.assert_array_equal(*seeds)
    kernels = [one.get_layer("hidden").get_weights()[0] for one in (plain, tiny, wide)]
    np.testing.assert_allclose(kernels[0], kernels[1], atol=1e-4)
    assert np.abs(kernels[0] - kernels[2]).max() > 1e-2
