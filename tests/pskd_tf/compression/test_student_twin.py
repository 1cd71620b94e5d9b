"""The twin: same function as the Keras 3 student."""

import numpy as np
import pytest

from pskd_tf.compression.twin import student_twin


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
