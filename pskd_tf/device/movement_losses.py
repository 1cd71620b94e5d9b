"""Where the movements of a stream are lost, from the detector to the threshold."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from pskd_tf.device.recognizer import Decision, ExportedModel
from pskd_tf.device.recordings import LabelledSpan


@dataclass(frozen=True)
class LossTable:
    """Where the movements are lost; each movement counts once, so the counts add up.

    Attributes:
        never_started: The detector found nothing.
        too_short: It found one piece, whose length the recogniser does not classify.
        split: It found several pieces, none of a length that the recogniser classifies.
        wrong_on_clip_borders: Wrong, as also between the data set's borders.
        wrong_on_the_cut: Wrong, but right between the data set's borders.
        below_threshold: The right class, with a score below the threshold or the class floor.
        right: Right, and said.
    """

    never_started: int = 0
    too_short: int = 0
    split: int = 0
    wrong_on_clip_borders: int = 0
    wrong_on_the_cut: int = 0
    below_threshold: int = 0
    right: int = 0

    @property
    def movements(self) -> int:
        """Number of all movements."""
        return sum(getattr(self, field.name) for field in fields(self))


def loss_table(
    spans: Sequence[LabelledSpan],
    pieces: Sequence[tuple[float, float]],
    decisions: Sequence[Decision],
    said: Sequence[Decision],
    on_clip_borders: Sequence[int],
    model: ExportedModel,
) -> LossTable:
    """Counts each movement once, by the first reason why it was not said right. Ours.

    Args:
        spans: The movements.
        pieces: Start and end of all that the detector cut, of whatever length, in seconds.
        decisions: The core's at threshold 0, in clip mode.
        said: The same at the recogniser's threshold, which may adapt.
        on_clip_borders: The class that the model gives each movement between the data set's
            borders.
        model: The export.

    Returns:
        The counts; `right` is that of `DecisionCounts` of `said`.
    """
    counts = dict.fromkeys((field.name for field in fields(LossTable)), 0)
    for span, guess in zip(spans, on_clip_borders, strict=True):
        found = sum(start < span.end and end > span.start for start, end in pieces)
        is_classified = any(one.start < span.end and one.end > span.start for one in decisions)
        if span.latency(said, model) is not None:
            reason = "right"
        elif any(_is_nearest(span, decision, model) for decision in decisions):
            reason = "below_threshold"
        elif is_classified:
            wrong = model.class_names[guess] != span.label
            reason = "wrong_on_clip_borders" if wrong else "wrong_on_the_cut"
        else:
            reason = ("never_started", "too_short", "split")[min(found, 2)]
        counts[reason] += 1
    return LossTable(**counts)


def _is_nearest(span: LabelledSpan, decision: Decision, model: ExportedModel) -> bool:
    """Whether the span's class is that of a decision, or would be without a floor."""
    if span.latency([decision], model) is not None:
        return True
    overlaps = decision.start < span.end and decision.end > span.start
    is_class = 0 <= decision.best < len(model.class_names) and np.isfinite(decision.confidence)
    return bool(overlaps and is_class) and model.class_names[decision.best] == span.label
