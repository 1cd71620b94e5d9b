"""The charts of the report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd

from pskd_tf.reporting.markup import element, svg_image, words


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Returns multiples of 1, 2 or 5 times a power of ten within a range.

    Args:
        low: Start of the axis.
        high: End of the axis, above `low`.
        count: About how many are wanted.

    Returns:
        Ascending values within `[low, high]`.
    """
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * unit for unit in (1, 2, 5, 10) if power * unit >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


@dataclass(frozen=True)
class PlotArea:
    """Where data lie in a drawing.

    Attributes:
        left: Left border, in the drawing's units.
        top: Upper border.
        width: Width.
        height: Height.
        x_range: Data values at the left and right border.
        y_range: Data values at the lower and upper border.
    """

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """Returns the place of a value across."""
        low, high = self.x_range
        return self.left + self.width * (float(value) - low) / ((high - low) or 1.0)

    def y(self, value: float) -> float:
        """Returns the place of a value down."""
        low, high = self.y_range
        return self.top + self.height * (1 - (float(value) - low) / ((high - low) or 1.0))

    def axes(self, x_label: str = "", y_label: str = "", counts: tuple[int, int] = (5, 4)) -> str:
        """Draws grid lines, about so many tick labels across and down, and the axes' names."""
        parts = []
        right, bottom = self.left + self.width, self.top + self.height
        for value in nice_ticks(*self.y_range, counts[1]):
            y = self.y(value)
            parts.append(element("line", x1=self.left, x2=right, y1=y, y2=y, class_="grid"))
            parts.append(label(self.left - 5, y + 3.5, f"{value:g}", "end"))
        for value in nice_ticks(*self.x_range, counts[0]) if counts[0] else ():
            parts.append(label(self.x(value), bottom + 14, f"{value:g}", "middle"))
        parts.append(element("line", x1=self.left, x2=right, y1=bottom, y2=bottom, class_="axis"))
        if x_label:
            parts.append(label(right, bottom + 28, x_label, "end", "name"))
        if y_label:
            parts.append(label(self.left - 28, self.top - 8, y_label, "start", "name"))
        return "".join(parts)

    def line(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        colour: str,
        width: float = 1.5,
        opacity: float | None = None,
        dashes: str | None = None,
    ) -> str:
        """Draws a line through points; of many points, a hundred or so."""
        chosen = np.unique(np.linspace(0, len(xs) - 1, min(len(xs), 120)).round().astype(int))
        places = [f"{self.x(xs[one]):.1f} {self.y(ys[one]):.1f}" for one in chosen]
        return element(
            "path",
            d="M" + "L".join(places),
            fill="none",
            stroke=colour,
            stroke_width=width,
            stroke_opacity=opacity,
            stroke_dasharray=dashes,
            stroke_linejoin="round",
        )


def label(x: float, y: float, text: str, anchor: str = "start", kind: str = "tick") -> str:
    """Writes text into a drawing.

    Args:
        x: Where it is anchored.
        y: Its base line.
        text: Plain text.
        anchor: `start`, `middle` or `end`.
        kind: Its class in the page's style: `tick`, `name`, `row` or `halo`.

    Returns:
        The markup.
    """
    return element("text", escape(text), x=float(x), y=float(y), text_anchor=anchor, class_=kind)


def amount_bars(rows: Sequence[tuple[str, float, str]], title: str, unit: str = "bytes") -> str:
    """Draws the rows on one scale.

    Args:
        rows: Name, amount and colour, from the top.
        title: Text alternative.
        unit: What the amounts count.

    Returns:
        The markup.
    """
    width, left, row_height = 440, 158, 25
    largest = max(size for _, size, _ in rows)
    parts = []
    for number, (name, size, colour) in enumerate(rows):
        y = 6 + row_height * number
        length = (width - left - 88) * size / largest
        parts.append(label(left - 8, y + 16, name, "end", "row"))
        parts.append(
            element("rect", x=float(left), y=float(y + 5), width=length, height=14.0, fill=colour)
        )
        parts.append(label(left + length + 6, y + 16, f"{size:,.0f} {unit}", "start", "row"))
    return svg_image(width, 10 + row_height * len(rows), title, *parts)


