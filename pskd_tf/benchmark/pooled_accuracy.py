"""Accuracy over all folds of a protocol, each clip counted once."""

from collections.abc import Iterable

from pskd_tf.benchmark.cell_record import CellRecord


def pooled_accuracy(records: Iterable[CellRecord]) -> float:
    """Returns the share of right clips over the folds of one pair of seeds, 0..1."""
    right, clips = 0, 0
    for record in records:
        count = len(record.guesses) // 2
        right += round(record.accuracy * count)
        clips += count
    return right / clips
