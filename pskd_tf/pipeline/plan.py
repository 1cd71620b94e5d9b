"""The plan of a run: the stages that its settings need, fold by fold."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data_prep.clip import NO_LABEL, NULL_LABEL
from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import (
    REPEATED_SUBJECT_HALVES,
    ClipSplit,
    protocol_splits,
    repeated_halves_splits,
    validation_splits,
)
from pskd_tf.pipeline.method_planner import MethodPlanner
from pskd_tf.pipeline.planner import (
    StagePlanner,
    declare_score,
    subjects_label,
)
from pskd_tf.pipeline.specs import (
    CompareSpec,
    CompressSpec,
    FitSpec,
    QuantiseSpec,
    ScoreSpec,
    TeacherOutputsSpec,
)
from pskd_tf.pipeline.stage import Stage, stages_summary
from pskd_tf.settings import CACHED_OUTPUTS, RunSettings


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
        compared: By seed the stages that compare the compressed student with the one before, on
            the training clips.
    """

    split: ClipSplit
    teacher_outputs: dict[str, dict[int, Stage[TeacherOutputsSpec]]]
    students: dict[str, dict[int, Stage[FitSpec]]]
    baselines: dict[int, Stage[FitSpec]]
    compressed: dict[int, Stage[CompressSpec] | Stage[QuantiseSpec]]
    scores: dict[str, Stage[ScoreSpec]] = field(default_factory=dict)
    compared: dict[int, Stage[CompareSpec]] = field(default_factory=dict)

    @property
    def labelled_clips(self) -> tuple[str, ...]:
        """Names of the training clips that have labels, from which the baseline learns."""
        part = next(iter(self.baselines.values())).spec.part
        return part.clips + (part.skeleton_only or ())

    @property
    def measured_clips(self) -> tuple[str, ...]:
        """Names of the training clips of which the student reads the accelerometer."""
        return next(iter(next(iter(self.students.values())).values())).spec.part.clips

    @property
    def wanted(self) -> list[Stage[Any]]:
        """The stages whose results a run needs."""
        return [*self.scores.values(), *self.compared.values()]


def run_splits(
    prepared: PreparedSet, protocol: str, halvings: int = 0, halving_seed: int = 0
) -> list[ClipSplit]:
    """Returns a protocol's splits, each with clips to train and to score.

    Args:
        prepared: The prepared set.
        protocol: `validation`, which leaves each training subject of `cross_subject` out in turn
            and in which test subjects do not occur, or a name that `protocol_splits` knows; with
            `halvings` also `repeated_subject_halves`.
        halvings: Number of halvings of the subjects; see `subject_halves`.
        halving_seed: Seed of their draw.

    Returns:
        The splits.

    Raises:
        UserError: The protocol is unknown, or one of its parts is empty.
    """
    description, manifest = prepared.description, prepared.manifest
    if protocol == "validation":
        (split,) = protocol_splits(description, manifest, "cross_subject")
        splits = validation_splits(description, manifest, split)
    elif protocol == REPEATED_SUBJECT_HALVES and halvings:
        splits = repeated_halves_splits(description, manifest, halvings, halving_seed)
    else:
        splits = protocol_splits(description, manifest, protocol)
    unlabelled = set(manifest["clip_id"][manifest["action"] == NO_LABEL])
    silent = set(manifest["clip_id"][~prepared.has_accelerometer])
    if unlabelled or silent:  # those without a label can be learned from, and cannot be scored
        splits = [
            replace(
                split,
                train_clips=tuple(one for one in split.train_clips if one not in silent),
                test_clips=tuple(one for one in split.test_clips if one not in unlabelled | silent),
            )
            for split in splits
        ]
    if silent and protocol == "validation":  # who has no sensor cannot be left out
        splits = [split for split in splits if split.test_clips]
    for split in splits:
        if split.empty_parts:
            rule = "Both parts of a protocol need clips; validation needs no test subject"
            raise UserError(rule, split.label)
    return splits


GOLDEN_CLIPS = 32  # golden vectors of an export, where there are as many clips


def plan_run(settings: RunSettings, prepared: PreparedSet) -> list[FoldPlan]:
    """Declares every stage of a run; nothing is computed.

    Args:
        settings: Settings of the run.
        prepared: The prepared set.

    Returns:
        One plan for each split of the protocol; for `validation` one for each training subject left
        out, in which test subjects do not occur.

    Raises:
        UserError: The protocol is unknown, one of its parts is empty, or a teacher of the skeleton
            has none to train or to be scored on.
    """
    if settings.stream.enabled and NULL_LABEL in prepared.description.class_names:
        rule = f'stream_training adds a class "{NULL_LABEL}": no action may have that name'
        raise UserError(rule, f"an action {NULL_LABEL} in {prepared.description.name}")
    splits = run_splits(prepared, settings.protocol)
    return [_plan_fold(settings, prepared, one) for one in splits]


def plan_warnings(plans: Sequence[FoldPlan], prepared: PreparedSet) -> list[str]:
    """Says what of the data a run can learn or show little from.

    Args:
        plans: The run's folds.
        prepared: The prepared set.

    Returns:
        One sentence each: many cross-fitted teachers, few clips, classes without training clips.
    """
    found = _cross_fitting_warnings(plans)
    clips = min(len(plan.split.train_clips) + len(plan.split.test_clips) for plan in plans)
    if clips < GOLDEN_CLIPS:
        found.append(
            f"The set has {clips} clips: the export has {clips} golden vectors instead of "
            f"{GOLDEN_CLIPS}, and one clip moves a score by many points."
        )
    action_of = dict(
        zip(prepared.manifest["clip_id"], prepared.manifest["action_name"], strict=True)
    )
    everything = prepared.description.class_names
    shown = [{action_of[one] for one in plan.labelled_clips} for plan in plans]
    missing = [set(everything) - one for one in shown]
    names = [name for name in everything if any(name in one for one in missing)]
    if names:
        where = "the training part"
        if len(plans) > 1:
            where += f" of {sum(map(bool, missing))} of {len(plans)} folds"
        found.append(f"No clip in {where} shows {', '.join(names)}: what it lacks is not learnt.")
    return found


