"""The settings of a run, each with its default, help, unit and range.

Flags, `settings.json`, the commands in a report and the tables in `docs/cli.md` are made from here.
The defaults are those of `configs/utd_mhad.flags`, which validation chose on UTD-MHAD.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.records import later_field, read_record, record_to_json
from data_prep.settings import CheckedSettings, part, setting
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.label_settings import LabelSettings
from pskd_tf.method import (
    CACHED_OUTPUTS as CACHED_OUTPUTS,
    EACH_CUT as EACH_CUT,
    FOREST,
    MIXTURE_OUTPUTS as MIXTURE_OUTPUTS,
    STREAMS_READ as STREAMS_READ,
    TEACHER_OUTPUTS as TEACHER_OUTPUTS,
    TEACHERS as TEACHERS,
    Method,
)
from pskd_tf.stream_settings import StreamSettings
from pskd_tf.student_settings import OWN_NET, StudentSettings
from pskd_tf.training_settings import ACSSettings, TeacherEpochs, TrainingSettings
from pskd_tf.virtual_settings import VirtualSettings

CALIBRATIONS = ("auto", "range", "percentile", "error")


@dataclass(frozen=True)
class CompressionSettings(CheckedSettings):
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
class RunSettings(CheckedSettings):
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
    cross_fitting_folds: int = setting(
        0,
        "Groups of training subjects that cross-fitted teachers are trained without, in turn; 0 "
        "for one group a subject. Fewer groups are fewer trainings.",
        minimum=0,
        group="teachers",
        later=True,
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
        cuts_movements = self.stream.enabled and self.inputs.mode == "clip"
        if EACH_CUT in self.teacher_outputs and not cuts_movements:
            rule = "teacher_outputs=each_cut needs the cuts of --stream_training, in clip mode"
            raise UserError(rule, ",".join(self.teacher_outputs))
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
            virtual_pretraining=method.virtual_pretraining,
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
            The student's settings, for a teacher with its own epochs and plain; without mixup for a
            model that reads the skeleton.
        """
        training = self.student_training
        if model in TEACHERS:
            training = training.plain
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
class CompressionSearch(CheckedSettings):
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
