"""How a student is trained: its net, its teachers, the kind of their outputs, its loss.

A file of methods is read by a benchmark, which compares them, and by a training of one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.records import later_field, read_json_object, record_from_json, record_to_json
from pskd_tf.student_settings import OWN_NET, OWN_STUDENT, STUDENTS
from pskd_tf.training_settings import TrainingSettings
from pskd_tf.virtual_settings import VIRTUAL_SENSORS, check_virtual_use

# The streams that each model reads.
STREAMS_READ = {
    "skeleton_teacher": ("skeleton",),
    "fusion_teacher": ("accelerometer", "skeleton"),
    "accelerometer_teacher": ("accelerometer",),
    "accelerometer_student": ("accelerometer",),
    "ign_student": ("accelerometer",),
    "gmp_student": ("accelerometer",),
    OWN_STUDENT: ("accelerometer",),
}

TEACHERS = ("skeleton_teacher", "fusion_teacher", "accelerometer_teacher")
FOREST = "random_forest"
METHODS_FILE = "configs/benchmark_methods.json"  # beside the package, or in it
ACS_LOSS = "adaptive_confidence_semantic"
CACHED_OUTPUTS = ("cross_fitted", "in_sample")
# Teachers that see the mixed-up input itself; of an ensemble, the teachers of all seeds together.
MIXTURE_OUTPUTS = ("live_mixture", "live_ensemble")
# In a training for the stream: each cut is read once, before the training.
EACH_CUT = "each_cut"
TEACHER_OUTPUTS = (*CACHED_OUTPUTS, "live", *MIXTURE_OUTPUTS, EACH_CUT)


@dataclass(frozen=True)
class Pretraining:
    """A training of the student on all clips without their labels, before that on the labels.

    Attributes:
        loss: Name of its loss, as `make_loss` takes it, that learns without labels.
        arguments: Arguments of the loss.
        share: Share of the training's length that it takes, more than 0 and less than 1.

    Raises:
        UserError: The share is out of range.
    """

    loss: str
    arguments: dict[str, Any] = field(default_factory=dict)
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UserError("share of pretraining must lie between 0 and 1", self.share)


@dataclass(frozen=True)
class Soup:
    """Several trainings that go on from one, each with other draws, and whose weights are averaged.

    Attributes:
        nets: How many.
        common_share: Share of the length that the one takes, more than 0 and less than 1; each of
            the several takes the rest.

    Raises:
        UserError: The number or the share is out of range.
    """

    nets: int
    common_share: float = 0.5

    def __post_init__(self) -> None:
        if self.nets < 2:
            raise UserError("nets of a soup must be 2 or more", self.nets)
        if not 0 < self.common_share < 1:
            raise UserError("common_share of a soup must lie between 0 and 1", self.common_share)


@dataclass(frozen=True)
class Method:
    """A way to train, with the trials that validation picks from.

    Attributes:
        name: Its name in results.
        title: Its name on the leaderboard.
        model: The net to train, or `random_forest`.
        loss: Name of its loss, as `make_loss` takes it; "" for a forest.
        trials: Arguments of the loss (or of the forest); one trial is picked on validation.
        teachers: Names of its teachers; none for a baseline. The student's own net is one that was
            trained with cross-entropy.
        teacher_outputs: One of `TEACHER_OUTPUTS`; "" without teachers.
        crossed: Whether the test runs every student seed with every teacher seed, or with one.
        most_seeds: Largest number of student seeds in the test.
        drop_one_teacher: Whether each batch drops one teacher (DGKD).
        uses_unlabelled: Whether it also learns from clips without a label.
        rounds: Rounds of teachers, as `StagePlanner.teacher_outputs` takes them.
        own_nets: How many of the student's own nets are its teachers, where its own net is one.
        virtual_sensors: What gives clips with a skeleton alone their acceleration, of
            `VIRTUAL_SENSORS`; none leaves them out.
        virtual_only: Whether clips with an accelerometer only fit the virtual sensors.
        virtual_pretraining: Share of the length that reads virtual acceleration alone; the rest
            then reads real clips alone.
        pretraining: What the student's body learns before; the teachers, where there are any, teach
            there and not afterwards. None trains once.
        training: Settings of the student's training that differ from the recipe's, by the names of
            the fields of `TrainingSettings`, without its length.
        epochs_factor: How many times as long as the recipe's the student's training is.
        soup: The trainings whose mean of weights the student is; None for a training.

    Raises:
        UserError: A teacher or a kind of teacher outputs is unknown, there is no trial, or a
            setting of the training is wrong.
    """

    name: str
    title: str
    loss: str
    trials: tuple[dict[str, Any], ...]
    model: str = OWN_NET
    teachers: tuple[str, ...] = ()
    teacher_outputs: str = ""
    crossed: bool = False
    most_seeds: int = 10
    drop_one_teacher: bool = False
    uses_unlabelled: bool = later_field(False)
    own_nets: int = later_field(1)
    rounds: int = later_field(1)
    virtual_sensors: tuple[str, ...] = later_field(())
    virtual_only: bool = later_field(False)
    virtual_pretraining: float = later_field(0.0)
    pretraining: Pretraining | None = later_field()
    training: dict[str, Any] | None = later_field()
    epochs_factor: int = later_field(1)
    soup: Soup | None = later_field()

    def with_trial(self, trial: int) -> "Method":
        """Returns the method with one of its trials alone.

        Args:
            trial: Which one, from 0.

        Raises:
            UserError: There is no such trial.
        """
        if not 0 <= trial < len(self.trials):
            rule = f"The trials of {self.name} are 0 to {len(self.trials) - 1} (--trial)"
            raise UserError(rule, trial)
        return replace(self, trials=(self.trials[trial],))

    def training_from(self, recipe: TrainingSettings) -> TrainingSettings:
        """Returns the settings of the student's training.

        Args:
            recipe: Those that all methods share.

        Raises:
            UserError: A setting of the method's training is unknown or out of range.
        """
        values = record_to_json(recipe.longer(self.epochs_factor), whole=True)
        return record_from_json(TrainingSettings, values | (self.training or {}))

    @property
    def training_text(self) -> str:
        """What its training has other than the recipe's, for a person; "" for nothing."""
        parts = [
            f"{name.replace('_', ' ')} {value}" for name, value in (self.training or {}).items()
        ]
        if self.epochs_factor > 1:
            parts.append(f"{self.epochs_factor} times the length")
        if self.soup:
            parts.append(f"the mean of the weights of {self.soup.nets} trainings")
        return ", ".join(parts)

    @property
    def own_net_names(self) -> tuple[str, ...]:
        """Names of the student's own nets as teachers; none where its own net is no teacher."""
        if self.model not in self.teachers:
            return ()
        return (self.model, *(f"{self.model}_{one + 1}" for one in range(1, self.own_nets)))

    def __post_init__(self) -> None:
        if not self.trials:
            raise UserError("A method needs at least one trial", f"none for {self.name}")
        known = (*TEACHERS, *STUDENTS)
        unknown = [teacher for teacher in self.teachers if teacher not in known]
        if unknown:
            raise UserError(f"The teachers of {self.name} are of {', '.join(known)}", unknown[0])
        if self.model in self.teachers and self.teacher_outputs == "cross_fitted":
            rule = f"{self.name}: own nets teach with in_sample or live teacher_outputs"
            raise UserError(rule, self.teacher_outputs)
        wrong = [one for one in self.virtual_sensors if one not in VIRTUAL_SENSORS]
        if wrong:
            rule = f"The virtual_sensors of {self.name} are of {', '.join(VIRTUAL_SENSORS)}"
            raise UserError(rule, wrong[0])
        if self.virtual_sensors and (self.teachers or self.model not in STUDENTS):
            rule = f"{self.name}: virtual_sensors train a student without teachers"
            raise UserError(rule, ", ".join(self.teachers) or self.model)
        if not 0 <= self.virtual_pretraining < 1:
            rule = f"virtual_pretraining of {self.name} must be from 0 to below 1"
            raise UserError(rule, self.virtual_pretraining)
        check_virtual_use(
            *(self.virtual_sensors, self.virtual_only, self.virtual_pretraining),
            whose=f" of {self.name}",
        )
        if self.pretraining and (
            self.model not in STUDENTS or self.virtual_sensors or self.uses_unlabelled
        ):
            rule = f"{self.name}: after pretraining a student learns from its labelled clips alone"
            raise UserError(rule, "uses_unlabelled, virtual_sensors or a forest")
        if self.rounds > 1 and self.teacher_outputs != "in_sample":
            rule = f"{self.name}: several rounds go with in_sample teacher_outputs"
            raise UserError(rule, self.teacher_outputs or "nothing")
        if self.own_nets < 1:
            raise UserError("own_nets must be positive", f"{self.own_nets} of {self.name}")
        if self.soup and (self.pretraining or self.virtual_sensors or self.model not in STUDENTS):
            rule = f"{self.name}: a soup is of students, without pretraining and virtual_sensors"
            raise UserError(rule, self.model)
        if self.epochs_factor < 1:
            rule = f"epochs_factor of {self.name} must be positive"
            raise UserError(rule, self.epochs_factor)
        length = {"epochs", "steps"} & set(self.training or {})
        if length:
            rule = f"{self.name} has the recipe's length, or epochs_factor times that"
            raise UserError(rule, f"{length.pop()} in training")
        self.training_from(TrainingSettings())
        if bool(self.teachers) != (self.teacher_outputs in TEACHER_OUTPUTS):
            rule = f"teacher_outputs of {self.name} must be one of {', '.join(TEACHER_OUTPUTS)}"
            rule = rule if self.teachers else f"{self.name} has no teachers, so no teacher_outputs"
            raise UserError(rule, self.teacher_outputs or "nothing")


def read_methods(path: str | Path, names: Sequence[str] = ()) -> list[Method]:
    """Reads the methods of a JSON file.

    Args:
        path: A JSON file `{"methods": [{...}, ...]}`; each entry has the fields of `Method`.
        names: The methods to return, in this order; all if empty.

    Returns:
        The methods.

    Raises:
        UserError: The file cannot be read, an entry has a wrong field, or a name is unknown or
            twice.
    """
    rule = "A file of methods must be JSON as docs/benchmark.md says"
    methods: dict[str, Method] = {}
    try:
        for entry in read_json_object(path, rule)["methods"]:
            method = record_from_json(Method, entry, path)
            if method.name in methods:
                raise UserError("Methods must have different names", method.name, path)
            methods[method.name] = method
    except (ValueError, KeyError, TypeError) as error:
        received = error.reason if isinstance(error, UserError) else error
        raise UserError(rule, received, path) from error
    unknown = [name for name in names if name not in methods]
    if unknown:
        raise UserError(f"A method is one of {', '.join(methods)}", unknown[0], path)
    return [methods[name] for name in names or methods]
