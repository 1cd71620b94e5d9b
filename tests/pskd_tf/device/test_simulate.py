"""The compiled core against Python's own computation of the same windows and movements."""

import dataclasses
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.settings import setting_fields
from project import ROOT
from pskd_tf.data.features import window_samples
from pskd_tf.device.decisions import timeline
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import (
    NO_SIGNAL,
    UNKNOWN,
    ExportedModel,
    RecognizerSettings,
    recognizer_settings,
)
from pskd_tf.device.recordings import Recording
from pskd_tf.evaluation.tflm import Int8Interface, clip_input, tflm_logits
from pskd_tf.export.boards.project import project_settings_header
from pskd_tf.export.student import export_student
from pskd_tf.input_settings import InputSettings
from pskd_tf.stream_settings import DetectorSettings, StreamSettings

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not installed")


def _python_outputs(model, clips, settings):
    """TensorFlow Lite Micro's int8 outputs and the probabilities of what lies in `clips`."""
    tflite = (model.folder / "student_int8.tflite").read_bytes()
    interface = Int8Interface.read(tflite)
    inputs = np.stack([clip_input(clip, settings, interface) for clip in clips])
    outputs, logits = tflm_logits(tflite, inputs)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return outputs, exponentials / exponentials.sum(axis=1, keepdims=True)


def _stream(run_dir, tmp_path, samples, times=None, **settings):
    model = ExportedModel.read(run_dir)
    program = compile_core(model, tmp_path / "cache")
    times = np.arange(len(samples)) / 50 if times is None else times
    recording = Recording(times, samples.astype(np.float32))
    return model, run_core(program, model, recording, RecognizerSettings(**settings))


@needs_compiler
def test_movements_are_decided_as_python_decides_them(tiny_run, joined_clips, tmp_path):
    """One decision for every clip, near it, and with Python's very output."""
    samples, spans = joined_clips
    model, decisions = _stream(tiny_run, tmp_path, samples, threshold=0.3)
    inputs = json.loads((model.folder / "manifest.json").read_text())["provenance"]["settings"]
    clips = [samples[first : last + 1] for first, last in (item.span for item in decisions)]
    outputs, probabilities = _python_outputs(model, clips, InputSettings(**inputs["inputs"]))
    np.testing.assert_array_equal([item.output for item in decisions], outputs)
    best = outputs.argmax(axis=1)
    assert [item.best for item in decisions] == best.tolist()
    expected = probabilities[np.arange(len(best)), best]
    np.testing.assert_allclose([item.confidence for item in decisions], expected, rtol=1e-5)
    said = np.where(expected >= 0.3, best, UNKNOWN)
    assert [item.activity for item in decisions] == said.tolist()
    for first, end, _ in spans:
        near = [item for item in decisions if item.span[0] < end and item.span[1] >= first]
        assert len(near) == 1 and abs(near[0].span[0] - first) <= 25


@needs_compiler
def test_none_is_never_said_and_what_it_leaves_is_the_score(tiny_run, joined_clips, tmp_path):
    """The same student with its last class declared to be "none"."""
    samples, _ = joined_clips
    whole = ExportedModel.read(tiny_run)
    folder = tmp_path / "export"
    shutil.copytree(whole.folder, folder)
    null_class = len(whole.class_names) - 1
    header = folder / "model_settings.h"
    header.write_text(f"#define PSKD_NULL_CLASS {null_class}\n{header.read_text()}")
    names = whole.class_names[:-1]
    model = dataclasses.replace(whole, folder=folder, class_names=names, null_class=null_class)
    program = compile_core(model, tmp_path / "cache")
    recording = Recording(np.arange(len(samples)) / 50, samples.astype(np.float32))
    inputs = json.loads((folder / "manifest.json").read_text())["provenance"]["settings"]
    settings = RecognizerSettings(threshold=0.0)
    spans = [item.span for item in run_core(program, model, recording, settings)]
    clips = [samples[first : last + 1] for first, last in spans]
    _, probabilities = _python_outputs(model, clips, InputSettings(**inputs["inputs"]))
    scores = 1 - probabilities[:, -1]
    shares = probabilities[:, :-1].max(axis=1) / scores
    threshold, floor = np.median(scores) + 1e-4, np.median(shares) + 1e-4
    settings = RecognizerSettings(threshold=threshold, class_floor=floor)
    decisions = run_core(program, model, recording, settings)
    np.testing.assert_allclose([item.confidence for item in decisions], scores, atol=1e-6)
    sure = (scores >= threshold) & (shares >= floor)
    said = np.where(sure, probabilities[:, :-1].argmax(axis=1), UNKNOWN)
    assert [item.activity for item in decisions] == said.tolist()
    assert {model.label_of(one) for one in said} <= {*names, "unknown"} and sure.any()
    # Each of the two limits makes some unknown.
    assert (scores < threshold).any() and ((scores >= threshold) & (shares < floor)).any()


