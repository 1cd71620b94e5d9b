"""Settings of training sets in which watches are missing."""

from dataclasses import dataclass

from data_prep.errors import UserError
from data_prep.settings import check_settings, setting

VIRTUAL_SENSORS = ("rotation", "regression")

# What a learning curve may be drawn against, in words.
WATCH_AMOUNTS = {"watch_subjects": "people with a watch"}


def check_virtual_use(
    sensors: tuple[str, ...], only: bool, pretraining: float, whose: str = ""
) -> None:
    """Refuses ways to use virtual sensors that need some, or exclude each other.

    Args:
        sensors: The virtual sensors.
        only: Whether the student learns from virtual acceleration alone.
        pretraining: Share of the training that reads virtual acceleration first.
        whose: What has these settings, for the error.

    Raises:
        UserError: There are no virtual sensors to use, or two ways to use them.
    """
    for name, is_set in (("virtual_only", only), ("virtual_pretraining", pretraining > 0)):
        if is_set and not sensors:
            raise UserError(f"{name}{whose} needs virtual_sensors", "none")
    if only and pretraining > 0:
        rule = f"After virtual_pretraining{whose} come real clips: without virtual_only"
        raise UserError(rule, f"virtual_pretraining {pretraining:g}")


@dataclass(frozen=True)
class VirtualSettings:
    """Which accelerometers a study hides, and the virtual sensors that take their place.

    A set of which some clips have a skeleton alone needs none of the first three: they hide
    accelerometers of a full set, to study what watches are worth. Test clips keep theirs. Source:
    ours.
    """

    watch_subjects: int = setting(
        0,
        "Training subjects that keep their accelerometer, drawn by watch_draw; of the others the "
        "skeleton alone is read; 0 for all.",
        minimum=0,
    )
    unworn_classes: int = setting(
        0,
        "Classes that no watch has recorded, drawn by watch_draw: of their training clips the "
        "skeleton alone is read.",
        minimum=0,
    )
    watch_draw: int = setting(
        1,
        "Draw of the subjects that keep their accelerometer, and of the classes that do not, from "
        "1; with 1 to n as many draws of n subjects take each subject equally often. A benchmark "
        "takes each student's seed.",
        minimum=1,
    )
    virtual_sensors: tuple[str, ...] = setting(
        (),
        "What a student without teachers learns from besides: acceleration computed from the "
        "skeletons of clips without an accelerometer, by rotation, by regression or once by each; "
        "real and virtual clips come equally often.",
        choices=VIRTUAL_SENSORS,
        may_be_empty=True,
    )
    virtual_only: bool = setting(
        False,
        "Learn from virtual acceleration alone: clips with an accelerometer are read to fit the "
        "virtual sensors, and their labels are not.",
    )
    virtual_pretraining: float = setting(
        0.0,
        "Share of the student's training that reads virtual acceleration alone; the rest continues "
        "with real clips alone. 0 reads both together.",
        minimum=0,
        below=1,
        later=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        check_virtual_use(self.virtual_sensors, self.virtual_only, self.virtual_pretraining)

    @property
    def hides(self) -> bool:
        """Whether accelerometers of a full set are hidden."""
        return bool(self.watch_subjects or self.unworn_classes)
