"""Specifications of what is trained: nets, teachers' outputs and forests."""

from dataclasses import dataclass
from typing import Any, ClassVar

from data_prep.records import later_field, record_from_json, record_to_json
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.method import ACS_LOSS
from pskd_tf.pipeline.specs.stage_spec import NETS, SCORING, StageSpec
from pskd_tf.settings import MIXTURE_OUTPUTS
from pskd_tf.stream_settings import StreamSettings
from pskd_tf.student_settings import Architecture
from pskd_tf.training_settings import ACSSettings, TrainingSettings


@dataclass(frozen=True)
class TrainingPart:
    """The training clips of one fold and the subjects that move in them.

    Attributes:
        subjects: The subjects.
        clips: Names of the clips, in the order of the prepared set.
        unlabelled: Names of those whose labels are missing or hidden; None where all have labels.
        skeleton_only: Names of further clips, of which the skeleton alone is read; None without.
    """

    subjects: tuple[str, ...]
    clips: tuple[str, ...]
    unlabelled: tuple[str, ...] | None = later_field()
    skeleton_only: tuple[str, ...] | None = later_field()


@dataclass(frozen=True)
class DataSpec:
    """The data set and its preprocessing.

    Attributes:
        dataset: Fingerprint of the prepared set.
        num_classes: Number of outputs; in a training for streams "none" is the last one.
        inputs: The preprocessing.
        augmentation: Strengths of the random changes.
    """

    dataset: str
    num_classes: int
    inputs: InputSettings
    augmentation: AugmentationSettings


@dataclass(frozen=True)
class LossSpec:
    """A loss.

    Attributes:
        name: As `make_loss` knows it.
        arguments: Keyword arguments of the loss.
    """

    name: str
    arguments: dict[str, Any]

    @staticmethod
    def cross_entropy(label_smoothing: float) -> "LossSpec":
        """Returns cross-entropy with the ground truth."""
        return LossSpec("cross_entropy", {"label_smoothing": label_smoothing})

    @staticmethod
    def of_acs(settings: ACSSettings) -> "LossSpec":
        """Returns ACS (our reconstruction) with every argument written out."""
        return LossSpec(ACS_LOSS, record_to_json(settings))

    @property
    def acs(self) -> ACSSettings | None:
        """The settings of ACS (our reconstruction); None for another loss."""
        if self.name != ACS_LOSS:
            return None
        return record_from_json(ACSSettings, self.arguments)

    @property
    def label_smoothing(self) -> float:
        """Smoothing of the ground truth in this loss, 0..1."""
        return float(self.arguments.get("label_smoothing", 0.0))


@dataclass(frozen=True)
class TeacherInput:
    """A trained teacher that a stage reads.

    Attributes:
        name: Name of the teacher; that of the model unless `model` is given.
        seed: Seed that it was trained with.
        fit: Key of its fit stage.
        left_out: The training subject that it was trained without; None for all of them.
        model: Name of the model, where several teachers are of one.
    """

    name: str
    seed: int
    fit: str
    left_out: str | None = None
    model: str | None = later_field()

    @property
    def net(self) -> str:
        """Name of the model."""
        return self.model or self.name


