"""The plan of a run: the stages that its settings need, fold by fold."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data_prep.clip import NO_LABEL, NULL_ACTION, NULL_LABEL
from data_prep.errors import UserError
from data_prep.files import json_sha256
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import ClipSplit, protocol_splits, validation_splits
from data_prep.settings import SettingField, setting_fields
from pskd_tf.pipeline.hidden_labels import drawn_classes, drawn_subjects, kept_labels
from pskd_tf.pipeline.specs import (
    CompareSpec,
    CompressSpec,
    DataSpec,
    FitSpec,
    LossSpec,
    QuantiseSpec,
    ScoreSpec,
    TeacherInput,
    TeacherOutputsSpec,
    TrainingPart,
)
from pskd_tf.pipeline.stage import Stage, stages_summary
from pskd_tf.run import Run
from pskd_tf.run_records import check_stage, published_file, read_run_record
from pskd_tf.settings import (
    CACHED_OUTPUTS,
    OWN_NET,
    STREAMS_READ,
    RunSettings,
    TrainingSettings,
    read_run_settings,
)

# Characters of subjects in a stage's folder name, which a file system limits to 255 bytes.
_LONGEST_LABEL = 80


def subjects_label(subjects: Sequence[str]) -> str:
    """Returns the subjects as a part of a folder's name, whatever a user called them."""
    label = "-".join(re.sub(r"[^\w.]+", "_", name, flags=re.ASCII) for name in subjects)
    return label if len(label) <= _LONGEST_LABEL else f"{len(subjects)}_subjects"


def teacher_input(
    fit: Stage[FitSpec], left_out: str | None = None, name: str | None = None
) -> TeacherInput:
    """Names a teacher as a stage's specification does.

    Args:
        fit: The teacher's fit stage.
        left_out: The training subject that it was trained without; None for all of them.
        name: Name of the teacher; None for that of its model.
    """
    model = fit.spec.model
    named = name or model
    return TeacherInput(named, fit.spec.seed, fit.key, left_out, None if named == model else model)


Chain = dict[str, Stage[FitSpec]]


