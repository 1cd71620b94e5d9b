"""From a loss's name and arguments to the loss."""

from typing import Any

from data_prep.user_error import UserError
from pskd_tf.distillation.losses.adaptive_confidence_semantic import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.cross_entropy import CrossEntropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss
from pskd_tf.distillation.losses.knowledge_distillation import KnowledgeDistillation


def make_loss(name: str, arguments: dict[str, Any]) -> DistillationLoss:
    """Makes a distillation loss.

    Args:
        name: `adaptive_confidence_semantic`, `knowledge_distillation` or `cross_entropy`.
        arguments: The loss's own arguments.

    Returns:
        The loss.

    Raises:
        UserError: The name is unknown.
    """
    losses = {
        "adaptive_confidence_semantic": AdaptiveConfidenceSemantic,
        "knowledge_distillation": KnowledgeDistillation,
        "cross_entropy": CrossEntropy,
    }
    if name not in losses:
        raise UserError(f"A loss is one of {', '.join(losses)}", name)
    return losses[name](**arguments)
