"""A finished run in Python, end to end."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import pskd_tf
from data_prep.errors import UserError
from pskd_tf.compression.prune import kernel_sparsity
from pskd_tf.evaluation.tflm import Int8Interface, clip_input, tflm_logits
from pskd_tf.export.headers import parse_c_array


@pytest.fixture(scope="module")
def run(tiny_run):
    return pskd_tf.load_run(tiny_run)


@pytest.fixture(scope="module")
def clip(run):
    """(samples, 3) in g of a held-out clip."""
    row = list(run.prepared.manifest["clip_id"]).index(run.test_clips[5])
    return run.prepared.accelerometer(row)


@pytest.fixture
def write_csv(tmp_path):
    """Writes a recording with a header; returns its path."""

    def write(samples, times):
        path = tmp_path / "recording.csv"
        rows = [",".join(map(repr, map(float, row))) for row in np.c_[times, samples]]
        path.write_text("\n".join(["time_seconds,x,y,z", *rows, ""]))
        return path

    return write


@pytest.fixture
def window_run(tiny_run, tmp_path):
    """A copy of the tiny run whose export and settings say that its student reads windows."""
    folder = tmp_path / "window"
    shutil.copytree(
        tiny_run, folder, ignore=shutil.ignore_patterns("stages", "tensorboard", "run.json")
    )
    for path in (folder / "export" / "manifest.json", folder / "settings.json"):
        text = path.read_text(encoding="utf-8")
        assert '"mode": "clip"' in text
        path.write_text(text.replace('"mode": "clip"', '"mode": "window"'), encoding="utf-8")
    return pskd_tf.load_run(folder)


def softmax(logits):
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_figures_and_settings_are_those_of_the_files(run, tiny_run):
    assert run.metrics == json.loads((tiny_run / "metrics.json").read_text())
    settings = json.loads((tiny_run / "settings.json").read_text())
    assert list(run.settings.seeds) == settings["seeds"]
    assert run.inputs == run.settings.inputs and run.inputs.steps == settings["inputs"]["steps"]
    assert (
        run.class_names == tuple(run.prepared.description.class_names) and len(run.class_names) == 8
    )


@pytest.mark.parametrize("form", ["float", "pruned"])
def test_the_student_has_the_weights_that_were_scored(run, form):
    manifest = run.prepared.manifest
    held_out = manifest.index[manifest["clip_id"].isin(run.test_clips)]
    assert len(held_out) == len(run.test_clips) == 96
    right = [
        run.predict(run.prepared.accelerometer(row), form=form).label
        == run.class_names[manifest["action"][row]]
        for row in held_out
    ]
    assert np.mean(right) == run.metrics["student"][form]["accuracy"]["values"][0]


def test_the_student_is_a_keras_model(run):
    assert run.student.input_shape == (None, 96, 1, 10)
    assert run.student.output["logits"].shape == (None, 8)
    assert run.student.count_params() == run.metrics["model"]["parameters"]
    # Pruned kernels hold zeros, trained ones do not.
    sparsity = kernel_sparsity(run.student), kernel_sparsity(run.pruned_student)
    assert max(sparsity[0].values()) < 0.01
    assert sparsity[1] == run.metrics["model"]["sparsity"]


def test_int8_equals_the_c_array_in_tflm(run, tiny_run, clip):
    tflite = parse_c_array((tiny_run / "export" / "model_data.cc").read_text())
    quantised = clip_input(clip, run.inputs, Int8Interface.read(tflite))
    expected = softmax(tflm_logits(tflite, quantised[None])[1])
    prediction = run.predict(clip)
    np.testing.assert_allclose(prediction.views, expected, rtol=1e-12)
    np.testing.assert_array_equal(prediction.probabilities, prediction.views[0])
    assert prediction.label == run.class_names[expected.argmax()]
    assert prediction.confidence == pytest.approx(expected.max(), rel=1e-12)


def test_every_golden_vector_is_predicted_as_a_board_must_answer(run, tiny_run):
    header = (tiny_run / "export" / "golden_vectors.h").read_text()
    interface = Int8Interface.read(run.tflite)
    found = re.findall(r"pskd_golden_(samples|output)_(\d+)\[\] = \{([^}]*)\}", header)
    vectors = {(kind, int(number)): values for kind, number, values in found}
    assert len(vectors) == 64
    for number in range(32):
        samples, output = (
            np.array([word.strip().rstrip("f") for word in text.split(",") if word.strip()], float)
            for text in (vectors["samples", number], vectors["output", number])
        )
        logits = (output - interface.output_zero_point) * interface.output_scale
        prediction = run.predict(samples.reshape(-1, 3))
        np.testing.assert_allclose(prediction.probabilities, softmax(logits), rtol=1e-5)


def test_a_file_is_predicted_as_its_samples(run, clip, write_csv):
    path = write_csv(clip, np.arange(len(clip)) / 50)
    for form in ("float", "pruned", "int8"):
        from_file, from_samples = run.predict(path, form=form), run.predict(clip, form=form)
        np.testing.assert_array_equal(from_file.probabilities, from_samples.probabilities)
        assert from_file.probabilities.shape == (8,) and from_file.views.shape == (1, 8)
        assert from_file.probabilities.sum() == pytest.approx(1.0)
    float_form = run.predict(clip, form="float").probabilities
    assert not np.array_equal(float_form, run.predict(clip, form="int8").probabilities)


@pytest.mark.parametrize(
    ("recording", "options", "message"),
    [
        (np.zeros((5, 2)), {}, r"A recording is \(samples, 3\), at least 2 samples. .* \(5, 2\)"),
        (np.zeros((1, 3)), {}, r"at least 2 samples. .* \(1, 3\)"),
        (np.full((5, 3), np.nan), {}, "Every sample must be finite"),
        (np.zeros((5, 3)), {"form": "int4"}, "form must be one of float, pruned, int8. .*'int4'"),
        ("missing.csv", {}, "csv must be a readable text file"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(run, recording, options, message):
    with pytest.raises(UserError, match=message):
        run.predict(recording, **options)


def test_window_mode_decides_over_all_windows(window_run, clip, write_csv):
    inputs = window_run.inputs
    assert (inputs.mode, inputs.steps, inputs.window_hop, inputs.window_rate_hz) == (
        *("window", 96, 24),
        50.0,
    )
    long = np.concatenate([clip, clip[::-1], clip])[: 96 + 3 * 24 + 5]
    prediction = window_run.predict(long, rate_hz=50.0)
    assert prediction.views.shape == (4, 8)
    np.testing.assert_allclose(prediction.probabilities, prediction.views.mean(axis=0), rtol=1e-12)
    from_file = window_run.predict(write_csv(long, 100.0 + np.arange(len(long)) / 50))
    np.testing.assert_array_equal(from_file.views, prediction.views)
    # Twice the rate: half as many samples at 50 Hz.
    assert window_run.predict(long, rate_hz=100.0).views.shape == (1, 8)


def test_uneven_stamps_are_interpolated(window_run, clip, write_csv):
    """A ramp stays a ramp: samples at uneven times equal those of even times."""
    even = np.arange(240) / 50
    uneven = even.copy()
    uneven[1::2] += 0.004
    ramp = np.stack([0.1 * even, 0.05 * even, 1 - 0.1 * even], axis=1)
    ramp_at_uneven = np.stack([0.1 * uneven, 0.05 * uneven, 1 - 0.1 * uneven], axis=1)
    expected = window_run.predict(write_csv(ramp, even)).probabilities
    got = window_run.predict(write_csv(ramp_at_uneven, uneven)).probabilities
    np.testing.assert_allclose(got, expected, atol=0.02)


def test_window_mode_needs_a_rate_and_no_gap(window_run, clip, write_csv):
    with pytest.raises(UserError, match=r"Window mode needs the rate of the samples \(rate_hz\)"):
        window_run.predict(clip)
    times = np.arange(len(clip)) / 50
    times[20:] += 1.0
    with pytest.raises(UserError, match=r"no gap of more than 0.2 s. .*1.02 s"):
        window_run.predict(write_csv(clip, times))
    with pytest.raises(UserError, match="Time stamps must advance"):
        window_run.predict(write_csv(clip, np.zeros(len(clip))))


def test_without_stages_only_the_exported_model_is_there(window_run, clip):
    assert window_run.predict(clip, rate_hz=50.0).label in window_run.class_names
    with pytest.raises(UserError, match=r"weights lie in the run's stages \(stages_dir\)"):
        _ = window_run.student


def test_the_report_is_written(tiny_run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(tiny_run, copy)
    (copy / "report.html").unlink()
    path = pskd_tf.load_run(copy).report()
    assert path == copy / "report.html"
    assert path.read_bytes() == (tiny_run / "report.html").read_bytes()


def test_a_run_is_loaded_with_the_threads_of_its_training(tiny_run):
    code = "import sys, pskd_tf; pskd_tf.load_run(sys.argv[1]); import tensorflow as tf; "
    code += "print(tf.config.threading.get_intra_op_parallelism_threads())"
    command = [sys.executable, "-c", code, str(tiny_run)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "1\n"


def test_a_board_project_is_that_of_the_command(run, tiny_run, tmp_path):
    folder = run.export("arduino", tmp_path / "a" / "wrist", axes="-y,+x,+z", threshold=0.7)
    command = [sys.executable, "-m", "pskd_tf.export", f"--run_dir={tiny_run}", "--target=arduino"]
    command += [f"--out={tmp_path / 'b' / 'wrist'}", "--axes=-y,+x,+z", "--threshold=0.7"]
    subprocess.run(command, check=True, capture_output=True)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(files) > 20
    for name in files:
        assert (folder / name).read_bytes() == (tmp_path / "b" / "wrist" / name).read_bytes(), name
    with pytest.raises(UserError, match=r"target must be one of arduino, .*'toaster'"):
        run.export("toaster", tmp_path / "c")
    with pytest.raises(UserError, match="runtime must be one of tflm, plain_c"):
        run.export("cmake", tmp_path / "c", runtime="rust")


def test_a_folder_without_a_finished_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="finished run"):
        pskd_tf.load_run(tmp_path)
