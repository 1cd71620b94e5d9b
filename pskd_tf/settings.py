"""The settings of a run, each with its default, help, unit and range.

Flags, `settings.json`, the commands in a report and the tables in `docs/cli.md` are made from here.
The defaults are those of `configs/utd_mhad.flags`, which validation chose on UTD-MHAD.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.clip import SENSORS, check_sensors_named
from data_prep.errors import UserError
from data_prep.records import later_field, read_record, record_to_json
from data_prep.settings import check_settings, part, setting
from pskd_tf.label_settings import LabelSettings
from pskd_tf.method import (
    CACHED_OUTPUTS as CACHED_OUTPUTS,
    FOREST,
    MIXTURE_OUTPUTS as MIXTURE_OUTPUTS,
    STREAMS_READ as STREAMS_READ,
    TEACHER_OUTPUTS as TEACHER_OUTPUTS,
    TEACHERS as TEACHERS,
    Method,
)
from pskd_tf.stream_settings import StreamSettings
from pskd_tf.student_settings import OWN_NET, StudentSettings
from pskd_tf.virtual_settings import VirtualSettings

SELECTIONS = ("hard", "gap", "near", "right", "soft")
# The selections that also depend on the student.
SELECTIONS_BY_STUDENT = ("gap", "near")
SEMANTIC_KINDS = ("mse", "cosine")
CLASS_WEIGHTS = ("none", "balanced")
CALIBRATIONS = ("auto", "range", "percentile", "error")

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
GYROSCOPE_CHANNELS = ("rate_x", "rate_y", "rate_z", "rate_magnitude")


class _Checked:
    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class ACSSettings(_Checked):
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
class TrainingSettings(_Checked):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps % STEPS_OF_AN_EPOCH:
            rule = f"training_steps and teacher_steps must be multiples of {STEPS_OF_AN_EPOCH}"
            raise UserError(rule, self.steps)

    @property
    def num_epochs(self) -> int:
        """Epochs; where the length is given in steps, stretches of `STEPS_OF_AN_EPOCH`."""
        return self.steps // STEPS_OF_AN_EPOCH if self.steps else self.epochs

    def shared_out(self, share: float) -> "tuple[TrainingSettings, TrainingSettings]":
        """Shares the length out to a pre-training, without mixup, and the training after it.

        Args:
            share: Share of the pre-training, more than 0 and less than 1.

        Raises:
            UserError: The length is too short for two trainings.
        """
        epochs = self.num_epochs
        if epochs < 2:
            rule = f"pretraining needs 2 --epochs or {2 * STEPS_OF_AN_EPOCH} --training_steps"
            raise UserError(rule, self.steps or self.epochs)
        first = min(max(round(epochs * share), 1), epochs - 1)
        return (
            dataclasses.replace(self._of_length(first), mixup=0.0),
            self._of_length(epochs - first),
        )

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
class TeacherEpochs(_Checked):
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


@dataclass(frozen=True)
class AugmentationSettings(_Checked):
    """Strengths of the random changes of one training view; 0 switches each off."""

    time_warp: float = setting(
        0.15, "Standard deviation of the log speed at the knots of a smooth time warp.", minimum=0
    )
    # From 0.5 on the start could come after the end.
    shift: float = setting(
        0.05,
        "Largest shift of a clip's start and of its end, as a share of its duration.",
        minimum=0,
        below=0.5,
    )
    rotation_radians: float = setting(
        0.15,
        "Standard deviation of the sensor's rotation about each axis.",
        unit="rad",
        minimum=0,
        flag="rotation",
    )
    log_scale: float = setting(
        0.1, "Standard deviation of the log of the acceleration's scale.", minimum=0
    )
    noise_g: float = setting(
        0.03,
        "Standard deviation of white noise on the acceleration.",
        unit="g",
        minimum=0,
        flag="noise",
    )
    gyroscope_log_scale: float = setting(
        0.2,
        "Standard deviation of the log of the turn rates' scale, where --sensors has a gyroscope.",
        minimum=0,
        later=True,
    )
    gyroscope_noise: float = setting(
        24.0,
        "Standard deviation of white noise on the turn rates.",
        unit="deg/s",
        minimum=0,
        later=True,
    )
    skeleton_yaw_radians: float = setting(
        0.2,
        "Standard deviation of the body's rotation about the vertical.",
        unit="rad",
        minimum=0,
        flag="skeleton_yaw",
    )
    skeleton_tilt_radians: float = setting(
        0.06,
        "Standard deviation of the body's rotation about each of the other two axes.",
        unit="rad",
        minimum=0,
        flag="skeleton_tilt",
    )
    skeleton_log_scale: float = setting(
        0.1, "Standard deviation of the log of the body's size.", minimum=0
    )
    joint_noise_metres: float = setting(
        0.03,
        "Standard deviation of white noise on the joints.",
        unit="m",
        minimum=0,
        flag="joint_noise",
    )


@dataclass(frozen=True)
class InputSettings(_Checked):
    """How a recording becomes a model's input."""

    mode: str = setting(
        "clip",
        "clip: a whole clip, resampled end to end; window: windows of a fixed rate and length.",
        choices=("clip", "window"),
        flag="input_mode",
    )
    steps: int = setting(
        96,
        "Length of the accelerometer input, after resampling, in either mode; a multiple of 24.",
        unit="samples",
        minimum=24,
    )
    gravity_taps: int = setting(
        17,
        "Length of the moving mean that estimates gravity; odd.",
        unit="samples",
        minimum=1,
        flag=False,
    )
    skeleton_frames: int = setting(
        48,
        "Length of the skeleton input, after resampling; a multiple of 12.",
        unit="frames",
        minimum=12,
    )
    window_rate_hz: float = setting(
        50.0, "Sampling rate in window mode.", unit="Hz", above=0, flag="window_rate"
    )
    window_hop: int = setting(
        24, "Distance from one window to the next in window mode.", unit="samples", minimum=1
    )
    window_score: str = setting(
        "mean",
        "How the windows of a clip decide together: mean of their probabilities, or a vote.",
        choices=("mean", "vote"),
    )
    sensors: tuple[str, ...] = setting(
        ("accelerometer",),
        "What the models read of the worn sensor: accelerometer, or accelerometer,gyroscope for "
        "six axes.",
        choices=SENSORS,
        later=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sensors_named(self.sensors)
        # Three strides of 2 and three segments divide the time axis.
        if self.steps % 24:
            raise UserError("steps must be a multiple of 24", self.steps)
        if self.skeleton_frames % 12:
            raise UserError("skeleton_frames must be a multiple of 12", self.skeleton_frames)
        if self.gravity_taps % 2 == 0:
            raise UserError("gravity_taps must be odd", self.gravity_taps)

    @property
    def has_gyroscope(self) -> bool:
        """Whether the models read the gyroscope, too."""
        return "gyroscope" in self.sensors

    @property
    def num_axes(self) -> int:
        """Values of a raw sample: three, or six with a gyroscope."""
        return 3 * len(self.sensors)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that `sensor_features` derives."""
        return FEATURE_CHANNELS + GYROSCOPE_CHANNELS * self.has_gyroscope

    @property
    def accelerometer_shape(self) -> tuple[int, int, int]:
        """Shape of the worn sensor's input: `(steps, 1, channels)`."""
        return (self.steps, 1, len(self.channels))


@dataclass(frozen=True)
class CompressionSettings(_Checked):
    """Pruning and conversion of the student."""

    sparsity: float = setting(
        0.5,
        "Share of zeros in convolution and dense kernels after pruning.",
        minimum=0,
        below=1,
    )
    epochs: int = setting(
        60, "Epochs of fine-tuning while pruning.", minimum=1, flag="prune_epochs"
    )
    learning_rate: float = setting(
        1e-3, "Peak learning rate of that fine-tuning.", above=0, flag="prune_learning_rate"
    )
    calibration_clips: int = setting(
        200, "Training clips that the int8 ranges are read from.", minimum=1
    )
    calibration: str = setting(
        "auto",
        "How int8 ranges are read: range, from all values; percentile, without the outermost 0.1 % "
        "of the input; error, with the cut by which int8 differs least from float; auto: as error "
        "where the outermost 0.1 % take three quarters of the range, else as range.",
        choices=CALIBRATIONS,
        later=True,
    )


@dataclass(frozen=True)
class RunSettings(_Checked):
    """The settings of one run, without its folders."""

    inputs: InputSettings = part(InputSettings, "data")
    teachers: tuple[str, ...] = setting(
        TEACHERS,
        "The chain of teachers, each distilled from those before it; in any order, and any may be "
        "left out; without one the student is trained with cross-entropy. accelerometer_student is "
        "the baseline, the student's own net under cross-entropy.",
        choices=(*TEACHERS, OWN_NET),
        may_be_empty=True,
        group="teachers",
    )
    teacher_seeds: tuple[int, ...] = setting(
        (1,), "Seeds of the teachers; the students take turns with them.", group="teachers"
    )
    teacher_epochs: TeacherEpochs = part(TeacherEpochs, "teachers")
    teacher_steps: int = setting(
        0,
        "Steps of each teacher, a multiple of 12, instead of its epochs; 0 for epochs.",
        minimum=0,
        group="teachers",
        later=True,
    )
    teacher_label_smoothing: float = setting(
        0.0,
        "Label smoothing of the teachers' cross-entropy.",
        minimum=0,
        below=1,
        group="teachers",
    )
    teacher_outputs: tuple[str, ...] = setting(
        ("cross_fitted",),
        "Kinds of teacher outputs, a student each; the first one's student is compressed and "
        "exported.",
        choices=TEACHER_OUTPUTS,
        group="teachers",
    )
    teacher_views: int = setting(
        8,
        "Augmented views that cached teacher outputs are averaged over; 0 for the plain clip.",
        minimum=0,
        group="teachers",
    )
    student: StudentSettings = part(StudentSettings, "student")
    acs: ACSSettings = part(ACSSettings, "distillation")
    baseline_label_smoothing: float = setting(
        0.1,
        "Label smoothing of the baseline's cross-entropy.",
        minimum=0,
        below=1,
        group="distillation",
    )
    student_training: TrainingSettings = part(TrainingSettings, "optimiser")
    augmentation: AugmentationSettings = part(AugmentationSettings, "augmentation")
    compression: CompressionSettings = part(CompressionSettings, "compression")
    stream: StreamSettings = part(StreamSettings, "stream")
    labels: LabelSettings = part(LabelSettings, "labels")
    virtual: VirtualSettings = part(VirtualSettings, "virtual sensors")
    protocol: str = setting(
        "cross_subject",
        "Split into training and test subjects: validation (leaves each training subject out, to "
        "choose by), cross_subject, leave_one_subject_out, subject_folds, or another that the data "
        "set declares.",
        group="run",
    )
    seeds: tuple[int, ...] = setting(
        (1,), "Seeds of the student; the first one's model is exported.", group="run"
    )
    # The method of the student, with one trial; None for ACS as `acs` has it.
    method: Method | None = later_field()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inputs.mode == "window" and not self.teacher_views:
            raise UserError("teacher_views must be positive in window mode", self.teacher_views)
        if self.stream.enabled and self.inputs.mode != "clip":
            rule = "stream_training needs whole movements (--input_mode=clip)"
            raise UserError(rule, self.inputs.mode)
        for flag, is_used in (
            ("stream_training", self.stream.enabled),
            ("virtual_sensors", bool(self.virtual.virtual_sensors)),
        ):
            if is_used and self.inputs.has_gyroscope:
                rule = f"{flag} reads the accelerometer alone (--sensors=accelerometer)"
                raise UserError(rule, ",".join(self.inputs.sensors))
        if self.virtual.hides and self.labels.hides:
            rule = "A study hides labels or accelerometers, not both"
            raise UserError(rule, "watch_subjects or unworn_classes, and labels")
        if self.virtual.virtual_sensors and self.teachers:
            rule = "virtual_sensors train a student without teachers (--teachers=)"
            raise UserError(rule, ",".join(self.teachers))
        for name in ("seeds", "teacher_seeds"):
            values = getattr(self, name)
            if not values or min(values) < 0 or len(set(values)) != len(values):
                raise UserError(
                    f"{name} must be different whole numbers, none negative",
                    ",".join(map(str, values)),
                )

    def with_method(self, method: Method) -> "RunSettings":
        """Returns these settings with another method for the student than ACS.

        Of the chain of teachers, those after the last one that teaches the student are left out.
        The student's net stays, unless the method is one of another net.

        Args:
            method: The method, with one trial.

        Raises:
            UserError: The method trains no net, or needs a teacher that the chain lacks.
        """
        if method.model == FOREST:
            rule = "A method of --method trains a net (pskd_tf.benchmark scores forests)"
            raise UserError(rule, method.name)
        student = self.student
        if method.model != OWN_NET:
            student = StudentSettings(student=method.model)
        if OWN_NET in method.teachers and student.model != OWN_NET:
            rule = f"{method.name} has own nets as teachers, which are {OWN_NET} (--student)"
            raise UserError(rule, student.student)
        own = [one for one in method.teachers if one in TEACHERS]
        missing = [one for one in own if one not in self.teachers]
        if missing:
            rule = f"{method.name} needs {', '.join(own)} among --teachers"
            raise UserError(rule, ",".join(self.teachers) or "none")
        last = max((self.teachers.index(one) + 1 for one in own), default=0)
        chain = tuple(one for one in self.teachers[:last] if one != OWN_NET)
        chain += (OWN_NET,) if OWN_NET in method.teachers else ()
        outputs = (method.teacher_outputs,) if chain else self.teacher_outputs[:1]
        virtual = dataclasses.replace(
            self.virtual,
            virtual_sensors=method.virtual_sensors,
            virtual_only=method.virtual_only,
        )
        return dataclasses.replace(
            self,
            teachers=chain,
            teacher_outputs=outputs,
            student=student,
            virtual=virtual,
            method=method,
        )

    @property
    def teacher_acs(self) -> ACSSettings:
        """ACS for the teachers after the first: the student's, with their own label smoothing."""
        return dataclasses.replace(self.acs, label_smoothing=self.teacher_label_smoothing)

    def training_of(self, model: str) -> TrainingSettings:
        """Returns the length and optimiser of a model's training.

        Args:
            model: A name in `STREAMS_READ`.

        Returns:
            The student's settings, for a teacher with its own epochs; without mixup for a model
            that reads the skeleton.
        """
        training = self.student_training
        return dataclasses.replace(
            training,
            epochs=getattr(self.teacher_epochs, model, training.epochs),
            steps=self.teacher_steps if model in TEACHERS else training.steps,
            mixup=0.0 if "skeleton" in STREAMS_READ[model] else training.mixup,
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as JSON values, without those of streams where they do nothing.

        Settings of the student's net, of missing labels and of missing accelerometers are there
        where one is not its default.
        """
        values: dict[str, Any] = record_to_json(self)
        if not self.stream.enabled:
            del values["stream"]
        if self.student == StudentSettings():
            del values["student"]
        if self.labels == LabelSettings():
            del values["labels"]
        if self.virtual == VirtualSettings():
            del values["virtual"]
        return values


def read_run_settings(run_dir: Path) -> RunSettings:
    """Reads `settings.json` of a run.

    Args:
        run_dir: The run's folder.

    Returns:
        The settings, equal to those that the run was started with.

    Raises:
        UserError: There is no such file, or it is not of this version.
    """
    path = Path(run_dir) / "settings.json"
    try:
        return read_record(RunSettings, path)
    except UserError as error:
        rule = "run_dir must be the folder of a run of this version (python -m pskd_tf.train)"
        raise UserError(rule, error.reason, path) from error


@dataclass(frozen=True)
class CompressionSearch(_Checked):
    """How `pskd_tf.compress` cuts, fine-tunes and quantises, the same for every candidate."""

    cuts: int = setting(
        1, "Cuts on the way to the limits, each followed by fine-tuning.", minimum=1
    )
    importance: str = setting(
        "norm_scale", "What channels are chosen by, see `channel_importance`.", flag=False
    )
    slim_epochs: int = setting(300, "Epochs of fine-tuning after each cut.", minimum=1)
    slim_learning_rate: float = setting(4e-3, "Peak learning rate of that fine-tuning.", above=0)
    qat_epochs: int = setting(40, "Epochs of quantisation-aware training.", minimum=1)
    qat_learning_rate: float = setting(
        2e-4, "Learning rate of its first step; it falls to 0 along a cosine.", above=0
    )
    calibration_clips: int = setting(
        200, "Training clips that the int8 ranges are read from.", minimum=1
    )
    distil: bool = setting(True, "Whether the student's teachers go on teaching it.", flag=False)
