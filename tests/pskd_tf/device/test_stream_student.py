"""A student that was trained for streams: Python's decisions and those of the C core."""

import dataclasses

import numpy as np
import pytest

from data_prep.prepared_set import PreparedSet
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.detector import detect_segments
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import ExportedModel, RecognizerSettings, recognizer_settings
from pskd_tf.device.recordings import Recording
from pskd_tf.device.stream_figures import StreamFigures
from pskd_tf.evaluation.stream import decide, idle_streams, movement_stream
from pskd_tf.evaluation.tflm import Int8Interface, clip_input, quantise_input, tflm_logits
from pskd_tf.input_settings import InputSettings
from pskd_tf.run import Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(stream_run):
    return ExportedModel.read(stream_run)


@pytest.fixture(scope="module")
def program(model, tmp_path_factory):
    return compile_core(model, tmp_path_factory.mktemp("core"))


@pytest.fixture(scope="module")
def clips(stream_run):
    prepared = PreparedSet.load(stream_run / "prepared")
    return PairedClips.load(prepared, ["2", "4"])


def recordings(clips):
    movements, _ = movement_stream(clips, range(len(clips)), np.random.default_rng(0))
    yield "movements", movements.samples
    for kind in ("postures", "tails", "walking", "joins"):
        yield kind, idle_streams(clips, kind, 0.1, seed=1)[0].samples


def test_the_defaults_are_the_detector_of_the_training(stream_run, tiny_run, model):
    detector = Run.load(stream_run).export.manifest.stream.detector
    settings = recognizer_settings(stream_run)
    assert (settings.start_g, settings.start_noise, settings.rest_samples) == (0.1, 8.0, 35)
    assert settings == RecognizerSettings.of(detector)
    assert recognizer_settings(tiny_run) == RecognizerSettings()
    assert model.null_class == len(model.class_names)
    assert "none" not in model.class_names


def test_python_and_the_c_core_decide_alike(stream_run, model, program, clips):
    """The same segments, the same int8 outputs, the same class; scores within float32."""
    manifest = Run.load(stream_run).export.manifest
    tflite = Run.load(stream_run).export.tflite
    interface = Int8Interface.read(tflite)
    stream, inputs = manifest.stream, InputSettings()

    def logits_of(features):
        quantised = quantise_input(features, interface.input_scale, interface.input_zero_point)
        return tflm_logits(tflite, quantised)[1]

    settings = RecognizerSettings.of(stream.detector)
    settings = dataclasses.replace(settings, threshold=0.0, maximum_same=0)
    compared = 0
    for name, samples in recordings(clips):
        of_core = [
            one
            for one in run_core(
                program, model, Recording(np.arange(len(samples)) / 50.0, samples), settings
            )
            if one.output is not None
        ]
        ours = decide([samples], logits_of, inputs, stream, model.null_class, 50.0)
        assert [one.span for one in of_core] == [
            (int(first), int(end) - 1) for first, end in zip(ours.first, ours.end, strict=True)
        ], name
        assert [one.index for one in of_core] == ours.decided.tolist(), name
        assert [one.activity for one in of_core] == ours.best.tolist(), name
        np.testing.assert_allclose([one.confidence for one in of_core], ours.score, atol=1e-6)
        cuts = [samples[first:end] for first, end in zip(ours.first, ours.end, strict=True)]
        outputs, _ = tflm_logits(
            tflite, np.stack([clip_input(cut, inputs, interface) for cut in cuts])
        )
        np.testing.assert_array_equal(np.stack([one.output for one in of_core]), outputs)
        compared += len(of_core)
    assert compared > 150


def test_segments_are_those_of_the_core_with_other_settings_too(model, program, clips):
    samples = next(iter(recordings(clips)))[1]
    base = RecognizerSettings(threshold=0.0, maximum_same=0)
    for start, noise, rest in ((0.05, 0.0, 10), (0.2, 20.0, 25), (0.3, 3.0, 60)):
        changes = {"start_g": start, "end_g": 0.8 * start, "rest_samples": rest}
        changes |= {"start_noise": noise, "end_noise": 0.5 * noise}
        settings = dataclasses.replace(base, **changes)
        core = run_core(
            program, model, Recording(np.arange(len(samples)) / 50.0, samples), settings
        )
        found = detect_segments(samples[None], [len(samples)], settings, 50, 275)
        assert [one.span for one in core if one.span] == [
            (int(first), int(end) - 1) for first, end in zip(found.first, found.end, strict=True)
        ]


def test_a_student_of_windows_is_trained_chosen_for_and_streamed(run_train, simulate, tmp_path):
    """One run of each protocol in window mode; its figures are those of windows by themselves."""
    flags = ["--flagfile=configs/tiny.flags", "--stream_training", "--input_mode=window"]
    flags += ["--window_rate=25", "--window_hop=12", "--teachers=", "--teacher_outputs=live"]
    flags += ["--epochs=2", "--prune_epochs=1", "--stream_cuts=2", "--stream_negative_cuts=60"]
    runs = {}
    for protocol in ("validation", "cross_subject"):
        runs[protocol] = tmp_path / protocol
        finished = run_train(*flags, f"--protocol={protocol}", f"--run_dir={runs[protocol]}")
        assert finished.returncode == 0, finished.stderr
    run_dir = runs["cross_subject"]
    chosen = simulate(
        *(f"--run_dir={run_dir}", "--choose_threshold", f"--validation_run={runs['validation']}"),
        *("--idle_hours=0.1", "--maximum_false_an_hour=1000"),
    )
    assert chosen.returncode == 0, chosen.stderr
    settings = recognizer_settings(run_dir)
    assert f"chosen: threshold {settings.threshold:g}\n" in chosen.stdout
    assert settings.decides_alone
    streamed = simulate(f"--run_dir={run_dir}", "--idle_hours=0.05", "--idle_kinds=tails,desk")
    assert streamed.returncode == 0, streamed.stderr
    figures = StreamFigures.of_run(run_dir)
    assert figures.settings == settings and figures.losses is None
    (point,) = [one for one in figures.curve if one.threshold == settings.threshold]
    assert point.right_share == pytest.approx(figures.right_share)
    assert point.false_an_hour == {one.kind: one.rate.an_hour for one in figures.idle}