def test_the_detector_of_clips_keeps_the_rules_and_flags_of_the_detector():
    """Each field of the detector once, with a default of its own where clips need one."""
    fields = {one.place[0]: one for one in setting_fields(RecognizerSettings)}
    for one in setting_fields(DetectorSettings):
        own = fields[one.place[0]]
        assert (own.info, own.kind, own.flag) == (one.info, one.kind, one.flag)
    others = {name for name, one in fields.items() if name in vars(DetectorSettings())}
    changed = {name for name in others if fields[name].default != vars(DetectorSettings())[name]}
    assert changed == {
        *("start_g", "start_noise", "end_noise", "gravity_weight", "lead_samples", "rest_samples")
    }
    for values, rule in (
        ({"start_g": 0.0}, "start_g must be positive"),
        ({"start_g": 0.1, "end_g": 0.2}, "end_g <= start_g"),
        ({"end_noise": 1.0}, "end_noise <= start_noise"),
    ):
        with pytest.raises(UserError, match=rule):
            RecognizerSettings(**values)


def test_an_export_for_streams_brings_its_detector_and_none(export_arguments, tmp_path):
    """The fixture's last label is then the class "none"; clips alone bring the older detector."""
    names = export_arguments["class_names"]
    detector = DetectorSettings(start_g=0.125, start_noise=6.0, rest_samples=31)
    stream = StreamSettings(enabled=True, detector=detector)
    export_student(tmp_path / "export", **(export_arguments | {"stream": stream}))
    model = ExportedModel.read(tmp_path)
    assert model.null_class == len(names) - 1 and model.class_names == tuple(names[:-1])
    settings = recognizer_settings(tmp_path)
    assert (settings.start_g, settings.start_noise, settings.rest_samples) == (0.125, 6.0, 31)
    assert settings.threshold == RecognizerSettings().threshold
    text = project_settings_header("0", settings)
    for line in ("start_noise = 6.0f;", "end_noise = 4.0f;", "noise_rise = 0.00200000009f;"):
        assert f"recognizer->segment.{line}" in text
    export_student(tmp_path / "clips" / "export", **export_arguments)
    clips = ExportedModel.read(tmp_path / "clips")
    assert clips.null_class is None and clips.class_names == tuple(names)
    settings = recognizer_settings(tmp_path / "clips")
    assert (settings.start_noise, settings.end_g, settings.rest_samples) == (0.0, 0.08, 15)


@needs_compiler
def test_a_movement_longer_than_the_longest_is_one_row(tiny_run, tmp_path):
    """Shaken for 3.7 times the longest training clip: cut three times, and one row."""
    longest = int(
        re.search(
            r"PSKD_MAXIMUM_SAMPLES (\d+)",
            (ExportedModel.read(tiny_run).folder / "model_settings.h").read_text(),
        ).group(1)
    )
    generator = np.random.default_rng(0)
    shaken = round(3.7 * longest)
    samples = generator.normal((0, 0, 1), 0.01, (shaken + 400, 3))
    samples[200 : 200 + shaken, 0] += np.sin(np.arange(shaken))
    model, decisions = _stream(tiny_run, tmp_path, samples, threshold=1.0)
    assert [item.goes_on for item in decisions] == [True, True, True, False]
    assert {item.activity for item in decisions} == {UNKNOWN}
    for before, after in itertools.pairwise(decisions):
        assert after.span[0] == before.index + 1
    (row,) = timeline(decisions, model)
    assert (row.start, row.end) == (decisions[0].start, decisions[-1].end)
    assert shaken - 5 <= 50 * (row.end - row.start) <= shaken + 40


