"""What an inspection of a user's own recordings found."""

from dataclasses import dataclass

import numpy as np

from data_prep.inspection.best_lag import StreamLag


@dataclass(frozen=True)
class Problem:
    """Something to mend or to look at.

    Args:
        kind: One word to group by: "error", "unit", "rate", "alignment", "length", "skeleton",
            "frozen", "labels", "overlap" or "balance".
        where: The clip, subject or row.
        text: What is wrong, and what would mend it where that is known.
    """

    kind: str
    where: str
    text: str

    @property
    def is_error(self) -> bool:
        """Whether preparing the data would refuse it; other problems are warnings."""
        return self.kind == "error"


@dataclass(frozen=True, eq=False)
class InspectedClip:
    """What was measured on one clip.

    Args:
        clip_id: Its name.
        subject: Who moved.
        action: Label of the action.
        seconds: How long it is; None if it could not be read, as all that follows.
        stated_rate_hz: Of the accelerometer, None if the manifest leaves it to the stamps.
        stamp_rate_hz: One by the median step of the stamps, None without stamps.
        gravity: Magnitude at rest in g, None if it never rests.
        correlations: Of the movement energies; see `movement_correlations`. None without a
            skeleton or movement.
        has_skeleton: Whether it has one.
        flags: Notes of the loader.
    """

    clip_id: str
    subject: str
    action: str
    seconds: float | None = None
    stated_rate_hz: float | None = None
    stamp_rate_hz: float | None = None
    gravity: float | None = None
    correlations: np.ndarray | None = None
    has_skeleton: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inspection:
    """All that was found.

    Args:
        clips: One for each clip that the manifest describes without a mistake.
        lags: Subject -> lag over all clips of this subject.
        problems: Errors and warnings, in the order found.
    """

    clips: list[InspectedClip]
    lags: dict[str, StreamLag]
    problems: list[Problem]
