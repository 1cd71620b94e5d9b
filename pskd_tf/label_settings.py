"""Settings of training sets in which labels are missing."""

from dataclasses import dataclass

from data_prep.errors import UserError
from data_prep.settings import check_settings, setting

UNLABELLED_TARGETS = ("mean", "fusion", "most_confident", "acs", "none")
TEACHER_CALIBRATIONS = ("agreement", "none")

# What a learning curve may be drawn against, in words.
LABEL_AMOUNTS = {
    "labelled_subjects": "labelled people",
    "labels_per_class": "labelled clips of each class",
}


@dataclass(frozen=True)
class LabelSettings:
    """Which labels a study hides, and what the student follows where there is none.

    A set of which some clips have no label needs none of the first three: they hide labels of a
    full set, to study what labels are worth. Test clips keep theirs. Source: ours.
    """

    labelled_subjects: int = setting(
        0, "Training subjects that keep their labels, drawn by label_draw; 0 for all.", minimum=0
    )
    labelled_fraction: float = setting(
        1.0,
        "Share of the clips of each class that keep their labels, drawn by label_draw.",
        above=0,
        maximum=1,
    )
    labels_per_class: int = setting(
        0, "Clips of each class that keep their labels, drawn by label_draw; 0 for all.", minimum=0
    )
    label_draw: int = setting(
        1,
        "Draw of the labels that are kept, from 1; with 1 to n as many draws of n subjects take "
        "each subject equally often. A benchmark takes each student's seed.",
        minimum=1,
    )
    unlabelled_target: str = setting(
        "mean",
        "What the student follows on a clip without a label: the mean of the teachers, the fusion "
        "teacher, the most confident teacher, teachers as ACS (our reconstruction) selects them "
        "by confidence, or none, which trains on labelled clips alone.",
        choices=UNLABELLED_TARGETS,
    )
    teacher_calibration: str = setting(
        "agreement",
        "agreement: each teacher's temperature makes its mean confidence on clips without a label "
        "equal to its agreement with the other teachers; none: outputs as they are.",
        choices=TEACHER_CALIBRATIONS,
    )
    unlabelled_rounds: int = setting(
        1,
        "Rounds of teachers: from the second on they learn from all clips, under the mean of the "
        "teachers of the round before; in_sample outputs only.",
        minimum=1,
        later=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.labelled_fraction < 1 and self.labels_per_class:
            rule = "labelled_fraction and labels_per_class exclude each other"
            received = f"{self.labelled_fraction:g} and {self.labels_per_class}"
            raise UserError(rule, received)

    @property
    def hides(self) -> bool:
        """Whether labels of a full set are hidden."""
        return bool(self.labelled_subjects or self.labels_per_class) or self.labelled_fraction < 1