@needs_compiler
def test_windows_are_decided_as_python_decides_them(window_run, int8_student, tmp_path):
    """Across the clips' joints; smoothing off, so that each decision is its window's."""
    samples = np.concatenate(int8_student.clips[8:14]).astype(np.float32)
    settings = {"smoothing": 1.0, "threshold": 0.4, "leave_share": 1.0}
    model, decisions = _stream(window_run, tmp_path, samples, **settings)
    inputs = InputSettings(mode="window")
    windows = window_samples(samples, 50.0, inputs).samples
    outputs, probabilities = _python_outputs(model, windows, inputs)
    np.testing.assert_array_equal([item.output for item in decisions], outputs)
    assert [item.index for item in decisions] == list(range(95, len(samples), 24))
    said = np.where(probabilities.max(axis=1) >= 0.4, outputs.argmax(axis=1), UNKNOWN)
    # Of equal outputs the first wins, in either.
    assert [item.activity for item in decisions] == said.tolist()
    np.testing.assert_allclose([item.end - item.start for item in decisions], 95 / 50)


@needs_compiler
def test_faults_of_the_sensor_are_no_signal(window_run, tmp_path):
    """A second is missing, an axis hangs, then nothing but NaN."""
    samples = np.random.default_rng(0).normal((0, 0, 1), 0.1, (900, 3))
    times = np.arange(900) / 50
    times[300:] += 1.0
    samples[500:600, 1] = 16.0
    samples[700:, 2] = np.nan
    _, decisions = _stream(window_run, tmp_path, samples, times, maximum_same=50)
    lost = [item.index for item in decisions if item.activity == NO_SIGNAL]
    # Samples 500 to 548 are the first 49 of a stuck axis; the first of no number is 700.
    assert lost == [300, *range(549, 600), *range(748, 900)]
    assert decisions[-1].activity == NO_SIGNAL
    others = [item.index for item in decisions if item.activity != NO_SIGNAL]
    assert others == [
        *(95, 119, 143, 167, 191, 215, 239, 263, 287),
        *range(395, 549, 24),
        695,
    ]


