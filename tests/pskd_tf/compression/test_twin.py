"""The tf_keras twin equals its student."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from data_prep.errors import UserError
from pskd_tf.compression.twin import TwinDistiller, quantised_twin, student_twin, train_twin
from pskd_tf.distillation.distiller import PSKDDistiller
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.models.students import accelerometer_student


def test_twin_gives_the_keras_3_logits(int8_student):
    twin = student_twin(int8_student.weights, **int8_student.builder_arguments)
    outputs = twin(int8_student.features, training=False)
    np.testing.assert_allclose(outputs["logits"], int8_student.float_logits, atol=2e-5, rtol=1e-4)
    assert outputs["embedding"].shape == (216, 64)


def test_twin_gives_its_weights_back_exactly(int8_student):
    twin = student_twin(int8_student.weights, **int8_student.builder_arguments)
    for ours, theirs in zip(twin.get_weights(), int8_student.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_of_another_architecture_are_refused(int8_student):
    arguments = int8_student.builder_arguments | {"num_classes": 5}
    with pytest.raises(ValueError, match="not compatible"):
        student_twin(int8_student.weights, **arguments)


ARGUMENTS = {"input_shape": (24, 1, 10), "num_classes": 5, "widths": (8, 8, 12, 12), "dropout": 0.0}
LOSS = AdaptiveConfidenceSemantic("soft", semantic_weight=0.5, label_smoothing=0.1)


def _batch(mixup):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 5, 12).astype(np.int32)
    x = {"accelerometer": generator.normal(size=(12, 24, 1, 10)).astype(np.float32)}
    if mixup:
        x["mixup_share"] = generator.uniform(size=12).astype(np.float32)
    for name in ("skeleton", "fusion"):
        logits = generator.normal(size=(12, 5)) + 3 * np.eye(5)[labels]
        x[f"{name}_logits"] = logits.astype(np.float32)
        x[f"{name}_embedding"] = generator.normal(size=(12, 6)).astype(np.float32)
    return x, labels


@pytest.mark.parametrize("mixup", [False, True])
def test_one_step_moves_every_weight_as_the_keras_3_distiller_does(mixup):
    keras.utils.set_random_seed(0)
    student = accelerometer_student(keras, **ARGUMENTS)
    names, widths = ("skeleton", "fusion"), {"skeleton": 6, "fusion": 6}
    ours = PSKDDistiller(student, dict.fromkeys(names), LOSS, widths)
    twin = student_twin(student.get_weights(), **ARGUMENTS)
    theirs = TwinDistiller(twin, names, LOSS, widths)
    for name in names:
        kernel = ours.student_projections[name].get_weights()
        theirs.student_projections[name].set_weights(kernel)
    before = student.get_weights()

    x, labels = _batch(mixup)
    ours.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
    theirs.compile(optimizer=tf_keras.optimizers.SGD(0.1))
    first = ours.train_on_batch(x, labels, return_dict=True)
    second = theirs.train_on_batch(x, labels, return_dict=True)

    assert second["loss"] == pytest.approx(float(first["loss"]), rel=1e-5)
    assert second["accuracy"] == pytest.approx(float(first["accuracy"]))
    for old, one, other in zip(before, student.get_weights(), twin.get_weights(), strict=True):
        assert not np.array_equal(old, one)
        # The fused tf_keras BatchNorm keeps the unbiased variance: n / (n - 1), n >= 12.
        np.testing.assert_allclose(one, other, rtol=0.1 / 11, atol=2e-5)
    for name in names:
        np.testing.assert_allclose(
            ours.student_projections[name].get_weights()[0],
            theirs.student_projections[name].get_weights()[0],
            atol=1e-5,
        )


class _OneByOne(TwinDistiller):
    def update_weights(self, gradients, variables):
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))


@pytest.mark.parametrize(
    "wrapped",
    [
        "plain",
        pytest.param("pruned", marks=pytest.mark.slow),
        pytest.param("quantised", marks=pytest.mark.slow),
    ],
)
def test_the_update_over_one_vector_gives_the_bits_of_adam(wrapped):
    keras.utils.set_random_seed(0)
    first = accelerometer_student(keras, **ARGUMENTS).get_weights()
    batches = tf.data.Dataset.from_tensors(_batch(True)).repeat()
    results = []
    for kind in (TwinDistiller, _OneByOne):
        tf_keras.utils.set_random_seed(1)
        callbacks = []
        if wrapped == "quantised":
            twin = quantised_twin(first, ARGUMENTS)
        else:
            twin = student_twin(first, **ARGUMENTS)
        if wrapped == "pruned":
            twin = tfmot.sparsity.keras.prune_low_magnitude(twin)
            callbacks = [tfmot.sparsity.keras.UpdatePruningStep()]
        start = twin.get_weights()
        distiller = kind(twin, ("fusion", "skeleton"), LOSS, {"skeleton": 6, "fusion": 6})
        distiller.compile(optimizer=tf_keras.optimizers.Adam(0.01))
        distiller.fit(batches, steps_per_epoch=3, epochs=2, verbose=0, callbacks=callbacks)
        assert any(
            not np.array_equal(one, two) for one, two in zip(start, twin.get_weights(), strict=True)
        )
        results.append(twin.get_weights())
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_teacher_without_a_width_is_named():
    twin = student_twin(accelerometer_student(keras, **ARGUMENTS).get_weights(), **ARGUMENTS)
    with pytest.raises(ValueError, match=r"Received: nothing for \['fusion'\]"):
        TwinDistiller(twin, ("skeleton", "fusion"), LOSS, {"skeleton": 6})


def test_a_pruning_that_diverges_is_named():
    keras.utils.set_random_seed(0)
    student = accelerometer_student(keras, **ARGUMENTS)
    twin = student_twin(student.get_weights(), **ARGUMENTS)
    batches = tf.data.Dataset.from_tensors(_batch(False)).repeat(8)
    message = r"lower --prune_learning_rate\)\. Received: (nan|inf) in epoch [0-9] of pruning"
    with pytest.raises(UserError, match=message):
        train_twin(
            *(twin, batches, LOSS),
            steps_per_epoch=2,
            epochs=4,
            learning_rate=1e20,
            projection_widths={"skeleton": 6, "fusion": 6},
        )
