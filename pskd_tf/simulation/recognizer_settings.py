"""The settings of the C core's recognizer."""

from dataclasses import dataclass

from data_prep.user_error import UserError


@dataclass(frozen=True)
class RecognizerSettings:
    """What `PskdRecognizerSettings` holds; lengths in samples. The defaults are ours; those of clip
    mode find every clip of the synthetic set between stretches of rest, once (50 Hz).

    Attributes:
        threshold: Probability from which an activity is said; below it, "unknown".
        leave_share: An activity is given up below this share of `threshold`, 0..1.
        smoothing: Weight of the newest window, above 0 and at most 1; window mode.
        minimum_windows: Windows in a row that must agree; window mode.
        maximum_gap_seconds: Longest time between samples that is no lost signal.
        maximum_same: Equal samples in a row, on any axis, that are one; 0 for never.
        start_g: Root mean square, high-passed, that starts a movement; clip mode.
        end_g: Below this it ends.
        gravity_weight: Of the newest sample in the mean that is taken for gravity.
        energy_weight: Of the newest sample in the mean square.
        lead_samples: Samples before the start that belong to a movement.
        rest_samples: Samples below `end_g` that end it.
    """

    threshold: float = 0.5
    leave_share: float = 0.8
    smoothing: float = 0.5
    minimum_windows: int = 1
    maximum_gap_seconds: float = 0.2
    maximum_same: int = 100
    start_g: float = 0.15
    end_g: float = 0.08
    gravity_weight: float = 0.1
    energy_weight: float = 0.2
    lead_samples: int = 5
    rest_samples: int = 15

    def __post_init__(self) -> None:
        for name in ("threshold", "leave_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} must lie in 0..1", getattr(self, name))
        for name in ("smoothing", "gravity_weight", "energy_weight"):
            if not 0 < getattr(self, name) <= 1:
                raise UserError(f"{name} must be above 0 and at most 1", getattr(self, name))
        if not 0 < self.end_g <= self.start_g:
            received = f"end_g {self.end_g}, start_g {self.start_g}"
            raise UserError("A movement ends below where it starts, 0 < end_g <= start_g", received)
        if not 0 < self.maximum_gap_seconds <= 2000:
            received = self.maximum_gap_seconds
            raise UserError("maximum_gap_seconds must be above 0 and at most 2000", received)
        for name, least in (
            ("minimum_windows", 1),
            ("rest_samples", 1),
            ("lead_samples", 0),
            ("maximum_same", 0),
        ):
            if not least <= getattr(self, name) < 1 << 30:
                raise UserError(f"{name} must be at least {least}", getattr(self, name))