@dataclass(frozen=True)
class FitSpec(StageSpec):
    """One training.

    Attributes:
        model: Name of the model, which also names its random draws.
        data: The data set and its preprocessing.
        part: The clips of its training.
        seed: Seed of weights and draws.
        training: Length and optimiser.
        loss: The loss.
        teachers: Names of the teachers, in order; none for a training without teachers.
        teacher_outputs: Kind of the teachers' outputs, from `TEACHER_OUTPUTS`; "" without teachers.
        live: Teachers that run during the training, those of one name together; none where
            outputs are cached.
        cached: Key of the stage with the teachers' cached outputs; None where teachers run live.
        drop_one_teacher: Whether each batch is without one teacher, drawn at random.
        stream: How clips are cut out of streams; None trains on the clips alone.
        virtual_sensors: What gives the part's clips with a skeleton alone their acceleration; None
            trains on the clips with an accelerometer alone.
        virtual_only: True where clips with an accelerometer only fit the virtual sensors.
        recorded_none: Names of the subjects' recordings of "none", which are cut, too; None where
            they have none.
        pretrained: Key of the training of the same model from whose weights this one starts; None
            for fresh weights.
        soup: Keys of the trainings of the same model whose weights are averaged, with BatchNorm
            estimated anew, instead of a training; None for a training.
        architecture: The layers of an own student; None for another model.
    """

    kind: ClassVar[str] = "fit"
    version: ClassVar[int] = 2
    relies_on: ClassVar[tuple[str, ...]] = NETS

    model: str
    data: DataSpec
    part: TrainingPart
    seed: int
    training: TrainingSettings
    loss: LossSpec
    teachers: tuple[str, ...] = ()
    teacher_outputs: str = ""
    live: tuple[TeacherInput, ...] = ()
    cached: str | None = None
    drop_one_teacher: bool = False
    stream: StreamSettings | None = later_field()
    virtual_sensors: tuple[str, ...] | None = later_field()
    virtual_only: bool | None = later_field()
    recorded_none: tuple[str, ...] | None = later_field()
    pretrained: str | None = later_field()
    architecture: Architecture | None = later_field()
    soup: tuple[str, ...] | None = later_field()

    @property
    def null_class(self) -> int | None:
        """The output for "none"; None without one."""
        return None if self.stream is None else self.data.num_classes - 1

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the teachers' fit stages or outputs, of the pre-training and of the soup."""
        others = (self.cached, self.pretrained, *(self.soup or ()))
        return (*(one.fit for one in self.live), *(one for one in others if one is not None))

    @property
    def epochs(self) -> int:
        """Epochs of training."""
        return 0 if self.soup else self.training.num_epochs

    @property
    def teachers_see(self) -> str:
        """What the teachers read of a mixed-up sample, as `PSKDDistiller` takes it."""
        return "mixture" if self.teacher_outputs in MIXTURE_OUTPUTS else "sources"


@dataclass(frozen=True)
class TeacherOutputsSpec(StageSpec):
    """Outputs of teachers on the training clips, cached.

    Attributes:
        outputs: `in_sample` or `cross_fitted`.
        data: The data set and its preprocessing.
        part: The clips.
        seed: Seed of the teachers and of the views.
        views: Augmented views that outputs are averaged over; 0 for the plain clip.
        teachers: The teachers, trained on all subjects and, for `cross_fitted`, without each.
        calibration: `agreement`: logits are divided by `agreement_temperatures`, which are those of
            the clips without a label; None: as they are.
    """

    kind: ClassVar[str] = "teacher_outputs"
    version: ClassVar[int] = 2
    relies_on: ClassVar[tuple[str, ...]] = NETS

    outputs: str
    data: DataSpec
    part: TrainingPart
    seed: int
    views: int
    teachers: tuple[TeacherInput, ...]
    calibration: str | None = later_field()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the teachers' fit stages."""
        return tuple(one.fit for one in self.teachers)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the teachers, in order."""
        return tuple(self.nets)

    @property
    def nets(self) -> dict[str, str]:
        """Name of each teacher's model, by the teacher's name, in order."""
        return {one.name: one.net for one in self.teachers if one.left_out is None}

    def fit_of(self, name: str, left_out: str | None = None) -> str:
        """Returns the key of a teacher's fit stage.

        Args:
            name: Name of the teacher.
            left_out: The subject that it was trained without; None for all subjects.
        """
        return next(
            one.fit for one in self.teachers if (one.name, one.left_out) == (name, left_out)
        )


@dataclass(frozen=True)
class ForestSpec(StageSpec):
    """A random forest, fitted and scored.

    Attributes:
        data: The data set and its preprocessing.
        part: The clips of its training.
        seed: Seed of the forest.
        clips: Names of the held-out clips.
        arguments: Keyword arguments of scikit-learn's `RandomForestClassifier`.
    """

    kind: ClassVar[str] = "forest"
    version: ClassVar[int] = 2
    relies_on: ClassVar[tuple[str, ...]] = SCORING

    data: DataSpec
    part: TrainingPart
    seed: int
    clips: tuple[str, ...]
    arguments: dict[str, Any]
