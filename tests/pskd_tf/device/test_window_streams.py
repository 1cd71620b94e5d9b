"""A student of windows with the class "none": Python's decisions and those of the C core."""

import dataclasses
import shutil
from functools import partial

import numpy as np
import pytest

from pskd_tf.device.decisions import DecisionCounts, at_threshold, timeline
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import ExportedModel, RecognizerSettings, recognizer_settings
from pskd_tf.device.recordings import LabelledSpan, Recording
from pskd_tf.evaluation.stream import Movement, decide, movement_scores, said_scores
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits
from pskd_tf.export.student import export_student
from pskd_tf.input_settings import InputSettings
from pskd_tf.stream_settings import StreamSettings

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not installed")
INPUTS = InputSettings(mode="window", window_rate_hz=25.0, window_hop=12)
STREAM = StreamSettings(enabled=True)


@pytest.fixture(scope="module")
def run_dir(export_arguments, tmp_path_factory):
    """The export of the fixture's student as one of windows at 25 Hz; its last label is "none"."""
    folder = tmp_path_factory.mktemp("windows")
    arguments = export_arguments | {"input_settings": INPUTS, "stream": STREAM}
    export_student(folder / "export", **arguments)
    return folder


@pytest.fixture(scope="module")
def model(run_dir):
    return ExportedModel.read(run_dir)


@pytest.fixture(scope="module")
def core(model, tmp_path_factory):
    """Streams samples at 50 Hz through the C core."""
    program = compile_core(model, tmp_path_factory.mktemp("core"))

    def run(samples, settings):
        return run_core(program, model, Recording(np.arange(len(samples)) / 50, samples), settings)

    return run


@pytest.fixture(scope="module")
def samples(int8_student):
    """Movements of the fixture's classes with rest between them."""
    generator = np.random.default_rng(0)
    parts = []
    for clip in int8_student.clips[1:120:5]:
        rest = generator.normal((0, 0, 1), 0.01, (150, 3))
        parts += [rest, clip]
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture(scope="module")
def ours(run_dir, model, samples):
    tflite = (run_dir / "export" / "student_int8.tflite").read_bytes()
    interface = Int8Interface.read(tflite)

    def logits_of(features):
        quantised = quantise_input(features, interface.input_scale, interface.input_zero_point)
        return tflm_logits(tflite, quantised)[1]

    return decide([samples], logits_of, INPUTS, STREAM, model.null_class, 50.0)


def test_the_defaults_let_each_window_decide_alone(run_dir):
    settings = recognizer_settings(run_dir)
    assert settings.decides_alone
    assert (settings.smoothing, settings.leave_share, settings.minimum_windows) == (1.0, 1.0, 1)
    assert settings == RecognizerSettings.of(STREAM.detector, "window")
    assert not RecognizerSettings.of(STREAM.detector).decides_alone


def test_python_and_the_c_core_decide_alike(run_dir, model, core, samples, ours):
    """Every window, its class, and its score within float32; the sensor has twice the rate."""
    settings = dataclasses.replace(recognizer_settings(run_dir), threshold=0.0)
    of_core = core(samples, settings)
    assert len(of_core) == len(ours) > 100
    assert [one.index for one in of_core] == ours.decided.tolist()
    np.testing.assert_allclose([50 * one.start for one in of_core], ours.first)
    assert [one.activity for one in of_core] == ours.best.tolist()
    np.testing.assert_allclose([one.confidence for one in of_core], ours.score, atol=1e-6)
    tflite = (run_dir / "export" / "student_int8.tflite").read_bytes()
    interface = Int8Interface.read(tflite)
    logits = np.stack([one.output for one in of_core]).astype(int) - interface.output_zero_point
    exponentials = np.exp(interface.output_scale * logits)
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(1 - probabilities[:, model.null_class], ours.score, atol=1e-5)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_every_threshold_follows_from_the_decisions_at_0(
    run_dir, model, core, samples, ours, share
):
    """The core's time line at a threshold, and how often Python counts that something is said."""
    base = recognizer_settings(run_dir)
    threshold = float(np.quantile(ours.score, share)) + 1e-4
    at_zero = core(samples, dataclasses.replace(base, threshold=0.0))
    of_core = core(samples, dataclasses.replace(base, threshold=threshold))
    follows = [at_threshold(one, threshold) for one in at_zero]
    assert [one.activity for one in follows] == [one.activity for one in of_core]
    said = [row for row in timeline(of_core, model) if row.label in model.class_names]
    assert 0 < len(said) < len([one for one in of_core if one.activity >= 0])
    counts = DecisionCounts.of(of_core, (), model)
    assert counts.false == len(said)
    levels = np.linspace(threshold, 1.0, 400)
    most = max(
        DecisionCounts.of([at_threshold(one, level) for one in at_zero], (), model).false
        for level in [threshold, *levels, *(ours.score[ours.score >= threshold] - 1e-6)]
    )
    assert (said_scores(ours) >= threshold).sum() == most >= len(said)


def test_a_movement_is_right_at_the_threshold_that_its_best_window_reaches(
    run_dir, model, core, samples, ours
):
    best = ours.best[np.argmax(ours.score)]
    movements = [Movement(first, first + 150, int(best)) for first in range(0, len(samples), 400)]
    scores = movement_scores(ours, movements)
    at_zero = core(samples, dataclasses.replace(recognizer_settings(run_dir), threshold=0.0))
    names = model.class_names
    spans = [LabelledSpan(one.first / 50, one.end / 50, names[one.label]) for one in movements]
    assert (scores > 0).any() and (scores < 0).any()
    for threshold in (0.01, *np.quantile(ours.score, [0.3, 0.7])):
        shown = list(map(partial(at_threshold, threshold=threshold + 1e-5), at_zero))
        assert DecisionCounts.of(shown, spans, model).right == (scores >= threshold + 1e-5).sum()


def test_smoothed_windows_are_streamed_for_each_threshold(run_dir, core, samples):
    """Where windows are smoothed a decision depends on those before it."""
    smoothed = dataclasses.replace(recognizer_settings(run_dir), smoothing=0.3)
    at_zero = core(samples, dataclasses.replace(smoothed, threshold=0.0))
    score = float(np.median([one.confidence for one in at_zero]))
    of_core = core(samples, dataclasses.replace(smoothed, threshold=score))
    follows = [at_threshold(one, score) for one in at_zero]
    assert [one.activity for one in follows] != [one.activity for one in of_core]
