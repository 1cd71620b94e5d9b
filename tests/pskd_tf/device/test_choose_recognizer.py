"""Settings chosen on held-out subjects, against an exhaustive search."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from pskd_tf.device.decisions import DecisionCounts
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import ChosenSettings, ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import idle_recordings, joined_clips
from pskd_tf.device.stream_figures import StreamFigures
from pskd_tf.runs import choose_recognizer as module
from pskd_tf.runs.choose_recognizer import choose_settings, validation_models
from pskd_tf.stream_settings import DetectorSettings

HOURS = 0.1
OURS = RecognizerSettings()


@pytest.fixture
def few_candidates(monkeypatch):
    monkeypatch.setattr(module, "_START_G", (0.15, 0.4))
    monkeypatch.setattr(module, "_END_SHARES", (0.6,))
    monkeypatch.setattr(module, "_LEAD_SAMPLES", (5,))
    monkeypatch.setattr(module, "_REST_SAMPLES", (15,))
    monkeypatch.setattr(module, "_CLIP_THRESHOLDS", (0.1, 0.2, 0.3))
    monkeypatch.setattr(module, "_WINDOW_THRESHOLDS", (0.1, 0.2, 0.3))


def _tried(folds, prepared, cache_dir, settings):
    """False decisions an hour on the noisier idle, and the share of movements said right."""
    false, right, movements = {}, 0, 0
    for fold in folds:
        model = fold.model
        program = compile_core(model, cache_dir)
        idle = idle_recordings(prepared, model.test_clips, HOURS / len(folds), "choice")
        for name, recording in idle.items():
            counts = DecisionCounts.of(run_core(program, model, recording, settings), (), model)
            false[name] = false.get(name, 0) + counts.false / HOURS
        recording, spans = joined_clips(prepared, model.test_clips)
        counts = DecisionCounts.of(run_core(program, model, recording, settings), spans, model)
        right, movements = right + counts.right, movements + counts.movements
    return max(false.values()), right / movements


@pytest.mark.parametrize("mode", ["clip", "window"])
def test_the_best_within_the_bound_is_chosen(
    few_candidates, make_validation_run, tiny_run, tmp_path, mode
):
    prepared = PreparedSet.load(tiny_run / "prepared")
    folds = validation_models(make_validation_run(mode), None, prepared, tmp_path / "folds")
    # Every training subject is left out once, and no test clip is heard.
    left_out = [subject for fold in folds for subject in fold.subjects]
    manifest = json.loads((tiny_run / "export" / "manifest.json").read_text())["provenance"]
    assert left_out == manifest["train_subjects"]
    heard = {clip for fold in folds for clip in fold.model.test_clips}
    assert heard and not heard & set(manifest["test_clips"])
    segments = [(0.15, 0.09), (0.4, 0.24)] if mode == "clip" else [(OURS.start_g, OURS.end_g)]
    tried = {}
    for threshold in (0.1, 0.2, 0.3):
        for start, end in segments:
            one = dataclasses.replace(OURS, threshold=threshold, start_g=start, end_g=end)
            tried[one] = _tried(folds, prepared, tmp_path / "cache", one)
    assert len({false for false, _ in tried.values()}) > 1
    # A bound that some candidates break.
    bound = sorted(false for false, _ in tried.values())[len(tried) // 2]
    common = {"hours": HOURS, "cache_dir": tmp_path / "cache"}
    choice = choose_settings(folds, prepared, OURS, maximum_false=bound, **common)
    quiet = {one: figures for one, figures in tried.items() if figures[0] <= bound}
    best = max(quiet, key=lambda one: (quiet[one][1], -quiet[one][0], -one.threshold))
    assert choice.settings == best and choice.candidates == len(tried)
    assert max(choice.figures["false_an_hour"].values()) == pytest.approx(quiet[best][0])
    assert choice.figures["right_share"] == pytest.approx(quiet[best][1])
    with pytest.raises(UserError, match=r"with -1 false decisions an hour.* at least"):
        choose_settings(folds, prepared, OURS, maximum_false=-1, **common)


def test_a_student_of_streams_keeps_the_detector_of_its_training():
    """Only the threshold is chosen: a hundredth at a time."""
    model = ExportedModel(Path("none"), ("a", "b"), True, 0.0, null_class=2)
    ((settings, thresholds),) = module._runs(model, OURS)
    assert settings == dataclasses.replace(OURS, threshold=0.0)
    assert len(thresholds) == 99
    assert (thresholds[0], thresholds[-1]) == (0.01, 0.99)


def test_windows_that_decide_alone_are_streamed_once():
    model = ExportedModel(Path("none"), ("a", "b"), False, 3.8, null_class=2)
    alone = RecognizerSettings.of(DetectorSettings(), "window")
    ((settings, thresholds),) = module._runs(model, alone)
    assert (settings.threshold, len(thresholds)) == (0.0, 99)
    smoothed = dataclasses.replace(alone, smoothing=0.5)
    runs = module._runs(model, smoothed)
    assert [settings.threshold for settings, _ in runs] == list(module._WINDOW_THRESHOLDS)
    assert all(thresholds == (settings.threshold,) for settings, thresholds in runs)


@pytest.fixture
def own_run(tiny_run, tmp_path):
    """The tiny run's export and prepared set, to be written beside."""
    run_dir = tmp_path / "run"
    shutil.copytree(tiny_run / "export", run_dir / "export")
    shutil.copy(tiny_run / "metrics.json", run_dir)
    (run_dir / "prepared").symlink_to(tiny_run / "prepared")
    return run_dir


