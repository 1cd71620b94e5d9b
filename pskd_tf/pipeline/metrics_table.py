"""The table that a run prints at its end."""

from typing import Any


def metrics_table(metrics: dict[str, Any]) -> str:
    """Formats a run's metrics for a terminal.

    Args:
        metrics: The content of `metrics.json`.

    Returns:
        Lines of text; accuracies in per cent, mean and sample standard deviation over seeds.
    """
    rows = []
    for name, scores in metrics["teachers"].items():
        rows.append((f"{name.replace('_', ' ')} (Keras)", scores))
    rows.append(("student, cross-entropy alone", metrics["baseline"]["cross_entropy"]))
    for kind, scores in metrics["students_by_teacher_outputs"].items():
        rows.append((f"student, ACS on {kind} teachers", scores))
    rows.append(("  pruned", metrics["student"]["pruned"]))
    rows.append(("  int8, TensorFlow Lite Micro", metrics["student"]["int8"]))
    seeds = len(metrics["seeds"])
    name = metrics["dataset"]
    title = f"{name}{' (generated data, not recordings)' if name == 'synthetic' else ''}"
    protocol = metrics["protocol"] + (" (leaks subjects)" if metrics["leaks_subjects"] else "")
    lines = [
        f"{title}, {protocol}: trained on subjects {_join(metrics['train_subjects'])}, "
        f"scored on {_join(metrics['test_subjects'])}, {seeds} student seed(s)",
        "",
        f"{'':34}{'accuracy %':>16}{'macro F1 %':>16}{'wrist actions %':>18}",
    ]
    for label, scores in rows:
        cells = [scores["accuracy"], scores["macro_f1"], scores["wrist_actions_accuracy"]]
        first, second, third = (_percent(cell) for cell in cells)
        lines.append(f"{label:34}{first:>16}{second:>16}{third:>18}")
    paired = ", ".join(f"{100 * value:+.1f}" for value in metrics["paired_difference"]["values"])
    mean = 100 * metrics["paired_difference"]["mean"]
    lines += ["", f"ACS minus cross-entropy, by seed: {paired} (mean {mean:+.2f} points)"]
    for kind, shares in metrics["acs"]["selection"].items():
        followed = ", ".join(
            f"{target.replace('_', ' ')} {100 * share:.0f} %" for target, share in shares.items()
        )
        lines.append(f"ACS followed, {kind}: {followed}")
    model = metrics["model"]
    lines.append(
        f"model: {model['parameters']:,} parameters, {model['macs']:,} multiply-accumulates, "
        f"{100 * model['sparsity']['conv_and_dense']:.0f} % zeros, "
        f"{model['flatbuffer_bytes']:,} bytes of flash, {model['arena_bytes']:,} bytes of arena"
    )
    return "\n".join(lines)


def _percent(summary: dict[str, Any]) -> str:
    mean = f"{100 * summary['mean']:.1f}"
    if len(summary["values"]) == 1:
        return mean
    return f"{mean} +- {100 * summary['std']:.1f}"


def _join(subjects: list[str]) -> str:
    return ", ".join(subjects)
