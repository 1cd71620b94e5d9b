"""The drawing of a clip: its acceleration over time, and the skeleton at six moments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from data_prep.prepared_set import PreparedSet
from pskd_tf.reporting.charts import INK, SOFT, Chart, Drawing, chart_style, colour_of
from pskd_tf.reporting.tables import Table

AXES = ("x axis", "y axis", "z axis")
_MOMENTS = 6


@dataclass(frozen=True)
class Body:
    """How the joints of a skeleton hang together.

    Attributes:
        joint_names: Name of each joint.
        joint_parents: Parent of each joint, -1 for the root.
        up_axis: The vertical axis.
        dimensions: 3, or 2 where the third channel is a confidence.
    """

    joint_names: Sequence[str]
    joint_parents: Sequence[int]
    up_axis: int
    dimensions: int


def body_of(prepared: PreparedSet) -> Body:
    """Returns how the joints of a prepared set's skeletons hang together."""
    description = prepared.description
    return Body(
        description.joint_names,
        description.joint_parents,
        description.up_axis,
        description.skeleton_dimensions,
    )


@chart_style
def clip_chart(
    acceleration: np.ndarray, rate_hz: float, skeleton: np.ndarray | None, body: Body, title: str
) -> Chart:
    """Draws a clip.

    Args:
        acceleration: `(samples, 3)`, in g.
        rate_hz: Samples a second.
        skeleton: `(frames, joints, 3)` in metres, or None.
        body: How its joints hang together.
        title: Text alternative.

    Returns:
        The chart; its values are the acceleration at the six moments.
    """
    drawing = Drawing(title, 350, 270, rows=2, height_ratios=[6, 5])
    upper, lower = drawing.plots
    seconds = np.arange(len(acceleration)) / rate_hz
    for channel, name in enumerate(AXES):
        upper.plot(seconds, acceleration[:, channel], color=colour_of(name), linewidth=1.2)
    upper.set(xlim=(0, max(seconds[-1], 0.1)), xlabel="seconds", title="acceleration, g")
    lower.axis("off")
    if skeleton is None:
        lower.text(0.5, 0.5, "no skeleton recorded", color=SOFT, ha="center")
    else:
        _draw_bodies(lower, body_plane(skeleton, body), body.joint_parents)
    samples = np.linspace(0, len(acceleration) - 1, _MOMENTS).round().astype(int)
    rows = [
        [f"{seconds[one]:.2f}", *(f"{value:.2f}" for value in acceleration[one])] for one in samples
    ]
    return drawing.finish(Table(["Seconds", "x, g", "y, g", "z, g"], rows))


def _draw_bodies(plot: Axes, flat: np.ndarray, joint_parents: Sequence[int]) -> None:
    moments = np.linspace(0, len(flat) - 1, _MOMENTS).round().astype(int)
    middle = np.median(flat.reshape(-1, 2), axis=0)
    reach = np.abs(flat[moments] - middle).max(axis=(0, 1))
    apart = max(1.6 * reach[0], 0.7 * reach[1], 1e-6)
    children = [joint for joint, parent in enumerate(joint_parents) if parent >= 0]
    parents = [joint_parents[joint] for joint in children]
    for number, moment in enumerate(moments):
        joints = flat[moment] - middle + [apart * number, 0]
        bones = LineCollection(
            list(np.stack([joints[children], joints[parents]], axis=1)),
            colors=INK,
            linewidths=1.8,
            capstyle="round",
            alpha=0.45 + 0.55 * number / (_MOMENTS - 1),
            clip_on=False,
        )
        plot.add_collection(bones)
    # One scale for all moments and both directions, so that bodies keep their shape.
    plot.set(xlim=(-reach[0], apart * (_MOMENTS - 1) + reach[0]), ylim=(-reach[1], reach[1]))
    plot.set_aspect("equal")


def body_plane(skeleton: np.ndarray, body: Body) -> np.ndarray:
    """Turns a body to the reader and then by 30 degrees, so that depth shows too.

    Args:
        skeleton: `(frames, joints, 3)`.
        body: The names `left_...` and `right_...` of its joints tell which way it faces.

    Returns:
        `(frames, joints, 2)`, across and up.
    """
    skeleton = skeleton[:, :, : body.dimensions]
    others = [axis for axis in range(body.dimensions) if axis != body.up_axis]
    across = skeleton[:, :, others[0]]
    if len(others) == 2:
        names = list(body.joint_names)
        pairs = [
            (joint, names.index(name.replace("left", "right", 1)))
            for joint, name in enumerate(names)
            if name.startswith("left") and name.replace("left", "right", 1) in names
        ]
        if pairs:
            left, right = map(list, zip(*pairs, strict=True))
            apart = skeleton[:, left] - skeleton[:, right]
        else:
            apart = skeleton - skeleton.mean(axis=1, keepdims=True)
        widths = [float(np.median(np.abs(apart[:, :, axis]))) for axis in others]
        front, depth = others if widths[0] >= widths[1] else others[::-1]
        across = 0.866 * skeleton[:, :, front] + 0.5 * skeleton[:, :, depth]
    return np.stack([across, skeleton[:, :, body.up_axis]], axis=-1)
