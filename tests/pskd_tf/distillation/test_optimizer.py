"""The optimiser: its schedule, its decay, and the update over vectors, equal to Keras' AdamW."""

import keras
import numpy as np
import pytest

from pskd_tf.distillation.distiller import PSKDDistiller, projections
from pskd_tf.distillation.losses.base import CrossEntropy
from pskd_tf.distillation.optimizer import FlatAdamW, make_optimizer
from pskd_tf.models.students import accelerometer_student
from pskd_tf.training_settings import TrainingSettings


def _rate(optimizer, step: int) -> float:
    optimizer.iterations.assign(step)
    return float(optimizer.learning_rate)


def test_the_rate_rises_to_its_peak_and_falls_along_a_cosine_to_0():
    settings = TrainingSettings(peak_learning_rate=4e-3, warmup_share=0.1)
    optimizer = make_optimizer(settings, 100)
    assert _rate(optimizer, 0) == 0
    assert _rate(optimizer, 5) == pytest.approx(2e-3)
    assert _rate(optimizer, 10) == pytest.approx(4e-3)
    # A third of the 90 steps after the warm-up: (1 + cos(pi / 3)) / 2 = 3 / 4 of the peak.
    assert _rate(optimizer, 40) == pytest.approx(3e-3)
    assert _rate(optimizer, 55) == pytest.approx(2e-3)
    assert _rate(optimizer, 100) == pytest.approx(0, abs=1e-9)
    assert _rate(optimizer, 120) == pytest.approx(0, abs=1e-9)


def test_the_rate_stays_where_the_averaged_epochs_begin():
    """Half of 90 steps after the warm-up, at a half of the peak; five epochs of twenty steps."""
    settings = TrainingSettings(epochs=5, warmup_share=0.1, averaged_share=0.4)
    assert settings.first_averaged_epoch == 3
    optimizer = make_optimizer(settings, 100)
    assert _rate(optimizer, 40) == pytest.approx(3e-3)
    held = 4e-3 * (1 + np.cos(np.pi * 50 / 90)) / 2  # step 60
    for step in (60, 61, 100):
        assert _rate(optimizer, step) == pytest.approx(held)
    assert not optimizer.use_ema
    again = type(optimizer).from_config(optimizer.get_config())
    assert _rate(again, 100) == pytest.approx(held)


def test_one_step_is_enough_for_a_schedule():
    assert _rate(make_optimizer(TrainingSettings(), 1), 1) == pytest.approx(4e-3)


def test_weight_decay_shrinks_kernels_alone():
    """With zero gradients a kernel moves by -rate * decay * weight, all else stays."""
    student = accelerometer_student(
        keras, input_shape=(24, 1, 10), num_classes=3, widths=(2, 3, 4, 4), embedding_width=5
    )
    layer = projections(keras, {"teacher": 6})["teacher"]
    layer.build((None, 5))
    variables = [*student.trainable_variables, *layer.trainable_variables]
    generator = np.random.default_rng(0)
    for variable in variables:
        variable.assign(generator.uniform(0.5, 1.5, variable.shape))
    settings = TrainingSettings(peak_learning_rate=0.1, warmup_share=0.1, weight_decay=0.3)
    optimizer = make_optimizer(settings, 100)
    optimizer.build(variables)
    optimizer.iterations.assign(10)  # the peak
    before = [keras.ops.convert_to_numpy(variable) for variable in variables]
    optimizer.apply([np.zeros(variable.shape, np.float32) for variable in variables])
    kinds = set()
    for variable, old in zip(variables, before, strict=True):
        kinds.add(variable.name)
        factor = 1 - 0.1 * 0.3 if variable.name == "kernel" else 1.0
        np.testing.assert_allclose(variable, factor * old, rtol=1e-5)
    assert kinds == {"kernel", "bias", "gamma", "beta"}


def test_momenta_and_average_are_the_settings():
    config = make_optimizer(TrainingSettings(ema_momentum=0.9), 10).get_config()
    assert (config["beta_1"], config["beta_2"]) == (0.9, 0.99)
    assert (config["use_ema"], config["ema_momentum"]) == (True, 0.9)
    assert config["ema_overwrite_frequency"] is None


def _student(classes: int = 3) -> keras.Model:
    keras.utils.set_random_seed(0)
    return accelerometer_student(
        keras,
        input_shape=(24, 1, 10),
        num_classes=classes,
        widths=(2, 3, 4, 4),
        embedding_width=5,
        dropout=0.0,
    )


def _trained(flat: bool) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    student = _student()
    settings = TrainingSettings(peak_learning_rate=0.02, weight_decay=0.3, ema_momentum=0.9)
    distiller = PSKDDistiller(student, {}, CrossEntropy(0.1))
    optimizer = make_optimizer(settings, 12, flat=flat)
    distiller.compile(optimizer=optimizer, jit_compile=False)
    generator = np.random.default_rng(1)
    x = generator.normal(size=(16, 24, 1, 10)).astype(np.float32)
    fitted = distiller.fit({"accelerometer": x}, np.arange(16) % 3, 4, 3, verbose=0, shuffle=False)
    return fitted.history, student.get_weights()


def test_the_update_over_vectors_gives_the_bits_of_keras_adamw():
    """Twelve steps with warm-up, decay and average, which at the end takes the weights' place."""
    ours, theirs = _trained(flat=True), _trained(flat=False)
    assert ours[0] == theirs[0]
    for one, two in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_array_equal(one, two)
    for one, first in zip(ours[1], _student().get_weights(), strict=True):
        assert not np.array_equal(one, first)


def test_momenta_and_averages_are_one_vector_for_kernels_and_one_for_other_weights():
    student = _student()
    optimizer = make_optimizer(TrainingSettings(), 10, flat=True)
    optimizer.build(student.trainable_variables)
    sizes = {"kernel": 0, "other": 0}
    for variable in student.trainable_variables:
        kind = "kernel" if variable.name == "kernel" else "other"
        sizes[kind] += variable.value.numpy().size
    step, *states = (tuple(variable.shape) for variable in optimizer.variables)
    assert step == ()
    assert sorted(states) == sorted([(size,) for size in sizes.values()] * 3)


def test_weights_of_one_kind_a_missing_gradient_and_no_average():
    """Without an average nothing is put in the weights' place; without a gradient they decay."""
    plain, flat = (kind(0.1, weight_decay=0.5) for kind in (keras.optimizers.AdamW, FlatAdamW))
    weights = [[keras.Variable([1.0, 2.0]), keras.Variable([[3.0]])] for _ in range(2)]
    plain.apply([np.float32([1, 2]), np.float32([[0]])], weights[0])
    flat.apply([np.float32([1, 2]), None], weights[1])
    flat.finalize_variable_values(weights[1])
    for one, two in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, two)
