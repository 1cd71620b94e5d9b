"""From a run's settings to its declared stages."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from data_prep.prepared_set import PreparedSet
from data_prep.protocol import Split, cross_subject, leave_one_subject_out
from pskd_tf.distillation.training_settings import TrainingSettings
from pskd_tf.pipeline.run_settings import RunSettings
from pskd_tf.pipeline.stage import Stage

_STREAMS_READ = {
    "skeleton_teacher": ["skeleton"],
    "fusion_teacher": ["accelerometer", "skeleton"],
    "accelerometer_teacher": ["accelerometer"],
    "accelerometer_student": ["accelerometer"],
}


@dataclass(frozen=True)
class FoldPlan:
    """The stages of one split into training and held-out subjects.

    Attributes:
        split: The subjects of both parts.
        teacher_outputs: By kind, then teacher seed; `cross_fitted` and `in_sample` only.
        students: Fit stages by kind of teacher outputs, then seed.
        baselines: Fit stages of the cross-entropy baseline by seed.
        compressed: Compress stages by seed.
        scores: Score stages by what is scored: `teachers/<name>/<teacher seed>`,
            `students/<kind>/<seed>`, `baseline/<seed>`, `pruned/<seed>`, `int8/<seed>`.
    """

    split: Split
    teacher_outputs: dict[str, dict[int, Stage]]
    students: dict[str, dict[int, Stage]]
    baselines: dict[int, Stage]
    compressed: dict[int, Stage]
    scores: dict[str, Stage] = field(default_factory=dict)


def plan_run(settings: RunSettings, prepared: PreparedSet) -> list[FoldPlan]:
    """Declares every stage of a run; nothing is computed.

    Args:
        settings: What the run was told.
        prepared: The prepared set.

    Returns:
        One plan for the `cross_subject` protocol; one for each training subject left out for
        `validation`, in which test subjects do not occur.
    """
    split = cross_subject(prepared.description)
    if settings.protocol == "validation":
        splits = leave_one_subject_out(split.train_subjects)
    else:
        splits = [split]
    return [_plan_fold(settings, prepared, one) for one in splits]


def _plan_fold(settings: RunSettings, prepared: PreparedSet, split: Split) -> FoldPlan:
    planner = _Planner(settings, prepared)
    subjects = split.train_subjects
    chains = {seed: planner.chain(subjects, seed) for seed in settings.teacher_seeds}
    outputs: dict[str, dict[int, Stage]] = {}
    for kind in settings.teacher_outputs:
        if kind != "live" and settings.teachers:
            outputs[kind] = {
                seed: planner.teacher_outputs(kind, subjects, seed, chains[seed])
                for seed in settings.teacher_seeds
            }
    students: dict[str, dict[int, Stage]] = {kind: {} for kind in settings.teacher_outputs}
    baselines, compressed = {}, {}
    for position, seed in enumerate(settings.seeds):
        teacher_seed = settings.teacher_seeds[position % len(settings.teacher_seeds)]
        for kind in settings.teacher_outputs:
            inputs = chains[teacher_seed]
            if kind in outputs:
                inputs = {"teacher_outputs": outputs[kind][teacher_seed]}
            students[kind][seed] = planner.student(subjects, seed, kind, inputs)
        baselines[seed] = planner.baseline(subjects, seed)
        shipped = students[settings.teacher_outputs[0]][seed]
        compressed[seed] = Stage(
            "compress",
            f"compressed-s{seed}-on-{'-'.join(subjects)}",
            dataclasses.asdict(settings.compression),
            {"student": shipped},
        )
    plan = FoldPlan(split, outputs, students, baselines, compressed)

    def score(what: str, model: Stage, source: Stage, file: str = "weights.npz") -> None:
        plan.scores[what] = Stage(
            "score",
            f"score-{what.replace('/', '-')}-of-{'-'.join(split.test_subjects)}",
            {
                "subjects": list(split.test_subjects),
                "file": file,
                "streams": _STREAMS_READ[model.settings["model"]],
            },
            {"model": model, "source": source},
        )

    for teacher_seed, chain in chains.items():
        for name, stage in chain.items():
            score(f"teachers/{name}/{teacher_seed}", stage, stage)
    for seed in settings.seeds:
        for kind in settings.teacher_outputs:
            score(f"students/{kind}/{seed}", students[kind][seed], students[kind][seed])
        score(f"baseline/{seed}", baselines[seed], baselines[seed])
        shipped = students[settings.teacher_outputs[0]][seed]
        score(f"pruned/{seed}", shipped, compressed[seed])
        score(f"int8/{seed}", shipped, compressed[seed], "student_int8.tflite")
    return plan


class _Planner:
    def __init__(self, settings: RunSettings, prepared: PreparedSet):
        self.settings = settings
        self.common = {
            "dataset": prepared.fingerprint,
            "num_classes": len(prepared.description.class_names),
            "inputs": dataclasses.asdict(settings.inputs),
            "augmentation": dataclasses.asdict(settings.augmentation),
        }

    def chain(self, subjects: Sequence[str], seed: int) -> dict[str, Stage]:
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
            chain[name] = self._fit(name, name, subjects, seed, training, loss, dict(chain))
        return chain

    def teacher_outputs(
        self, kind: str, subjects: Sequence[str], seed: int, chain: dict[str, Stage]
    ) -> Stage:
        """Declares the cached outputs of a chain, with one more chain per subject left out."""
        inputs = dict(chain)
        if kind == "cross_fitted":
            for fold in leave_one_subject_out(subjects):
                for name, stage in self.chain(fold.train_subjects, seed).items():
                    inputs[f"{name}/{fold.test_subjects[0]}"] = stage
        settings = {
            "teacher_outputs": kind,
            "train_subjects": list(subjects),
            "teachers": list(chain),
            "seed": seed,
            "views": self.settings.teacher_views,
            **self.common,
        }
        return Stage("teacher_outputs", f"{kind}-s{seed}-on-{'-'.join(subjects)}", settings, inputs)

    def student(
        self, subjects: Sequence[str], seed: int, kind: str, inputs: dict[str, Stage]
    ) -> Stage:
        """Declares the student under ACS."""
        if not self.settings.teachers:
            return self.baseline(subjects, seed)
        arguments = dataclasses.asdict(self.settings.acs)
        loss = {"name": "adaptive_confidence_semantic", "arguments": arguments}
        training = self.settings.student_training
        return self._fit(
            "accelerometer_student", f"student-{kind}", subjects, seed, training, loss, inputs
        )

    def baseline(self, subjects: Sequence[str], seed: int) -> Stage:
        """Declares the same student without a teacher, with the same draws for the same seed."""
        smoothing = self.settings.baseline_label_smoothing
        loss = {"name": "cross_entropy", "arguments": {"label_smoothing": smoothing}}
        training = self.settings.student_training
        return self._fit("accelerometer_student", "baseline", subjects, seed, training, loss, {})

    def _fit(
        self,
        model: str,
        label: str,
        subjects: Sequence[str],
        seed: int,
        training: TrainingSettings,
        loss: dict[str, Any],
        inputs: dict[str, Stage],
    ) -> Stage:
        settings = {
            "model": model,
            "draws": model,
            "train_subjects": list(subjects),
            "seed": seed,
            "training": dataclasses.asdict(training),
            "loss": loss,
            "teachers": list(self.settings.teachers if "teacher_outputs" in inputs else inputs),
            **self.common,
        }
        return Stage("fit", f"{label}-s{seed}-on-{'-'.join(subjects)}", settings, inputs)
