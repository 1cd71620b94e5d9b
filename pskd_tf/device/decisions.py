"""Decisions of the recogniser beside the labels: counts and timelines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from data_prep.errors import UserError
from data_prep.files import whole_file
from pskd_tf.device.recognizer import NO_SIGNAL, Decision, ExportedModel
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


_GREY = {"unknown": "0.7", "no signal": "0.4"}


def timeline_plot(
    path: str | Path,
    recording: Recording,
    rows: Sequence[TimelineRow],
    labels: Sequence[LabelledSpan],
) -> None:
    """Writes a PNG: the three axes above, what was said and what was labelled below.

    Args:
        path: The file.
        recording: The samples.
        rows: The timeline.
        labels: The truth; may be empty.

    Raises:
        UserError: The file cannot be written.
    """
    names = sorted({row.label for row in rows} | {span.label for span in labels})
    figure = Figure(figsize=(12, 5), layout="constrained")
    FigureCanvasAgg(figure)
    signal, said = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    signal.plot(recording.times, recording.samples, linewidth=0.7, label=["x", "y", "z"])
    signal.set_ylabel("acceleration (g)")
    signal.legend(loc="upper right", ncols=3)
    for row in rows:
        colour = _GREY.get(row.label) or f"C{names.index(row.label) % 10}"
        said.barh("said", row.end - row.start, left=row.start, color=colour)
        said.text(row.start, 0.0, row.label, fontsize=7, va="center", clip_on=True)
    for span in labels:
        colour = f"C{names.index(span.label) % 10}"
        said.barh("labelled", span.end - span.start, left=span.start, color=colour)
        said.text(span.start, 1.0, span.label, fontsize=7, va="center", clip_on=True)
    said.set_xlabel("time (s)")
    try:
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=120, metadata={"Software": None})
    except OSError as error:
        raise UserError("plot must be a writable PNG file", error.strerror, path) from error
