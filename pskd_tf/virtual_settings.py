"""Settings of training sets in which watches are missing."""

from dataclasses import dataclass

from data_prep.errors import UserError
from data_prep.settings import check_settings, setting

VIRTUAL_SENSORS = ("rotation", "regression")

# What a learning curve may be drawn against, in words.
WATCH_AMOUNTS = {"watch_subjects": "people with a watch"}


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

    def __post_init__(self) -> None:
        check_settings(self)
        if self.virtual_only and not self.virtual_sensors:
            raise UserError("virtual_only needs virtual_sensors", "none")

    @property
    def hides(self) -> bool:
        """Whether accelerometers of a full set are hidden."""
        return bool(self.watch_subjects or self.unworn_classes)
