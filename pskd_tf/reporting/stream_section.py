"""The section about the stream: events, losses, false decisions, the curve of all thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from matplotlib.ticker import FuncFormatter

from pskd_tf.device.events import MATCHING_IOU, EventCategories, EventMatches, Latency
from pskd_tf.device.movement_losses import LossTable
from pskd_tf.device.recordings import joined_clips, joined_order
from pskd_tf.device.stream_figures import SHOWN_MOVEMENTS, StreamFigures
from pskd_tf.reporting.charts import INK, Chart, Drawing, chart_style, numbered_colour
from pskd_tf.reporting.clip_drawing import body_of
from pskd_tf.reporting.stream_timeline import stream_timeline
from pskd_tf.reporting.tables import Table, rate_text, words
from pskd_tf.run import Run

# The streams of the curve: those without movements, and parts of movements.
CURVE_COLOURS = {
    "no movements": numbered_colour(0),
    "parts of movements": numbered_colour(1),
}
_LOSSES = {
    "never_started": "the detector found nothing",
    "too_short": "one piece, too short to be classified",
    "split": "several pieces, each too short",
    "wrong_on_clip_borders": "wrong class, between the data set's borders too",
    "wrong_on_the_cut": "wrong class only between the detector's borders",
    "below_threshold": "right class, below the threshold",
    "right": "said right",
}


@dataclass(frozen=True)
class StreamSection:
    """The section.

    Attributes:
        summary: One sentence.
        totals: Event metrics and latency over all classes.
        losses: Where the movements are lost; None in window mode.
        idle: False decisions by kind of stream.
        classes: Event metrics by class.
        curve: Recall against false decisions; None where there is none.
        timeline: The first movements of the stream.
        settings: The recogniser's settings.
    """

    summary: str
    totals: Table
    losses: Table | None
    idle: Table | None
    classes: Table
    curve: Chart | None
    timeline: Chart
    settings: Table


def stream_section(run: Run) -> StreamSection | None:
    """Collects the figures of the run's stream; None where this export was not streamed."""
    figures = StreamFigures.of_run(run.run_dir)
    if figures is None:
        return None
    return StreamSection(
        _summary(figures),
        _totals(figures),
        None if figures.losses is None else _losses(figures.losses),
        _idle(figures) if figures.idle else None,
        _classes(figures),
        operating_chart(figures) if figures.curve and figures.idle else None,
        _timeline(run, figures),
        Table(
            ["Setting of the recogniser", "Value"],
            [
                [words(field.name), _value(getattr(figures.settings, field.name))]
                for field in fields(figures.settings)
            ],
        ),
    )


def _timeline(run: Run, figures: StreamFigures) -> Chart:
    prepared, clips = run.prepared, run.export.test_clips
    recording, labelled = joined_clips(prepared, clips, SHOWN_MOVEMENTS)
    return stream_timeline(
        recording,
        labelled,
        figures.shown,
        [prepared.skeleton(row) for row in joined_order(prepared, clips)[:SHOWN_MOVEMENTS]],
        body_of(prepared),
        f"The first {len(labelled)} movements of the stream, as labelled and as said",
    )


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _summary(figures: StreamFigures) -> str:
    rates = [one.rate for one in figures.idle if not one.is_partial]
    text = (
        f"In a stream of the test clips with rest between them, at threshold "
        f"{figures.settings.threshold:g}, the C recogniser says {figures.right} of "
        f"{figures.movements} movements right ({100 * figures.right_share:.1f} %) and "
        f"{figures.false} wrong"
    )
    if rates:
        most = max(one.an_hour for one in rates)
        bound = max(one.upper_bound for one in rates)
        text += (
            f"; without movements, at most {rate_text(most)} false decisions an hour on any kind "
            f"of stream (95 % upper bounds up to {rate_text(bound)})"
        )
    return f"{text}."


def _totals(figures: StreamFigures) -> Table:
    matches, categories = figures.all_matches, figures.all_categories
    rows = [
        [f"event F1, IoU {MATCHING_IOU:g}, all events", f"{matches.f1:.3f}"],
        ["the same, mean of the classes", f"{figures.macro_f1:.3f}"],
        ["precision, recall", f"{matches.precision:.3f}, {matches.recall:.3f}"],
        *(
            [words(field.name), str(getattr(categories, field.name))]
            for field in fields(categories)
        ),
        ["from start to decision, median, 90th percentile", _seconds(figures.from_start)],
        ["from end to decision, median, 90th percentile", _seconds(figures.from_end)],
    ]
    return Table(["Events", "Value"], rows)