class StagePlanner:
    """Declares the trainings of a run and the teacher outputs between them.

    Args:
        settings: The settings of the run.
        prepared: The prepared set.
    """

    def __init__(self, settings: RunSettings, prepared: PreparedSet):
        self.settings = settings
        manifest = prepared.manifest
        self.with_skeleton = set(manifest["clip_id"][manifest["skeleton_length"] > 0])
        # A virtual sensor needs three frames.
        self.with_frames = set(manifest["clip_id"][manifest["skeleton_length"] > 2])
        self.silent = set(manifest["clip_id"][~prepared.has_accelerometer])
        self.subject_of = dict(zip(manifest["clip_id"], manifest["subject"], strict=True))
        self.clips = manifest[["clip_id", "subject", "action"]]
        self.data = DataSpec(
            dataset=prepared.fingerprint,
            num_classes=len(prepared.description.class_names) + settings.stream.enabled,
            inputs=settings.inputs,
            augmentation=settings.augmentation,
        )

    def training_part(self, split: ClipSplit, draw: int | None = None) -> TrainingPart:
        """Names the training clips of a split, without the labels and accelerometers that it lacks.

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
        missing = {one for one in self.silent if self.subject_of[one] in part.subjects}
        if count:
            movers = [self.subject_of[one] for one in clips]
            worn = drawn_subjects(movers, count, draw, "watch_subjects")
            missing |= {one for one in clips if self.subject_of[one] not in worn}
        if self.settings.virtual.unworn_classes:
            own = self.clips[self.clips["clip_id"].isin(clips)]
            own = own[own["action"] != NO_LABEL]
            unworn = drawn_classes(own["action"], self.settings.virtual.unworn_classes, draw)
            missing |= set(own["clip_id"][own["action"].isin(unworn)])
        if not missing:
            return part
        clips = tuple(one for one in clips if one not in missing)
        if not clips:
            rule = "A training part needs clips with an accelerometer"
            raise UserError(rule, f"none of {', '.join(part.subjects)}")
        known = self.clips[self.clips["action"] != NO_LABEL]["clip_id"]
        usable = missing & self.with_frames
        movers = [self.subject_of[one] for one in clips]
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
        clips = self.clips[self.clips["clip_id"].isin(part.clips)]
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
        movers = {self.subject_of[clip] for clip in clips}
        return TrainingPart(tuple(one for one in part.subjects if one in movers), clips)

    def _recorded_none(self, part: TrainingPart) -> tuple[str, ...]:
        """Names the recordings of no action of a part's subjects; none without a null class."""
        if not self.settings.stream.enabled:
            return ()
        is_none = self.clips["action"] == NULL_ACTION
        names = self.clips["clip_id"][is_none & self.clips["subject"].isin(part.subjects)]
        return tuple(name for name in names if name not in self.silent)

    def _without(self, part: TrainingPart, subject: str) -> TrainingPart:
        if len(part.subjects) < 2:
            rule = (
                "cross_fitted teacher outputs need at least 2 training subjects (with one: "
                "--teacher_outputs=in_sample)"
            )
            raise UserError(rule, ", ".join(part.subjects))
        subjects = tuple(other for other in part.subjects if other != subject)
        clips = tuple(clip for clip in part.clips if self.subject_of[clip] != subject)
        return TrainingPart(subjects, clips)

    def check_skeletons(self, model: str, clips: Sequence[str], subjects: Sequence[str]) -> None:
        """Refuses clips of which a model that reads the skeleton would read none."""
        if "skeleton" in STREAMS_READ[model] and self.with_skeleton.isdisjoint(clips):
            rule = f"{model} needs clips with a skeleton in each part (or leave it out: --teachers)"
            raise UserError(rule, f"none of {', '.join(subjects)}")

    def chain(self, part: TrainingPart, seed: int) -> Chain:
        """Declares the teachers, each under the live outputs of those before it.

        The student's own net is the baseline of the seed.

        Teachers learn from the clips that have labels.
        """
        part = self.labelled(part)
        chain: Chain = {}
        for name in self.settings.teachers:
            training = self.settings.training_of(name)
            loss = LossSpec.of_acs(self.settings.teacher_acs)
            if not chain:
                loss = LossSpec.cross_entropy(self.settings.teacher_label_smoothing)
            before = tuple(chain.values())
            chain[name] = (
                self.baseline(part, seed)
                if name == OWN_NET
                else self.fit(name, name, part, seed, training, loss, before)
            )
        return chain

    def teacher_outputs(
        self, kind: str, part: TrainingPart, seed: int, chain: Chain, rounds: int = 1
    ) -> Stage[TeacherOutputsSpec]:
        """Declares the cached outputs of teachers, by their names.

        `cross_fitted` declares one more chain per subject left out of those with labels.

        Args:
            kind: Kind of the outputs.
            part: The clips.
            seed: Seed of the teachers.
            chain: The teachers by name.
            rounds: Where labels are missing, how often teachers are trained: from the second round
                on they learn from all clips, under the mean of the outputs of the round before.

        Raises:
            UserError: There are several rounds of outputs that are not in-sample.
        """
        outputs = self._outputs(kind, part, seed, chain)
        if rounds > 1 and kind != "in_sample":
            raise UserError("unlabelled_rounds go with --teacher_outputs=in_sample", kind)
        for _ in range(1, rounds if part.unlabelled else 1):
            again = {
                name: self.fit(
                    net,
                    f"{name}-again",
                    part,
                    outputs.input(outputs.spec.fit_of(name)).spec.seed,
                    self.settings.training_of(net),
                    self._mean_of_teachers(),
                    cached=outputs,
                    teacher_outputs=kind,
                )
                for name, net in outputs.spec.nets.items()
            }
            outputs = self._outputs(kind, part, seed, again)
        return outputs

    def _outputs(
        self, kind: str, part: TrainingPart, seed: int, chain: Chain
    ) -> Stage[TeacherOutputsSpec]:
        fits = list(chain.values())
        teachers = [teacher_input(fit, name=name) for name, fit in chain.items()]
        if kind == "cross_fitted":
            labelled = self.labelled(part)
            for subject in labelled.subjects:
                others = self.chain(self._without(labelled, subject), seed).values()
                fits += others
                teachers += [teacher_input(fit, subject) for fit in others]
        calibration = self.settings.labels.teacher_calibration
        spec = TeacherOutputsSpec(
            outputs=kind,
            data=self.data,
            part=replace(part, skeleton_only=None),
            seed=seed,
            views=self.settings.teacher_views,
            teachers=tuple(teachers),
            calibration=(calibration if part.unlabelled and calibration != "none" else None),
        )
        return Stage(f"{kind}-s{seed}-on-{subjects_label(part.subjects)}", spec, tuple(fits))

    def student(
        self,
        part: TrainingPart,
        seed: int,
        kind: str,
        live: Sequence[Stage[FitSpec]] = (),
        cached: Stage[TeacherOutputsSpec] | None = None,
    ) -> Stage[FitSpec]:
        """Declares the student under ACS, or the baseline where the run has no teachers.

        Where labels are missing the student follows `unlabelled_target`.
        """
        target = self.settings.labels.unlabelled_target
        if not self.settings.teachers or (part.unlabelled and target == "none"):
            return self.baseline(part, seed)
        loss, teachers = LossSpec.of_acs(self.settings.acs), self.settings.teachers
        if part.unlabelled:
            loss, teachers = self._unlabelled_target(target)
        return self.fit(
            OWN_NET,
            f"student-{kind}",
            part,
            seed,
            self.settings.student_training,
            loss,
            [one for one in live if one.spec.model in teachers],
            cached,
            teachers=teachers,
            teacher_outputs=kind,
        )

    def _unlabelled_target(self, target: str) -> tuple[LossSpec, tuple[str, ...]]:
        """Returns the loss and the teachers of a student that learns without labels, too."""
        acs, teachers = self.settings.acs, self.settings.teachers
        if target == "most_confident":
            return LossSpec.of_acs(replace(acs, selection="hard")), teachers
        if target == "acs":
            return LossSpec.of_acs(acs), teachers
        if target == "fusion" and "fusion_teacher" not in teachers:
            rule = "unlabelled_target=fusion needs the fusion teacher (--teachers)"
            raise UserError(rule, ", ".join(teachers))
        fusion = ("fusion_teacher",)
        return self._mean_of_teachers(), fusion if target == "fusion" else teachers

    def _mean_of_teachers(self) -> LossSpec:
        arguments = {
            "temperature": self.settings.acs.temperature,
            "distillation_weight": self.settings.acs.distillation_weight,
            "label_smoothing": self.settings.baseline_label_smoothing,
        }
        return LossSpec("knowledge_distillation", arguments)

    def baseline(self, part: TrainingPart, seed: int) -> Stage[FitSpec]:
        """Declares the same student without a teacher, with the same draws for the same seed.

        It learns from the clips that have labels, and by virtual sensors from skeletons alone.
        """
        loss = LossSpec.cross_entropy(self.settings.baseline_label_smoothing)
        return self.fit(
            OWN_NET,
            "baseline",
            self.labelled(part),
            seed,
            self.settings.student_training,
            loss,
            virtual_sensors=self.settings.virtual.virtual_sensors,
            virtual_only=self.settings.virtual.virtual_only,
            skeleton_only=part.skeleton_only,
        )

    def fit(
        self,
        model: str,
        label: str,
        part: TrainingPart,
        seed: int,
        training: TrainingSettings,
        loss: LossSpec,
        live: Sequence[Stage[FitSpec]] = (),
        cached: Stage[TeacherOutputsSpec] | None = None,
        *,
        teachers: Sequence[str] = (),
        teacher_outputs: str = "live",
        drop_one_teacher: bool = False,
        virtual_sensors: tuple[str, ...] = (),
        virtual_only: bool = False,
        skeleton_only: tuple[str, ...] | None = None,
    ) -> Stage[FitSpec]:
        """Declares one training.

        Args:
            model: Name of the model, which also names its random draws.
            label: Start of the stage's name.
            part: The clips of its training.
            seed: Seed of weights and draws.
            training: Length and optimiser.
            loss: The loss.
            live: Fit stages of teachers that run during the training.
            cached: The stage with the teachers' cached outputs, instead of `live`.
            teachers: Which of the cached teachers to use; all of them if empty.
            teacher_outputs: Kind of the teachers' outputs.
            drop_one_teacher: Whether each batch is without one teacher, drawn at random (DGKD).
            virtual_sensors: What gives clips with a skeleton alone their acceleration.
            virtual_only: Whether clips with an accelerometer only fit the virtual sensors.
            skeleton_only: Names of such clips, beside those of the part.

        Returns:
            The stage.

        Raises:
            UserError: There is no clip with a skeleton for the model, or for virtual sensors.
        """
        if virtual_sensors and not skeleton_only:
            rule = (
                "virtual_sensors need training clips with label and skeleton, but without "
                "accelerometer (a study hides some: --watch_subjects)"
            )
            raise UserError(rule, f"none of {', '.join(part.subjects)}")
        part = replace(part, skeleton_only=skeleton_only if virtual_sensors else None)
        self.check_skeletons(model, part.clips, part.subjects)
        names = tuple(dict.fromkeys(one.spec.model for one in live))
        if cached is not None:
            names = tuple(teachers) or cached.spec.names
        spec = FitSpec(
            model=model,
            data=self.data,
            part=part,
            seed=seed,
            training=training,
            loss=loss,
            teachers=names,
            teacher_outputs=teacher_outputs if names else "",
            live=tuple(teacher_input(one) for one in live),
            cached=None if cached is None else cached.key,
            drop_one_teacher=drop_one_teacher,
            stream=self.settings.stream if self.settings.stream.enabled else None,
            virtual_sensors=virtual_sensors or None,
            virtual_only=virtual_only or None,
            recorded_none=self._recorded_none(part) or None,
        )
        name = f"{label}-s{seed}-on-{subjects_label(part.subjects)}"
        return Stage(name, spec, (*live,) if cached is None else (*live, cached))


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


