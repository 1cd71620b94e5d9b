"""The generated C against TensorFlow Lite Micro: every byte of every output."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from project import MICROCONTROLLER
from pskd_tf.export.plain_c.arithmetic import LARGEST_SHIFT, SUM_LIMIT, rescaled, tanh_table
from pskd_tf.export.plain_c.source import plain_model

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion")

# Kernels and type of the convolutions' weights; int16 is portable with Helium.
VARIANTS = (
    *(("portable", "int8"), ("portable", "int16"), ("dsp", "int8"), ("dsp", "int16")),
    ("helium", "int8"),
)
SAME, VALID = 0, 1


def _random_inputs(count, shape, seed=0):
    return np.random.default_rng(seed).integers(-128, 128, (count, *shape), np.int8)


def _assert_equal(run_plain, run_wheel, tflite, inputs, variants=VARIANTS):
    """Every family of kernels, either type of weights; returns the outputs."""
    expected = run_wheel(tflite, inputs)
    for kernel, weights in variants:
        outputs = run_plain(tflite, inputs, kernel, weights)
        np.testing.assert_array_equal(outputs, expected, f"{kernel}, {weights}")
    return expected


def test_student_on_10000_random_inputs(run_plain, run_wheel, int8_student):
    inputs = _random_inputs(10_000, (96, 1, 10))
    outputs = _assert_equal(run_plain, run_wheel, int8_student.tflite, inputs)
    assert outputs.shape == (10_000, 27) and len(np.unique(outputs)) > 100


def test_student_on_clips(run_plain, run_wheel, int8_student):
    from pskd_tf.evaluation.tflm import Int8Interface, quantise_input

    interface = Int8Interface.read(int8_student.tflite)
    inputs = quantise_input(
        int8_student.features, interface.input_scale, interface.input_zero_point
    )
    _assert_equal(run_plain, run_wheel, int8_student.tflite, inputs)


def test_extreme_inputs(run_plain, run_wheel, int8_student):
    inputs = np.stack([np.full((96, 1, 10), value, np.int8) for value in (-128, -1, 0, 127)])
    _assert_equal(run_plain, run_wheel, int8_student.tflite, inputs)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
def test_random_graphs(run_plain, run_wheel, hand_made, seed):
    """Odd widths, strides, both paddings, all activations, residual sums, per-tensor scales."""
    generator = np.random.default_rng(seed)

    def draw(*choices):
        return int(generator.choice(choices))

    rows, channels = draw(12, 13, 24, 31), draw(1, 3, 4, 10)
    graph = hand_made(generator, rows, channels)
    graph.conv(draw(1, 5, 8, 13), draw(1, 3, 4, 7), draw(1, 2, 3), draw(SAME, VALID), seed % 4)
    for _ in range(2):
        kind = draw(0, 1, 2, 3)
        if kind == 0:
            graph.depthwise(draw(1, 2, 3), draw(1, 2), SAME, draw(0, 1, 3))
        elif kind == 1:
            before = graph.last
            graph.conv(graph.shape()[3], draw(1, 3), 1, SAME)
            graph.add(before, draw(0, 1, 3))
        elif kind == 2:
            graph.conv(draw(2, 7, 12), 1, 1, VALID, 1)
        else:
            graph.depthwise(draw(1, 2), 1, VALID)
    graph.pool(draw(1, 2), draw(1, 2), draw(SAME, VALID), draw(0, 1))
    graph.flatten()
    graph.dense(draw(6, 9), 1, per_channel=bool(seed % 2))
    graph.dense(draw(3, 4, 27), 0, per_channel=bool(seed // 2 % 2))
    inputs = _random_inputs(50, (rows, 1, channels), seed)
    outputs = _assert_equal(run_plain, run_wheel, graph.build(), inputs)
    assert len(np.unique(outputs)) > 5


def test_long_pool_with_a_window_that_hangs_over(run_plain, run_wheel, hand_made):
    """SAME pooling counts only the rows inside; halves of either sign round away from zero."""
    graph = hand_made(np.random.default_rng(0), 11, 4)
    graph.pool(4, 3, SAME)
    _assert_equal(run_plain, run_wheel, graph.build(), _random_inputs(500, (11, 1, 4)))


def test_signal_layers_in_one_graph(run_plain, run_wheel, hand_made):
    """Padding, a dilated convolution, tanh, max pool, mean: the portable kernels."""
    graph = hand_made(np.random.default_rng(1), 20, 3)
    graph.pad(2, 1)
    graph.conv(6, 3, 1, VALID, 0, 3)
    graph.tanh()
    graph.pool(2, 2, VALID, kind="MAX_POOL_2D")
    graph.mean(2.0)
    graph.dense(7)
    outputs = _assert_equal(
        run_plain, run_wheel, graph.build(), _random_inputs(200, (20, 1, 3)), VARIANTS[:1]
    )
    assert len(np.unique(outputs)) > 5


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "factor"), [(1, 0.6), (3, 5.3), (96, 12.0), (31, 0.2)])
def test_mean_over_time(run_plain, run_wheel, hand_made, rows, factor):
    """Scales of the output from coarser to far finer than the input's, which clips."""
    graph = hand_made(np.random.default_rng(rows), rows, 6)
    graph.mean(factor)
    for number in (graph.graph.inputs[0], graph.last):
        graph.graph.tensors[number].quantization.zeroPoint[:] = 3
    outputs = _assert_equal(run_plain, run_wheel, graph.build(), _random_inputs(500, (rows, 1, 6)))
    assert len(np.unique(outputs)) > 8


