"""Which clips train and which test."""

from dataclasses import dataclass

from data_prep.user_error import UserError


@dataclass(frozen=True)
class ClipSplit:
    """One split of a prepared set's clips by a protocol.

    A part may be empty, for example in an incomplete download; see `empty_parts`.

    Args:
        protocol: The protocol's name.
        fold: Which of the protocol's splits this is: the subject left out or "2 of 5"; "" for a
            protocol with a single split.
        train_clips: clip_id of the training part, in the manifest's order.
        test_clips: clip_id of the test part, in the manifest's order.
        train_subjects: Who moves in the training part, in natural order.
        test_subjects: Who moves in the test part.
        metric: The metric the protocol is reported with.

    Raises:
        UserError: A clip is in both parts.
    """

    protocol: str
    fold: str
    train_clips: tuple[str, ...]
    test_clips: tuple[str, ...]
    train_subjects: tuple[str, ...]
    test_subjects: tuple[str, ...]
    metric: str

    def __post_init__(self) -> None:
        shared = sorted(set(self.train_clips) & set(self.test_clips))
        if shared:
            raise UserError(f"No clip may both train and test in {self.protocol}", shared[0])

    @property
    def leaks_subjects(self) -> bool:
        """Whether someone both trains and tests: such a score says little about new people."""
        return bool(set(self.train_subjects) & set(self.test_subjects))

    @property
    def empty_parts(self) -> tuple[str, ...]:
        """The parts without a clip, of "train" and "test"."""
        parts = (("train", self.train_clips), ("test", self.test_clips))
        return tuple(name for name, clips in parts if not clips)

    @property
    def label(self) -> str:
        """Protocol and fold as printed, with what a reader must know of them."""
        remarks = [f"fold {self.fold}"] if self.fold else []
        if self.leaks_subjects:
            remarks.append("leaks subjects")
        remarks += [f"no {part} clip" for part in self.empty_parts]
        return self.protocol + (f" ({', '.join(remarks)})" if remarks else "")