def declare_score(
    name: str, model: Stage[FitSpec], source: Stage[Any], clips: Sequence[str], form: str
) -> Stage[ScoreSpec]:
    """Declares the scoring of a stage's weights or flatbuffer.

    Args:
        name: Name of the stage.
        model: The fit stage with the architecture and the inputs of the net.
        source: The stage that wrote the weights or the flatbuffer; `model` itself, or one of it.
        clips: Names of the clips to score.
        form: `float` or `int8`.
    """
    inputs = (model,) if source.key == model.key else (model, source)
    return Stage(name, ScoreSpec(model.key, source.key, tuple(clips), form), inputs)


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
        One sentence each: few clips, classes without training clips.
    """
    found = []
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


def _plan_fold(settings: RunSettings, prepared: PreparedSet, split: ClipSplit) -> FoldPlan:
    planner = StagePlanner(settings, prepared)
    part = planner.training_part(split)
    held_out = subjects_label(split.test_subjects)
    chains = {seed: planner.chain(part, seed) for seed in settings.teacher_seeds}
    outputs: dict[str, dict[int, Stage[TeacherOutputsSpec]]] = {}
    for kind in settings.teacher_outputs:
        if kind in CACHED_OUTPUTS and settings.teachers:
            outputs[kind] = {
                seed: planner.teacher_outputs(
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
            if kind in outputs:
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
            CompareSpec(exported.key, compressed.key, planner.labelled(part).clips),
            (exported, compressed),
        )

    known: dict[str, Stage[ScoreSpec]] = {}

    def score(what: str, model: Stage[FitSpec], source: Stage[Any], form: str = "float") -> None:
        planner.check_skeletons(model.spec.model, split.test_clips, split.test_subjects)
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


def run_key(settings: RunSettings, plans: Sequence[FoldPlan]) -> str:
    """Returns the SHA-256 over a run's settings and the keys of all stages that are scored."""
    scores = [{what: stage.key for what, stage in plan.scores.items()} for plan in plans]
    return json_sha256({"settings": settings.to_json(), "scores": scores})


