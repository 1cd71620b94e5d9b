"""What the core said at one time."""

from dataclasses import dataclass

import numpy as np

UNKNOWN, NO_SIGNAL = -1, -2


@dataclass(frozen=True)
class Decision:
    """One inference, or the loss of the signal.

    Attributes:
        index: The sample at which it came.
        span: First and last sample of the movement, in clip mode; else None.
        start: Start of the movement or window, in seconds.
        end: Its end.
        decided: When it was said.
        activity: A class's index, `UNKNOWN` or `NO_SIGNAL`.
        best: The class of the largest output, -1 without signal.
        confidence: Probability of `activity`, or of `best` if that is unknown; 0 without signal,
            NaN where the input was not finite.
        output: `(num_classes,)` int8 logits; None without signal.
    """

    index: int
    span: tuple[int, int] | None
    start: float
    end: float
    decided: float
    activity: int
    best: int
    confidence: float
    output: np.ndarray | None
