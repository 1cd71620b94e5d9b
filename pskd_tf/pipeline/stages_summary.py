"""What is still to do for some wanted stages, in a few lines."""

from collections.abc import Iterable
from pathlib import Path

from pskd_tf.pipeline.stage import Stage

# Core seconds, as seen on UTD-MHAD (431 clips): those of each stage, and of each epoch.
_FIXED = {"score": 1.0, "quantise": 14.0, "slim": 4.0, "compress": 12.0, "fit": 4.0}
_EPOCH = {"fit": 0.09, "slim": 0.09, "quantise": 0.25, "compress": 0.15}


def all_stages(wanted: Iterable[Stage]) -> list[Stage]:
    """Returns the wanted stages and all that they read, each once."""
    found: dict[str, Stage] = {}
    unseen = list(wanted)
    while unseen:
        stage = unseen.pop()
        if stage.key not in found:
            found[stage.key] = stage
            unseen += stage.inputs.values()
    return list(found.values())


def estimated_minutes(stage: Stage) -> float:
    """Guesses a stage's core minutes from its kind and its epochs."""
    epochs = stage.settings.get("training", stage.settings).get("epochs", 0)
    epochs *= stage.settings.get("cuts", 1)
    return (_FIXED.get(stage.kind, 5.0) + epochs * _EPOCH.get(stage.kind, 0.0)) / 60


def stages_summary(wanted: Iterable[Stage], stages_dir: Path) -> str:
    """Counts stages by kind, those whose results are there, and the core minutes still to spend.

    Args:
        wanted: The stages whose results are wanted.
        stages_dir: Where results of stages lie.

    Returns:
        Lines without a final newline; the minutes are a guess from the epochs, made on UTD-MHAD.
    """
    stages = all_stages(wanted)
    lines, minutes = [], 0.0
    for kind in sorted({stage.kind for stage in stages}):
        of_kind = [stage for stage in stages if stage.kind == kind]
        missing = [
            stage for stage in of_kind if not (stage.folder(stages_dir) / "result.json").exists()
        ]
        minutes += sum(estimated_minutes(stage) for stage in missing)
        there = len(of_kind) - len(missing)
        lines.append(f"{kind.replace('_', ' ')}: {len(of_kind)} stages, {there} there already")
    return "\n".join([*lines, f"about {minutes:.0f} core minutes to go"])
