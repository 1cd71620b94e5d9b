"""Means of weights and the statistics of BatchNorm: closed forms."""

import keras
import numpy as np

from pskd_tf.data.batches import training_batches
from pskd_tf.distillation import weight_average
from pskd_tf.distillation.weight_average import (
    WeightAverage,
    estimate_batch_norm,
    mean_weights,
    training_views,
)
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.models.students import accelerometer_student
from pskd_tf.training_settings import TrainingSettings


def test_the_mean_of_a_sequence_of_weights_from_an_epoch_on():
    """0, 1, 4, 9 after four epochs; from the second on their mean is 14 / 3."""
    weight = keras.Variable([0.0, 0.0])
    average = WeightAverage([weight], first_epoch=1)
    for epoch in range(4):
        weight.assign([epoch**2, -(epoch**2)])
        average.on_epoch_end(epoch)
    average.on_train_end()
    np.testing.assert_allclose(weight, [14 / 3, -14 / 3], rtol=1e-6)


def _model() -> keras.Model:
    inputs = keras.layers.Input((5,), name="accelerometer")
    hidden = keras.layers.BatchNormalization(name="first")(inputs)
    hidden = keras.layers.Dense(3, name="dense")(hidden)
    return keras.Model(inputs, keras.layers.BatchNormalization(name="second")(hidden))


def _normalised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(axis=0)) / np.sqrt(values.var(axis=0) + 1e-3)


def test_batch_norm_has_the_population_statistics_of_its_inputs_in_every_layer():
    values = np.random.default_rng(0).normal(3.0, 2.0, (40, 5)).astype(np.float32)
    keras.utils.set_random_seed(0)
    model = _model()
    kernel = model.get_layer("dense").kernel.numpy()
    estimate_batch_norm(model, {"accelerometer": values})
    first, second = model.get_layer("first"), model.get_layer("second")
    np.testing.assert_allclose(first.moving_mean, values.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(first.moving_variance, values.var(axis=0), rtol=1e-5)
    hidden = _normalised(values) @ kernel
    np.testing.assert_allclose(second.moving_mean, hidden.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(second.moving_variance, hidden.var(axis=0), rtol=1e-4)
    # Then inference normalises these inputs exactly.
    np.testing.assert_allclose(model(values, training=False), _normalised(hidden), atol=1e-4)
    assert first.momentum == 0.99
    np.testing.assert_array_equal(model.get_layer("dense").kernel, kernel)


def test_mixed_views_are_mixed_before():
    values = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
    share = np.linspace(0.1, 1.0, 6, dtype=np.float32)
    model = _model()
    estimate_batch_norm(model, {"accelerometer": values, "mixup_share": share})
    mixed = share[:, None] * values + (1 - share[:, None]) * np.roll(values, -1, axis=0)
    np.testing.assert_allclose(model.get_layer("first").moving_mean, mixed.mean(axis=0), atol=1e-6)


def test_a_soup_of_equal_nets_is_the_net_and_of_others_their_mean():
    model = _model()
    net = model.get_weights()
    for mean, own in zip(mean_weights([net] * 3), net, strict=True):
        assert mean.dtype == own.dtype
        np.testing.assert_array_equal(mean, own)
    means = mean_weights([net, [one + 3 for one in net], [one + 6 for one in net]])
    for mean, own in zip(means, net, strict=True):
        np.testing.assert_allclose(mean, own + 3, rtol=1e-6)


def test_views_are_whole_batches_of_an_epoch_drawn_apart_from_the_training(clips, monkeypatch):
    settings = InputSettings(steps=24, gravity_taps=5)
    student = accelerometer_student(
        keras, input_shape=settings.accelerometer_shape, num_classes=27, widths=(4, 4, 4, 4)
    )
    arguments = {"seed": 1, "inputs": settings, "augmentation": AugmentationSettings()}
    training = TrainingSettings(batch_size=7, mixup=0.5)

    def views() -> dict[str, np.ndarray]:
        return training_views(student, clips, stage="student", training=training, **arguments)

    whole = len(clips) // 7 * 7
    drawn = views()
    assert {name: len(one) for name, one in drawn.items()} == {
        "accelerometer": whole, "mixup_share": whole
    }  # fmt: skip
    stream = {"streams": ["accelerometer"], "first_epoch": 0, "epochs": 1, "batch_size": 7}
    x, _ = next(training_batches(clips, stage="student", **stream, **arguments).as_numpy_iterator())
    assert not np.array_equal(drawn["accelerometer"][:7], x["accelerometer"])
    monkeypatch.setattr(weight_average, "_MOST_VIEWS", 8)
    np.testing.assert_array_equal(views()["accelerometer"], drawn["accelerometer"][:14])
