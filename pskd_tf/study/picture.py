"""A figure with one panel beside the other, and its PNG."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from data_prep.user_error import UserError
from data_prep.whole_file import whole_file


class Picture:
    """Panels that share their axes.

    Args:
        titles: One a panel.
        width: Width of a panel, in inches.
        height: Height of the picture, in inches.
    """

    def __init__(self, titles: list[str], width: float, height: float):
        size = (width * len(titles), height)
        self.figure = Figure(figsize=size, dpi=100, layout="constrained")
        FigureCanvasAgg(self.figure)
        panels = self.figure.subplots(1, len(titles), sharex=True, sharey=True, squeeze=False)
        self.panels: list[Axes] = list(panels[0])
        for axes, title in zip(self.panels, titles, strict=True):
            axes.set_title(title, fontsize=10)
            axes.spines[["top", "right"]].set_visible(False)

    def legend(self) -> None:
        """Puts the first panel's legend above all panels."""
        handles, labels = self.panels[0].get_legend_handles_labels()
        self.figure.legend(
            handles, labels, loc="outside upper center", ncols=5, fontsize=9, frameon=False
        )

    def save(self, path: Path) -> None:
        """Writes the PNG, whole.

        Args:
            path: The file.

        Raises:
            UserError: It cannot be written.
        """
        try:
            with whole_file(path) as temporary:
                self.figure.savefig(temporary, format="png", metadata={"Software": None})
        except OSError as error:
            raise UserError("out must be a writable folder", error.strerror, path) from error