_COLOURS = {
    "teachers/skeleton_teacher": "#0b6fb0",
    "teachers/fusion_teacher": "#0a7d62",
    "teachers/accelerometer_teacher": "#b0760b",
    "baseline": "#6b7178",
    "students/cross_fitted": "#c8501e",
    "students/in_sample": "#8d5aa8",
    "students/live": "#2a7f96",
    "students/live_mixture": "#6f6a1f",
    "students/live_ensemble": "#7a4b2a",
    "pruned": "#a2486f",
    "int8": "#2f3e5c",
    "ground_truth": "#9aa0a6",
}
_OTHERS = ("#c8501e", "#0b6fb0", "#0a7d62", "#b0760b", "#8d5aa8", "#a2486f", "#2a7f96", "#6f6a1f")
RIGHT, WRONG, INK, SOFT, LINE = "#0b5c8a", "#c8501e", "#1c2024", "#5b6570", "#e3e0da"


def colour_of(name: str) -> str:
    """Returns the colour of a model or target; an unknown one gets one by its letters."""
    known = _COLOURS.get(name) or _COLOURS.get(f"teachers/{name}")
    return known or _OTHERS[sum(name.encode()) % len(_OTHERS)]


def numbered_colour(number: int) -> str:
    """Returns a colour for the n-th of many, such as classes or runs."""
    return _OTHERS[number % len(_OTHERS)]


def blend(colour: str, share: float) -> str:
    """Returns a colour mixed with white: share 0 gives white, 1 the colour."""
    channels = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    mixed = [round(255 + (channel - 255) * share) for channel in channels]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


_WIDTH, _LEFT, _ROW = 400, 140, 19


@dataclass(frozen=True)
class BarRow:
    """One row; values in per cent.

    Attributes:
        label: Its name.
        value: Length of the bar.
        spread: Standard deviation around it; 0 draws none.
        marks: Colour -> value of each other model.
    """

    label: str
    value: float
    spread: float = 0.0
    marks: Mapping[str, float] = field(default_factory=dict)


def bar_rows(rows: Sequence[BarRow], colour: str, title: str) -> str:
    """Draws the rows on an axis from 0 to 100 per cent.

    Args:
        rows: From the top.
        colour: Colour of the bars.
        title: Text alternative.

    Returns:
        The markup.
    """
    width, top = _WIDTH - _LEFT - 44, 4
    bottom = top + _ROW * len(rows)

    def x(value: float) -> float:
        return _LEFT + width * min(max(value, 0.0), 100.0) / 100

    parts = []
    for tick in (0, 25, 50, 75, 100):
        parts.append(element("line", x1=x(tick), x2=x(tick), y1=top, y2=bottom, class_="grid"))
        parts.append(label(x(tick), bottom + 13, str(tick), "middle"))
    for number, row in enumerate(rows):
        y = top + _ROW * (number + 0.5)
        parts.append(label(_LEFT - 6, y + 3.5, row.label, "end", "row"))
        parts.append(
            element(
                "rect",
                x=float(_LEFT),
                y=y - 5.5,
                width=x(row.value) - _LEFT,
                height=11.0,
                fill=blend(colour, 0.35),
            )
        )
        if row.spread:
            ends = x(row.value - row.spread), x(row.value + row.spread)
            parts.append(element("line", x1=ends[0], x2=ends[1], y1=y, y2=y, stroke=INK))
        for mark, value in row.marks.items():
            parts.append(
                element(
                    "line",
                    x1=x(value),
                    x2=x(value),
                    y1=y - 7,
                    y2=y + 7,
                    stroke=mark,
                    stroke_width=2.4,
                )
            )
        parts.append(label(_WIDTH - 6, y + 3.5, f"{row.value:.0f}", "end", "row"))
    return svg_image(_WIDTH, bottom + 20, title, *parts)


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


_WIDTH, _LEFT, _TOP = 400, 128, 18


def confusion_chart(counts: np.ndarray, class_names: Sequence[str], title: str) -> str:
    """Draws the shares of each row; right answers in one colour, mistakes in another.

    Args:
        counts: `(classes, classes)`, rows the truth, columns the guess.
        class_names: Name of each class.
        title: Text alternative.

    Returns:
        The markup.
    """
    cell = (_WIDTH - _LEFT - 4) / len(class_names)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    size = min(11.0, max(7.5, 0.85 * cell))
    side = cell * len(class_names)
    parts = [element("rect", x=_LEFT, y=_TOP, width=side, height=side, class_="plate")]
    every = 1 if len(class_names) <= 12 else 2
    for row, name in enumerate(class_names):
        y = _TOP + cell * (row + 0.5) + 0.35 * size
        text = f"{words(name, 22)} {row + 1}"
        parts.append(element("text", text, x=_LEFT - 4.0, y=y, text_anchor="end", font_size=size))
        if row % every == 0:
            x = _LEFT + cell * (row + 0.5)
            parts.append(label(x, _TOP - 5, str(row + 1), "middle"))
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = shares[row, column]
        said = f"{class_names[row]} taken for {class_names[column]}: {100 * share:.0f} %"
        right = row == column
        parts.append(
            element(
                "rect",
                element("title", words(said)) if not right else "",
                x=_LEFT + cell * column + 0.3,
                y=_TOP + cell * row + 0.3,
                width=cell - 0.6,
                height=cell - 0.6,
                fill=blend(RIGHT if right else WRONG, 0.25 + 0.75 * share),
            )
        )
    return svg_image(_WIDTH, _TOP + side + 4, title, *parts)


