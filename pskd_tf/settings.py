"""The settings of a run."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data_prep.errors import UserError

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


@dataclass(frozen=True)
class AugmentationSettings:
    """Strengths of the random changes of one training view; 0 switches each off.

    Attributes:
        time_warp: Standard deviation of the log speed at the knots of a smooth time warp.
        shift: Largest shift of a clip's start and of its end, as a share of its duration;
            below 0.5.
        rotation_radians: Standard deviation of the sensor's rotation about each axis.
        log_scale: Standard deviation of the log of the acceleration's scale.
        noise_g: Standard deviation of white noise on the acceleration, in g.
        skeleton_yaw_radians: Standard deviation of the body's turn about the vertical.
        skeleton_tilt_radians: Standard deviation of the body's tilt about the other two axes.
        skeleton_log_scale: Standard deviation of the log of the body's size.
        joint_noise_metres: Standard deviation of white noise on the joints, in metres.
    """

    time_warp: float = 0.15
    shift: float = 0.05
    rotation_radians: float = 0.15
    log_scale: float = 0.1
    noise_g: float = 0.03
    skeleton_yaw_radians: float = 0.2
    skeleton_tilt_radians: float = 0.06
    skeleton_log_scale: float = 0.1
    joint_noise_metres: float = 0.03

    def __post_init__(self) -> None:
        for name, strength in asdict(self).items():
            if strength < 0:
                raise UserError(f"{name} must not be negative", strength)
        if self.shift >= 0.5:
            # The start could come after the end.
            raise UserError("shift must be below 0.5", self.shift)


FEATURE_CHANNELS = (
    "x",
    "y",
    "z",
    "magnitude_minus_1",
    "gravity_x",
    "gravity_y",
    "gravity_z",
    "linear_x",
    "linear_y",
    "linear_z",
)


@dataclass(frozen=True)
class InputSettings:
    """How a recording becomes a model's input.

    Attributes:
        mode: `clip`: a whole clip, resampled end to end; `window`: a fixed rate and length.
        steps: Samples of the accelerometer input along time, in either mode.
        gravity_taps: Length of the moving mean that estimates gravity, in samples, odd.
        skeleton_frames: Frames of the skeleton input along time.
        window_rate_hz: Sampling rate of `window` mode, in Hz.
        window_hop: Samples from one window to the next in `window` mode.
        window_score: How a clip's windows decide together: `mean` of their probabilities, or
            `vote`, one each.
    """

    mode: str = "clip"
    steps: int = 96
    gravity_taps: int = 17
    skeleton_frames: int = 48
    window_rate_hz: float = 50.0
    window_hop: int = 24
    window_score: str = "mean"

    def __post_init__(self) -> None:
        if self.mode not in ("clip", "window"):
            raise UserError("The input mode must be clip or window", self.mode)
        if self.steps < 24 or self.steps % 24:
            # Three strides of 2 and three segments divide the time axis.
            raise UserError("The input length must be a positive multiple of 24", self.steps)
        if self.gravity_taps < 1 or self.gravity_taps % 2 == 0:
            raise UserError("The gravity filter needs an odd number of taps", self.gravity_taps)
        if self.skeleton_frames < 12 or self.skeleton_frames % 12:
            raise UserError(
                "The skeleton length must be a positive multiple of 12", self.skeleton_frames
            )

        if self.window_rate_hz <= 0 or self.window_hop < 1:
            raise UserError(
                "The window's rate and hop must be positive",
                f"{self.window_rate_hz} Hz and {self.window_hop} samples",
            )
        if self.window_score not in ("mean", "vote"):
            raise UserError("The windows of a clip decide by mean or vote", self.window_score)

    @property
    def accelerometer_shape(self) -> tuple[int, int, int]:
        """Shape of the accelerometer input: `(steps, 1, channels)`."""
        return (self.steps, 1, len(FEATURE_CHANNELS))


# The streams that each model reads.
STREAMS_READ = {
    "skeleton_teacher": ("skeleton",),
    "fusion_teacher": ("accelerometer", "skeleton"),
    "accelerometer_teacher": ("accelerometer",),
    "accelerometer_student": ("accelerometer",),
    "ign_student": ("accelerometer",),
    "gmp_student": ("accelerometer",),
}

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


_PARTS = {
    "acs": ACSSettings,
    "teacher_acs": ACSSettings,
    "student_training": TrainingSettings,
    "inputs": InputSettings,
    "augmentation": AugmentationSettings,
    "compression": CompressionSettings,
}


def read_run_settings(run_dir: Path) -> RunSettings:
    """Reads `settings.json` of a run.

    Args:
        run_dir: The run's folder.

    Returns:
        The settings, equal to those that the run was told.

    Raises:
        UserError: There is no such file, or it is not of this version.
    """
    path = Path(run_dir) / "settings.json"
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        made = {name: part(**values.pop(name)) for name, part in _PARTS.items()}
        made["teacher_training"] = {
            name: TrainingSettings(**one) for name, one in values.pop("teacher_training").items()
        }
        lists = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return RunSettings(**lists, **made)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        rule = "run_dir must be the folder of a run of this version (python -m pskd_tf.train)"
        raise UserError(rule, f"{type(error).__name__}: {error}", path) from error


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


_PLACES = {
    "acs_selection": "acs.selection",
    "temperature": "acs.temperature",
    "distillation_weight": "acs.distillation_weight",
    "semantic_weight": "acs.semantic_weight",
    "semantic_kind": "acs.semantic_kind",
    "label_smoothing": "acs.label_smoothing",
    "baseline_label_smoothing": "baseline_label_smoothing",
    "teacher_label_smoothing": "teacher_label_smoothing",
    "teacher_views": "teacher_views",
    "epochs": "student_training.epochs",
    "skeleton_teacher_epochs": "teacher_training.skeleton_teacher.epochs",
    "fusion_teacher_epochs": "teacher_training.fusion_teacher.epochs",
    "accelerometer_teacher_epochs": "teacher_training.accelerometer_teacher.epochs",
    "batch_size": "student_training.batch_size",
    "learning_rate": "student_training.peak_learning_rate",
    "weight_decay": "student_training.weight_decay",
    "ema_momentum": "student_training.ema_momentum",
    "mixup": "student_training.mixup",
    "input_mode": "inputs.mode",
    "steps": "inputs.steps",
    "window_rate": "inputs.window_rate_hz",
    "window_hop": "inputs.window_hop",
    "window_score": "inputs.window_score",
    "skeleton_frames": "inputs.skeleton_frames",
    "time_warp": "augmentation.time_warp",
    "shift": "augmentation.shift",
    "rotation": "augmentation.rotation_radians",
    "log_scale": "augmentation.log_scale",
    "noise": "augmentation.noise_g",
    "skeleton_yaw": "augmentation.skeleton_yaw_radians",
    "skeleton_tilt": "augmentation.skeleton_tilt_radians",
    "skeleton_log_scale": "augmentation.skeleton_log_scale",
    "joint_noise": "augmentation.joint_noise_metres",
    "sparsity": "compression.sparsity",
    "prune_epochs": "compression.epochs",
    "prune_learning_rate": "compression.learning_rate",
    "calibration_clips": "compression.calibration_clips",
}
_LISTS = ("protocol", "seeds", "teacher_seeds", "teachers", "teacher_outputs")


def flags_of_settings(settings: Mapping[str, Any]) -> list[str]:
    """Returns every setting as a flag, whatever the defaults were.

    Args:
        settings: The content of `settings.json`.

    Returns:
        `--name=value`, one for each flag that this version knows and the run held.
    """
    found = []
    for name in _LISTS:
        value = settings.get(name)
        if value:
            text = value if isinstance(value, str) else ",".join(map(str, value))
            found.append(f"--{name}={text}")
    for name, place in _PLACES.items():
        value: Any = settings
        for part in place.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found.append(f"--{name}={value}")
    return found
