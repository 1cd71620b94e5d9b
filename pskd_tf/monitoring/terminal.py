"""The live display in a terminal: a plot of the samples, the last lines, and keys.

rich draws; the plot is of braille characters, each of which has two by four dots.
"""

import math
import os
import select
import sys
import termios
import tty
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from data_prep.errors import UserError
from pskd_tf.monitoring.live import KEPT_SECONDS, LiveView
from pskd_tf.monitoring.recording import SessionState

_COLOURS = ("red", "green", "blue")
_BRAILLE = 0x2800
# Bit of the dot in a column of four, left and right.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_HEIGHT = 12
_LEAST_G = 2.0


def plot_rows(
    samples: Sequence[tuple[float, float, float, float]], now: float, columns: int, rows: int
) -> tuple[float, list[list[tuple[str, int]]]]:
    """Draws the three axes of the last seconds.

    Args:
        samples: Time in seconds, x, y, z in g.
        now: The right edge, in seconds; the left one is `KEPT_SECONDS` before.
        columns: Width in characters.
        rows: Height in characters.

    Returns:
        The largest value of the plot in g, the least being its negative, and for each row its
        characters with the axis of the colour: 0, 1, 2, or -1 for an empty one.
    """
    finite = [sample for sample in samples if all(abs(value) < 1e4 for value in sample[1:])]
    largest = max([_LEAST_G, *(abs(value) for sample in finite for value in sample[1:])])
    bits = [[0] * columns for _ in range(rows)]
    axes = [[-1] * columns for _ in range(rows)]
    for time, *values in finite:
        across = int((time - now + KEPT_SECONDS) / KEPT_SECONDS * (2 * columns - 1))
        if not 0 <= across < 2 * columns:
            continue
        for axis, value in enumerate(values):
            down = round((largest - value) / (2 * largest) * (4 * rows - 1))
            bits[down // 4][across // 2] |= _DOTS[across % 2][down % 4]
            axes[down // 4][across // 2] = axis
    drawn = [
        [(chr(_BRAILLE + bit), axis) for bit, axis in zip(line, colours, strict=True)]
        for line, colours in zip(bits, axes, strict=True)
    ]
    return largest, drawn


class TerminalDisplay:
    """The display, to be used in a `with` block.

    Args:
        labels: Actions that keys record; none without a recording session.

    Raises:
        UserError: rich is not installed.
    """

    def __init__(self, labels: Sequence[str]):
        try:
            from rich import live, text
        except ImportError as error:
            rule = "--plot needs rich: pip install 'pskd_tf[monitor]'"
            raise UserError(rule, "it is not installed") from error
        self._text: Any = text.Text
        self._live: Any = live.Live(auto_refresh=False, screen=False)
        self._labels = labels

    def __enter__(self) -> "TerminalDisplay":
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, traceback)

    def show(self, view: LiveView, session: SessionState | None) -> None:
        """Draws once."""
        width = max(20, self._live.console.width - 8)
        largest, rows = plot_rows(view.samples, view.now, width, _HEIGHT)
        text = self._text(f"{view.header}\n")
        for number, row in enumerate(rows):
            edge = {0: largest, _HEIGHT - 1: -largest}.get(number)
            text.append(f"{edge:+5.1f} g " if edge is not None else " " * 8)
            for character, axis in row:
                text.append(character, style=_COLOURS[axis] if axis >= 0 else None)
            text.append("\n")
        for name, colour in zip("xyz", _COLOURS, strict=True):
            text.append(f"        {name}", style=colour)
        text.append(f"    {KEPT_SECONDS:g} s\n")
        for line in (*view.events, view.hint):
            if line:
                text.append(f"{line}\n")
        if session is not None:
            text.append(session_line(session, self._labels), style="bold")
        self._live.update(text, refresh=True)


def session_line(session: SessionState, labels: Sequence[str]) -> str:
    """Returns what a recording session does, as a line.

    Args:
        session: What it does now.
        labels: Actions, by their keys from 1 on.
    """
    if session.phase == "waiting":
        keys = ", ".join(f"{number} {label}" for number, label in enumerate(labels, 1))
        return f"{session.last + '; ' if session.last else ''}{keys}; q ends"
    if session.phase == "countdown":
        return f"{session.label} in {math.ceil(session.remaining)}"
    return f"recording {session.label}: {session.remaining:.1f} s; Backspace drops it"


class Keys:
    """Keys of a terminal without Enter, to be used in a `with` block; none where there is none."""

    def __enter__(self) -> "Keys":
        self._before = None
        if sys.stdin.isatty():
            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def pressed(self) -> str:
        """Returns the keys that were pressed since the last call."""
        if self._before is None or not select.select([sys.stdin], [], [], 0)[0]:
            return ""
        return os.read(sys.stdin.fileno(), 64).decode("ascii", "ignore")
