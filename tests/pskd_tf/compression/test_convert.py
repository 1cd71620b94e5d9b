"""Conversion to int8 and the clips that calibrate it."""

import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils
from hypothesis import given, strategies as st

from data_prep.errors import UserError
from pskd_tf.compression import convert as module
from pskd_tf.compression.convert import (
    Calibrated,
    calibration_clips,
    calibration_cuts,
    convert_cuts,
    convert_to_int8,
    has_outliers,
    least_error,
    without_tails,
)
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits


def _quantised(student):
    interface = Int8Interface.read(student.tflite)
    return quantise_input(student.features, interface.input_scale, interface.input_zero_point)


def test_int8_agrees_with_the_float_model(int8_student):
    """At least 97 % of the classes agree and logits are off by 5 % of their range at most."""
    outputs, logits = tflm_logits(int8_student.tflite, _quantised(int8_student))
    assert outputs.shape == (216, 27) and outputs.dtype == np.int8
    agreement = np.mean(logits.argmax(1) == int8_student.float_logits.argmax(1))
    assert agreement >= 0.97
    error = np.abs(logits - int8_student.float_logits)
    assert error.mean() < 0.02 * np.ptp(int8_student.float_logits)


def test_dequantised_logits_are_scale_times_steps_from_the_zero_point(int8_student):
    interface = Int8Interface.read(int8_student.tflite)
    outputs, logits = tflm_logits(int8_student.tflite, _quantised(int8_student)[:3])
    expected = (outputs.astype(float) - interface.output_zero_point) * interface.output_scale
    np.testing.assert_allclose(logits, expected, rtol=1e-6)


def test_batch_norm_is_folded_and_the_graph_is_eleven_operators(int8_student):
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(int8_student.tflite))
    graph = model.subgraphs[0]
    names = [flatbuffer_utils.opcode_to_name(model, op.opcodeIndex) for op in graph.operators]
    assert names == [
        "CONV_2D",
        *["DEPTHWISE_CONV_2D", "CONV_2D"] * 3,
        "AVERAGE_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
    ]


def test_flatbuffer_is_small_stripped_and_aligned(int8_student):
    tflite = int8_student.tflite
    assert 26_595 < len(tflite) < 48_000
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    assert {tensor.name for tensor in model.subgraphs[0].tensors} <= {None, b""}
    # Buffers lie where their bytes are found; TensorFlow Lite Micro reads them in place.
    large = [bytes(b.data) for b in model.buffers if b.data is not None and len(b.data) > 400]
    assert large and all(tflite.find(data) % 16 == 0 for data in large)


def test_same_arguments_give_the_same_bytes(int8_student):
    again = convert_to_int8(
        int8_student.weights, int8_student.builder_arguments, int8_student.features[::4]
    )
    assert again == int8_student.tflite


def test_calibration_of_a_wrong_shape_is_refused(int8_student):
    with pytest.raises(UserError, match=r"shape \(clips, 96, 1, 10\). Received: \(4, 96, 10\)"):
        convert_to_int8([], int8_student.builder_arguments, np.zeros((4, 96, 10)))


def test_calibration_with_nan_is_refused(int8_student):
    calibration = np.full((1, 96, 1, 10), np.nan)
    with pytest.raises(UserError, match="must be finite"):
        convert_to_int8([], int8_student.builder_arguments, calibration)


@pytest.fixture
def fake_worker(monkeypatch, tmp_path):
    """Replaces the worker by a script, as the converter's crashes cannot be had on demand."""

    def replace(code: str) -> None:
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\n{code}\n")
        script.chmod(0o755)
        monkeypatch.setattr(module.sys, "executable", str(script))

    return replace


def test_a_crash_of_the_converter_is_one_clear_error(fake_worker, int8_student):
    fake_worker("kill -SEGV $$")
    with pytest.raises(UserError, match="killed by SIGSEGV"):
        convert_to_int8([], int8_student.builder_arguments, int8_student.features[:1])


def test_a_converter_that_hangs_is_given_up(fake_worker, int8_student):
    fake_worker("exec sleep 60")
    with pytest.raises(UserError, match=r"must end within 0\.2 s"):
        convert_to_int8(
            [], int8_student.builder_arguments, int8_student.features[:1], timeout_seconds=0.2
        )


def test_an_exception_in_the_converter_keeps_its_traceback(fake_worker, int8_student):
    fake_worker("echo 'ValueError: no such layer' >&2; exit 1")
    with pytest.raises(RuntimeError, match="ValueError: no such layer"):
        convert_to_int8([], int8_student.builder_arguments, int8_student.features[:1])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.data())
def test_classes_share_evenly_until_they_are_exhausted(labels, data):
    labels = np.array(labels)
    count = data.draw(st.integers(1, len(labels)))
    chosen = calibration_clips(labels, count, seed=data.draw(st.integers(0, 9)))
    assert len(chosen) == count and np.all(np.diff(chosen) > 0)
    classes, available = np.unique(labels, return_counts=True)
    taken = np.array([np.sum(labels[chosen] == one) for one in classes])
    most = taken.max()
    assert np.all((taken == available) | (taken >= most - 1))