@pytest.mark.slow
@pytest.mark.parametrize("padding", [SAME, VALID])
def test_max_pool(run_plain, run_wheel, hand_made, padding):
    graph = hand_made(np.random.default_rng(0), 11, 4)
    graph.pool(4, 3, padding, 1, "MAX_POOL_2D")
    _assert_equal(run_plain, run_wheel, graph.build(), _random_inputs(300, (11, 1, 4)))


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.0001, 0.004, 1 / 64, 0.03, 0.11, 2.5])
def test_tanh_of_every_value(run_plain, run_wheel, hand_made, scale):
    outputs = []
    for zero_point in (-128, -3, 127):
        graph = hand_made(np.random.default_rng(0), 256, 1)
        quantization = graph.graph.tensors[graph.last].quantization
        quantization.scale[:], quantization.zeroPoint[:] = scale, zero_point
        graph.tanh()
        inputs = np.arange(-128, 128).astype(np.int8).reshape(1, 256, 1, 1)
        variants = VARIANTS[:1]
        outputs.append(_assert_equal(run_plain, run_wheel, graph.build(), inputs, variants))
    assert outputs[0].min() == 0 and (np.diff(outputs[1][0].astype(int)) >= 0).all()


def test_every_tanh_table():
    """Within one step of the real function, odd, and its limits where the input is large."""
    for scale in np.geomspace(1e-4, 1, 60):
        table = tanh_table(float(np.float32(scale)), 0).astype(int)
        exact = 128 * np.tanh(np.arange(-128, 128) * scale)
        assert np.abs(table - exact).max() <= 1.0
        np.testing.assert_array_equal(np.maximum(table[1:128], -127), -table[:128:-1])


@pytest.mark.slow
@pytest.mark.parametrize("dilation", [2, 4])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [SAME, VALID])
def test_dilated_convolutions(run_plain, run_wheel, hand_made, dilation, stride, padding):
    """With a number of windows that three does not divide, and gaps in depthwise windows."""
    graph = hand_made(np.random.default_rng(dilation + stride), 26, 5)
    graph.conv(7, 3, stride, padding, 1, dilation)
    graph.depthwise(3, 1, SAME, 0, dilation)
    _assert_equal(run_plain, run_wheel, graph.build(), _random_inputs(100, (26, 1, 5)))


