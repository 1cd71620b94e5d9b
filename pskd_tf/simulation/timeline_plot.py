"""The picture of a simulation."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from data_prep.user_error import UserError
from data_prep.whole_file import whole_file
from pskd_tf.simulation.labelled_span import LabelledSpan
from pskd_tf.simulation.recording import Recording
from pskd_tf.simulation.timeline import TimelineRow

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
