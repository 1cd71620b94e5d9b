"""Which clips a training reads: the training clips of a split, with what is hidden of them."""

from collections.abc import Sequence
from dataclasses import replace

from data_prep.clip import NO_LABEL, NULL_ACTION
from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import ClipSplit, subject_folds
from pskd_tf.pipeline.hidden_labels import drawn_classes, drawn_subjects, kept_labels
from pskd_tf.pipeline.specs import TrainingPart
from pskd_tf.settings import STREAMS_READ, RunSettings


class TrainingParts:
    """Names the clips of trainings.

    Args:
        settings: The settings of the run, which may hide labels and accelerometers.
        prepared: The prepared set.
    """

    def __init__(self, settings: RunSettings, prepared: PreparedSet):
        self.settings = settings
        manifest = prepared.manifest
        self._with_skeleton = set(manifest["clip_id"][manifest["skeleton_length"] > 0])
        # A virtual sensor needs three frames.
        self._with_frames = set(manifest["clip_id"][manifest["skeleton_length"] > 2])
        self._silent = set(manifest["clip_id"][~prepared.has_accelerometer])
        self._subject_of = dict(zip(manifest["clip_id"], manifest["subject"], strict=True))
        self._clips = manifest[["clip_id", "subject", "action"]]

    def of_split(self, split: ClipSplit, draw: int | None = None) -> TrainingPart:
        """Names a split's training clips, without the labels and accelerometers that it lacks.

        Args:
            split: The split.
            draw: Draw of the labels and of the watches that are kept; None for the settings'.

        Returns:
            The part.

        Raises:
            UserError: No clip has a label, or there are too few subjects for the settings.
        """
        part = TrainingPart(split.train_subjects, split.train_clips)
        watches, labels = self.settings.virtual.watch_draw, self.settings.labels.label_draw
        part = self._with_hidden_watches(part, watches if draw is None else draw)
        return self._with_hidden_labels(part, labels if draw is None else draw)

    def _with_hidden_watches(self, part: TrainingPart, draw: int) -> TrainingPart:
        """Moves clips whose accelerometer is missing or hidden to those with a skeleton alone."""
        count, clips = self.settings.virtual.watch_subjects, part.clips
        missing = {one for one in self._silent if self._subject_of[one] in part.subjects}
        if count:
            movers = [self._subject_of[one] for one in clips]
            worn = drawn_subjects(movers, count, draw, "watch_subjects")
            missing |= {one for one in clips if self._subject_of[one] not in worn}
        if self.settings.virtual.unworn_classes:
            own = self._clips[self._clips["clip_id"].isin(clips)]
            own = own[own["action"] != NO_LABEL]
            unworn = drawn_classes(own["action"], self.settings.virtual.unworn_classes, draw)
            missing |= set(own["clip_id"][own["action"].isin(unworn)])
        if not missing:
            return part
        clips = tuple(one for one in clips if one not in missing)
        if not clips:
            rule = "A training part needs clips with an accelerometer"
            raise UserError(rule, f"none of {', '.join(part.subjects)}")
        known = self._clips[self._clips["action"] != NO_LABEL]["clip_id"]
        usable = missing & self._with_frames
        movers = [self._subject_of[one] for one in clips]
        return TrainingPart(
            tuple(one for one in part.subjects if one in movers),
            clips,
            skeleton_only=tuple(one for one in known if one in usable) or None,
        )

    def _with_hidden_labels(self, part: TrainingPart, draw: int) -> TrainingPart:
        """Names the clips of a part whose labels are missing, or hidden by the settings.

        Args:
            part: The part.
            draw: Draw of the labels that are kept.

        Returns:
            The part, the same where every clip has its label.

        Raises:
            UserError: No clip has a label, or there are too few subjects for the settings.
        """
        clips = self._clips[self._clips["clip_id"].isin(part.clips)]
        labelled = clips[clips["action"] != NO_LABEL]
        if labelled.empty:
            subjects = ", ".join(part.subjects)
            raise UserError("A training part needs clips with labels", f"none of {subjects}")
        kept = kept_labels(labelled, self.settings.labels, draw)
        unlabelled = tuple(clip for clip in part.clips if clip not in kept)
        return replace(part, unlabelled=unlabelled) if unlabelled else part

    def labelled(self, part: TrainingPart) -> TrainingPart:
        """Returns the clips of a part with accelerometer and label, and who moves in them."""
        if not part.unlabelled:
            return replace(part, skeleton_only=None)
        missing = set(part.unlabelled)
        clips = tuple(clip for clip in part.clips if clip not in missing)
        movers = {self._subject_of[clip] for clip in clips}
        return TrainingPart(tuple(one for one in part.subjects if one in movers), clips)

    def recorded_none(self, part: TrainingPart) -> tuple[str, ...]:
        """Names the recordings of no action of a part's subjects; none without a null class."""
        if not self.settings.stream.enabled:
            return ()
        is_none = self._clips["action"] == NULL_ACTION
        names = self._clips["clip_id"][is_none & self._clips["subject"].isin(part.subjects)]
        return tuple(name for name in names if name not in self._silent)

    def folds(self, part: TrainingPart) -> list[tuple[str, ...]]:
        """Groups the subjects that cross-fitted teachers are trained without.

        Args:
            part: The part.

        Returns:
            The subjects of each group; a group is left out at a time.

        Raises:
            UserError: The settings have more groups than the part has subjects.
        """
        count = self.settings.cross_fitting_folds
        if count == 0 or len(part.subjects) < 2:
            return [(subject,) for subject in part.subjects]
        if not 2 <= count <= len(part.subjects):
            rule = f"cross_fitting_folds must be 0, or 2 to {len(part.subjects)} training subjects"
            raise UserError(rule, count)
        return [split.test_subjects for split in subject_folds(part.subjects, count)]

    def without(self, part: TrainingPart, held_out: Sequence[str]) -> TrainingPart:
        """Returns a part without some of its subjects.

        Args:
            part: The part.
            held_out: The subjects to leave out.

        Returns:
            The part of the others.

        Raises:
            UserError: The part has one subject alone.
        """
        if len(part.subjects) < 2:
            rule = (
                "cross_fitted teacher outputs need at least 2 training subjects (with one: "
                "--teacher_outputs=in_sample)"
            )
            raise UserError(rule, ", ".join(part.subjects))
        subjects = tuple(other for other in part.subjects if other not in held_out)
        clips = tuple(clip for clip in part.clips if self._subject_of[clip] not in held_out)
        return TrainingPart(subjects, clips)

    def check_skeletons(self, model: str, clips: Sequence[str], subjects: Sequence[str]) -> None:
        """Refuses clips of which a model that reads the skeleton would read none."""
        if "skeleton" in STREAMS_READ[model] and self._with_skeleton.isdisjoint(clips):
            rule = f"{model} needs clips with a skeleton in each part (or leave it out: --teachers)"
            raise UserError(rule, f"none of {', '.join(subjects)}")
