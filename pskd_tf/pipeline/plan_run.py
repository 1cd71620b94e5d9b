"""From a run's settings to its declared stages."""

import dataclasses

from data_prep.prepared_set import PreparedSet
from data_prep.protocols.clip_split import ClipSplit
from data_prep.user_error import UserError
from pskd_tf.models.streams_read import STREAMS_READ
from pskd_tf.pipeline.fold_plan import FoldPlan
from pskd_tf.pipeline.run_settings import CACHED_OUTPUTS, RunSettings
from pskd_tf.pipeline.run_splits import run_splits
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.stage_planner import StagePlanner, together
from pskd_tf.pipeline.subjects_label import subjects_label
from pskd_tf.pipeline.training_part import TrainingPart

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
