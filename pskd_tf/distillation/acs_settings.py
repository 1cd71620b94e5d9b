"""The settings of ACS, reconstructed from the abstract of PSKD."""

from dataclasses import dataclass

from data_prep.user_error import UserError

SELECTIONS = ("hard", "gap", "near", "right", "soft")
# What these follow depends on the student, too.
SELECTIONS_BY_STUDENT = ("gap", "near")
SEMANTIC_KINDS = ("mse", "cosine")


@dataclass(frozen=True)
class ACSSettings:
    """Arguments of `AdaptiveConfidenceSemantic`; the formula is ours, see there.

    Attributes:
        selection: `hard`, `gap`, `near`, `right` or `soft`.
        temperature: T, above 0.
        distillation_weight: lambda, not negative.
        semantic_weight: mu, not negative; 0 leaves the embeddings out.
        semantic_kind: Distance of embeddings, `mse` or `cosine`.
        label_smoothing: Smoothing of the cross-entropy, 0..1.
    """

    selection: str = "hard"
    temperature: float = 4.0
    distillation_weight: float = 1.0
    semantic_weight: float = 0.0
    semantic_kind: str = "mse"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.selection not in SELECTIONS:
            raise UserError(f"acs_selection must be one of {', '.join(SELECTIONS)}", self.selection)
        if self.semantic_kind not in SEMANTIC_KINDS:
            raise UserError(
                f"semantic_kind must be one of {', '.join(SEMANTIC_KINDS)}", self.semantic_kind
            )
        if self.temperature <= 0:
            raise UserError("temperature must be positive", self.temperature)
        for name in ("distillation_weight", "semantic_weight"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} must not be negative", getattr(self, name))
        if not 0 <= self.label_smoothing < 1:
            raise UserError("label_smoothing must lie in 0..1, 1 excluded", self.label_smoothing)
