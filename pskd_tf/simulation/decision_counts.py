"""What was said right and wrong in one recording."""

from collections.abc import Sequence
from dataclasses import dataclass

from pskd_tf.simulation.decision import Decision
from pskd_tf.simulation.exported_model import ExportedModel
from pskd_tf.simulation.labelled_span import LabelledSpan
from pskd_tf.simulation.timeline import timeline


@dataclass(frozen=True)
class DecisionCounts:
    """Counts over a recording whose movements are known.

    Attributes:
        movements: Labelled spans.
        right: Spans whose label was said.
        false: Rows of the timeline that say a class which is no span's that they overlap; at rest,
            every one that says a class.
        unknown: Rows that say "unknown".
        latencies: Of the spans that were said, seconds from start to decision.
    """

    movements: int
    right: int
    false: int
    unknown: int
    latencies: tuple[float, ...]

    @classmethod
    def of(
        cls, decisions: Sequence[Decision], spans: Sequence[LabelledSpan], model: ExportedModel
    ) -> "DecisionCounts":
        """Counts.

        Args:
            decisions: In order of time.
            spans: The recording's movements; none at rest.
            model: The export.

        Returns:
            The counts.
        """
        rows = timeline(decisions, model)
        classes = set(model.class_names)
        latencies = [span.latency(decisions, model) for span in spans]
        said = tuple(latency for latency in latencies if latency is not None)
        false = 0
        for row in rows:
            overlapping = {
                span.label for span in spans if row.start < span.end and row.end > span.start
            }
            false += row.label in classes and row.label not in overlapping
        unknown = sum(row.label == "unknown" for row in rows)
        return cls(len(spans), len(said), false, unknown, said)
