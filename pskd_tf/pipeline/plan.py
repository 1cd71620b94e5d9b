"""From the settings of a run to its declared stages."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import json_sha256
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import ClipSplit, protocol_splits, validation_splits
from pskd_tf.pipeline.stage import Stage, stages_summary
from pskd_tf.settings import (
    CACHED_OUTPUTS,
    MIXTURE_OUTPUTS,
    STREAMS_READ,
    RunSettings,
    TrainingSettings,
)

# Characters of subjects in a stage's folder name, which a file system limits to 255 bytes.
_LONGEST_LABEL = 80


def subjects_label(subjects: Sequence[str]) -> str:
    """Returns the subjects as a part of a folder's name, whatever a user called them."""
    label = "-".join(re.sub(r"[^\w.]+", "_", name, flags=re.ASCII) for name in subjects)
    return label if len(label) <= _LONGEST_LABEL else f"{len(subjects)}_subjects"


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
            training = self.settings.training_of(name)
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


@dataclass(frozen=True)
class FoldPlan:
    """The stages of one split into training and held-out clips.

    Attributes:
        split: The clips and subjects of both parts.
        teacher_outputs: By kind, then teacher seed; `cross_fitted` and `in_sample` only.
        students: Fit stages by kind of teacher outputs, then seed.
        baselines: Fit stages of the cross-entropy baseline by seed.
        compressed: Compress stages by seed.
        scores: Score stages by what is scored: `teachers/<name>/<teacher seed>`,
            `students/<kind>/<seed>`, `baseline/<seed>`, `pruned/<seed>`, `int8/<seed>`.
    """

    split: ClipSplit
    teacher_outputs: dict[str, dict[int, Stage]]
    students: dict[str, dict[int, Stage]]
    baselines: dict[int, Stage]
    compressed: dict[int, Stage]
    scores: dict[str, Stage] = field(default_factory=dict)


def run_splits(prepared: PreparedSet, protocol: str) -> list[ClipSplit]:
    """Returns a protocol's splits, each with clips to train and to score.

    Args:
        prepared: The prepared set.
        protocol: `validation`, which leaves each training subject of `cross_subject` out in turn
            and in which test subjects do not occur, or a name that `protocol_splits` knows.

    Returns:
        The splits.

    Raises:
        UserError: The protocol is unknown, or one of its parts is empty.
    """
    description, manifest = prepared.description, prepared.manifest
    if protocol == "validation":
        (split,) = protocol_splits(description, manifest, "cross_subject")
        splits = validation_splits(description, manifest, split)
    else:
        splits = protocol_splits(description, manifest, protocol)
    for split in splits:
        if split.empty_parts:
            rule = "Both parts of a protocol need clips; validation needs no test subject"
            raise UserError(rule, split.label)
    return splits


# As many as an export has golden vectors; checked here, before any training is spent.
FEWEST_CLIPS = 32


def plan_run(settings: RunSettings, prepared: PreparedSet) -> list[FoldPlan]:
    """Declares every stage of a run; nothing is computed.

    Args:
        settings: What the run was told.
        prepared: The prepared set.

    Returns:
        One plan for each split of the protocol; for `validation` one for each training subject left
        out, in which test subjects do not occur.

    Raises:
        UserError: The protocol is unknown, one of its parts is empty or has too few clips, or a
            teacher of the skeleton has none to train or to be scored on.
    """
    splits = run_splits(prepared, settings.protocol)
    for split in splits:
        clips = len(split.train_clips) + len(split.test_clips)
        if clips < FEWEST_CLIPS:
            rule = f"A run needs at least {FEWEST_CLIPS} clips, for its golden vectors"
            raise UserError(rule, clips)
    return [_plan_fold(settings, prepared, one) for one in splits]


def _plan_fold(settings: RunSettings, prepared: PreparedSet, split: ClipSplit) -> FoldPlan:
    planner = StagePlanner(settings, prepared)
    part = TrainingPart(split.train_subjects, split.train_clips)
    held_out = subjects_label(split.test_subjects)
    chains = {seed: planner.chain(part, seed) for seed in settings.teacher_seeds}
    outputs: dict[str, dict[int, Stage]] = {}
    for kind in settings.teacher_outputs:
        if kind in CACHED_OUTPUTS and settings.teachers:
            outputs[kind] = {
                seed: planner.teacher_outputs(kind, part, seed, chains[seed])
                # Students take turns; with fewer of them, the other outputs are never made.
                for seed in settings.teacher_seeds[: len(settings.seeds)]
            }
    students: dict[str, dict[int, Stage]] = {kind: {} for kind in settings.teacher_outputs}
    baselines, compressed = {}, {}
    for position, seed in enumerate(settings.seeds):
        teacher_seed = settings.teacher_seeds[position % len(settings.teacher_seeds)]
        for kind in settings.teacher_outputs:
            inputs = chains[teacher_seed]
            if kind in outputs:
                inputs = {"teacher_outputs": outputs[kind][teacher_seed]}
            elif kind == "live_ensemble":
                inputs = together(chains)
            students[kind][seed] = planner.student(part, seed, kind, inputs)
        baselines[seed] = planner.baseline(part, seed)
        shipped = students[settings.teacher_outputs[0]][seed]
        compressed[seed] = Stage(
            "compress",
            f"compressed-s{seed}-on-{part.name}",
            dataclasses.asdict(settings.compression),
            {"student": shipped},
        )
    plan = FoldPlan(split, outputs, students, baselines, compressed)

    def score(what: str, model: Stage, source: Stage, file: str = "weights.npz") -> None:
        planner.check_skeletons(model.settings["model"], split.test_clips, split.test_subjects)
        plan.scores[what] = Stage(
            "score",
            f"score-{what.replace('/', '-')}-of-{held_out}",
            {
                "clips": list(split.test_clips),
                "file": file,
                "streams": list(STREAMS_READ[model.settings["model"]]),
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


def plan_summary(plans: Sequence[FoldPlan], stages_dir: Path) -> str:
    """Counts the clips of each fold and the stages of a run, and what is still to do.

    Args:
        plans: The run's folds.
        stages_dir: Where results of stages lie.

    Returns:
        Lines without a final newline.
    """
    lines = [f"{len(plans)} fold{'s' if len(plans) > 1 else ''}:"]
    for plan in plans:
        train, test = plan.split.train_clips, plan.split.test_clips
        subjects = ", ".join(plan.split.test_subjects)
        lines.append(f"train on {len(train)} clips, score {len(test)} of subjects {subjects}")
    scores = [stage for plan in plans for stage in plan.scores.values()]
    lines += stages_summary(scores, stages_dir).splitlines()
    return "\n  ".join(lines)


def run_key(settings: RunSettings, plans: Sequence[FoldPlan]) -> str:
    """Returns the SHA-256 over a run's settings and the keys of all stages that are scored."""
    scores = [{what: stage.key for what, stage in plan.scores.items()} for plan in plans]
    return json_sha256({"settings": settings.to_json(), "scores": scores})


def finished_metrics(run_dir: Path, key: str) -> dict[str, Any] | None:
    """Reads the metrics of a run that is finished under the same key.

    Args:
        run_dir: The run's folder.
        key: What `run_key` gives now.

    Returns:
        The content of `metrics.json`, or None where the run is not finished or was another one.
    """
    try:
        metrics = json.loads((run_dir / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = (run_dir / "export" / "manifest.json").exists()
    return metrics if whole and metrics.get("run_key") == key else None
