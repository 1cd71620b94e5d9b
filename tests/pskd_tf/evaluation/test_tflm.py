"""What the TensorFlow Lite Micro parts read from a flatbuffer, and what they refuse."""

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from pskd_tf.evaluation.tflm import Int8Interface, arena_bytes, tflm_logits, tflm_operators


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


def test_interface_reads_what_the_interpreter_sees(int8_student):
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