_WIDTH, _HEIGHT = 440, 270


@dataclass(frozen=True)
class CostDot:
    """One candidate.

    Attributes:
        name: What is said about it when pointed at.
        cost: Its cost.
        accuracy: In per cent.
        colour: Of the dot.
        is_filled: Hollow dots were refused.
        tag: Text beside the dot, if any.
    """

    name: str
    cost: float
    accuracy: float
    colour: str
    is_filled: bool = True
    tag: str = ""


def cost_chart(dots: Sequence[CostDot], title: str, x_label: str) -> str:
    """Draws the candidates.

    Args:
        dots: At least one.
        title: Text alternative.
        x_label: Name of the cost.

    Returns:
        The markup.
    """
    costs, accuracies = [dot.cost for dot in dots], [dot.accuracy for dot in dots]
    pad = max(0.08 * (max(accuracies) - min(accuracies)), 0.5)
    area = PlotArea(
        44,
        22,
        _WIDTH - 60,
        _HEIGHT - 62,
        (0.0, 1.08 * max(costs) or 1.0),
        (max(min(accuracies) - pad, 0.0), min(max(accuracies) + pad, 100.0)),
    )
    parts = [area.axes(x_label, "accuracy of int8, %")]
    for dot in dots:
        x, y = area.x(dot.cost), area.y(dot.accuracy)
        parts.append(
            element(
                "circle",
                element("title", escape(dot.name)),
                cx=x,
                cy=y,
                r=4.8,
                fill=dot.colour if dot.is_filled else "#ffffff",
                fill_opacity=0.8,
                stroke=dot.colour,
                stroke_width=1.4,
            )
        )
        if dot.tag:
            parts.append(label(x, y - 10, dot.tag, "middle", "halo"))
    return svg_image(_WIDTH, _HEIGHT, title, *parts)


_WIDTH, _HEIGHT = 350, 250


def history_chart(histories: Sequence[pd.DataFrame], colour: str, title: str) -> str:
    """Draws each training as a thin line and their mean as a thick one.

    Args:
        histories: One a training, with the columns `loss` and `accuracy` (a fraction).
        colour: Colour of the lines.
        title: Text alternative.

    Returns:
        The markup: loss above, accuracy in per cent below.
    """
    epochs = max(len(history) for history in histories)
    losses = [history["loss"].to_numpy() for history in histories]
    accuracies = [100 * history["accuracy"].to_numpy() for history in histories]
    # The first epochs of a loss would press all others to the floor.
    highest = max(float(np.quantile(loss, 0.98)) for loss in losses)
    span = (1.0, float(max(epochs, 2)))
    upper = PlotArea(38, 22, _WIDTH - 46, 78, span, (0.0, highest * 1.05 or 1.0))
    lower = PlotArea(38, 132, _WIDTH - 46, 84, span, (0.0, 100.0))
    parts = [
        upper.axes("", "loss", (0, 3)),
        lower.axes("epoch", "accuracy on training clips, %", (min(5, max(epochs - 1, 1)), 4)),
    ]
    for area, curves in ((upper, losses), (lower, accuracies)):
        curves = [np.minimum(curve, area.y_range[1]) for curve in curves]
        equal = len({len(curve) for curve in curves}) == 1
        thin = len(curves) > 1
        for curve in curves:
            xs = np.arange(1, len(curve) + 1)
            parts.append(area.line(xs, curve, colour, 0.8 if thin else 1.8, 0.35 if thin else None))
        if thin and equal:
            mean = np.mean(curves, axis=0)
            parts.append(area.line(np.arange(1, len(mean) + 1), mean, colour, 2.0))
    return svg_image(_WIDTH, _HEIGHT, title, *parts)


_SIDE = 350


