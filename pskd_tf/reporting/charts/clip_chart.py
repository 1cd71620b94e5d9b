"""A recording: its acceleration, and below it the body at six moments."""

from collections.abc import Sequence

import numpy as np

from pskd_tf.reporting.charts.plot_area import PlotArea, label
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.svg_image import svg_image
from pskd_tf.reporting.palette import INK, blend

AXIS_COLOURS = {"x": "#b03a48", "y": "#0a7d62", "z": "#0b6fb0"}
_WIDTH, _MOMENTS = 350, 6


def clip_chart(
    acceleration: np.ndarray,
    rate_hz: float,
    skeleton: np.ndarray | None,
    joint_names: Sequence[str],
    joint_parents: Sequence[int],
    up_axis: int,
    dimensions: int,
    title: str,
) -> str:
    """Draws a clip.

    Args:
        acceleration: `(samples, 3)`, in g.
        rate_hz: Samples a second.
        skeleton: `(frames, joints, 3)` in metres, or None.
        joint_names: Name of each joint.
        joint_parents: Parent of each joint, -1 for the root.
        up_axis: The vertical axis.
        dimensions: 3, or 2 where the third channel is a confidence.
        title: Text alternative.

    Returns:
        The markup.
    """
    seconds = np.arange(len(acceleration)) / rate_hz
    low, high = float(acceleration.min()), float(acceleration.max())
    margin = 0.06 * (high - low) + 0.05
    area = PlotArea(
        38, 22, _WIDTH - 46, 104, (0, max(seconds[-1], 0.1)), (low - margin, high + margin)
    )
    parts = [area.axes("seconds", "acceleration, g")]
    for channel, colour in enumerate(AXIS_COLOURS.values()):
        parts.append(area.line(seconds, acceleration[:, channel], colour, 1.2))
    if skeleton is None:
        parts.append(label(_WIDTH / 2, 210, "no skeleton recorded", "middle", "name"))
    else:
        flat = _in_plane(skeleton[:, :, :dimensions], joint_names, up_axis)
        parts.append(_bodies(flat, joint_parents, area))
    return svg_image(_WIDTH, 262, title, *parts)


def _bodies(flat: np.ndarray, joint_parents: Sequence[int], area: PlotArea) -> str:
    moments = np.linspace(0, len(flat) - 1, _MOMENTS).round().astype(int)
    middle = np.median(flat.reshape(-1, 2), axis=0)
    room_x, room_y = area.width / _MOMENTS, 96.0
    # One scale for all moments and both directions, so that bodies keep their shape.
    span = np.abs(flat[moments] - middle).max(axis=(0, 1)) * 2
    scale = min(room_x * 1.25 / span[0], room_y / span[1]) if span.all() else 1.0
    parts = []
    for number, moment in enumerate(moments):
        x0 = area.left + room_x * (number + 0.5)
        xs = x0 + scale * (flat[moment, :, 0] - middle[0])
        ys = 210 - scale * (flat[moment, :, 1] - middle[1])
        bones = [
            f"M{xs[joint]:.1f} {ys[joint]:.1f}L{xs[parent]:.1f} {ys[parent]:.1f}"
            for joint, parent in enumerate(joint_parents)
            if parent >= 0
        ]
        shade = blend(INK, 0.45 + 0.5 * number / (_MOMENTS - 1))
        parts.append(
            element(
                "path",
                d="".join(bones),
                stroke=shade,
                stroke_width=1.8,
                fill="none",
                class_="bones",
            )
        )
    return "".join(parts)


def _in_plane(skeleton: np.ndarray, joint_names: Sequence[str], up_axis: int) -> np.ndarray:
    """Turns bodies to the reader and then by 30 degrees, so that depth shows too.

    Args:
        skeleton: `(frames, joints, dimensions)`.
        joint_names: Name of each joint; `left_...` and `right_...` tell which way a body faces.
        up_axis: The vertical axis.

    Returns:
        `(frames, joints, 2)`, across and up.
    """
    others = [axis for axis in range(skeleton.shape[2]) if axis != up_axis]
    across = skeleton[:, :, others[0]]
    if len(others) == 2:
        pairs = [
            (joint, joint_names.index(name.replace("left", "right", 1)))
            for joint, name in enumerate(joint_names)
            if name.startswith("left") and name.replace("left", "right", 1) in joint_names
        ]
        if pairs:
            left, right = map(list, zip(*pairs, strict=True))
            apart = skeleton[:, left] - skeleton[:, right]
        else:
            apart = skeleton - skeleton.mean(axis=1, keepdims=True)
        widths = [float(np.median(np.abs(apart[:, :, axis]))) for axis in others]
        front, depth = others if widths[0] >= widths[1] else others[::-1]
        across = 0.866 * skeleton[:, :, front] + 0.5 * skeleton[:, :, depth]
    return np.stack([across, skeleton[:, :, up_axis]], axis=-1)