@needs_compiler
def test_the_threshold_rises_with_what_is_said_and_falls_with_time(
    tiny_run, joined_clips, tmp_path
):
    samples = np.tile(joined_clips[0], (3, 1))
    times = np.arange(len(samples)) / 50
    times[len(samples) // 2 :] += 0.1  # no gap; less time to fall without it
    settings = {"threshold": 0.2, "adapt_rise": 0.05, "adapt_most": 0.4}
    settings["adapt_decisions_an_hour"] = 60.0
    _, decisions = _stream(tiny_run, tmp_path, samples, times, **settings)
    stamps = np.round((times - times[0]) * 1e6).astype(np.uint32)
    elapsed = np.diff(stamps, prepend=stamps[:1]).astype(np.float32)
    fall = np.float32(RecognizerSettings(**settings).fall_per_us)
    decided = {item.index: item for item in decisions}
    raised, most_raised = np.float32(0), np.float32(0)
    for index in range(len(samples)):
        raised = max(raised - fall * elapsed[index], np.float32(0))
        if index not in decided:
            continue
        said = decided[index].activity >= 0
        assert said == (decided[index].confidence >= np.float32(0.2) + raised)
        if said:
            raised = min(raised + np.float32(0.05), np.float32(0.4))
        most_raised = max(most_raised, raised)
    _, constant = _stream(tiny_run, tmp_path, samples, times, threshold=0.2)
    assert most_raised > 0.15
    number, all_of_them = (sum(item.activity >= 0 for item in one) for one in (decisions, constant))
    assert 0 < number < all_of_them


def test_a_raised_threshold_stays_a_probability():
    with pytest.raises(UserError, match=r"at most 1\. Received: 0\.8 \+ 0\.3"):
        RecognizerSettings(threshold=0.8, adapt_most=0.3)


@needs_compiler
def test_an_overflow_is_unknown(window_run, tmp_path):
    """3e38 g is finite, its square is not: the input is none."""
    samples = np.random.default_rng(0).normal((0, 0, 1), 0.1, (96, 3))
    samples[50, 0] = 3e38
    _, (decision,) = _stream(window_run, tmp_path, samples, threshold=0.0)
    assert decision.activity == UNKNOWN and np.isnan(decision.confidence)
    assert not decision.output.any()


def test_command_prints_timeline_latency_and_plot(
    tiny_run, joined_clips, write_csv, simulate, tmp_path
):
    samples, spans = joined_clips
    recording = write_csv(samples)
    labels = tmp_path / "labels.csv"
    rows = [f"{first / 50},{end / 50},{name}" for first, end, name in spans]
    labels.write_text("\n".join(["start,end,label", *rows]))
    arguments = [f"--run_dir={tiny_run}", f"--csv={recording}", f"--labels={labels}"]
    arguments += [f"--cache_dir={tmp_path / 'cache'}", "--threshold=0"]
    finished = simulate(*arguments)
    assert finished.returncode == 0, finished.stderr
    rows = re.findall(r"^ +([\d.]+) +([\d.]+) +([\d.]+)  (\w+)$", finished.stdout, re.MULTILINE)
    names = set(ExportedModel.read(tiny_run).class_names)
    assert len(rows) == len(spans) and {label for *_, label in rows} <= names
    found = int(re.search(rf"said: (\d+) of {len(spans)}", finished.stdout).group(1))
    f1 = float(re.search(r"event F1 at .* of 0\.5: ([\d.]+)$", finished.stdout, re.M).group(1))
    # Every movement was cut once, so each right one is one of as many pairs.
    assert f1 == pytest.approx(found / len(spans), abs=1e-3)
    latencies = [float(text) for text in re.findall(r"([\d.]+) s  \w+$", finished.stdout, re.M)]
    # From start to decision: at least the shortest training clip, at most the longest and a rest.
    assert len(latencies) == found and all(1.0 < latency < 4.5 for latency in latencies)
    assert recording.with_suffix(".png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    program, _ = sorted((tmp_path / "cache").iterdir())  # and its hash
    made = program.stat().st_mtime_ns
    again = simulate(*arguments)
    assert again.stdout == finished.stdout and program.stat().st_mtime_ns == made


@pytest.mark.slow
def test_mistakes_are_one_line(window_run, write_csv, simulate, tmp_path):
    recording = write_csv(np.zeros((100, 3)))
    labels = tmp_path / "labels.csv"
    labels.write_text("start,end,label\n0,1,dancing\n")
    good = (f"--run_dir={window_run}", f"--csv={recording}")
    for arguments, message in (
        ([], "--run_dir must be given"),
        ([good[0]], "--csv, --idle_hours, --idle_csv or --choose_threshold must be given"),
        ([*good, "--compiler=no-such-cc"], "no no-such-cc"),
        ([*good, f"--labels={labels}"], "'dancing' in row 2"),
        ([good[0], f"--csv={labels}"], "time_seconds,x,y,z"),
        ([*good, f"--plot={labels}/plot.png"], "plot must be a writable PNG"),
        ([*good, "--smoothing=0"], "smoothing must lie in 0..1, 0 excluded"),
        ([f"--run_dir={tmp_path}", good[1]], "A finished run has an export"),
    ):
        finished = simulate(*arguments)
        assert finished.returncode == 2 and message in finished.stderr
        assert finished.stderr.startswith("error:") and finished.stderr.count("\n") == 1


@needs_compiler
def test_another_source_is_another_program(window_model, tmp_path, monkeypatch):
    from pskd_tf.device import firmware as module

    first = compile_core(window_model, tmp_path / "cache")
    changed = tmp_path / "firmware"
    shutil.copytree(ROOT / "microcontroller", changed)
    with open(changed / "src" / "plain_kernels.h", "a") as stream:
        stream.write("/* changed */\n")
    monkeypatch.setattr(module, "firmware_sources", lambda: changed)
    second = compile_core(window_model, tmp_path / "cache")
    assert first != second and first.read_bytes() and second.read_bytes()
    with open(changed / "src" / "plain_kernels.h", "a") as stream:
        stream.write("#error broken\n")
    with pytest.raises(UserError, match=r"must compile the core.*broken"):
        compile_core(window_model, tmp_path / "cache")
    kept = sorted(path.suffix for path in (tmp_path / "cache").iterdir())
    assert kept == ["", "", ".sha256", ".sha256"]


@needs_compiler
def test_a_program_that_another_may_have_put_there_is_not_run(window_model, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    cache = tmp_path / "cache"
    program = compile_core(window_model, cache)
    assert program.parent == cache and cache.stat().st_mode & 0o777 == 0o700
    whole = program.read_bytes()
    planted = b"#!/bin/sh\necho planted\n"
    # Other bytes under the name; others may write to the file; a link; no hash beside it.
    program.write_bytes(planted)
    assert compile_core(window_model, cache).read_bytes() == whole
    program.chmod(0o722)
    assert compile_core(window_model, cache).stat().st_mode & 0o777 == 0o700
    program.rename(tmp_path / "elsewhere")
    program.symlink_to(tmp_path / "elsewhere")
    assert not compile_core(window_model, cache).is_symlink()
    program.with_suffix(".sha256").unlink()
    before = program.stat().st_ino
    assert compile_core(window_model, cache).stat().st_ino != before
    # A folder to which others may write is not used at all.
    cache.chmod(0o777)
    program.write_bytes(planted)
    program.with_suffix(".sha256").write_text(hashlib.sha256(planted).hexdigest())
    private = compile_core(window_model, cache)
    assert private.parent == tmp_path / "temporary" / f"pskd_tf-{os.getuid()}"
    assert private.read_bytes() == whole and program.read_bytes() == planted
    private.parent.chmod(0o770)
    with pytest.raises(UserError, match=r"must be yours, writable by you alone \(--cache_dir\)"):
        compile_core(window_model, cache)


def test_a_changed_export_is_refused(window_run, tmp_path):
    shutil.copytree(window_run, tmp_path / "run")
    with open(tmp_path / "run" / "export" / "plain_model.c", "a") as stream:
        stream.write("\n")
    with pytest.raises(UserError, match="unchanged"):
        ExportedModel.read(tmp_path / "run")
    (tmp_path / "run" / "export" / "plain_model.c").unlink()
    with pytest.raises(UserError, match=r"no plain_model\.c"):
        ExportedModel.read(tmp_path / "run")


def test_the_sources_are_in_the_built_package(tmp_path):
    """As a wheel has them: found beside the package, and each the same as here."""
    build = tmp_path / "lib"
    command = [sys.executable, "setup.py", "-q", "egg_info", f"--egg-base={tmp_path}", "build_py"]
    finished = subprocess.run(
        [*command, f"--build-lib={build}"], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    script = "from pskd_tf.device.firmware import firmware_sources as f; print(f())"
    environment = os.environ | {"PYTHONPATH": str(build)}
    printed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert Path(printed) == build / "pskd_tf" / "firmware"
    sources = [*(ROOT / "microcontroller" / "src").iterdir()]
    # What compile_core needs besides.
    needed = ("stream_recording.c", "print_report.c", "print_report.h", "platform.h")
    firmware = ROOT / "microcontroller" / "firmware"
    sources += [*(firmware / name for name in needed), firmware / "host" / "platform.c"]
    assert len(sources) >= 15
    for path in sources:
        relative = path.relative_to(ROOT / "microcontroller")
        assert (Path(printed) / relative).read_bytes() == path.read_bytes()
