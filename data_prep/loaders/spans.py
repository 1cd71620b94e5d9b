"""Annotated spans of a continuous recording, and what lies between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data_prep.clip import NULL_LABEL
from data_prep.errors import UserError

# A shorter gap holds no movement that the detector would cut.
SHORTEST_GAP_SECONDS = 2.0
_NOTED_CUT_SECONDS = 0.25


@dataclass(frozen=True)
class Span:
    """A stretch of a recording that shows one action.

    Args:
        start: Where it starts, in the unit of its recording (frames, seconds).
        end: Where it ends, in the same unit.
        label: The action, or "none".
        place: The file and row that states it, for errors.
    """

    start: float
    end: float
    label: str
    place: str


def ordered_spans(spans: Sequence[Span], name: str) -> list[Span]:
    """Returns the spans of a recording by their start.

    Args:
        spans: In any order; at least one. One may end where the next starts.
        name: The file of the spans, for errors.

    Raises:
        UserError: There is none, one does not end after its start, or two overlap.
    """
    if not spans:
        raise UserError("A recording needs at least one annotated span", "none", name)
    for span in spans:
        if not span.start < span.end:
            rule = "An annotated span must end after its start"
            raise UserError(rule, f"{span.start:.13g} to {span.end:.13g}", span.place)
    ordered = sorted(spans, key=lambda span: (span.start, span.end))
    for before, after in pairwise(ordered):
        if after.start < before.end:
            rule = "Annotated spans of a recording must not overlap"
            received = f"{after.label} from {after.start:.13g} on, within {before.label} up to "
            raise UserError(rule, f"{received}{before.end:.13g}", after.place)
    return ordered


def with_gaps(spans: Sequence[Span], shortest: float) -> list[Span]:
    """Returns the spans, and a span of "none" between two of them that lie far enough apart.

    What comes before the first and after the last span is left out.

    Args:
        spans: From `ordered_spans`.
        shortest: The shortest gap to take, in the unit of the spans.
    """
    found = list(spans[:1])
    for before, after in pairwise(spans):
        if after.start - before.end >= shortest:
            found.append(Span(before.end, after.start, NULL_LABEL, after.place))
        found.append(after)
    return found


def check_covered(
    places: np.ndarray, first: float, last: float, tolerance: float, name: str
) -> None:
    """Refuses a span that a sensor does not cover.

    Args:
        places: (samples,) where its samples within the span lie, in the unit of the span.
        first: Where the span starts.
        last: Where the span ends.
        tolerance: How much later the samples may start, or earlier end.
        name: The sensor's file and the span, for errors.

    Raises:
        UserError: They do, or there are fewer than 2 samples.
    """
    if len(places) < 2 or places.min() > first + tolerance or places.max() < last - tolerance:
        received = f"{len(places)} samples"
        if len(places):
            received += f", from {places.min():.13g} to {places.max():.13g}"
        raise UserError("A sensor must cover the whole annotated span", received, name)


def cut_notes(
    start: float, end: float, first: float, last: float, a_second: float = 1.0
) -> tuple[str, ...]:
    """Returns the note "span_cut" if a clip leaves out over a quarter of a second of its span.

    Args:
        start: Where the span starts.
        end: Where the span ends.
        first: Where the clip starts.
        last: Where the clip ends.
        a_second: In the unit of the span.
    """
    return ("span_cut",) if max(first - start, end - last) > _NOTED_CUT_SECONDS * a_second else ()