def test_the_seed_decides():
    labels = np.repeat(np.arange(5), 20)
    first = calibration_clips(labels, 10, seed=1)
    np.testing.assert_array_equal(first, calibration_clips(labels, 10, seed=1))
    assert not np.array_equal(first, calibration_clips(labels, 10, seed=2))


@pytest.mark.parametrize("count", [0, 6])
def test_an_impossible_count_is_refused(count):
    with pytest.raises(UserError, match=f"takes 1 to 5 clips. Received: {count}"):
        calibration_clips(np.zeros(5), count, seed=0)


def _with_outlier(clips):
    """The clips with one value of 60 g, as a broken sensor gives it."""
    spoilt = clips.copy()
    spoilt[2, 40, 0, 0] = 60.0
    return spoilt


@pytest.mark.slow
def test_one_value_of_60_g_takes_the_steps_of_int8_and_a_percentile_leaves_it_out(int8_student):
    """A step of the input is 1/255 of the range that is kept."""
    clips = _with_outlier(int8_student.features[::4])
    for method, percent in (("range", 100.0), ("percentile", 99.9)):
        (found,) = convert_cuts(
            int8_student.weights,
            int8_student.builder_arguments,
            clips,
            int8_student.float_logits[::4],
            calibration_cuts(method, clips),
        )
        low, high = np.percentile(clips, [(100 - percent) / 2, (100 + percent) / 2])
        assert found.kept_percent == percent
        assert Int8Interface.read(found.tflite).input_scale == pytest.approx(
            (high - low) / 255, rel=0.01
        )
    assert high < 5.0


def _faked_conversions(monkeypatch, errors):
    """Returns a conversion that is off by `errors`, and the greatest values that it was given."""
    greatest = []

    def convert(weights, builder_arguments, calibration):
        greatest.append(float(calibration.max()))
        return bytes([len(greatest)])

    monkeypatch.setattr(module, "_variation", lambda tflite, *_: errors[tflite[0] - 1])
    return convert, greatest


@pytest.mark.parametrize(
    ("errors", "chosen", "percent"),
    [((0.4, 0.2, 0.1, 0.3), 3, 99.9), ((0.1,) * 4, 1, 100.0), ((0.4, 0.2, 0.3, 0.1), 4, 99.0)],
)
def test_of_the_cuts_that_of_least_error_is_taken_and_of_equals_the_widest(
    monkeypatch, errors, chosen, percent
):
    clips = np.random.default_rng(0).normal(size=(40, 50, 1, 10)).astype(np.float32)
    convert, greatest = _faked_conversions(monkeypatch, errors)
    clips = _with_outlier(clips)
    cuts = calibration_cuts("error", clips)
    found = least_error(convert_cuts([], {}, clips, np.zeros((40, 3)), cuts, convert))
    assert found == Calibrated(percent, errors[chosen - 1], bytes([chosen]))
    assert greatest[0] == 60.0 and greatest == sorted(greatest, reverse=True)
    # 0.5 % of a normal distribution lie above 2.58.
    assert greatest[3] == pytest.approx(2.58, abs=0.05)


def test_outliers_are_found_and_only_they_are_cut():
    """The range of a normal distribution is less than twice that of its middle 99.9 %."""
    clips = np.random.default_rng(0).normal(size=(40, 50, 1, 10)).astype(np.float32)
    middle = np.subtract(*np.percentile(clips, [99.95, 0.05]))
    assert not has_outliers(clips) and has_outliers(_with_outlier(clips))
    for share in (0.98, 1.02):
        clips[2, 40, 0, 0] = clips.min() + share * 4 * middle
        assert has_outliers(clips) is (share > 1)
        cuts = (100.0, 99.99, 99.9, 99.0) if share > 1 else (100.0,)
        assert calibration_cuts("auto", clips) == cuts


@pytest.mark.slow
def test_the_range_is_the_conversion_as_it_was(int8_student):
    calibration = int8_student.features[::4]
    (found,) = convert_cuts(
        int8_student.weights,
        int8_student.builder_arguments,
        calibration,
        int8_student.float_logits[::4],
        calibration_cuts("range", calibration),
    )
    assert found.tflite == int8_student.tflite


@given(st.floats(50, 100), st.integers(0, 3))
def test_tails_are_limited_and_the_rest_is_kept(percent, seed):
    clips = np.random.default_rng(seed).normal(size=(3, 40, 1, 2)).astype(np.float32)
    cut = without_tails(clips, percent)
    assert cut.shape == clips.shape and cut.dtype == np.float32
    moved = np.mean(cut != clips)
    assert moved <= (100 - percent) / 100 + 0.02
    assert cut.min() >= clips.min() and cut.max() <= clips.max()
