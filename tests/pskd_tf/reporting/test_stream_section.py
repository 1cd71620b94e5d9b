"""The report's section about the stream."""

import dataclasses
import json
import re
import shutil

import html5lib
import numpy as np
import pytest

from pskd_tf.device.events import EventCategories, EventMatches, Latency
from pskd_tf.device.movement_losses import LossTable
from pskd_tf.device.operating_points import FalseRate, OperatingPoint
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.device.recordings import LabelledSpan, Recording, joined_clips, joined_order
from pskd_tf.device.stream_figures import IdleFigures, StreamFigures, streamed_sha256
from pskd_tf.reporting.clip_drawing import Body
from pskd_tf.reporting.report import write_report
from pskd_tf.reporting.stream_section import operating_chart, stream_section
from pskd_tf.reporting.stream_timeline import stream_timeline
from pskd_tf.run import Run

FIGURES = StreamFigures(
    export_sha256="",
    settings=RecognizerSettings(threshold=0.25),
    hours=0.2,
    movements=8,
    right=5,
    false=2,
    unknown=1,
    matches={"draw_x": EventMatches(6, 5, 4), "wave": EventMatches(2, 1, 0)},
    categories={"draw_x": EventCategories(4, 2, inserted=1), "wave": EventCategories(deleted=2)},
    from_start=Latency(2.0, 3.0, 4.0),
    from_end=Latency(-0.5, 0.5, 1.0),
    losses=LossTable(never_started=1, split=1, wrong_on_the_cut=1, right=5),
    idle=(
        IdleFigures("parts", "clips", True, FalseRate.of(7, 1.0, 0.5), 0),
        IdleFigures("postures", "generated", False, FalseRate.of(0, 1.0, 1.0), 0),
        IdleFigures("tails", "clips", False, FalseRate.of(2, 1.0, 0.5), 3),
    ),
    curve=(
        OperatingPoint(0.0, 0.75, {"parts": 9.0, "postures": 1.0, "tails": 4.0}),
        OperatingPoint(0.25, 0.625, {"parts": 7.0, "postures": 0.0, "tails": 2.0}),
        OperatingPoint(1.0, 0.0, {"parts": 0.0, "postures": 0.0, "tails": 0.0}),
    ),
    shown=(LabelledSpan(2.0, 4.0, "draw_x"), LabelledSpan(9.0, 11.0, "unknown")),
)


@pytest.fixture
def streamed_run(tiny_run, tmp_path):
    """A copy of the tiny run with figures of its stream."""
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    for path in tiny_run.iterdir():
        if path.name in ("stages", "prepared"):
            (run_dir / path.name).symlink_to(path)
        elif path.name == "export":
            shutil.copytree(path, run_dir / "export")
        elif path.is_file():
            shutil.copy(path, run_dir)
    run = Run.load(run_dir)
    dataclasses.replace(FIGURES, export_sha256=streamed_sha256(run.export)).write(run_dir)
    return run_dir


def test_the_tables_hold_the_figures(streamed_run, tiny_run):
    assert stream_section(Run.load(tiny_run)) is None
    section = stream_section(Run.load(streamed_run))
    assert "says 5 of 8 movements right (62.5 %) and 2 wrong" in section.summary
    # Tails, not parts of movements, which count apart: one of two in half an hour.
    assert "at most 2 false decisions an hour" in section.summary
    assert "upper bounds up to 9.49)" in section.summary
    assert [row[1] for row in section.losses.rows] == ["1", "0", "1", "0", "1", "0", "5", "8"]
    assert section.losses.rows[6][2] == "62.5" and section.losses.strong_rows == [6]
    assert section.idle.rows == [
        ["postures", "generated", "1", "1", "0", "0", "3"],
        ["tails", "clips", "1", "0.5", "2", "2", "9.49"],
        ["parts (parts of movements)", "clips", "1", "0.5", "7", "7", "18.3"],
    ]
    assert section.classes.rows[0] == ["draw x", "0.73", "6", "5", "4", "4", "2", "0", "0", "1"]
    totals = {row[0]: row[1] for row in section.totals.rows}
    assert totals["event F1, IoU 0.5, all events"] == f"{8 / 14:.3f}"
    assert totals["the same, mean of the classes"] == f"{8 / 11 / 2:.3f}"
    assert totals["deleted"] == "4" and totals["inserted"] == "1"
    assert totals["from end to decision, median, 90th percentile"] == "−0.50 s, 0.50 s"


