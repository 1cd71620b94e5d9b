"""Everything that a run can be told."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from data_prep.user_error import UserError
from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.distillation.acs_settings import ACSSettings
from pskd_tf.distillation.training_settings import TrainingSettings

TEACHERS = ("skeleton_teacher", "fusion_teacher", "accelerometer_teacher")
CACHED_OUTPUTS = ("cross_fitted", "in_sample")
# Who is asked about the mixed-up input itself; of an ensemble, the teachers of all seeds together.
MIXTURE_OUTPUTS = ("live_mixture", "live_ensemble")
TEACHER_OUTPUTS = (*CACHED_OUTPUTS, "live", *MIXTURE_OUTPUTS)


@dataclass(frozen=True)
class CompressionSettings:
    """How the student is made small.

    Attributes:
        sparsity: Share of zeros in convolution and dense kernels after pruning, 0..1.
        epochs: Epochs of fine-tuning while pruning.
        learning_rate: Peak learning rate of the fine-tuning.
        calibration_clips: Training clips from which activation ranges are read.
    """

    sparsity: float = 0.5
    epochs: int = 60
    learning_rate: float = 1e-3
    calibration_clips: int = 200

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity < 1:
            raise UserError("sparsity must lie in 0..1, 1 excluded", self.sparsity)
        if self.epochs < 1 or self.calibration_clips < 1:
            raise UserError(
                "prune_epochs and calibration_clips must be positive",
                f"{self.epochs} and {self.calibration_clips}",
            )


@dataclass(frozen=True)
class RunSettings:
    """The settings of one run, without its folders.

    Attributes:
        protocol: `validation` (leave one training subject of `cross_subject` out; what choices are
            made by), or one that `protocol_splits` knows: `cross_subject` (train on all training
            subjects, score test once), `leave_one_subject_out`, `subject_folds`, or another that
            the data set declares.
        seeds: Seeds of the student; the first one's model is exported.
        teacher_seeds: Seeds of the teachers; students take turns with them.
        teachers: The chain, from `TEACHERS`, each taught by those before it; PSKD's order unless
            told otherwise, and any may be left out.
        teacher_outputs: Kinds from `TEACHER_OUTPUTS`; the first one's student is compressed.
        acs: ACS (our reconstruction) for the student.
        teacher_acs: The same for the stages of the chain after the first.
        teacher_label_smoothing: Smoothing of the first teacher's cross-entropy, 0..1.
        baseline_label_smoothing: Smoothing of the baseline's cross-entropy, 0..1.
        teacher_views: Augmented views that cached teacher outputs are averaged over; 0 for the
            plain clip.
        student_training: Length and optimiser of the student and of the baseline.
        teacher_training: Length and optimiser of each teacher, by name.
        inputs: The preprocessing.
        augmentation: Strengths of the random changes.
        compression: Pruning and calibration.
    """

    protocol: str = "cross_subject"
    seeds: tuple[int, ...] = (1,)
    teacher_seeds: tuple[int, ...] = (1,)
    teachers: tuple[str, ...] = TEACHERS
    teacher_outputs: tuple[str, ...] = ("cross_fitted",)
    acs: ACSSettings = field(default_factory=ACSSettings)
    teacher_acs: ACSSettings = field(default_factory=ACSSettings)
    teacher_label_smoothing: float = 0.0
    baseline_label_smoothing: float = 0.0
    teacher_views: int = 8
    student_training: TrainingSettings = field(default_factory=TrainingSettings)
    teacher_training: dict[str, TrainingSettings] = field(default_factory=dict)
    inputs: InputSettings = field(default_factory=InputSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    compression: CompressionSettings = field(default_factory=CompressionSettings)

    def __post_init__(self) -> None:
        _check_choice("teachers", self.teachers, TEACHERS)
        _check_choice("teacher_outputs", self.teacher_outputs, TEACHER_OUTPUTS)
        if self.teacher_views < (1 if self.inputs.mode == "window" else 0):
            raise UserError("teacher_views must be positive (0 in clip mode)", self.teacher_views)
        for name in ("seeds", "teacher_seeds"):
            values = getattr(self, name)
            if not values or min(values) < 0 or len(set(values)) != len(values):
                raise UserError(
                    f"{name} must be different whole numbers, none negative",
                    ",".join(map(str, values)),
                )

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as JSON values."""
        return dataclasses.asdict(self)


def _check_choice(name: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    wrong = [value for value in values if value not in known]
    if wrong or not values or len(set(values)) != len(values):
        received = ",".join(wrong or values) or "nothing"
        raise UserError(f"{name} takes each of {', '.join(known)} at most once", received)
