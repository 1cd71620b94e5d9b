"""What a search for a small student is told."""

from dataclasses import dataclass

from data_prep.user_error import UserError


@dataclass(frozen=True)
class CompressionSearch:
    """The settings of cutting, fine-tuning and quantising, the same for every candidate.

    Attributes:
        cuts: Cuts on the way to the limits, each followed by a fine-tuning.
        importance: What channels are chosen by, see `channel_importance`.
        slim_epochs: Epochs of fine-tuning after each cut.
        slim_learning_rate: Peak learning rate of it.
        qat_epochs: Epochs of quantisation-aware training.
        qat_learning_rate: Learning rate of its first step.
        calibration_clips: Training clips that ranges are read from.
        distil: Whether the student's teachers go on teaching it.
    """

    cuts: int = 1
    importance: str = "norm_scale"
    slim_epochs: int = 300
    slim_learning_rate: float = 4e-3
    qat_epochs: int = 40
    qat_learning_rate: float = 2e-4
    calibration_clips: int = 200
    distil: bool = True

    def __post_init__(self) -> None:
        for name in ("cuts", "slim_epochs", "qat_epochs", "calibration_clips"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be positive", getattr(self, name))
        for name in ("slim_learning_rate", "qat_learning_rate"):
            if getattr(self, name) <= 0:
                raise UserError(f"{name} must be positive", getattr(self, name))