# With more groups left out, the teachers of cross-fitting are most of a run.
_MANY_LEFT_OUT = 8


def _cross_fitting_warnings(plans: Sequence[FoldPlan]) -> list[str]:
    specs = [
        one.spec
        for plan in plans
        for of_seed in plan.teacher_outputs.values()
        for one in of_seed.values()
    ]
    held_out = [
        {one.fit for one in spec.teachers if one.left_out and one.name == spec.teachers[0].name}
        for spec in specs
    ]
    if max(map(len, held_out), default=0) <= _MANY_LEFT_OUT:
        return []
    trainings = {one.fit for spec in specs for one in spec.teachers if one.left_out}
    return [
        f"Cross-fitting trains the teachers again without each training subject: {len(trainings)} "
        "trainings. --cross_fitting_folds=5 leaves several subjects out together."
    ]


def _plan_fold(settings: RunSettings, prepared: PreparedSet, split: ClipSplit) -> FoldPlan:
    planner = StagePlanner(settings, prepared)
    methods, method = MethodPlanner(planner), settings.method
    part = planner.parts.of_split(split)
    held_out = subjects_label(split.test_subjects)
    chains = {seed: methods.chain(part, seed) for seed in settings.teacher_seeds}
    outputs: dict[str, dict[int, Stage[TeacherOutputsSpec]]] = {}
    for kind in settings.teacher_outputs:
        if kind in CACHED_OUTPUTS and settings.teachers:
            outputs[kind] = {
                seed: methods.outputs(method, methods.part(method, part), seed)
                if method is not None
                else planner.teacher_outputs(
                    kind, part, seed, chains[seed], settings.labels.unlabelled_rounds
                )
                # Students take turns; with fewer of them, the other outputs are never made.
                for seed in settings.teacher_seeds[: len(settings.seeds)]
            }
    students: dict[str, dict[int, Stage[FitSpec]]] = {kind: {} for kind in settings.teacher_outputs}
    plan = FoldPlan(split, outputs, students, {}, {})
    everyone = [stage for chain in chains.values() for stage in chain.values()]
    for position, seed in enumerate(settings.seeds):
        teacher_seed = settings.teacher_seeds[position % len(settings.teacher_seeds)]
        for kind in settings.teacher_outputs:
            if method is not None:
                label = f"{method.name}-t{teacher_seed}"
                students[kind][seed] = methods.fit(method, 0, part, teacher_seed, seed, label)
            elif kind in outputs:
                cached = outputs[kind][teacher_seed]
                students[kind][seed] = planner.student(part, seed, kind, cached=cached)
            else:
                one_chain = list(chains[teacher_seed].values())
                live = everyone if kind == "live_ensemble" else one_chain
                students[kind][seed] = planner.student(part, seed, kind, live)
        plan.baselines[seed] = planner.baseline(part, seed)
        exported = students[settings.teacher_outputs[0]][seed]
        compressed = Stage(
            f"compressed-s{seed}-on-{subjects_label(part.subjects)}",
            CompressSpec(exported.key, settings.compression),
            (exported,),
        )
        plan.compressed[seed] = compressed
        plan.compared[seed] = Stage(
            f"compared-s{seed}-on-{subjects_label(part.subjects)}",
            CompareSpec(exported.key, compressed.key, planner.parts.labelled(part).clips),
            (exported, compressed),
        )

    known: dict[str, Stage[ScoreSpec]] = {}

    def score(what: str, model: Stage[FitSpec], source: Stage[Any], form: str = "float") -> None:
        planner.parts.check_skeletons(model.spec.model, split.test_clips, split.test_subjects)
        name = f"score-{what.replace('/', '-')}-of-{held_out}"
        stage = declare_score(name, model, source, split.test_clips, form)
        # A baseline may be the student itself or a teacher; it is scored once.
        plan.scores[what] = known.setdefault(stage.key, stage)

    for teacher_seed, chain in chains.items():
        for name, stage in chain.items():
            score(f"teachers/{name}/{teacher_seed}", stage, stage)
    for seed in settings.seeds:
        for kind in settings.teacher_outputs:
            score(f"students/{kind}/{seed}", students[kind][seed], students[kind][seed])
        score(f"baseline/{seed}", plan.baselines[seed], plan.baselines[seed])
        exported = students[settings.teacher_outputs[0]][seed]
        score(f"pruned/{seed}", exported, plan.compressed[seed])
        score(f"int8/{seed}", exported, plan.compressed[seed], "int8")
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
        train, test = len(plan.measured_clips), plan.split.test_clips
        subjects = ", ".join(plan.split.test_subjects)
        alone = next(iter(plan.baselines.values())).spec.part.skeleton_only
        virtual = f" and {len(alone)} skeletons" if alone else ""
        lines.append(f"train on {train} clips{virtual}, score {len(test)} of subjects {subjects}")
    wanted = [stage for plan in plans for stage in plan.wanted]
    lines += stages_summary(wanted, stages_dir).splitlines()
    return "\n  ".join(lines)