def test_the_curve_marks_the_threshold_and_every_value_can_be_read():
    chart = operating_chart(FIGURES)
    assert chart.values.rows == [
        ["0.0000", "75.0", "9", "1", "4"],
        ["0.2500", "62.5", "7", "0", "2"],
        ["1.0000", "0.0", "0", "0", "0"],
    ]
    assert chart.values.strong_rows == [1]
    # Of the kinds without movements the one with the most.
    assert "no movements, threshold 0.250: 62.5 % right, 2 false an hour" in chart.svg
    assert "parts of movements, threshold 0.000: 75.0 % right, 9 false an hour" in chart.svg
    ticks = re.findall(r">([0-9]+)</text>", chart.svg)
    assert {"0", "1"} <= set(ticks) and "$" not in chart.svg
    assert chart.svg.count("the recogniser's threshold, 0.25") == 2


def test_the_timeline_has_every_event_and_a_body_for_each_movement():
    recording = Recording(np.arange(500) / 50, np.zeros((500, 3), np.float32))
    labelled = [LabelledSpan(1, 3, "wave"), LabelledSpan(5, 8, "draw_x")]
    said = [
        LabelledSpan(1, 3.5, "wave"),
        LabelledSpan(4, 8, "wave"),
        LabelledSpan(9, 9.5, "unknown"),
    ]
    skeleton = np.random.default_rng(0).normal(size=(20, 3, 3))
    body = Body(["root", "left_hand", "right_hand"], [-1, 0, 0], 1, 3)
    chart = stream_timeline(recording, labelled, said, [skeleton, skeleton], body, "A stream")
    assert chart.values.rows == [
        ["labelled", "wave", "1.00", "3.00"],
        ["labelled", "draw x", "5.00", "8.00"],
        ["right", "wave", "1.00", "3.50"],
        ["wrong", "wave", "4.00", "8.00"],
        ["unknown", "unknown", "9.00", "9.50"],
    ]
    # "unknown" is told by the colour: rows of it are short and stand between others.
    texts = re.findall(r">\s*([^<>]+?)\s*</text>", chart.svg)
    assert (texts.count("wave"), texts.count("draw x"), texts.count("unknown")) == (3, 1, 0)
    assert "wrong: wave, 4.0 to 8.0 s" in chart.svg and "no skeleton" not in chart.svg
    none = stream_timeline(recording, labelled, said, [None, None], body, "A stream")
    assert "no skeleton recorded" in none.svg


def test_skeletons_are_those_of_the_joined_clips(tiny_run):
    run = Run.load(tiny_run)
    rows = joined_order(run.prepared, run.export.test_clips)
    _, spans = joined_clips(run.prepared, run.export.test_clips)
    names = run.prepared.manifest["action_name"]
    assert [names.iloc[row] for row in rows] == [span.label for span in spans]
    lengths = [len(run.prepared.accelerometer(row)) / 50 for row in rows]
    assert lengths == pytest.approx([span.end - span.start for span in spans])


def test_another_export_has_no_figures(streamed_run):
    manifest = streamed_run / "export" / "manifest.json"
    values = json.loads(manifest.read_text())
    values["files"]["student_int8.tflite"] = "0" * 64
    manifest.write_text(json.dumps(values))
    assert stream_section(Run.load(streamed_run)) is None


@pytest.mark.slow
def test_the_report_shows_the_section(streamed_run, tiny_run):
    text = write_report(streamed_run).read_text(encoding="utf-8")
    html5lib.HTMLParser(strict=True).parse(text)
    before = (tiny_run / "report.html").read_text(encoding="utf-8")
    assert "This export was not streamed yet" in before and "not streamed yet" not in text
    section = re.search(r'<section id="stream">(.*?)</section>', text, re.S).group(1)
    assert section.count("<svg") == 2 and "was not used for any choice" in section
    for heading in ("Where the movements are lost", "False decisions without movements", "Events"):
        assert f"<h3>{heading}</h3>" in section
    assert "<summary>By class</summary>" in section