def _seconds(latency: Latency | None) -> str:
    if latency is None:
        return "none said right"
    return f"{latency.median:.2f} s, {latency.percentile_90:.2f} s".replace("-", "−")


def _losses(losses: LossTable) -> Table:
    rows = [
        [text, str(getattr(losses, name)), f"{100 * getattr(losses, name) / losses.movements:.1f}"]
        for name, text in _LOSSES.items()
    ]
    rows.append(["all", str(losses.movements), "100.0"])
    return Table(["Movements", "Number", "%"], rows, strong_rows=[len(rows) - 2])


def _idle(figures: StreamFigures) -> Table:
    rows = [
        [
            f"{one.kind} (parts of movements)" if one.is_partial else one.kind,
            one.made_of,
            f"{one.rate.hours:.3g}",
            f"{one.rate.distinct_hours:.3g}",
            str(one.rate.false),
            rate_text(one.rate.an_hour),
            rate_text(one.rate.upper_bound),
        ]
        for one in sorted(figures.idle, key=lambda one: one.is_partial)
    ]
    header = ["Stream", "Made of", "Hours", "Distinct", "False", "An hour", "At most (95 %)"]
    return Table(header, rows)


def _classes(figures: StreamFigures) -> Table:
    rows = []
    for name, matches in figures.matches.items():
        categories: EventCategories = figures.categories[name]
        counts = (
            *(matches.labelled, matches.said, matches.matched),
            *(categories.correct, categories.deleted, categories.fragmented),
            *(categories.merged + categories.fragmented_and_merged, categories.inserted),
        )
        rows.append([words(name), _f1(matches), *map(str, counts)])
    header = ["Class", "Event F1", "Labelled", "Said", "Matched", "Correct", "Deleted"]
    return Table([*header, "Fragmented", "Merged", "Inserted"], rows)


def _f1(matches: EventMatches) -> str:
    return f"{matches.f1:.2f}" if matches.labelled or matches.said else "–"


@chart_style
def operating_chart(figures: StreamFigures) -> Chart:
    """Draws the share of right movements against false decisions an hour, over all thresholds.

    Args:
        figures: With a curve and streams without movements.

    Returns:
        The chart; of several kinds of streams the one with the most false decisions counts.
    """
    drawing = Drawing("Right movements against false decisions an hour", 420, 300)
    plot = drawing.plot
    groups = {
        "no movements": [one.kind for one in figures.idle if not one.is_partial],
        "parts of movements": [one.kind for one in figures.idle if one.is_partial],
    }
    threshold = figures.settings.threshold
    for name, kinds in groups.items():
        if not kinds:
            continue
        colour = CURVE_COLOURS[name]
        false = [max(point.false_an_hour[kind] for kind in kinds) for point in figures.curve]
        right = [100 * point.right_share for point in figures.curve]
        plot.plot(false, right, color=colour, linewidth=1.2)
        dots = plot.scatter(false, right, 14, colour, linewidths=0)
        drawing.tooltips(
            dots, *_tooltips(name, [point.threshold for point in figures.curve], right, false)
        )
        place = [point.threshold for point in figures.curve].index(threshold)
        (mark,) = plot.plot(
            false[place], right[place], "o", color=INK, fillstyle="none", markersize=10
        )
        drawing.tooltips(mark, f"{name}: the recogniser's threshold, {threshold:g}")
    plot.set_xscale("symlog", linthresh=1.0)
    plot.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    plot.set(
        xlim=(-0.1, None), ylim=(0, 101), xlabel="false decisions an hour", title="said right, %"
    )
    kinds = [one.kind for one in figures.idle]
    rows = [
        [
            f"{point.threshold:.4f}",
            f"{100 * point.right_share:.1f}",
            *(rate_text(point.false_an_hour[kind]) for kind in kinds),
        ]
        for point in figures.curve
    ]
    chosen = [place for place, point in enumerate(figures.curve) if point.threshold == threshold]
    header = ["Threshold", "Right %", *(f"{kind}, an hour" for kind in kinds)]
    return drawing.finish(Table(header, rows, strong_rows=chosen))


def _tooltips(
    name: str, thresholds: Sequence[float], right: Sequence[float], false: Sequence[float]
) -> list[str]:
    return [
        f"{name}, threshold {threshold:.3f}: {share:.1f} % right, "
        f"{rate_text(an_hour)} false an hour"
        for threshold, share, an_hour in zip(thresholds, right, false, strict=True)
    ]