@pytest.mark.slow
def test_padding_before_a_causal_convolution(run_plain, run_wheel, hand_made):
    graph = hand_made(np.random.default_rng(0), 12, 3)
    graph.pad(4, 1)
    graph.conv(5, 3, 1, VALID, 0, 2)
    _assert_equal(run_plain, run_wheel, graph.build(), _random_inputs(200, (12, 1, 3)))


def test_add_of_the_input_to_itself(run_plain, run_wheel, hand_made):
    """Every value; equal scales make the multipliers a half."""
    graph = hand_made(np.random.default_rng(0), 256, 1)
    graph.add(graph.last)
    inputs = np.arange(-128, 128).astype(np.int8).reshape(1, 256, 1, 1)
    _assert_equal(run_plain, run_wheel, graph.build(), inputs)


@pytest.mark.parametrize("convolution", [True, False])
def test_the_precision_of_the_product_of_scales(run_plain, run_wheel, hand_made, convolution):
    """A product that is a power of two in float32 alone: every odd sum is then a tie, or none."""
    graph = hand_made(np.random.default_rng(0), 1, 1)
    source, factor = np.float32(0.1), np.float32(0.7)
    assert float(source * factor) != float(source) * float(factor)
    if convolution:
        graph.conv(4)
    else:
        graph.flatten()
        graph.dense(4, per_channel=False)
    tensors = graph.graph.tensors
    for number in [graph.graph.inputs[0], graph.graph.operators[-1].inputs[0]]:
        tensors[number].quantization.scale[:] = source
    weights, bias = (tensors[number] for number in graph.graph.operators[-1].inputs[1:])
    weights.quantization.scale[:] = factor
    bias.quantization.scale[:] = source * factor
    tensors[graph.last].quantization.scale[:] = source * factor * np.float32(4)
    graph.model.buffers[weights.buffer].data = np.array([1, 3, 5, 255], np.uint8)
    graph.model.buffers[bias.buffer].data = np.zeros(16, np.uint8)
    inputs = np.arange(-128, 128).astype(np.int8).reshape(256, 1, 1, 1)
    _assert_equal(run_plain, run_wheel, graph.build(), inputs)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("taps", [1, 7, 8, 13, 17])
def test_depthwise_windows(run_plain, run_wheel, hand_made, taps, stride):
    """Those that the DSP and Helium kernels lay out anew, on either side of their limits."""
    graph = hand_made(np.random.default_rng(100 * taps + stride), 19, 6)
    graph.depthwise(taps, stride)
    variants = (("dsp", "int8"), ("helium", "int8"))
    inputs = _random_inputs(200, (19, 1, 6))
    _assert_equal(run_plain, run_wheel, graph.build(), inputs, variants)


@pytest.mark.parametrize("rows", range(1, 9))
def test_dense_rows(run_plain, run_wheel, hand_made, rows):
    """Tiles of two, three and four rows, and what is left; 24 bytes are one and a half vectors."""
    graph = hand_made(np.random.default_rng(rows), rows, 24)
    graph.conv(3)
    _assert_equal(run_plain, run_wheel, graph.build(), _random_inputs(200, (rows, 1, 24)))