def map_chart(
    places: np.ndarray, labels: np.ndarray, class_names: Sequence[str], title: str
) -> str:
    """Draws the map.

    Args:
        places: `(clips, 2)`.
        labels: `(clips,)` class indices.
        class_names: Name of each class.
        title: Text alternative.

    Returns:
        The markup; dots and numbers carry `data-class`, by which the page's script finds them.
    """
    low, high = places.min(axis=0), places.max(axis=0)
    area = PlotArea(14, 22, _SIDE - 28, _SIDE - 36, (low[0], high[0]), (low[1], high[1]))
    parts = [element("rect", x=1, y=1, width=_SIDE - 2, height=_SIDE - 2, class_="plate")]
    for (x, y), clip_class in zip(places, labels, strict=True):
        parts.append(
            element(
                "circle",
                element("title", escape(words(class_names[clip_class]))),
                cx=area.x(x),
                cy=area.y(y),
                r=3.4,
                fill=numbered_colour(clip_class),
                fill_opacity=0.7,
                data_class=clip_class,
            )
        )
    for clip_class in np.unique(labels):
        x, y = _middle(places[labels == clip_class])
        mark = label(area.x(x), area.y(y) - 6, str(clip_class + 1), "middle", "halo")
        parts.append(element("g", mark, data_class=clip_class))
    return svg_image(_SIDE, _SIDE, title, *parts)


def _middle(places: np.ndarray) -> np.ndarray:
    """Returns the member nearest to the median, which unlike it lies among its own."""
    distances = np.linalg.norm(places - np.median(places, axis=0), axis=1)
    return places[distances.argmin()]


_WIDTH, _HEIGHT = 330, 330


def reliability_chart(
    confidence: np.ndarray, accuracy: np.ndarray, counts: np.ndarray, colour: str, title: str
) -> str:
    """Draws how often a model is right against how sure it is.

    Args:
        confidence: `(bins,)` mean confidence, 0..1.
        accuracy: `(bins,)` share of right answers, 0..1.
        counts: `(bins,)` answers in each bin; empty bins are left out.
        colour: Colour of the points.
        title: Text alternative.

    Returns:
        The markup: the diagram, and below it how many answers each bin holds.
    """
    area = PlotArea(38, 22, _WIDTH - 50, 212, (0, 100), (0, 100))
    bars = PlotArea(38, 268, _WIDTH - 50, 30, (0, 100), (0, float(counts.max() or 1)))
    parts = [area.axes("", "right, %"), area.line([0, 100], [0, 100], SOFT, 1.0, None, "4 4")]
    width = bars.width / len(counts)
    for number, count in enumerate(counts):
        if count:
            y = bars.y(count)
            bottom = bars.top + bars.height
            parts.append(
                element(
                    "rect",
                    element("title", f"{count:.0f} answers"),
                    x=bars.left + width * number + 1,
                    y=y,
                    width=width - 2,
                    height=bottom - y,
                    fill=blend(colour, 0.45),
                )
            )
    held = counts > 0
    xs, ys = 100 * confidence[held], 100 * accuracy[held]
    parts.append(area.line(xs, ys, colour, 1.6))
    for x, y, count in zip(xs, ys, counts[held], strict=True):
        radius = 2.5 + 4.5 * float(np.sqrt(count / counts.max()))
        parts.append(element("circle", cx=area.x(x), cy=area.y(y), r=radius, fill=colour))
    parts.append(label(_WIDTH - 12, 312, "confidence, %; below: how many answers", "end", "name"))
    return svg_image(_WIDTH, _HEIGHT - 12, title, *parts)


_ROW, _LEFT, _WIDTH = 25, 184, 440


@dataclass(frozen=True)
class DotRow:
    """One row: values in per cent or points.

    Attributes:
        label: Its name.
        values: One a seed.
        colour: Colour of its dots.
    """

    label: str
    values: Sequence[float]
    colour: str


