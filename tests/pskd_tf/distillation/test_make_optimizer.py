"""Learning rate, weight decay and moving average of the optimiser."""

import keras
import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.distillation.distiller import projections
from pskd_tf.distillation.training import make_optimizer
from pskd_tf.models.students import accelerometer_student
from pskd_tf.settings import TrainingSettings


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


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"epochs": 0}, "epochs must be positive. Received: 0"),
        ({"batch_size": -1}, "batch_size must be positive. Received: -1"),
        ({"peak_learning_rate": 0.0}, "peak_learning_rate must be positive. Received: 0.0"),
        ({"warmup_share": 1.0}, "warmup_share must lie in 0..1, 1 excluded. Received: 1.0"),
        ({"ema_momentum": -0.1}, "ema_momentum must lie in 0..1, 1 excluded. Received: -0.1"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative. Received: -1.0"),
        ({"mixup": -0.5}, "mixup must not be negative. Received: -0.5"),
    ],
)
def test_wrong_training_settings_are_named(arguments, text):
    with pytest.raises(UserError) as error:
        TrainingSettings(**arguments)
    assert str(error.value) == text
