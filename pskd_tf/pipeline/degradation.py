"""What pruning and the conversion to int8 cost a student, and the warning where it is too much.

Each student is compared with itself on clips of its own training part, which no test subject is in:
float with pruned, pruned with int8. The plain C gives the bytes of int8, so it is not compared.
"""

from collections.abc import Sequence
from typing import Any

from pskd_tf.pipeline.plan import FoldPlan
from pskd_tf.pipeline.stage import RunContext

# Before, after, and what can be done about it.
_STEPS = (
    ("float", "pruned", "Fewer zeros (--sparsity) or more epochs (--prune_epochs) may help."),
    ("pruned", "int8", "Look for outliers in the recordings, or try another --calibration."),
)
_SCORES = {"accuracy": "accuracy", "macro_f1": "macro F1"}


def compared_students(plans: Sequence[FoldPlan], context: RunContext) -> list[dict[str, Any]]:
    """Reads the scores of each student before and after its compression.

    Args:
        plans: A run's folds, all stages finished.
        context: Where results lie.

    Returns:
        For each fold and seed `fold` (from 1), `seed`, and `float`, `pruned` and `int8`, each with
        `accuracy` and `macro_f1`, fractions 0..1.
    """
    return [
        {"fold": fold, "seed": seed}
        | {
            form: {name: scores[name] for name in _SCORES}
            for form, scores in context.result(stage).items()
            if form in ("float", "pruned", "int8")
        }
        for fold, plan in enumerate(plans, start=1)
        for seed, stage in plan.compared.items()
    ]


def calibration_warnings(plans: Sequence[FoldPlan], context: RunContext) -> list[str]:
    """Says where int8 ranges leave out values of the calibration clips.

    Args:
        plans: A run's folds, all stages finished.
        context: Where results lie.

    Returns:
        One sentence where the calibration found outliers in any student; else nothing.
    """
    stages = [stage for plan in plans for stage in plan.compressed.values()]
    kept = [context.result(stage).get("calibration_kept_percent", 100.0) for stage in stages]
    cut = [percent for percent in kept if percent < 100.0]
    if not cut:
        return []
    who = f", in {len(cut)} of {len(kept)} students" if len(kept) > 1 else ""
    return [
        f"int8 ranges leave out the outermost {100.0 - min(cut):.3g} % of the values in the "
        f"calibration clips{who}: a few lie far from all others, as a broken sensor gives them."
    ]


def degradation_warnings(students: Sequence[dict[str, Any]], most_points_lost: float) -> list[str]:
    """Says where a step of the compression loses more than is allowed.

    Args:
        students: From `compared_students`.
        most_points_lost: Points of accuracy, and of macro F1, that a step may lose.

    Returns:
        One sentence or two for each step that loses more in any student; its worst loss.
    """
    found = []
    for before, after, hint in _STEPS:
        lost = {
            name: [100 * (one[before][name] - one[after][name]) for one in students]
            for name in _SCORES
        }
        worst = [max(points) for points in zip(*lost.values(), strict=True)]
        # A rounding error of a difference is no loss.
        over = sum(points > most_points_lost + 1e-9 for points in worst)
        if over:
            texts = [f"{max(lost[name]):.1f} points of {text}" for name, text in _SCORES.items()]
            who = f", in {over} of {len(students)} students" if len(students) > 1 else ""
            found.append(
                f"{after} loses {' and '.join(texts)} against {before} on training clips{who}; "
                f"at most {most_points_lost:g} are allowed (--most_points_lost). {hint}"
            )
    return found
