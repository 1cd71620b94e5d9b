"""Declares a student's training under a method: its teachers, their outputs, what comes before."""

from dataclasses import replace

from pskd_tf.method import CACHED_OUTPUTS, Method
from pskd_tf.pipeline.planner import Chain, StagePlanner, subjects_label
from pskd_tf.pipeline.specs import FitSpec, LossSpec, TeacherOutputsSpec, TrainingPart
from pskd_tf.pipeline.stage import Stage
from pskd_tf.student_settings import OWN_NET, STUDENTS
from pskd_tf.training_settings import TrainingSettings

# Seeds of one draw's further nets, apart from those of other draws.
_SEEDS_APART = 1000


class MethodPlanner:
    """Declares trainings under methods, which share the chains of teachers and their outputs.

    Args:
        planner: Declares the stages; its settings are the recipe that all methods share.
    """

    def __init__(self, planner: StagePlanner):
        self.planner = planner
        self.settings = planner.settings
        self._chains: dict[tuple[TrainingPart, int], Chain] = {}
        self._outputs: dict[
            tuple[TrainingPart, int, str, bool, tuple[str, ...], int], Stage[TeacherOutputsSpec]
        ] = {}

    def part(self, method: Method, part: TrainingPart) -> TrainingPart:
        """Returns the clips that a method learns from, those with labels unless it needs none."""
        if method.uses_unlabelled or method.pretraining is not None:
            return part
        return self.planner.parts.labelled(part)

    def fit(
        self,
        method: Method,
        trial: int,
        part: TrainingPart,
        teacher_seed: int,
        seed: int,
        label: str,
    ) -> Stage[FitSpec]:
        """Declares the training of a method's student.

        Args:
            method: The method, of a net.
            trial: Which of its trials.
            part: The clips, of which the method's own are taken.
            teacher_seed: Seed of the teachers; an ensemble is of all seeds of the settings.
            seed: Seed of the student.
            label: Start of the stage's name.

        Returns:
            The stage.

        Raises:
            UserError: What `StagePlanner.fit` refuses.
        """
        skeleton_only, part = part.skeleton_only, self.part(method, part)
        loss = LossSpec(method.loss, method.trials[trial])
        if loss.acs is not None:
            # With every default written out, as ACS of a run is, so both share results.
            loss = LossSpec.of_acs(loss.acs)
        live: list[Stage[FitSpec]] = []
        cached: Stage[TeacherOutputsSpec] | None = None
        if method.teachers and method.teacher_outputs in CACHED_OUTPUTS:
            cached = self.outputs(method, part, teacher_seed)
        elif method.teachers:
            together = method.teacher_outputs == "live_ensemble"
            seeds = self.settings.teacher_seeds if together else [teacher_seed]
            chains = [self.chain(part, one) for one in seeds]
            shared = [name for name in self.settings.teachers if name in method.teachers]
            live = [chain[name] for chain in chains for name in shared if name != OWN_NET]
            live += self._own_nets(method, part, teacher_seed).values()
        # A method of the project's student trains the net that the run has in its place.
        model = self.settings.student.model if method.model == OWN_NET else method.model
        training, pretrained = method.training_from(self.settings.student_training), None
        names = (*method.teachers, *method.own_net_names[1:])
        if method.pretraining is not None:
            first, training = training.shared_out(method.pretraining.share)
            first = replace(first.plain, mixup=0.0)
            pretrained = self.planner.fit(
                model,
                f"{label}-pretraining",
                replace(part, unlabelled=part.clips),
                seed,
                first,
                LossSpec(method.pretraining.loss, method.pretraining.arguments),
                live,
                cached,
                teachers=names,
                teacher_outputs=method.teacher_outputs,
            )
            part, live, cached = self.planner.parts.labelled(part), [], None

        def student(
            name: str, own_seed: int, own: TrainingSettings, before: Stage[FitSpec] | None
        ) -> Stage[FitSpec]:
            return self.planner.fit(
                model,
                name,
                part,
                own_seed,
                own,
                loss,
                live,
                cached,
                teachers=names,
                teacher_outputs=method.teacher_outputs,
                pretrained=before,
                drop_one_teacher=method.drop_one_teacher,
                virtual_sensors=method.virtual_sensors,
                virtual_only=method.virtual_only,
                virtual_pretraining=method.virtual_pretraining,
                skeleton_only=skeleton_only,
            )

        if method.soup is None:
            return student(label, seed, training, pretrained)
        first, rest = training.shared_out(method.soup.common_share)
        common = student(f"{label}-common", seed, first, None)
        nets = [
            student(label, seed + _SEEDS_APART * number, rest, common)
            for number in range(1, method.soup.nets + 1)
        ]
        keys = tuple(one.key for one in nets)
        spec = replace(nets[0].spec, seed=seed, pretrained=None, soup=keys)
        taught = tuple(one for one in nets[0].inputs if one is not common)
        name = f"{label}-soup-s{seed}-on-{subjects_label(part.subjects)}"
        return self.planner.known(Stage(name, spec, (*taught, *nets)))

    def chain(self, part: TrainingPart, seed: int) -> Chain:
        """Declares the teachers of a seed, by name."""
        part = self.planner.parts.labelled(part)
        if (part, seed) not in self._chains:
            self._chains[part, seed] = self.planner.chain(part, seed)
        return self._chains[part, seed]

    def outputs(self, method: Method, part: TrainingPart, seed: int) -> Stage[TeacherOutputsSpec]:
        """Declares the cached outputs of a method's teachers.

        Args:
            method: A method with cached teacher outputs.
            part: What `part` gives.
            seed: Seed of the teachers.
        """
        own = self._own_nets(method, part, seed)
        # Own nets alone are calibrated among themselves: they know nothing of the skeleton.
        alone = set(method.teachers) <= set(STUDENTS)
        key = (part, seed, method.teacher_outputs, alone, tuple(own), method.rounds)
        if key not in self._outputs:
            chain = own if alone else self.chain(part, seed) | own
            self._outputs[key] = self.planner.teacher_outputs(
                method.teacher_outputs, part, seed, chain, method.rounds
            )
        return self._outputs[key]

    def _own_nets(self, method: Method, part: TrainingPart, seed: int) -> Chain:
        """Declares the student's own nets, trained with cross-entropy, by their teachers' names."""
        return {
            name: self.planner.baseline(part, seed + _SEEDS_APART * number)
            for number, name in enumerate(method.own_net_names)
        }
