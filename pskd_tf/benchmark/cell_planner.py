"""From methods, seeds and a protocol to cells."""

import dataclasses
from collections.abc import Iterable, Sequence

from data_prep.prepared_set import PreparedSet
from data_prep.protocols.clip_split import ClipSplit
from pskd_tf.benchmark.cell import Cell
from pskd_tf.benchmark.method import FOREST, Method
from pskd_tf.distillation.acs_settings import ACSSettings
from pskd_tf.models.streams_read import STREAMS_READ
from pskd_tf.pipeline.run_settings import CACHED_OUTPUTS, RunSettings
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.stage_planner import StagePlanner, together
from pskd_tf.pipeline.subjects_label import subjects_label
from pskd_tf.pipeline.training_part import TrainingPart


class CellPlanner:
    """Declares cells whose teachers are shared: one chain for each fold and teacher seed.

    Args:
        settings: The recipe that all methods share: inputs, augmentation, lengths, optimiser, and
            how the chain of teachers is trained.
        prepared: The prepared set.
        protocol: Name of the protocol.
        splits: Its folds.
    """

    def __init__(
        self,
        settings: RunSettings,
        prepared: PreparedSet,
        protocol: str,
        splits: Sequence[ClipSplit],
    ):
        self.settings = settings
        self.protocol = protocol
        self.splits = list(splits)
        self.planner = StagePlanner(settings, prepared)
        self._teachers: dict[tuple[int, int, str], dict[str, Stage]] = {}

    def cells(
        self, method: Method, trial: int, student_seeds: Iterable[int], teacher_seeds: Iterable[int]
    ) -> list[Cell]:
        """Declares one cell for each fold and pair of seeds.

        Args:
            method: The method.
            trial: Which of its trials.
            student_seeds: Seeds of the students.
            teacher_seeds: Seeds of the teachers. A crossed method runs all pairs, others take
                teacher seeds in turn; without teachers they do not matter, and an ensemble is of
                all seeds of the settings, whatever is given here.

        Returns:
            The cells.
        """
        teacher_seeds = list(teacher_seeds)
        pairs = []
        for position, seed in enumerate(student_seeds):
            if not method.teachers or method.teacher_outputs == "live_ensemble":
                pairs.append((-1, seed))
            elif method.crossed:
                pairs += [(teacher_seed, seed) for teacher_seed in teacher_seeds]
            else:
                pairs.append((teacher_seeds[position % len(teacher_seeds)], seed))
        return [
            self._cell(method, trial, fold, teacher_seed, seed)
            for teacher_seed, seed in pairs
            for fold in range(len(self.splits))
        ]

    def _cell(self, method: Method, trial: int, fold: int, teacher_seed: int, seed: int) -> Cell:
        split = self.splits[fold]
        part = TrainingPart(split.train_subjects, split.train_clips)
        held_out = subjects_label(split.test_subjects)
        label = f"{method.name}-trial{trial}"
        if method.model == FOREST:
            forest = {
                "arguments": method.trials[trial],
                "seed": seed,
                "clips": list(split.test_clips),
                **part.settings,
                **self.planner.common,
            }
            stage = Stage("forest", f"{label}-s{seed}-of-{held_out}", forest)
        else:
            fitted = self._fit(method, trial, fold, part, teacher_seed, seed)
            score = {
                "clips": list(split.test_clips),
                "file": "weights.npz",
                "streams": list(STREAMS_READ[method.model]),
            }
            sources = {"model": fitted, "source": fitted}
            stage = Stage("score", f"score-{label}-of-{held_out}", score, sources)
        return Cell(
            method.name,
            trial,
            self.protocol,
            split.test_subjects,
            method.teacher_outputs,
            teacher_seed,
            seed,
            stage,
        )

    def _fit(
        self,
        method: Method,
        trial: int,
        fold: int,
        part: TrainingPart,
        teacher_seed: int,
        seed: int,
    ) -> Stage:
        arguments = method.trials[trial]
        if method.loss == "adaptive_confidence_semantic":
            # With every default written out, as `pskd_tf.train` declares it, so both share results.
            arguments = dataclasses.asdict(ACSSettings(**arguments))
        inputs = {}
        if method.teachers:
            inputs = self._outputs(method.teacher_outputs, fold, part, teacher_seed)
        if method.teacher_outputs not in CACHED_OUTPUTS:
            inputs = {
                role: one
                for role, one in inputs.items()
                if role.partition("/")[0] in method.teachers
            }
        return self.planner.fit(
            method.model,
            f"{method.name}-trial{trial}" + (f"-t{teacher_seed}" if method.teachers else ""),
            part,
            seed,
            self.settings.student_training,
            {"name": method.loss, "arguments": arguments},
            inputs,
            method.teachers,
            method.drop_one_teacher,
            method.teacher_outputs or "live",
        )

    def _outputs(self, kind: str, fold: int, part: TrainingPart, seed: int) -> dict[str, Stage]:
        if (fold, seed, kind) not in self._teachers:
            if kind == "live_ensemble":
                seeds = self.settings.teacher_seeds
                chain = together({one: self.planner.chain(part, one) for one in seeds})
            else:
                chain = self.planner.chain(part, seed)
            if kind in CACHED_OUTPUTS:
                outputs = self.planner.teacher_outputs(kind, part, seed, chain)
                chain = {"teacher_outputs": outputs}
            self._teachers[fold, seed, kind] = chain
        return self._teachers[fold, seed, kind]
