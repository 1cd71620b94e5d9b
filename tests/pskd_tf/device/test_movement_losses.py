"""Each movement is lost once, by the first reason."""

import pytest

from pskd_tf.device.decisions import at_threshold
from pskd_tf.device.movement_losses import LossTable, loss_table
from pskd_tf.device.recognizer import UNKNOWN, Decision
from seven_movements import DECISIONS, MODEL, PIECES, SPANS


def _losses(spans, decisions, on_clip_borders, threshold):
    said = [at_threshold(decision, threshold) for decision in decisions]
    return loss_table(spans, PIECES, decisions, said, on_clip_borders, MODEL)


def test_each_loss_once():
    on_clip_borders = [0, 0, 0, 1, 0, 0, 1]
    table = _losses(SPANS, DECISIONS, on_clip_borders, 0.5)
    assert table == LossTable(1, 1, 1, 1, 1, 1, 1) and table.movements == 7
    strict = _losses(SPANS, DECISIONS, on_clip_borders, 0.6)
    assert strict == LossTable(1, 1, 1, 1, 1, 2, 0)
    with pytest.raises(ValueError):
        _losses(SPANS, DECISIONS, [0], 0.5)


def test_what_only_the_class_floor_keeps_is_below_the_threshold():
    kept = [Decision(0, None, 0, 2, 2, UNKNOWN, 0, 0.9, None)]
    assert _losses(SPANS[:1], kept, [1], 0.0) == LossTable(below_threshold=1)
    # The best output is that of a null class, which has no name.
    none = [Decision(0, None, 0, 2, 2, UNKNOWN, 2, 0.9, None)]
    assert _losses(SPANS[:1], none, [0], 0.0) == LossTable(wrong_on_the_cut=1)


def test_what_is_no_number_is_classified_wrongly():
    decisions = [Decision(0, None, 0, 2, 2, UNKNOWN, 0, float("nan"), None)]
    table = _losses(SPANS[:1], decisions, [0], 0.0)
    assert table == LossTable(wrong_on_the_cut=1)
