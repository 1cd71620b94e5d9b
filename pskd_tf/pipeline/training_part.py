"""What one fold trains on."""

from dataclasses import dataclass

from pskd_tf.pipeline.subjects_label import subjects_label


@dataclass(frozen=True)
class TrainingPart:
    """The training clips of one fold and who moves in them.

    Attributes:
        subjects: Who moves.
        clips: Names of the clips, in the manifest's order.
    """

    subjects: tuple[str, ...]
    clips: tuple[str, ...]

    @property
    def name(self) -> str:
        """The subjects, fit for a folder's name."""
        return subjects_label(self.subjects)

    @property
    def settings(self) -> dict[str, list[str]]:
        """The part as a stage's settings hold it."""
        return {"train_subjects": list(self.subjects), "train_clips": list(self.clips)}
