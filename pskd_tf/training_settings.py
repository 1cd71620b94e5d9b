"""Settings of one training: its length and optimiser, its loss, and the epochs of each teacher."""

import dataclasses
import math
from dataclasses import dataclass

from data_prep.errors import UserError
from data_prep.settings import CheckedSettings, setting

SELECTIONS = ("hard", "gap", "near", "right", "soft")
# The selections that also depend on the student.
SELECTIONS_BY_STUDENT = ("gap", "near")
SEMANTIC_KINDS = ("mse", "cosine")
CLASS_WEIGHTS = ("none", "balanced")


@dataclass(frozen=True)
class ACSSettings(CheckedSettings):
    """Arguments of `AdaptiveConfidenceSemantic`, our reconstruction; the formula stands there."""

    selection: str = setting(
        "soft",
        "Which right teachers ACS (our reconstruction) follows.",
        choices=SELECTIONS,
        flag="acs_selection",
    )
    temperature: float = setting(2.0, "Temperature T of the distillation.", above=0)
    distillation_weight: float = setting(3.0, "Weight lambda of the distillation term.", minimum=0)
    semantic_weight: float = setting(
        0.0, "Weight mu of the distance of embeddings; 0 leaves it out.", minimum=0
    )
    semantic_kind: str = setting("mse", "Distance of embeddings.", choices=SEMANTIC_KINDS)
    label_smoothing: float = setting(
        0.0, "Label smoothing of the student's cross-entropy.", minimum=0, below=1
    )
    lowest_confidence: float = setting(
        0.0,
        "Confidence below which a teacher is not followed on a clip without a label.",
        minimum=0,
        below=1,
        flag="acs_lowest_confidence",
        later=True,
    )


# Steps that count as one epoch where the length of a training is given in steps.
STEPS_OF_AN_EPOCH = 12


@dataclass(frozen=True)
class TrainingSettings(CheckedSettings):
    """Length and optimiser of one training. The number of epochs is fixed: none is ever chosen."""

    epochs: int = setting(400, "Epochs of the student and of the baseline.", minimum=1)
    batch_size: int = setting(48, "Clips in a batch.", minimum=1)
    peak_learning_rate: float = setting(
        4e-3,
        "Learning rate after the warm-up; it falls to 0 along a cosine.",
        above=0,
        flag="learning_rate",
    )
    warmup_share: float = setting(
        0.08,
        "Share of all steps over which the learning rate rises.",
        minimum=0,
        below=1,
        flag=False,
    )
    weight_decay: float = setting(
        0.02, "Decoupled weight decay of kernels; biases and norms have none.", minimum=0
    )
    ema_momentum: float = setting(
        0.98,
        "Momentum of the weights' moving average, which is the model that is kept.",
        minimum=0,
        below=1,
    )
    mixup: float = setting(
        0.5,
        "Parameter a of mixup's Beta(a, a), for models that read the accelerometer alone; "
        "0 for no mixup.",
        minimum=0,
    )
    steps: int = setting(
        0,
        "Steps of the student and of the baseline, a multiple of 12, instead of epochs: a length "
        "that does not depend on the number of clips, which come again to fill the batches; 0 for "
        "epochs.",
        minimum=0,
        flag="training_steps",
        later=True,
    )
    class_weight: str = setting(
        "none",
        "Weights of the classes in every training's loss: balanced gives each class of the "
        "training clips the same weight in all.",
        choices=CLASS_WEIGHTS,
        later=True,
    )
    averaged_share: float = setting(
        0.0,
        "Share of the student's training, at its end, over whose epochs the mean of the weights is "
        "taken, at a constant learning rate (SWA), instead of their moving average; 0 for none.",
        minimum=0,
        below=1,
        later=True,
    )
    views: int = setting(
        1,
        "Views of each clip in a batch of the student's training, each augmented anew.",
        minimum=1,
        flag="training_views",
        later=True,
    )
    consistency_weight: float = setting(
        0.0,
        "Weight of the divergence between the student's outputs for two views of a clip (R-Drop); "
        "needs an even number of views.",
        minimum=0,
        later=True,
    )
    sharpness_radius: float = setting(
        0.0,
        "Radius rho of sharpness-aware minimisation (SAM) in the student's training, which then "
        "takes about twice as long; 0 for none.",
        minimum=0,
        later=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps % STEPS_OF_AN_EPOCH:
            rule = f"training_steps and teacher_steps must be multiples of {STEPS_OF_AN_EPOCH}"
            raise UserError(rule, self.steps)
        if self.consistency_weight and self.views % 2:
            rule = "consistency_weight compares two views of a clip (--training_views=2)"
            raise UserError(rule, self.views)

    @property
    def num_epochs(self) -> int:
        """Epochs; where the length is given in steps, stretches of `STEPS_OF_AN_EPOCH`."""
        return self.steps // STEPS_OF_AN_EPOCH if self.steps else self.epochs

    @property
    def first_averaged_epoch(self) -> int:
        """Epoch, from 0, from which on the mean of the weights is taken; `num_epochs` for none."""
        averaged = math.ceil(self.averaged_share * self.num_epochs)
        return self.num_epochs - averaged

    @property
    def plain(self) -> "TrainingSettings":
        """The settings of other trainings than the student's: one view, no mean of weights."""
        return dataclasses.replace(
            self, averaged_share=0.0, views=1, consistency_weight=0.0, sharpness_radius=0.0
        )

    def longer(self, factor: int) -> "TrainingSettings":
        """Returns the same training, `factor` times as long."""
        return self._of_length(factor * self.num_epochs)

    def shared_out(self, share: float) -> "tuple[TrainingSettings, TrainingSettings]":
        """Shares the length out to two trainings, the second from the weights of the first.

        Args:
            share: Share of the first, more than 0 and less than 1.

        Raises:
            UserError: The length is too short for two trainings.
        """
        epochs = self.num_epochs
        if epochs < 2:
            rule = (
                f"pretraining and soup need 2 --epochs or {2 * STEPS_OF_AN_EPOCH} --training_steps"
            )
            raise UserError(rule, self.steps or self.epochs)
        first = min(max(round(epochs * share), 1), epochs - 1)
        return self._of_length(first), self._of_length(epochs - first)

    def _of_length(self, epochs: int) -> "TrainingSettings":
        if self.steps:
            return dataclasses.replace(self, steps=epochs * STEPS_OF_AN_EPOCH)
        return dataclasses.replace(self, epochs=epochs)

    def batch_of(self, clips: int) -> int:
        """Clips in a batch of a set of this many; by epochs a small set is one batch."""
        return self.batch_size if self.steps else min(self.batch_size, clips)

    def steps_of_an_epoch(self, clips: int) -> int:
        """Batches in an epoch of a set of this many clips."""
        return STEPS_OF_AN_EPOCH if self.steps else clips // self.batch_of(clips)


@dataclass(frozen=True)
class TeacherEpochs(CheckedSettings):
    """Epochs of each teacher."""

    skeleton_teacher: int = setting(
        60, "Epochs of the skeleton teacher.", minimum=1, flag="skeleton_teacher_epochs"
    )
    fusion_teacher: int = setting(
        60,
        "Epochs of the skeleton + accelerometer teacher.",
        minimum=1,
        flag="fusion_teacher_epochs",
    )
    accelerometer_teacher: int = setting(
        200, "Epochs of the accelerometer teacher.", minimum=1, flag="accelerometer_teacher_epochs"
    )
