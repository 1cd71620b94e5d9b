"""What a board recognized."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoardActivity:
    """`activity,TIME,INDEX,LABEL,CONFIDENCE`.

    Attributes:
        time_us: The board's clock.
        index: A class, -1 for "unknown", -2 for "no signal".
        label: Its name.
        confidence: Its probability, or of the best class if it is unknown; None without signal.
    """

    time_us: int
    index: int
    label: str
    confidence: float | None
