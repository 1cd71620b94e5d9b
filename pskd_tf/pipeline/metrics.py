"""The metrics of a finished run, as JSON and as a table."""

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.prepared_set import PreparedSet
from data_prep.records import read_arrays
from pskd_tf.evaluation.scores import classification_scores
from pskd_tf.method import ACS_LOSS, Method
from pskd_tf.pipeline.degradation import compared_students, degradation_warnings
from pskd_tf.pipeline.label_figures import TARGET_WORDS, label_figures
from pskd_tf.pipeline.plan import FoldPlan
from pskd_tf.pipeline.stage import RunContext, all_stages
from pskd_tf.settings import CACHED_OUTPUTS, RunSettings


def collect_metrics(
    settings: RunSettings,
    plans: Sequence[FoldPlan],
    prepared: PreparedSet,
    context: RunContext,
    most_points_lost: float,
) -> dict[str, Any]:
    """Puts a finished run's figures together.

    A seed's value pools the held-out clips of all folds, so under `validation` each training clip
    is predicted once. `std` is the sample standard deviation over seeds; 0 for one seed.

    Args:
        settings: Settings of the run.
        plans: Its folds, all stages finished.
        prepared: The prepared set.
        context: Where results lie.
        most_points_lost: See `degradation_warnings`.

    Returns:
        The content of `metrics.json`; accuracies are fractions 0..1.
    """
    first_kind = settings.teacher_outputs[0]

    def scores(what: str) -> dict[str, float]:
        return _pooled_scores([context.folder(plan.scores[what]) for plan in plans])

    def over(whats: list[str]) -> dict[str, Any]:
        each = [scores(what) for what in whats]
        return {name: _summary([one[name] for one in each]) for name in each[0]}

    student = over([f"students/{first_kind}/{seed}" for seed in settings.seeds])
    baseline = over([f"baseline/{seed}" for seed in settings.seeds])
    paired = np.subtract(student["accuracy"]["values"], baseline["accuracy"]["values"])
    compressed = [
        context.result(plan.compressed[seed]) for plan in plans for seed in settings.seeds
    ]
    shipped = compressed[0]
    everyone = prepared.description.subjects
    train = {subject for plan in plans for subject in plan.split.train_subjects}
    test = {subject for plan in plans for subject in plan.split.test_subjects}
    stages = all_stages(one for plan in plans for one in plan.wanted)
    students = compared_students(plans, context)
    labels = label_figures(plans, prepared, context, settings)
    virtual = virtual_figures(plans, settings)
    return {
        **({} if settings.method is None else {"method": _method_figures(settings.method)}),
        **({} if virtual is None else {"virtual": virtual}),
        **({} if labels is None else {"labels": labels}),
        "dataset": prepared.description.name,
        "dataset_is_synthetic": prepared.description.is_synthetic,
        "protocol": settings.protocol,
        "leaks_subjects": any(plan.split.leaks_subjects for plan in plans),
        "train_subjects": [subject for subject in everyone if subject in train],
        "test_subjects": [subject for subject in everyone if subject in test],
        "folds": [
            {
                "train_subjects": list(plan.split.train_subjects),
                "test_subjects": list(plan.split.test_subjects),
            }
            for plan in plans
        ],
        "seeds": list(settings.seeds),
        "teacher_seeds": list(settings.teacher_seeds),
        "teachers": {
            name: over([f"teachers/{name}/{seed}" for seed in settings.teacher_seeds])
            for name in settings.teachers
        },
        "student": {
            "float": student,
            "pruned": over([f"pruned/{seed}" for seed in settings.seeds]),
            "int8": over([f"int8/{seed}" for seed in settings.seeds]),
        },
        "students_by_teacher_outputs": {
            kind: over([f"students/{kind}/{seed}" for seed in settings.seeds])
            for kind in settings.teacher_outputs
        },
        "baseline": {"cross_entropy": baseline},
        "paired_difference": _summary(paired.tolist()),
        "acs": {
            "source": shares_source(settings.method),
            "selection": {
                kind: _mean_shares(
                    [
                        *plans[0].students[kind][settings.seeds[0]].spec.teachers,
                        "ground_truth",
                    ],
                    [
                        context.result(plan.students[kind][seed])["followed"]
                        for plan in plans
                        for seed in settings.seeds
                    ],
                )
                for kind in settings.teacher_outputs
            },
            "cached_teachers": {
                kind: _cached(plans, kind, context)
                for kind in settings.teacher_outputs
                if kind in CACHED_OUTPUTS and settings.teachers
            },
        },
        "compression_check": {
            "clips": "training clips",
            "most_points_lost": most_points_lost,
            "students": students,
            "warnings": degradation_warnings(students, most_points_lost),
        },
        "model": {key: value for key, value in shipped.items() if key != "wall_seconds"},
        "wall_seconds": {
            context.folder(stage).name: context.result(stage)["wall_seconds"] for stage in stages
        },
        "versions": {
            package: metadata.version(package)
            for package in ("pskd_tf", "tensorflow", "keras", "tf-keras", "numpy", "tflite-micro")
        },
    }


def shares_source(method: Method | None) -> str:
    """Says where the loss comes from by whose shares a student followed its teachers."""
    if method is None or method.loss == ACS_LOSS:
        return "ACS, reconstructed from the paper's abstract; the formula is ours"
    return f"{method.title}: the docstring of the loss {method.loss} says what is ours"


def _method_figures(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "title": method.title,
        "loss": method.loss,
        "arguments": method.trials[0],
        "teachers": list(method.teachers),
        "teacher_outputs": method.teacher_outputs,
        **({} if method.pretraining is None else {"pretraining": method.pretraining.loss}),
        **({"training": method.training_text} if method.training_text else {}),
    }


