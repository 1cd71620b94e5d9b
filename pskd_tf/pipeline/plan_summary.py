"""What a planned run would do, in a few lines."""

from collections.abc import Sequence
from pathlib import Path

from pskd_tf.pipeline.fold_plan import FoldPlan
from pskd_tf.pipeline.stages_summary import stages_summary


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