def seed_dots(rows: Sequence[DotRow], title: str, x_label: str, zero: bool = False) -> str:
    """Draws the rows.

    Args:
        rows: What to draw, from the top.
        title: Text alternative.
        x_label: Name of the axis.
        zero: Whether 0 must be on the axis and is marked (differences).

    Returns:
        The markup.
    """
    values = np.concatenate([np.asarray(row.values, float) for row in rows])
    low, high = float(values.min()), float(values.max())
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    margin = max(0.08 * (high - low), 0.5)
    span = (
        (low - margin, high + margin) if zero else (max(low - margin, 0), min(high + margin, 100))
    )
    if span[1] - span[0] < 2:
        span = (span[0] - 1, span[1] + 1)
    height = 22 + _ROW * len(rows) + 34
    area = PlotArea(_LEFT, 12, _WIDTH - _LEFT - 12, _ROW * len(rows), span, (len(rows), 0))
    parts = [_frame(area, x_label)]
    if zero:
        x = area.x(0)
        parts.append(
            element("line", x1=x, x2=x, y1=area.top, y2=area.top + area.height, class_="axis")
        )
    for number, row in enumerate(rows):
        y = area.top + _ROW * (number + 0.5)
        parts.append(label(_LEFT - 12, y + 4, row.label, "end", "row"))
        parts.append(_spread(area, y, np.asarray(row.values, float)))
        for value in row.values:
            dot = element("title", f"{row.label}: {value:.1f}")
            parts.append(
                element(
                    "circle", dot, cx=area.x(value), cy=y, r=5, fill=row.colour, fill_opacity=0.75
                )
            )
    return svg_image(_WIDTH, height, title, *parts)


def _frame(area: PlotArea, x_label: str) -> str:
    parts = []
    bottom = area.top + area.height
    for value in nice_ticks(*area.x_range, 5):
        x = area.x(value)
        parts.append(element("line", x1=x, x2=x, y1=area.top, y2=bottom, class_="grid"))
        parts.append(label(x, bottom + 15, f"{value:g}", "middle"))
    parts.append(label(area.left + area.width, bottom + 30, x_label, "end", "name"))
    return "".join(parts)


def _spread(area: PlotArea, y: float, values: np.ndarray) -> str:
    mean = values.mean()
    parts = []
    if len(values) > 1:
        std = values.std(ddof=1)
        ends = np.clip([mean - std, mean + std], *area.x_range)
        parts.append(
            element("line", x1=area.x(ends[0]), x2=area.x(ends[1]), y1=y, y2=y, stroke=INK)
        )
    x = area.x(mean)
    parts.append(element("line", x1=x, x2=x, y1=y - 9, y2=y + 9, stroke=INK, stroke_width=2))
    return "".join(parts)


_WIDTH, _HEIGHT = 350, 220


def share_areas(shares: Mapping[str, np.ndarray], colours: Mapping[str, str], title: str) -> str:
    """Stacks shares over epochs.

    Args:
        shares: `(epochs,)` of each target, 0..1.
        colours: Colour of each target.
        title: Text alternative.

    Returns:
        The markup.
    """
    epochs = len(next(iter(shares.values())))
    area = PlotArea(38, 22, _WIDTH - 46, _HEIGHT - 60, (1, max(epochs, 2)), (0, 100))
    chosen = np.unique(np.linspace(0, epochs - 1, min(epochs, 150)).round().astype(int))
    axes = area.axes("epoch", "share of samples, %", (min(5, max(epochs - 1, 1)), 4))
    parts, lower = [], np.zeros(epochs)
    for name, values in shares.items():
        upper = lower + 100 * values
        ahead = [f"{area.x(one + 1):.1f} {area.y(upper[one]):.1f}" for one in chosen]
        back = [f"{area.x(one + 1):.1f} {area.y(lower[one]):.1f}" for one in chosen[::-1]]
        parts.append(
            element(
                "path",
                d="M" + "L".join(ahead + back) + "Z",
                fill=colours[name],
                stroke="#fff",
                stroke_width=0.7,
            )
        )
        lower = upper
    return svg_image(_WIDTH, _HEIGHT, title, *parts, axes)


def share_rows(
    names: Sequence[str], shares: Mapping[str, np.ndarray], colours: Mapping[str, str], title: str
) -> str:
    """Stacks shares in one row for each name.

    Args:
        names: Name of each row.
        shares: `(rows,)` of each target, 0..1.
        colours: Colour of each target.
        title: Text alternative.

    Returns:
        The markup.
    """
    left, row_height, width = 140, 17, 350 - 140 - 8
    parts, start = [], np.zeros(len(names))
    for target, values in shares.items():
        for number, value in enumerate(values):
            if value > 0:
                parts.append(
                    element(
                        "rect",
                        element("title", f"{names[number]}: {100 * value:.0f} %"),
                        x=left + width * float(start[number]),
                        y=4.0 + row_height * number + 2,
                        width=width * float(value),
                        height=row_height - 4.0,
                        fill=colours[target],
                    )
                )
        start = start + values
    for number, name in enumerate(names):
        parts.append(label(left - 6, 4 + row_height * (number + 0.5) + 3.5, name, "end", "row"))
    return svg_image(350, 8 + row_height * len(names), title, *parts)
