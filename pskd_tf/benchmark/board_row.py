"""One method's line on a board."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spread:
    """A figure over runs.

    Attributes:
        mean: Mean.
        std: Sample standard deviation; 0 for one run.
        count: Number of runs.
    """

    mean: float
    std: float
    count: int


@dataclass(frozen=True)
class Difference:
    """A paired difference with its 95 % interval from `nested_bootstrap`."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class BoardRow:
    """What a board says of a method; all shares are fractions 0..1.

    Attributes:
        title: What the board calls it.
        trial: The trial that validation picked, from 0.
        spreads: By protocol, then figure (`accuracy`, `macro_f1`, `wrist_actions_accuracy`).
        differences: By protocol, then the name of the method that is subtracted.
        votes: By protocol, the accuracy of all runs voting together; see `majority_vote`.
        parameters: Weights of the net.
        seconds: Median wall time of a training, in s.
        is_picked: Whether its validation accuracy is the board's highest.
    """

    title: str
    trial: int
    spreads: dict[str, dict[str, Spread]] = field(default_factory=dict)
    differences: dict[str, dict[str, Difference]] = field(default_factory=dict)
    votes: dict[str, float] = field(default_factory=dict)
    parameters: int = 0
    seconds: float = 0.0
    is_picked: bool = False
