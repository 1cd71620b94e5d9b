"""The drawing of a stream: its acceleration, the skeletons, what is labelled and what was said."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from pskd_tf.device.recordings import LabelledSpan, Recording
from pskd_tf.reporting.charts import INK, RIGHT, SOFT, WRONG, Chart, Drawing, chart_style, colour_of
from pskd_tf.reporting.clip_drawing import AXES, Body, body_plane
from pskd_tf.reporting.tables import Table, words

TIMELINE_COLOURS = {"labelled": INK, "right": RIGHT, "wrong": WRONG, "unknown": SOFT}
_WIDTH, _HEIGHT = 720, 330
_HEIGHT_RATIOS = (5, 3, 3)


@chart_style
def stream_timeline(
    recording: Recording,
    labelled: Sequence[LabelledSpan],
    said: Sequence[LabelledSpan],
    skeletons: Sequence[np.ndarray | None],
    body: Body,
    title: str,
) -> Chart:
    """Draws a stream.

    Args:
        recording: Its samples.
        labelled: Its movements.
        said: Rows of the recogniser's time line.
        skeletons: `(frames, joints, 3)` of each movement, or None.
        body: How the joints hang together.
        title: Text alternative.

    Returns:
        The chart; its values are the movements and the rows.
    """
    drawing = Drawing(
        title, _WIDTH, _HEIGHT, rows=3, sharex=True, height_ratios=list(_HEIGHT_RATIOS)
    )
    signal, bodies, events = drawing.plots
    for channel, name in enumerate(AXES):
        values = recording.samples[:, channel]
        signal.plot(recording.times, values, color=colour_of(name), linewidth=0.8)
    signal.set(xlim=(recording.times[0], recording.times[-1]), title="acceleration, g")
    bodies.axis("off")
    _draw_bodies(bodies, labelled, skeletons, body, float(np.ptp(recording.times)))
    rows = []
    for place, (name, spans) in enumerate((("labelled", labelled), ("said", said))):
        for span in spans:
            kind = name if name == "labelled" else _kind(span, labelled)
            length = span.end - span.start
            (bar,) = events.barh(
                place, length, 0.5, span.start, color=TIMELINE_COLOURS[kind], linewidth=0
            )
            text = f"{span.start:.1f} to {span.end:.1f} s"
            drawing.tooltips(bar, f"{kind}: {words(span.label)}, {text}")
            middle, above = span.start + length / 2, place - 0.45
            if span.label != "unknown":  # often short, between others; the colour tells it
                text = words(span.label, 14)
                events.text(middle, above, text, fontsize=8, color=INK, ha="center")
            rows.append([kind, words(span.label), f"{span.start:.2f}", f"{span.end:.2f}"])
    events.set_yticks([0, 1], ["labelled", "said"])
    events.tick_params(axis="y", labelcolor=INK)
    events.set(ylim=(1.4, -0.8), xlabel="seconds")
    events.grid(axis="y", visible=False)
    return drawing.finish(Table(["Event", "Label", "Start, s", "End, s"], rows, kind="text"))


def _kind(span: LabelledSpan, labelled: Sequence[LabelledSpan]) -> str:
    if span.label in ("unknown", "no signal"):
        return "unknown"
    near = {one.label for one in labelled if one.start < span.end and one.end > span.start}
    return "right" if span.label in near else "wrong"


def _draw_bodies(
    plot: Axes,
    labelled: Sequence[LabelledSpan],
    skeletons: Sequence[np.ndarray | None],
    body: Body,
    seconds: float,
) -> None:
    """Draws the body at a third and at two thirds of each movement, all in one scale."""
    found = []
    for span, skeleton in zip(labelled, skeletons, strict=True):
        if skeleton is not None:
            flat = body_plane(skeleton, body)
            middle = np.median(flat.reshape(-1, 2), axis=0)
            for share in (1 / 3, 2 / 3):
                joints = flat[int(share * (len(flat) - 1))] - middle
                found.append((span.start + share * (span.end - span.start), joints))
    if not found:
        plot.text(
            0.5, 0.5, "no skeleton recorded", color=SOFT, ha="center", transform=plot.transAxes
        )
        return
    reach = max(float(np.abs(joints[:, 1]).max()) for _, joints in found)
    # Seconds across for one unit up, by the size of the plot.
    height = _HEIGHT * _HEIGHT_RATIOS[1] / sum(_HEIGHT_RATIOS)
    across = seconds / _WIDTH * height / (2 * reach)
    children = [joint for joint, parent in enumerate(body.joint_parents) if parent >= 0]
    parents = [body.joint_parents[joint] for joint in children]
    for at, joints in found:
        placed = joints * [across, 1.0] + [at, 0.0]
        bones = np.stack([placed[children], placed[parents]], axis=1)
        plot.add_collection(LineCollection(list(bones), colors=INK, linewidths=1.4, clip_on=False))
    plot.set_ylim(-reach, reach)
