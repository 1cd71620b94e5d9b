"""Recordings to stream: read from files, joined from clips, idle."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from pskd_tf.device.decisions import DecisionCounts
from pskd_tf.device.recognizer import NO_SIGNAL, UNKNOWN, Decision, ExportedModel
from pskd_tf.device.recordings import (
    IDLE_KINDS,
    PARTIAL_KINDS,
    LabelledSpan,
    Recording,
    idle_recordings,
    joined_clips,
)


def _read(tmp_path, body, header="time_seconds,x,y,z"):
    path = tmp_path / "recording.csv"
    path.write_text(f"{header}\n{body}")
    return Recording.read(path)


def test_values_and_faults_are_read_as_they_are(tmp_path):
    body = "5,0,0,1\n5,0,0,1\n5.02,nan,-inf,1\n5.04,1e39,0.5,-1\n"
    recording = _read(tmp_path, body, "time_seconds, x, y, z")
    np.testing.assert_array_equal(recording.times, [5, 5, 5.02, 5.04])
    assert recording.samples.dtype == np.float32
    expected = [[0, 0, 1], [0, 0, 1], [np.nan, -np.inf, 1], [np.inf, 0.5, -1]]
    np.testing.assert_array_equal(recording.samples, np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("header", "body", "message"),
    [
        ("x,y,z", "0,0,1\n", "header"),
        ("time_seconds,x,y,z", "", "must hold samples"),
        ("time_seconds,x,y,z", "0,0,1\n", "four numbers"),
        ("time_seconds,x,y,z", "0,0,0,1\n1,a,0,1\n", "four numbers"),
        ("time_seconds,x,y,z", "0,0,0,1\n0.04,0,0,1\n0.02,0,0,1\n", r"must not go back.*sample 2"),
        ("time_seconds,x,y,z", "0,0,0,1\nnan,0,0,1\n", "finite"),
        ("time_seconds,x,y,z", "0,0,0,9.8\n1,0.1,0,9.7\n", r"in g, not m/s\^2.*9\.75"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path, header, body, message):
    with pytest.raises(UserError, match=message):
        _read(tmp_path, body, header)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.csv"):
        Recording.read(tmp_path / "absent.csv")


def test_joined_clips_are_unchanged_between_rests(tiny_run):
    prepared = PreparedSet.load(tiny_run / "prepared")
    clip_ids = ExportedModel.read(tiny_run).test_clips
    recording, spans = joined_clips(prepared, clip_ids)
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(clip_ids))
    left = {prepared.accelerometer(row).astype(np.float32).tobytes() for row in rows}
    for span in spans:
        first, end = round(span.start * 50), round(span.end * 50)
        left.remove(recording.samples[first:end].tobytes())
        for around, edge in (
            (recording.samples[first - 100 : first], recording.samples[first]),
            (recording.samples[end : end + 100], recording.samples[end - 1]),
        ):
            assert len(around) == 100 and np.abs(around - edge).max() < 0.06
    assert not left and len(spans) == len(rows)
    # Two seconds on either side, and one more between two of them.
    clips = sum(span.end - span.start for span in spans)
    assert len(recording.times) / 50 == pytest.approx(clips + 4 * len(spans) + len(spans) - 1)
    assert recording.times[1] == 0.02
    again, some = joined_clips(prepared, clip_ids, 3)
    assert some == spans[:3] and len(again.times) == round(some[-1].end * 50) + 100
    with pytest.raises(UserError, match="none of them"):
        joined_clips(prepared, ["absent"])


def test_counts_in_closed_form():
    model = ExportedModel(Path("none"), ("a", "b"), True, 0.0)

    def said(start, end, activity):
        return Decision(0, None, start, end, end + 0.5, activity, 0, 0.9, None)

    decisions = [said(0, 2, 0), said(3, 5, 1), said(6, 7, UNKNOWN), said(8, 9, 1)]
    decisions.append(Decision(0, None, 9, 9, 9, NO_SIGNAL, -1, 0.0, None))
    spans = [LabelledSpan(0.5, 2, "a"), LabelledSpan(3, 5, "a"), LabelledSpan(6, 7, "b")]
    # b over a's second span, and b where nothing was; unknown is no false decision.
    assert DecisionCounts.of(decisions, spans, model) == DecisionCounts(3, 1, 2, 1, (2.0,))
    assert DecisionCounts.of(decisions, (), model) == DecisionCounts(0, 0, 3, 1, ())


def test_length_rest_and_tails(tiny_run):
    prepared = PreparedSet.load(tiny_run / "prepared")
    clip_ids = ExportedModel.read(tiny_run).test_clips
    recordings = idle_recordings(prepared, clip_ids, 0.1)
    idle, tails = recordings["postures"], recordings["tails"]
    assert len(idle.times) == len(idle.samples) == len(tails.samples) == 0.1 * 3600 * 50
    assert idle.times[-1] == pytest.approx(360 - 0.02)
    # Gravity and noise, but for the middle of a turn between opposite postures.
    magnitudes = np.linalg.norm(idle.samples, axis=1)
    assert np.percentile(np.abs(magnitudes - 1), 90) < 0.04
    # Tails, each as recorded, end to end.
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(clip_ids))
    clips = [prepared.accelerometer(row).astype(np.float32) for row in rows]
    held = {tuple(sample) for clip in clips for sample in clip[int(0.8 * len(clip)) :].tolist()}
    shares = [tuple(sample) in held for sample in tails.samples.tolist()]
    assert all(shares)
    again = idle_recordings(prepared, clip_ids, 0.1)["postures"]
    np.testing.assert_array_equal(again.samples, idle.samples)
    # What settings are chosen on is not what they are reported on.
    for name, other in idle_recordings(prepared, clip_ids, 0.1, "choice").items():
        assert not np.array_equal(other.samples, recordings[name].samples)
    with pytest.raises(UserError, match="none of them"):
        idle_recordings(prepared, ("absent",), 0.1)


def test_distinct_hours_are_those_of_what_does_not_recur(tiny_run):
    prepared = PreparedSet.load(tiny_run / "prepared")
    clip_ids = ExportedModel.read(tiny_run).test_clips
    short, long = (
        idle_recordings(prepared, clip_ids, hours, kinds=IDLE_KINDS) for hours in (0.1, 0.4)
    )
    assert set(short) == set(IDLE_KINDS) and set(PARTIAL_KINDS) < set(IDLE_KINDS)
    generated = {kind for kind, one in long.items() if one.is_generated}
    assert generated == {"postures", "turns", "desk", "walking", "tremor"}
    for kind in generated:
        assert (short[kind].distinct_hours, long[kind].distinct_hours) == (0.1, 0.4)
    # All tails there are come within the tenth of an hour, so more hours have no more of them.
    assert 0 < short["tails"].distinct_hours < 0.1
    assert long["tails"].distinct_hours == pytest.approx(short["tails"].distinct_hours, rel=0.15)


def test_command_counts_false_decisions(tiny_run, simulate, tmp_path):
    """At threshold 0 nothing is unknown, at 1 all but certainty is; the sum is the same."""
    run_dir = tmp_path / "run"
    shutil.copytree(tiny_run / "export", run_dir / "export")
    shutil.copy(tiny_run / "metrics.json", run_dir)
    own = tmp_path / "own.csv"
    rows = [f"{number / 50},0,0,1" for number in range(500)]
    own.write_text("\n".join(["time_seconds,x,y,z", *rows]))
    counts = {}
    for threshold in (0, 1):
        arguments = ["--idle_hours=0.2", "--idle_kinds=parts,postures", f"--threshold={threshold}"]
        arguments += [f"--prepared_dir={tiny_run / 'prepared'}", f"--idle_csv={own}"]
        finished = simulate(f"--run_dir={run_dir}", *arguments, f"--cache_dir={tmp_path}")
        assert finished.returncode == 0, finished.stderr
        pattern = r"^(\S+) +(\w+) +([\d.]+) +([\d.]+) +(\d+) +(\d+) +([\d.]+) +([\d.]+)"
        counts[threshold] = re.findall(pattern, finished.stdout, re.MULTILINE)
    for low, high in zip(counts[0], counts[1], strict=True):
        assert low[5] == high[4] == "0" and low[4] == high[5]
    # Parts of movements stand apart, below.
    assert [row[:2] for row in counts[0]] == [
        ("postures", "generated"),
        ("own.csv", "recorded"),
        ("parts", "clips"),
    ]
    for row in counts[0]:
        false, hours = int(row[4]), float(row[2])
        assert float(row[6]) == pytest.approx(false / hours, rel=0.02)
    # At most one movement of the shortest length after another.
    assert 0 < int(counts[0][2][4]) <= 0.2 * 3600 * 50 / 75
