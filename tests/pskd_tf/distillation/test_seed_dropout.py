"""Dropout draws are a function of (seed, stage, epoch, layer)."""

import keras
import numpy as np

from pskd_tf.distillation.training import SeedDropout


def _model() -> keras.Model:
    inputs = keras.layers.Input((64,))
    hidden = keras.layers.Dropout(0.5, name="first")(inputs)
    return keras.Model(inputs, [hidden, keras.layers.Dropout(0.5, name="second")(inputs)])


def _drawn(seed: int, stage: str, epoch: int, earlier_calls: int = 0) -> np.ndarray:
    """What the two layers drop of ones, `(2, 64)`, in the first call of an epoch."""
    model = _model()
    callback = SeedDropout(model, seed, stage)
    ones = np.ones((1, 64), np.float32)
    for _ in range(earlier_calls):
        model(ones, training=True)
    callback.on_epoch_begin(epoch)
    return np.concatenate([np.asarray(one) for one in model(ones, training=True)])


def test_an_epoch_draws_the_same_whatever_came_before():
    first = _drawn(1, "student", 3)
    np.testing.assert_array_equal(first, _drawn(1, "student", 3, earlier_calls=5))
    assert set(np.unique(first)) == {0.0, 2.0}
    assert not np.array_equal(first[0], first[1])  # each layer by itself


def test_seed_stage_and_epoch_change_the_draws():
    first = _drawn(1, "student", 3)
    for place in ((2, "student", 3), (1, "teacher", 3), (1, "student", 4)):
        assert not np.array_equal(first, _drawn(*place))


def test_calls_within_an_epoch_draw_differently():
    model = _model()
    SeedDropout(model, 1, "student").on_epoch_begin(0)
    ones = np.ones((1, 64), np.float32)
    first, second = model(ones, training=True)[0], model(ones, training=True)[0]
    assert not np.array_equal(first, second)
