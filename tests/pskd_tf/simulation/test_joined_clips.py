"""Clips with rest between them, and what is counted in them."""

from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from pskd_tf.device.decisions import DecisionCounts
from pskd_tf.device.recognizer import NO_SIGNAL, UNKNOWN, Decision, ExportedModel
from pskd_tf.device.recordings import LabelledSpan, joined_clips


def test_every_clip_is_there_unchanged_with_rest_around(tiny_run):
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
