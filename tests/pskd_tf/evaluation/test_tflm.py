"""Int8 models in the TensorFlow Lite Micro interpreter."""

from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st

from data_prep.errors import UserError
from pskd_tf.evaluation.tflm import (
    Int8Interface,
    arena_bytes,
    quantise_input,
    tflm_logits,
    tflm_operators,
)


def _converted(function, shape, int8=False):
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if int8:
        generator = np.random.default_rng(0)
        clips = generator.normal(size=(8, *shape)).astype(np.float32)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([clip] for clip in clips)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def test_student_runs_five_kinds_of_operator(int8_student):
    assert tflm_operators(int8_student.tflite) == (
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "RESHAPE",
    )


def test_an_operator_without_a_kernel_is_named():
    tflite = _converted(lambda x: tf.nn.gelu(x, approximate=True), (1, 4), int8=True)
    with pytest.raises(UserError, match=r"int8 kernel in TensorFlow Lite Micro. Received: GELU"):
        tflm_operators(tflite)


def test_a_float_graph_is_named():
    with pytest.raises(UserError, match=r"must run in int8\. Received: TANH with FLOAT32"):
        tflm_operators(_converted(tf.tanh, (1, 4)))


def test_the_interface_equals_the_interpreter_s(int8_student):
    from tflite_micro import runtime

    interface = Int8Interface.read(int8_student.tflite)
    assert interface.input_shape == (96, 1, 10) and interface.num_classes == 27
    interpreter = runtime.Interpreter.from_bytes(int8_student.tflite, arena_size=1 << 20)
    for details, scale, zero_point in (
        (interpreter.get_input_details(0), interface.input_scale, interface.input_zero_point),
        (interpreter.get_output_details(0), interface.output_scale, interface.output_zero_point),
    ):
        parameters = details["quantization_parameters"]
        assert parameters["scales"].tolist() == [scale]
        assert parameters["zero_points"].tolist() == [zero_point]


def test_an_interface_of_another_kind_is_refused():
    with pytest.raises(UserError, match=r"Received: FLOAT32 \[1, 4\] to FLOAT32 \[1, 4\]"):
        Int8Interface.read(_converted(tf.tanh, (1, 4)))


def test_inputs_that_are_not_quantised_are_refused(int8_student):
    with pytest.raises(UserError, match=r"int8 \(clips, 96, 1, 10\). Received: float32"):
        tflm_logits(int8_student.tflite, int8_student.features)


def test_outputs_do_not_depend_on_the_clips_before(int8_student):
    generator = np.random.default_rng(0)
    clips = generator.integers(-128, 128, (6, 96, 1, 10)).astype(np.int8)
    forwards, _ = tflm_logits(int8_student.tflite, clips)
    backwards, _ = tflm_logits(int8_student.tflite, clips[::-1])
    np.testing.assert_array_equal(forwards, backwards[::-1])


def test_arena_is_a_few_kilobytes(int8_student):
    """Two activations of 48 x 24 bytes and the interpreter's book-keeping."""
    assert 48 * 24 * 2 < arena_bytes(int8_student.tflite) < 16_384


def test_a_model_that_does_not_run_is_refused():
    tflite = _converted(lambda x: tf.nn.gelu(x, approximate=True), (1, 4), int8=True)
    with pytest.raises(UserError, match="TensorFlow Lite Micro must run the model"):
        arena_bytes(tflite)


def test_halves_round_away_from_zero():
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5], np.float32)
    assert quantise_input(values, 1.0, 0).tolist() == [1, 2, 3, -1, -2, -3]


def test_just_below_a_half_rounds_to_zero():
    """x + 0.5 is 1.0 in float32 for the largest float below one half."""
    value = np.nextafter(np.float32(0.5), np.float32(0))
    assert quantise_input(np.array([value, -value]), 1.0, 0).tolist() == [0, 0]


def test_saturation_at_both_ends_even_where_the_quotient_overflows():
    values = np.array([127.4, 127.6, 1e9, -128.4, -1e9, 3e38, -3e38], np.float32)
    assert quantise_input(values, 1.0, 0).tolist() == [127, 127, 127, -128, -128, 127, -128]
    assert quantise_input(values[-2:], 1e-5, 5).tolist() == [127, -128]


def test_zero_gives_the_zero_point_and_the_range_is_shifted_by_it():
    assert quantise_input(np.array([0.0, -0.0, 255, 256]), 1.0, -128).tolist() == [
        -128,
        -128,
        127,
        127,
    ]
    assert quantise_input(np.array([-255.0, -254.0]), 1.0, 127).tolist() == [-128, -127]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(UserError, match="must be finite"):
        quantise_input(np.array([0.0, bad]), 1.0, 0)


@given(
    st.floats(-300, 300, width=32),
    st.floats(2**-10, 2, width=32),
    st.integers(-128, 127),
)
def test_agrees_with_exact_arithmetic_after_one_float32_division(value, scale, zero_point):
    quotient = Fraction(float(np.float32(value) / np.float32(scale)))
    magnitude = int(abs(quotient) + Fraction(1, 2))
    expected = (magnitude if quotient >= 0 else -magnitude) + zero_point
    result = quantise_input(np.array(value, np.float32), scale, zero_point)
    assert int(result) == min(127, max(-128, expected))
