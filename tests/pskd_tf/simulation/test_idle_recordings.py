"""Recordings in which nothing happens, and what is counted in them."""

import re

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from pskd_tf.device.recognizer import ExportedModel
from pskd_tf.device.recordings import idle_recordings


def test_length_rest_and_tails(tiny_run):
    prepared = PreparedSet.load(tiny_run / "prepared")
    clip_ids = ExportedModel.read(tiny_run).test_clips
    recordings = idle_recordings(prepared, clip_ids, 0.1)
    idle, tails = recordings["synthetic idle"], recordings["shuffled clip tails"]
    assert len(idle.times) == len(idle.samples) == len(tails.samples) == 0.1 * 3600 * 50
    assert idle.times[-1] == pytest.approx(360 - 0.02)
    # Gravity and noise, but for the middle of a turn between opposite postures.
    magnitudes = np.linalg.norm(idle.samples, axis=1)
    assert np.percentile(np.abs(magnitudes - 1), 95) < 0.03
    # Every sample of a tail is a sample of a test clip, the last one included.
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(clip_ids))
    clips = [prepared.accelerometer(row) for row in rows]
    held = {tuple(sample) for clip in clips for sample in clip[int(0.8 * len(clip)) :].tolist()}
    assert {tuple(sample) for sample in tails.samples.tolist()} <= held
    again = idle_recordings(prepared, clip_ids, 0.1)["synthetic idle"]
    np.testing.assert_array_equal(again.samples, idle.samples)
    # What settings are chosen on is not what they are reported on.
    for name, other in idle_recordings(prepared, clip_ids, 0.1, "choice").items():
        assert not np.array_equal(other.samples, recordings[name].samples)
    with pytest.raises(UserError, match="none of them"):
        idle_recordings(prepared, ("absent",), 0.1)


def test_command_counts_false_decisions(tiny_run, simulate, tmp_path):
    """At threshold 0 nothing is unknown, at 1 all but certainty is; the sum is the same."""
    counts = {}
    for threshold in (0, 1):
        arguments = [f"--run_dir={tiny_run}", "--idle_hours=0.5", f"--threshold={threshold}"]
        finished = simulate(*arguments, f"--cache_dir={tmp_path}")
        assert finished.returncode == 0, finished.stderr
        pattern = r"^(.+), 0\.5 h .*: (\S+) false decisions and (\S+) unknown an hour$"
        counts[threshold] = re.findall(pattern, finished.stdout, re.MULTILINE)
    for low, high in zip(counts[0], counts[1], strict=True):
        assert low[2] == high[1] == "0" and low[1] == high[2]
    assert [name for name, *_ in counts[0]] == ["synthetic idle", "shuffled clip tails"]
    # At most one movement of the shortest length after another.
    assert 0 < float(counts[0][1][1]) <= 3600 * 50 / 75
