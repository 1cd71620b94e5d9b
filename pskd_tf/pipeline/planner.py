"""Declares trainings, teacher outputs and scores as stages: what each one reads, and from whom."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from data_prep.errors import UserError
from data_prep.preparation import check_sensors
from data_prep.prepared_set import PreparedSet
from pskd_tf.pipeline.specs import (
    DataSpec,
    FitSpec,
    LossSpec,
    ScoreSpec,
    TeacherInput,
    TeacherOutputsSpec,
    TrainingPart,
)
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.training_parts import TrainingParts
from pskd_tf.settings import RunSettings
from pskd_tf.student_settings import OWN_NET, OWN_STUDENT
from pskd_tf.training_settings import TrainingSettings

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
        # A training has one folder, whichever methods need it.
        self._fits: dict[str, Stage[FitSpec]] = {}
        if settings.student.is_own and settings.student.architecture is None:
            raise ValueError("An own student's layers must be read first (with_own_student)")
        check_sensors(prepared, settings.inputs.sensors)
        self.parts = TrainingParts(settings, prepared)
        self.data = DataSpec(
            dataset=prepared.fingerprint,
            num_classes=len(prepared.description.class_names) + settings.stream.enabled,
            inputs=settings.inputs,
            augmentation=settings.augmentation,
        )

    def chain(self, part: TrainingPart, seed: int) -> Chain:
        """Declares the teachers, each under the live outputs of those before it.

        The student's own net is the baseline of the seed.

        Teachers learn from the clips that have labels.
        """
        part = self.parts.labelled(part)
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

        `cross_fitted` declares one more chain for each group of subjects with labels that is left
        out, of one subject unless the settings say otherwise.

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
            labelled = self.parts.labelled(part)
            for held_out in self.parts.folds(labelled):
                others = self.chain(self.parts.without(labelled, held_out), seed).values()
                fits += others
                teachers += [teacher_input(fit, one) for one in held_out for fit in others]
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
            self.settings.student.model,
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
            self.settings.student.model,
            "baseline",
            self.parts.labelled(part),
            seed,
            self.settings.student_training,
            loss,
            virtual_sensors=self.settings.virtual.virtual_sensors,
            virtual_only=self.settings.virtual.virtual_only,
            virtual_pretraining=self.settings.virtual.virtual_pretraining,
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
        virtual_pretraining: float = 0.0,
        skeleton_only: tuple[str, ...] | None = None,
        pretrained: Stage[FitSpec] | None = None,
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
            virtual_pretraining: Share of the length in a training of its own before this one, which
                reads virtual acceleration alone; this one then reads none.
            skeleton_only: Names of such clips, beside those of the part.
            pretrained: A training of the same model from whose weights this one starts.

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
        given = part
        part = replace(part, skeleton_only=skeleton_only if virtual_sensors else None)
        if virtual_pretraining:
            first, training = training.shared_out(virtual_pretraining)
            pretrained = self.fit(
                *(model, f"{label}-virtual", given, seed, first, loss),
                virtual_sensors=virtual_sensors,
                virtual_only=True,
                skeleton_only=skeleton_only,
            )
            virtual_sensors = ()
        self.parts.check_skeletons(model, part.clips, part.subjects)
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
            recorded_none=self.parts.recorded_none(part) or None,
            pretrained=None if pretrained is None else pretrained.key,
            architecture=self.settings.student.architecture if model == OWN_STUDENT else None,
        )
        name = f"{label}-s{seed}-on-{subjects_label(part.subjects)}"
        others = (one for one in (cached, pretrained) if one is not None)
        return self.known(Stage(name, spec, (*live, *others)))

    def known(self, fit: Stage[FitSpec]) -> Stage[FitSpec]:
        """Returns the same training as it was declared first: its folder has that one's name."""
        return self._fits.setdefault(fit.key, fit)


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
