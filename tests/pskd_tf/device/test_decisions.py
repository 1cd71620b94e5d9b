"""Rows of the timeline, and latency, in closed form."""

from pathlib import Path

import pytest

from data_prep.errors import UserError
from pskd_tf.device.decisions import TimelineRow, timeline
from pskd_tf.device.recognizer import NO_SIGNAL, UNKNOWN, Decision, ExportedModel
from pskd_tf.device.recordings import LabelledSpan

WINDOWS = ExportedModel(Path("none"), ("a", "b"), False, 2.0)
CLIPS = ExportedModel(Path("none"), ("a", "b"), True, 0.0)


def _decision(start, end, activity, confidence=0.5):
    return Decision(0, None, start, end, end, activity, 0, confidence, None)


DECISIONS = [
    _decision(0, 2, 1, 0.6),
    _decision(1, 3, 1, 0.8),
    _decision(2, 4, UNKNOWN, 0.3),
    _decision(4, 5, NO_SIGNAL, 0),
    _decision(5, 6, NO_SIGNAL, 0),
    _decision(7, 9, 0, 0.9),
]


def test_equal_windows_join_and_movements_do_not():
    tail = [TimelineRow(2, 4, "unknown", 0.3), TimelineRow(4, 6, "no signal", 0)]
    tail.append(TimelineRow(7, 9, "a", 0.9))
    assert timeline(DECISIONS, WINDOWS) == [TimelineRow(0, 3, "b", pytest.approx(0.7)), *tail]
    two = [TimelineRow(0, 2, "b", 0.6), TimelineRow(1, 3, "b", 0.8)]
    assert timeline(DECISIONS, CLIPS) == [*two, *tail]
    assert timeline([], WINDOWS) == []


def test_a_movement_that_was_cut_is_one_row_while_its_decision_stays():
    """Cut at sample 99 and 199; a movement of the same class follows."""

    def movement(first, last, index, activity, goes_on, confidence=0.5):
        times = (first / 50, last / 50, index / 50)
        span = (first, last)
        return Decision(index, span, *times, activity, 0, confidence, None, goes_on=goes_on)

    decisions = [
        movement(0, 99, 99, 1, True, 0.6),
        movement(100, 199, 199, 1, True, 0.8),
        movement(200, 240, 275, 0, False, 0.9),
        movement(270, 330, 365, 0, False),
    ]
    assert timeline(decisions, CLIPS) == [
        TimelineRow(0, 199 / 50, "b", pytest.approx(0.7)),
        TimelineRow(4, 4.8, "a", 0.9),
        TimelineRow(5.4, 6.6, "a", 0.5),
    ]
    # What goes on was too short, or its signal was lost: what comes later is another movement.
    later = [movement(0, 99, 99, 1, True), movement(130, 190, 225, 1, False)]
    assert len(timeline(later, CLIPS)) == 2
    lost = Decision(100, None, 2, 2, 2, NO_SIGNAL, -1, 0.0, None)
    assert len(timeline([later[0], lost, movement(100, 190, 225, 1, False)], CLIPS)) == 3
    # It ended by itself just where the next one's lead begins.
    touching = [movement(0, 64, 99, 1, False), movement(100, 190, 225, 1, False)]
    assert len(timeline(touching, CLIPS)) == 2


def test_latency_is_from_the_start_to_the_first_decision_for_the_label():
    assert LabelledSpan(0.5, 4, "b").latency(DECISIONS, WINDOWS) == 1.5
    # Said at 3, a second after the start; that of 2 came before it.
    assert LabelledSpan(2.5, 4, "b").latency(DECISIONS, WINDOWS) == 0.5
    assert LabelledSpan(6, 8, "a").latency(DECISIONS, WINDOWS) == 3
    # Wrong label, and a span that no decision for it overlaps.
    assert LabelledSpan(0, 3, "a").latency(DECISIONS, WINDOWS) is None
    assert LabelledSpan(3.5, 6.5, "b").latency(DECISIONS, WINDOWS) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header"),
        ("start,stop,label\n", "header"),
        ("start,end,label\n1,2\n", "row 2"),
        ("start,end,label\n1,2,a\n1,x,a\n", "row 3"),
        ("start,end,label\n2,2,a\n", "end after its start"),
        ("start,end,label\nnan,2,a\n", "end after its start"),
        ("start,end,label\n1,2,c\n", "one of the model's classes"),
    ],
)
def test_mistakes_in_labels_name_the_row(tmp_path, text, message):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        LabelledSpan.read_all(path, CLIPS)