def test_one_multiply_rounds_twice(tmp_path):
    """What the kernels compute is `rescaled`, up to the bounds that the generator asserts."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    source = tmp_path / "requantise.c"
    source.write_text(
        '#include "plain_requantise.h"\n'
        "void requantise(const int32_t *cases, int32_t count, int8_t *outputs);\n"
        "void requantise(const int32_t *cases, int32_t count, int8_t *outputs) {\n"
        "  int32_t one;\n"
        "  for (one = 0; one < count; ++one, cases += 4) {\n"
        "    const PskdPlainChannel scale = {0, cases[1], cases[2]};\n"
        "    outputs[one] = pskd_plain_output(&scale, cases[0], cases[3]);\n"
        "  }\n"
        "}\n"
    )
    library = tmp_path / "requantise.so"
    command = ["gcc", *WARNINGS, "-O2", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    command += ["-shared", "-fPIC", f"-I{MICROCONTROLLER / 'src'}", source, "-o", library]
    subprocess.run(list(map(str, command)), check=True)
    generator = np.random.default_rng(0)
    count = 50_000
    multipliers = generator.integers(1 << 30, 1 << 31, count)
    shifts = generator.integers(0, LARGEST_SHIFT, count)
    zero_points = generator.integers(-128, 128, count)
    # Sums near a half of a step, where roundings differ, and of any size.
    halves = (generator.integers(-300, 300, count) + 0.5) * 2.0 ** (32 + shifts) / multipliers
    sums = np.rint(halves).astype(np.int64) + generator.integers(-2, 3, count)
    sums[::4] = generator.integers(1 - SUM_LIMIT, SUM_LIMIT, len(sums[::4]))
    sums = np.clip(sums, 1 - SUM_LIMIT, SUM_LIMIT - 1)
    sums[:2], shifts[:2] = (1 - SUM_LIMIT, SUM_LIMIT - 1), LARGEST_SHIFT - 1
    zero_points[:2] = -128, 127
    cases = np.ascontiguousarray(np.stack([sums, multipliers, shifts, zero_points], 1), np.int32)
    outputs = np.zeros(count, np.int8)
    ctypes.CDLL(str(library)).requantise(
        cases.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
        count,
        outputs.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
    )
    expected = [
        min(max(rescaled(value, multiplier, shift + 1) + zero_point, -128), 127)
        for value, multiplier, shift, zero_point in cases.tolist()
    ]
    np.testing.assert_array_equal(outputs, expected)
    assert len(np.unique(outputs)) == 256


def test_pruned_channels_of_any_scale(run_plain, run_wheel, hand_made):
    """A channel of zeros may have a factor above a half or a huge bias: it is a constant."""
    graph = hand_made(np.random.default_rng(0), 6, 4)
    graph.conv(5, 1)
    tensors = graph.graph.tensors
    weights, bias = (tensors[number] for number in graph.graph.operators[0].inputs[1:])
    values = np.frombuffer(graph.model.buffers[weights.buffer].data, np.int8).reshape(5, 4).copy()
    biases = np.frombuffer(graph.model.buffers[bias.buffer].data, np.int32).copy()
    values[:3] = 0
    weights.quantization.scale[:3] = [300.0, 1e-12, 40.0]
    biases[:3] = [7, (1 << 30) - 1, -3]
    graph.model.buffers[weights.buffer].data = values.view(np.uint8).ravel()
    graph.model.buffers[bias.buffer].data = biases.view(np.uint8)
    outputs = _assert_equal(run_plain, run_wheel, graph.build(), _random_inputs(20, (6, 1, 4)))
    assert (np.ptp(outputs.reshape(20, 6, 5)[..., :3], axis=(0, 1)) == 0).all()


def test_output_is_the_reshaped_input(run_plain, hand_made):
    """A graph of free operators alone."""
    graph = hand_made(np.random.default_rng(0), 6, 2)
    graph.flatten()
    inputs = _random_inputs(3, (6, 1, 2))
    np.testing.assert_array_equal(run_plain(graph.build(), inputs), inputs.reshape(3, 12))


def test_same_flatbuffer_gives_the_same_texts(int8_student):
    assert plain_model(int8_student.tflite) == plain_model(int8_student.tflite)


def test_student_needs_little_memory(int8_student):
    """Well below the 8 kB that a board should need; the MACs are the known net's."""
    header = plain_model(int8_student.tflite)["plain_model.h"]
    assert "#define PSKD_PLAIN_BUFFER_BYTES 3320\n" in header
    assert "#define PSKD_PLAIN_MACS 262656\n" in header
