"""What was said from when to when."""

from collections.abc import Sequence
from dataclasses import dataclass

from pskd_tf.simulation.decision import NO_SIGNAL, Decision
from pskd_tf.simulation.exported_model import ExportedModel


@dataclass(frozen=True)
class TimelineRow:
    """One row of the timeline.

    Attributes:
        start: In seconds.
        end: In seconds.
        label: A class's name, "unknown" or "no signal".
        confidence: Mean over the row's decisions; NaN where an input was not finite.
    """

    start: float
    end: float
    label: str
    confidence: float


def timeline(decisions: Sequence[Decision], model: ExportedModel) -> list[TimelineRow]:
    """Joins decisions to rows.

    Windows in a row that say the same are one row, from the start of the first to the end of the
    last; so are samples without signal. Each movement of clip mode is a row of its own.

    Args:
        decisions: In order of time.
        model: The export.

    Returns:
        The rows; those of windows overlap where windows do.
    """
    groups: list[list[Decision]] = []
    for decision in decisions:
        joins = not model.clip_mode or decision.activity == NO_SIGNAL
        if groups and joins and groups[-1][-1].activity == decision.activity:
            groups[-1].append(decision)
        else:
            groups.append([decision])
    return [
        TimelineRow(
            group[0].start,
            group[-1].end,
            model.label_of(group[0].activity),
            sum(decision.confidence for decision in group) / len(group),
        )
        for group in groups
    ]
