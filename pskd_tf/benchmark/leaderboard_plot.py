"""A board as a picture."""

from collections.abc import Sequence
from pathlib import Path

from data_prep.whole_file import whole_file
from pskd_tf.benchmark.board_row import BoardRow

_COLOURS = {"validation": "#6b7f99", "cross_subject": "#b3482e"}
_NAMES = {"validation": "validation: training subjects left out", "cross_subject": "test subjects"}


def leaderboard_plot(path: str | Path, rows: Sequence[BoardRow]) -> None:
    """Draws accuracy and its difference to cross-entropy, a line a method, validation's order.

    Args:
        path: The PNG to write.
        rows: As `board_rows` sorts them.
    """
    # Here, because pyplot takes a second to import.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 1.2 + 0.32 * len(rows)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    for place, row in enumerate(rows):
        for shift, (protocol, colour) in zip((-0.13, 0.13), _COLOURS.items(), strict=True):
            spread = row.spreads.get(protocol, {}).get("accuracy")
            if spread:
                left.errorbar(
                    100 * spread.mean,
                    place + shift,
                    xerr=100 * spread.std,
                    fmt="o",
                    markersize=5,
                    capsize=2,
                    color=colour,
                    label=_NAMES[protocol],
                )
            difference = row.differences.get(protocol, {}).get("cross_entropy")
            if difference:
                right.plot(
                    [100 * difference.low, 100 * difference.high],
                    [place + shift] * 2,
                    color=colour,
                    linewidth=2,
                    solid_capstyle="round",
                )
                right.plot(100 * difference.mean, place + shift, "o", markersize=5, color=colour)
    titles = [row.title + (" *" if row.is_picked else "") for row in rows]
    left.set_yticks(range(len(rows)), titles)
    left.invert_yaxis()
    left.set_xlabel("accuracy, % (mean, sample standard deviation)")
    right.set_xlabel("minus cross-entropy, points (95 % nested bootstrap)")
    right.axvline(0, color="#888888", linewidth=0.8)
    for axes in (left, right):
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = left.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    if unique:
        figure.legend(
            unique.values(), unique.keys(), loc="outside upper center", ncols=2, frameon=False
        )
    with whole_file(Path(path).with_suffix(".png")) as temporary:
        figure.savefig(temporary)