def virtual_figures(plans: Sequence[FoldPlan], settings: RunSettings) -> dict[str, Any] | None:
    """Counts the training clips whose accelerometer is read, and those that are virtual.

    Args:
        plans: The run's folds.
        settings: Settings of the run.

    Returns:
        `measured` and `skeletons`, clips of the first fold, whose student is exported; `sensors`,
        the virtual sensors; `only`, whether measured clips only fit them; `first`, the share of the
        training that reads virtual clips alone before measured ones, where it is not 0. None where
        every training clip is measured.
    """
    if not settings.virtual.hides and not settings.virtual.virtual_sensors:
        return None
    alone = next(iter(plans[0].baselines.values())).spec.part.skeleton_only or ()
    first = settings.virtual.virtual_pretraining
    return {
        "measured": len(plans[0].measured_clips),
        "skeletons": len(alone),
        "sensors": list(settings.virtual.virtual_sensors),
        "only": settings.virtual.virtual_only,
        **({"first": first} if first else {}),
    }


def virtual_sentence(figures: dict[str, Any]) -> str:
    """Returns what `virtual_figures` found, as one sentence."""
    text = f"The accelerometer of {figures['measured']} training clips is read"
    if figures["only"]:
        text += ", to fit virtual sensors alone"
    if figures["skeletons"]:
        text += (
            f"; that of {figures['skeletons']} others is computed from their skeletons "
            f"({', '.join(figures['sensors'])})"
        )
    if "first" in figures:
        text += f"; the first {figures['first']:.0%} of the training read these alone"
    return f"{text}."


def _pooled_scores(folders: Sequence[Path]) -> dict[str, float]:
    parts: dict[str, list[np.ndarray]] = {"labels": [], "guesses": [], "on_wrist": []}
    for folder in folders:
        names = ("labels", "probabilities", "on_wrist")
        arrays = read_arrays(folder / "predictions.npz", names)
        parts["labels"].append(arrays["labels"])
        parts["guesses"].append(arrays["probabilities"].argmax(axis=1))
        parts["on_wrist"].append(arrays["on_wrist"])
    return classification_scores(**{name: np.concatenate(part) for name, part in parts.items()})


def _summary(values: Sequence[float]) -> dict[str, Any]:
    return {
        "mean": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
        "values": [float(value) for value in values],
    }


def _mean_shares(names: Sequence[str], shares: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in shares])) for name in names}


def _cached(plans: Sequence[FoldPlan], kind: str, context: RunContext) -> dict[str, Any]:
    results = [
        context.result(stage) for plan in plans for stage in plan.teacher_outputs[kind].values()
    ]
    return {
        "accuracy": _mean_shares(
            list(results[0]["accuracy"]), [one["accuracy"] for one in results]
        ),
        "any_right": float(np.mean([one["any_right"] for one in results])),
    }


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
    if "method" in metrics:
        (scores,) = metrics["students_by_teacher_outputs"].values()
        rows.append((f"student, {_method(metrics)}", scores))
    elif metrics["teachers"]:
        for kind, scores in metrics["students_by_teacher_outputs"].items():
            rows.append((f"student, {_method(metrics)} on {kind} teachers", scores))
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
    lines.append("")
    if metrics["teachers"] or "method" in metrics:
        lines += _acs_lines(metrics)
    if "labels" in metrics:
        lines += _label_lines(metrics)
    if "virtual" in metrics:
        lines.append(virtual_sentence(metrics["virtual"]))
    model = metrics["model"]
    lines.append(
        f"model: {model['parameters']:,} parameters, {model['macs']:,} multiply-accumulates, "
        f"{100 * model['sparsity']['conv_and_dense']:.0f} % zeros, "
        f"{model['flatbuffer_bytes']:,} bytes of flash, {model['arena_bytes']:,} bytes of arena"
    )
    return "\n".join(lines)


def _method(metrics: dict[str, Any]) -> str:
    """Returns what the student follows, in a word."""
    if "method" in metrics:
        return str(metrics["method"]["title"])
    target = metrics.get("labels", {}).get("target", "acs")
    return {"mean": "mean", "fusion": "KD", "none": "cross-entropy"}.get(target, "ACS")


def _label_lines(metrics: dict[str, Any]) -> list[str]:
    labels = metrics["labels"]
    lines = [
        f"{labels['labelled']} of {labels['clips']} training clips have labels; on the others the "
        f"student follows {TARGET_WORDS[labels['target']]}"
    ]
    for kind, guesses in labels["guesses"].items():
        told = [
            f"{name.replace('_', ' ')} {100 * one['right']:.0f} % (confidence "
            f"{100 * one['confidence']:.0f} %)"
            for name, one in guesses.items()
        ]
        lines.append(f"right where labels are hidden, {kind}: {', '.join(told)}")
    return lines


def _acs_lines(metrics: dict[str, Any]) -> list[str]:
    paired = ", ".join(f"{100 * value:+.1f}" for value in metrics["paired_difference"]["values"])
    mean = 100 * metrics["paired_difference"]["mean"]
    method = _method(metrics)
    lines = [f"{method} minus cross-entropy, by seed: {paired} (mean {mean:+.2f} points)"]
    for kind, shares in metrics["acs"]["selection"].items():
        followed = ", ".join(
            f"{target.replace('_', ' ')} {100 * share:.0f} %" for target, share in shares.items()
        )
        lines.append(f"{method} followed, {kind}: {followed}")
    return lines


def _percent(summary: dict[str, Any]) -> str:
    mean = f"{100 * summary['mean']:.1f}"
    if len(summary["values"]) == 1:
        return mean
    return f"{mean} +- {100 * summary['std']:.1f}"


def _join(subjects: list[str]) -> str:
    return ", ".join(subjects)