def finished_metrics(run: Run, key: str) -> dict[str, Any] | None:
    """Reads the metrics of a run that is finished under a key, if nothing of it is damaged.

    Args:
        run: The run. Its stages may be gone; those that are there must be as they were written.
        key: What `run_key` gives now.

    Returns:
        The content of `metrics.json`, or None where the run is not finished.
    """
    try:
        metrics = run.metrics
        _ = run.settings, [run.export.file(name) for name in run.export.manifest.files]
        if run.record is not None:
            published_file(run.run_dir, f"splits_{metrics['protocol']}.json")
        for name in metrics["wall_seconds"]:
            if (run.stages_dir / name).exists():
                check_stage(run.stages_dir / name)
    except UserError:
        return None
    return metrics if metrics.get("run_key") == key else None


def check_owner(run_dir: Path, settings: RunSettings, key: str | None = None) -> None:
    """Refuses a folder that belongs to another run.

    Args:
        run_dir: The run's folder.
        settings: Settings of the run that is to be done there.
        key: Its key; None before its data are known, when its settings alone are compared.

    Raises:
        UserError: The folder is that of a run with other settings, data or package versions.
    """
    rule = (
        "A run_dir belongs to one run: take another --run_dir (with this one's --stages_dir, what "
        "both runs need is made once), or the settings that this one was started with"
    )
    try:
        kept: RunSettings | None = read_run_settings(run_dir)
        record = read_run_record(run_dir)
        if record is not None and "settings.json" in record.files:
            published_file(run_dir, "settings.json")
    except UserError:  # a new folder, or a damaged file that is written again
        kept = None
    # Settings that do nothing are not kept.
    differ = kept is not None and kept.to_json() != settings.to_json()
    for one in setting_fields(RunSettings) if differ else ():
        values = one.of(kept), one.of(settings)
        if values[0] != values[1]:
            now, then = (_as_flag(one, value) for value in values[::-1])
            raise UserError(rule, f"{now}, where the folder's run has {then}", run_dir)
    owner = _owner(run_dir)
    if None not in (key, owner) and key != owner:
        raise UserError(rule, "other data, settings or versions of packages", run_dir)


def _as_flag(field: SettingField, value: Any) -> str:
    shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"--{field.flag}={shown}" if field.flag else f"{'.'.join(field.place)} {shown}"


def _owner(run_dir: Path) -> str | None:
    record = read_run_record(run_dir)
    try:
        return Run.load(run_dir).key if record is None else record.run_key
    except UserError:  # damaged figures of an older version are written again
        return None
