"""How movements in a stream are counted: matches, errors, latency.

All functions are pure: they compare labelled spans with what the recogniser said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from pskd_tf.device.recognizer import Decision, ExportedModel
from pskd_tf.device.recordings import LabelledSpan


class Event(Protocol):
    """A stretch of time with a label: a `LabelledSpan` or a `TimelineRow`."""

    @property
    def start(self) -> float:
        """In seconds."""

    @property
    def end(self) -> float:
        """In seconds."""

    @property
    def label(self) -> str:
        """A class's name, or what else the recogniser says."""


MATCHING_IOU = 0.5


@dataclass(frozen=True)
class EventMatches:
    """Events of one class, or of all, matched one to one.

    Attributes:
        labelled: Number of labelled events.
        said: Number of events that the recogniser said.
        matched: Number of pairs.
    """

    labelled: int
    said: int
    matched: int

    @property
    def precision(self) -> float:
        """Share of the said events that are matched; 0 if none was said."""
        return self.matched / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        """Share of the labelled events that are matched; 0 if there is none."""
        return self.matched / self.labelled if self.labelled else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 if there is no event."""
        events = self.labelled + self.said
        return 2 * self.matched / events if events else 0.0


def matched_events(
    labelled: Sequence[Event],
    said: Sequence[Event],
    class_names: Sequence[str],
    iou: float = MATCHING_IOU,
) -> dict[str, EventMatches]:
    """Matches the events of each class one to one, as many as can be.

    A pair may be matched if the length of its intersection is at least `iou` of that of its union.

    Args:
        labelled: The labelled events.
        said: What the recogniser said; other labels than classes are left out.
        class_names: The classes.
        iou: Least intersection over union, above 0.

    Returns:
        The counts of each class. Source: F1@50 of Lea et al., "Temporal convolutional networks for
        action segmentation and detection", CVPR 2017; the largest number of pairs is ours.
    """
    return {
        name: _matches(
            [event for event in labelled if event.label == name],
            [event for event in said if event.label == name],
            iou,
        )
        for name in class_names
    }


def _matches(labelled: Sequence[Event], said: Sequence[Event], iou: float) -> EventMatches:
    if not labelled or not said:
        return EventMatches(len(labelled), len(said), 0)
    starts, ends = _borders(labelled)
    said_starts, said_ends = _borders(said)
    both = np.minimum(ends[:, None], said_ends) - np.maximum(starts[:, None], said_starts)
    either = (ends - starts)[:, None] + (said_ends - said_starts) - both
    allowed = csr_array((both > 0) & (both >= iou * either))
    pairs = maximum_bipartite_matching(allowed, perm_type="column")
    return EventMatches(len(labelled), len(said), int((pairs >= 0).sum()))


def _borders(events: Sequence[Event]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([one.start for one in events]), np.array([one.end for one in events])


def all_matches(by_class: Mapping[str, EventMatches]) -> EventMatches:
    """Adds the counts of all classes, so that `f1` is the micro average."""
    each = by_class.values()
    return EventMatches(
        sum(one.labelled for one in each),
        sum(one.said for one in each),
        sum(one.matched for one in each),
    )


@dataclass(frozen=True)
class EventCategories:
    """Counts of the event categories of Ward, Lukowicz and Gellersen.

    The labelled events are the sum of `correct`, `deleted`, `fragmented`, `merged` and
    `fragmented_and_merged`; the said ones that of `correct`, `inserted`, `fragmenting`, `merging`
    and `fragmenting_and_merging`.

    Attributes:
        correct: Labelled events that one said event overlaps, which overlaps no other.
        deleted: Labelled events that no said event overlaps.
        fragmented: Labelled events that several said events overlap.
        merged: Labelled events whose said event overlaps another labelled one, too.
        fragmented_and_merged: Labelled events that are both.
        inserted: Said events that overlap no labelled one.
        fragmenting: Said events that overlap a fragmented event.
        merging: Said events that overlap several labelled ones.
        fragmenting_and_merging: Said events that do both.
    """

    correct: int = 0
    deleted: int = 0
    fragmented: int = 0
    merged: int = 0
    fragmented_and_merged: int = 0
    inserted: int = 0
    fragmenting: int = 0
    merging: int = 0
    fragmenting_and_merging: int = 0

    def __add__(self, other: "EventCategories") -> "EventCategories":
        names = [field.name for field in fields(self)]
        return EventCategories(*(getattr(self, name) + getattr(other, name) for name in names))


def event_categories(
    labelled: Sequence[Event], said: Sequence[Event], class_names: Sequence[str]
) -> dict[str, EventCategories]:
    """Sorts the events of each class by how labelled and said ones overlap.

    On each side, events of a class that overlap or touch are one event, as on a time line of
    frames. Where only their borders differ (overfill, underfill), events are correct.

    Args:
        labelled: The labelled events.
        said: What the recogniser said; other labels than classes are left out.
        class_names: The classes.

    Returns:
        The counts of each class. Source: Ward, Lukowicz, Gellersen, "Performance metrics for
        activity recognition", ACM TIST 2(1), 2011. The counts are those of the package
        `ward-metrics`, but for one case: where two merging events fragment the same labelled
        event, the package calls only the first of them fragmenting.
    """
    return {
        name: _categories(
            _joined([event for event in labelled if event.label == name]),
            _joined([event for event in said if event.label == name]),
        )
        for name in class_names
    }


def _joined(events: Sequence[Event]) -> np.ndarray:
    """Returns `(events, 2)` start and end, in order of time."""
    joined: list[list[float]] = []
    for start, end in sorted((event.start, event.end) for event in events):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return np.array(joined).reshape(-1, 2)


def _categories(labelled: np.ndarray, said: np.ndarray) -> EventCategories:
    overlaps = (labelled[:, None, 0] < said[:, 1]) & (said[:, 0] < labelled[:, None, 1])
    is_fragmented, is_merging = overlaps.sum(axis=1) > 1, overlaps.sum(axis=0) > 1
    is_merged = (overlaps & is_merging).any(axis=1)
    is_fragmenting = (overlaps & is_fragmented[:, None]).any(axis=0)
    is_deleted = ~overlaps.any(axis=1)
    return EventCategories(
        correct=int((~is_deleted & ~is_fragmented & ~is_merged).sum()),
        deleted=int(is_deleted.sum()),
        fragmented=int((is_fragmented & ~is_merged).sum()),
        merged=int((is_merged & ~is_fragmented).sum()),
        fragmented_and_merged=int((is_fragmented & is_merged).sum()),
        inserted=int((~overlaps.any(axis=0)).sum()),
        fragmenting=int((is_fragmenting & ~is_merging).sum()),
        merging=int((is_merging & ~is_fragmenting).sum()),
        fragmenting_and_merging=int((is_fragmenting & is_merging).sum()),
    )


@dataclass(frozen=True)
class Latency:
    """Seconds to the decision, over the movements that were said right.

    Attributes:
        median: The median.
        percentile_90: The 90th percentile, interpolated linearly.
        longest: The longest.
    """

    median: float
    percentile_90: float
    longest: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Latency | None":
        """Summarises latencies; None where there are none."""
        if not len(seconds):
            return None
        median, high, longest = map(float, np.percentile(seconds, (50, 90, 100)))
        return cls(median, high, longest)


def latencies(
    spans: Sequence[LabelledSpan], decisions: Sequence[Decision], model: ExportedModel
) -> tuple[list[float], list[float]]:
    """Returns the seconds to the first right decision for each movement that has one.

    Args:
        spans: The movements.
        decisions: In order of time.
        model: The export.

    Returns:
        From the movement's start (`LabelledSpan.latency`), and from its end; the latter is negative
        for a decision within the movement.
    """
    found = [(span, span.latency(decisions, model)) for span in spans]
    said = [(span, latency) for span, latency in found if latency is not None]
    from_end = [latency - (span.end - span.start) for span, latency in said]
    return [latency for _, latency in said], from_end
