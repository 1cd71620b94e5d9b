"""How long and how fast a model is trained."""

from dataclasses import dataclass

from data_prep.user_error import UserError


@dataclass(frozen=True)
class TrainingSettings:
    """One training's length and optimiser.

    Attributes:
        epochs: Passes over the training clips; fixed, no epoch is ever chosen.
        batch_size: Clips in a batch.
        peak_learning_rate: Learning rate after the warm-up; it falls to 0 along a cosine.
        warmup_share: Share of all steps over which the learning rate rises.
        weight_decay: Decoupled weight decay of kernels (biases and norms have none).
        ema_momentum: Momentum of the weights' moving average, which is what is kept.
        mixup: Parameter a of mixup's Beta(a, a); 0 switches it off.
    """

    epochs: int = 400
    batch_size: int = 48
    peak_learning_rate: float = 4e-3
    warmup_share: float = 0.08
    weight_decay: float = 0.02
    ema_momentum: float = 0.98
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "peak_learning_rate"):
            if getattr(self, name) <= 0:
                raise UserError(f"{name} must be positive", getattr(self, name))
        for name in ("warmup_share", "ema_momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} must lie in 0..1, 1 excluded", getattr(self, name))
        for name in ("weight_decay", "mixup"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} must not be negative", getattr(self, name))
