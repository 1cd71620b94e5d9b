"""The figures of a stream: they agree with the counts, and `metrics.json` keeps them."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from pskd_tf.device.decisions import DecisionCounts
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import Recording, idle_recordings, joined_clips
from pskd_tf.device.stream_figures import StreamFigures, measure_stream
from pskd_tf.run import Run

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not installed")
SETTINGS = RecognizerSettings(threshold=0.2)


@pytest.fixture(scope="module")
def idle(tiny_run):
    prepared = PreparedSet.load(tiny_run / "prepared")
    clips = ExportedModel.read(tiny_run).test_clips
    own = np.random.default_rng(0).normal((0, 0, 1), 0.01, (1000, 3)).astype(np.float32)
    times = np.arange(1000) / 50
    # A gap, which is no time without false decisions.
    times[500:] += 3600
    kinds = ("postures", "tails", "parts")
    recordings = idle_recordings(prepared, clips, 0.03, kinds=kinds)
    return recordings | {"own.csv": Recording(times, own)}


@pytest.fixture(scope="module")
def figures(tiny_run, idle, tmp_path_factory):
    prepared = PreparedSet.load(tiny_run / "prepared")
    cache = tmp_path_factory.mktemp("cache")
    return measure_stream(Run.load(tiny_run).export, prepared, SETTINGS, idle, cache)


def test_figures_are_those_of_a_core_at_this_threshold(tiny_run, idle, figures, tmp_path):
    model = ExportedModel.read(tiny_run)
    program = compile_core(model, tmp_path)
    recording, spans = joined_clips(PreparedSet.load(tiny_run / "prepared"), model.test_clips)
    counts = DecisionCounts.of(run_core(program, model, recording, SETTINGS), spans, model)
    assert 0 < counts.right < counts.movements == figures.movements == len(spans)
    assert figures.right == counts.right and figures.false == counts.false
    assert figures.from_start.longest == pytest.approx(max(counts.latencies))
    assert figures.from_start.median > figures.from_end.median > 0
    assert figures.hours == pytest.approx(len(recording.times) / 50 / 3600)
    for one in figures.idle:
        said = run_core(program, model, idle[one.kind], SETTINGS)
        assert one.rate.false == DecisionCounts.of(said, (), model).false
    assert {one.kind: (one.made_of, one.is_partial) for one in figures.idle} == {
        "postures": ("generated", False),
        "tails": ("clips", False),
        "parts": ("clips", True),
        "own.csv": ("recorded", False),
    }
    own = figures.idle[-1].rate
    assert own.hours == own.distinct_hours == pytest.approx(20 / 3600, rel=0.01)


def test_what_is_counted_adds_up(figures):
    assert figures.losses.movements == figures.movements
    assert figures.losses.right == figures.right
    matches, categories = figures.all_matches, figures.all_categories
    assert matches.labelled == figures.movements
    assert matches.matched <= figures.right
    lost = categories.deleted + categories.fragmented + categories.merged
    assert categories.correct + lost + categories.fragmented_and_merged == figures.movements
    assert figures.macro_f1 == pytest.approx(
        np.mean([one.f1 for one in figures.matches.values() if one.labelled])
    )
    (chosen,) = [point for point in figures.curve if point.threshold == SETTINGS.threshold]
    assert chosen.right_share == pytest.approx(figures.right_share)
    assert chosen.false_an_hour == {one.kind: one.rate.an_hour for one in figures.idle}
    shares = [point.right_share for point in figures.curve]
    assert shares == sorted(shares, reverse=True) and shares[0] > shares[-1]


@pytest.mark.slow
def test_a_threshold_that_adapts_says_less_and_its_losses_still_add_up(tiny_run, figures, tmp_path):
    export, prepared = Run.load(tiny_run).export, PreparedSet.load(tiny_run / "prepared")
    adapted = dataclasses.replace(
        SETTINGS, adapt_most=1.0 - SETTINGS.threshold, adapt_rise=0.3, adapt_decisions_an_hour=1.0
    )
    found = measure_stream(export, prepared, adapted, {}, tmp_path)
    assert 0 < found.right < figures.right
    assert found.losses.right == found.right
    assert (
        found.losses.below_threshold - figures.losses.below_threshold == figures.right - found.right
    )
    assert found.curve == measure_stream(export, prepared, SETTINGS, {}, tmp_path).curve


@pytest.mark.slow
def test_pieces_that_are_too_short_are_told_from_nothing(tiny_run, tmp_path):
    """With a start that no movement reaches nothing starts; without rest much is in pieces."""
    export = Run.load(tiny_run).export
    prepared = PreparedSet.load(tiny_run / "prepared")
    deaf = dataclasses.replace(SETTINGS, start_g=50.0, end_g=0.08)
    figures = measure_stream(export, prepared, deaf, {}, tmp_path)
    assert figures.losses.never_started == figures.movements and figures.from_start is None
    hasty = dataclasses.replace(SETTINGS, start_g=0.3, end_g=0.3, rest_samples=1, lead_samples=0)
    losses = measure_stream(export, prepared, hasty, {}, tmp_path).losses
    assert losses.split > 0 and losses.too_short > 0 and losses.never_started == 0


def test_metrics_keep_the_figures_of_the_same_export(tiny_run, figures, tmp_path):
    shutil.copytree(tiny_run / "export", tmp_path / "export")
    with pytest.raises(UserError, match=r"A finished run has metrics\.json"):
        figures.write(tmp_path)
    shutil.copy(tiny_run / "metrics.json", tmp_path)
    before = json.loads((tmp_path / "metrics.json").read_text())
    assert StreamFigures.of_run(tmp_path) is None
    assert figures.write(tmp_path) == tmp_path / "metrics.json"
    assert StreamFigures.of_run(tmp_path) == figures
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    summary = metrics.pop("stream")["summary"]
    assert metrics == before
    assert summary["right_share"] == figures.right / figures.movements
    assert summary["event_f1"] == figures.all_matches.f1
    # A run with one more seed exports the same student again.
    path = tmp_path / "export" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["provenance"]["settings"]["seeds"] = [1, 2]
    path.write_text(json.dumps(manifest))
    assert StreamFigures.of_run(tmp_path) == figures
    manifest["files"]["student_int8.tflite"] = "0" * 64
    path.write_text(json.dumps(manifest))
    assert StreamFigures.of_run(tmp_path) is None


@pytest.mark.slow
def test_window_mode_has_events_and_no_loss_table(window_run, tiny_run, idle, tmp_path):
    shutil.copytree(window_run, tmp_path / "run")
    path = tmp_path / "run" / "export" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["provenance"]["test_clips"] = list(ExportedModel.read(tiny_run).test_clips)
    path.write_text(json.dumps(manifest))
    prepared = PreparedSet.load(tiny_run / "prepared")
    export = Run.load(tmp_path / "run").export
    silent = RecognizerSettings(threshold=1.0)
    figures = measure_stream(export, prepared, silent, idle, tmp_path / "cache")
    assert figures.losses is None and figures.curve == ()
    assert figures.right == figures.false == 0 and figures.unknown > 0
    # The set's classes are not this model's: nothing is labelled that it could say.
    assert figures.all_matches.said == 0
