"""From settings to the stages that train, each under the teachers before it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from data_prep.prepared_set import PreparedSet
from data_prep.user_error import UserError
from pskd_tf.distillation.training_settings import TrainingSettings
from pskd_tf.models.streams_read import STREAMS_READ
from pskd_tf.pipeline.run_settings import MIXTURE_OUTPUTS, RunSettings
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.training_part import TrainingPart


class StagePlanner:
    """Declares the trainings of a run and the teacher outputs between them.

    Args:
        settings: What the run was told.
        prepared: The prepared set.
    """

    def __init__(self, settings: RunSettings, prepared: PreparedSet):
        self.settings = settings
        manifest = prepared.manifest
        self.with_skeleton = set(manifest["clip_id"][manifest["skeleton_length"] > 0])
        self.subject_of = dict(
            zip(prepared.manifest["clip_id"], prepared.manifest["subject"], strict=True)
        )
        self.common = {
            "dataset": prepared.fingerprint,
            "num_classes": len(prepared.description.class_names),
            "inputs": dataclasses.asdict(settings.inputs),
            "augmentation": dataclasses.asdict(settings.augmentation),
        }

    def _without(self, part: TrainingPart, subject: str) -> TrainingPart:
        if len(part.subjects) < 2:
            rule = "cross_fitted teacher outputs need at least 2 training subjects"
            raise UserError(rule, ", ".join(part.subjects))
        subjects = tuple(other for other in part.subjects if other != subject)
        clips = tuple(clip for clip in part.clips if self.subject_of[clip] != subject)
        return TrainingPart(subjects, clips)

    def check_skeletons(self, model: str, clips: Sequence[str], subjects: Sequence[str]) -> None:
        """Refuses clips of which a model that reads the skeleton would read none."""
        if "skeleton" in STREAMS_READ[model] and self.with_skeleton.isdisjoint(clips):
            rule = f"{model} needs clips with a skeleton in each part (or leave it out: --teachers)"
            raise UserError(rule, f"none of {', '.join(subjects)}")

    def chain(self, part: TrainingPart, seed: int) -> dict[str, Stage]:
        """Declares the teachers, each under the live outputs of those before it."""
        chain: dict[str, Stage] = {}
        for name in self.settings.teachers:
            training = self.settings.teacher_training.get(name, self.settings.student_training)
            loss = {
                "name": "adaptive_confidence_semantic",
                "arguments": dataclasses.asdict(self.settings.teacher_acs),
            }
            if not chain:
                smoothing = self.settings.teacher_label_smoothing
                loss = {"name": "cross_entropy", "arguments": {"label_smoothing": smoothing}}
            chain[name] = self.fit(name, name, part, seed, training, loss, dict(chain))
        return chain

    def teacher_outputs(
        self, kind: str, part: TrainingPart, seed: int, chain: dict[str, Stage]
    ) -> Stage:
        """Declares the cached outputs of a chain, with one more chain per subject left out."""
        inputs = dict(chain)
        if kind == "cross_fitted":
            for subject in part.subjects:
                for name, stage in self.chain(self._without(part, subject), seed).items():
                    inputs[f"{name}/{subject}"] = stage
        settings = {
            "teacher_outputs": kind,
            **part.settings,
            "teachers": list(chain),
            "seed": seed,
            "views": self.settings.teacher_views,
            **self.common,
        }
        return Stage("teacher_outputs", f"{kind}-s{seed}-on-{part.name}", settings, inputs)

    def student(self, part: TrainingPart, seed: int, kind: str, inputs: dict[str, Stage]) -> Stage:
        """Declares the student under ACS."""
        if not self.settings.teachers:
            return self.baseline(part, seed)
        arguments = dataclasses.asdict(self.settings.acs)
        loss = {"name": "adaptive_confidence_semantic", "arguments": arguments}
        training = self.settings.student_training
        return self.fit(
            "accelerometer_student",
            f"student-{kind}",
            part,
            seed,
            training,
            loss,
            inputs,
            kind=kind,
        )

    def baseline(self, part: TrainingPart, seed: int) -> Stage:
        """Declares the same student without a teacher, with the same draws for the same seed."""
        smoothing = self.settings.baseline_label_smoothing
        loss = {"name": "cross_entropy", "arguments": {"label_smoothing": smoothing}}
        training = self.settings.student_training
        return self.fit("accelerometer_student", "baseline", part, seed, training, loss, {})

    def fit(
        self,
        model: str,
        label: str,
        part: TrainingPart,
        seed: int,
        training: TrainingSettings,
        loss: dict[str, Any],
        inputs: dict[str, Stage],
        teachers: Sequence[str] = (),
        drop_one_teacher: bool = False,
        kind: str = "live",
    ) -> Stage:
        """Declares one training.

        Args:
            model: Name of the model, which also names its random draws.
            label: What the stage is called.
            part: What it trains on.
            seed: Seed of weights and draws.
            training: Length and optimiser.
            loss: `name` and `arguments` of `make_loss`.
            inputs: Teachers' fit stages by name (of several seeds, see `together`), or their cached
                outputs as `teacher_outputs`.
            teachers: Who of the cached teachers speaks; all of the run's if empty.
            drop_one_teacher: Whether each batch is without one teacher, drawn at random (DGKD).
            kind: Kind of the teachers' outputs; where they are not cached, it says what they see.

        Returns:
            The stage.
        """
        self.check_skeletons(model, part.clips, part.subjects)
        cached = list(teachers or self.settings.teachers)
        settings = {
            "model": model,
            "draws": model,
            **part.settings,
            "seed": seed,
            "training": dataclasses.asdict(training),
            "loss": loss,
            "teachers": cached if "teacher_outputs" in inputs else _names(inputs),
            **self.common,
        }
        if drop_one_teacher:
            settings["drop_one_teacher"] = True
        if kind in MIXTURE_OUTPUTS:
            settings["teacher_outputs"] = kind
        return Stage("fit", f"{label}-s{seed}-on-{part.name}", settings, inputs)


def together(chains: Mapping[int, Mapping[str, Stage]]) -> dict[str, Stage]:
    """Returns the teachers of several seeds as the inputs of one fit stage: `<teacher>/<seed>`."""
    return {
        f"{name}/{seed}": stage for seed, chain in chains.items() for name, stage in chain.items()
    }


def _names(inputs: Mapping[str, Stage]) -> list[str]:
    return list(dict.fromkeys(role.partition("/")[0] for role in inputs))