def test_chosen_settings_are_read_and_flags_override_them(own_run, simulate):
    assert ChosenSettings.read(own_run) is None
    chosen = ChosenSettings(dataclasses.replace(OURS, threshold=0.125), {"candidates": 3})
    assert chosen.write(own_run) == own_run / "recognizer.json"
    assert ChosenSettings.read(own_run) == chosen
    arguments = [f"--run_dir={own_run}", "--idle_hours=0.01", "--idle_kinds=tails,postures"]
    finished = simulate(*arguments)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("at threshold 0.125:") == 1
    figures = StreamFigures.of_run(own_run)
    assert figures.settings == chosen.settings
    assert [one.kind for one in figures.idle] == ["tails", "postures"]
    assert figures.movements == len(ExportedModel.read(own_run).test_clips)
    assert f"said right {figures.right} of {figures.movements} " in finished.stdout
    assert finished.stdout.splitlines()[-2:] == [
        f"result: {own_run / 'metrics.json'}",
        f"next: python -m pskd_tf.report --run_dir={own_run}",
    ]
    finished = simulate(*arguments, "--threshold=0.25")
    assert finished.stdout.count("at threshold 0.25:") == 1
    (own_run / "recognizer.json").write_text("[]")
    finished = simulate(*arguments)
    assert finished.returncode == 2 and "must be what --choose_threshold wrote" in finished.stderr


@pytest.mark.slow
def test_refusals_and_dry_runs_write_nothing(own_run, make_validation_run, simulate, tmp_path):
    validation_run = make_validation_run("clip")
    before = sorted(own_run.rglob("*"))
    choose = [f"--run_dir={own_run}", "--choose_threshold"]
    finished = simulate(*choose, f"--validation_run={validation_run}", "--dry_run")
    assert finished.returncode == 0 and "recognizer.json" in finished.stdout
    assert simulate(f"--run_dir={own_run}", "--idle_hours=1", "--dry_run").returncode == 0
    assert sorted(own_run.rglob("*")) == before
    settings = json.loads((validation_run / "settings.json").read_text())
    other = tmp_path / "cross_subject"
    other.mkdir()
    (other / "settings.json").write_text(json.dumps(settings | {"protocol": "cross_subject"}))
    cache = f"--cache_dir={tmp_path / 'cache'}"
    for arguments, message in (
        ([*choose, f"--validation_run={other}"], "--protocol=validation"),
        ([*choose, f"--validation_run={tmp_path}"], "must be the folder of a run"),
        (
            [*choose, f"--validation_run={validation_run}", f"--stages_dir={tmp_path}"],
            "stages must be there",
        ),
        ([*choose, "--csv=FILE"], "two commands"),
    ):
        finished = simulate(*arguments, cache)
        assert finished.returncode == 2 and message in finished.stderr
        assert finished.stderr.count("\n") == 1
    assert sorted(own_run.rglob("*")) == before
