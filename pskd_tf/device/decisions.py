"""Decisions of the recogniser over a recording: timeline, counts against the labels, plot."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from data_prep.errors import UserError
from data_prep.files import whole_file
from pskd_tf.device.recognizer import NO_SIGNAL, UNKNOWN, Decision, ExportedModel
from pskd_tf.device.recordings import LabelledSpan, Recording


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

    Consecutive windows with the same decision are one row, from the start of the first to the end
    of the last; so are samples without signal. Each movement of clip mode is a row of its own, also
    one that was cut at the longest length, as long as the segments have the same decision.

    Args:
        decisions: In order of time.
        model: The export.

    Returns:
        The rows; rows of windows overlap where the windows do.
    """
    groups: list[list[Decision]] = []
    for decision in decisions:
        if groups and _joins(groups[-1][-1], decision, model):
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


def _joins(last: Decision, decision: Decision, model: ExportedModel) -> bool:
    """Returns whether a decision belongs to the row of the one before."""
    if last.activity != decision.activity:
        return False
    if not model.clip_mode or decision.activity == NO_SIGNAL:
        return True
    return last.goes_on and decision.span is not None and decision.span[0] == last.index + 1


def at_threshold(decision: Decision, threshold: float) -> Decision:
    """Returns the core's decision at a threshold, from the one at threshold 0.

    It holds where each decision depends on its own score alone: in clip mode, and in window mode
    with settings that `decides_alone`.

    Args:
        decision: At threshold 0.
        threshold: The threshold.

    Returns:
        The decision; unknown where its score is below the threshold.
    """
    if decision.activity >= 0 and decision.confidence < np.float32(threshold):
        return dataclasses.replace(decision, activity=UNKNOWN)
    return decision


@dataclass(frozen=True)
class DecisionCounts:
    """Counts over a recording with known movements.

    Attributes:
        movements: Number of labelled spans.
        right: Number of spans that were recognised, with the right label.
        false: Rows of the timeline with a class that no overlapping span has; at rest, all rows
            with a class.
        unknown: Rows with the label "unknown".
        latencies: Seconds from the start to the decision, of the spans that were recognised.
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
        """Compares the decisions with the labels.

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
        recognised = tuple(latency for latency in latencies if latency is not None)
        false = 0
        for row in rows:
            false += row.label in classes and not any(
                span.label == row.label and row.start < span.end and row.end > span.start
                for span in spans
            )
        unknown = sum(row.label == "unknown" for row in rows)
        return cls(len(spans), len(recognised), false, unknown, recognised)


_GREY = {"unknown": "0.7", "no signal": "0.4"}


def timeline_plot(
    path: str | Path,
    recording: Recording,
    rows: Sequence[TimelineRow],
    labels: Sequence[LabelledSpan],
) -> None:
    """Writes a PNG: the three axes above, the decisions and the labels below.

    Args:
        path: The file.
        recording: The samples.
        rows: The timeline.
        labels: The labelled spans; may be empty.

    Raises:
        UserError: The file cannot be written.
    """
    names = sorted({row.label for row in rows} | {span.label for span in labels})
    figure = Figure(figsize=(12, 5), layout="constrained")
    FigureCanvasAgg(figure)
    signal, spans = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    signal.plot(recording.times, recording.samples[:, :3], linewidth=0.7, label=["x", "y", "z"])
    signal.set_ylabel("acceleration (g)")
    signal.legend(loc="upper right", ncols=3)
    for place, events in (("recognised", rows), ("labelled", labels)):
        for event in events:
            colour = _GREY.get(event.label) or f"C{names.index(event.label) % 10}"
            spans.barh(place, event.end - event.start, left=event.start, color=colour)
            if event.label not in _GREY:
                text = event.label.replace("_", "\n")
                spans.text(event.start, place, text, fontsize=7, va="center", clip_on=True)
    faults = [Patch(color=colour, label=name) for name, colour in _GREY.items() if name in names]
    if faults:
        spans.legend(handles=faults, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8)
    spans.set_xlabel("time (s)")
    try:
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=120, metadata={"Software": None})
    except OSError as error:
        raise UserError("plot must be a writable PNG file", error.strerror, path) from error
