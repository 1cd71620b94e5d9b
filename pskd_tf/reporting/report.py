"""The report and the model card of a run."""

from pathlib import Path

from data_prep.errors import UserError
from data_prep.files import whole_file
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.processes import start_tensorflow
from pskd_tf.reporting.markup import page, paired_text, percent, words
from pskd_tf.reporting.replay import embedding_maps, followed_by_class
from pskd_tf.reporting.scored_models import scored_models
from pskd_tf.reporting.sections import (
    by_group_section,
    clips_section,
    compression_section,
    confusion_section,
    curves_section,
    embeddings_section,
    followed_section,
    hashes,
    model_scores,
    numbers_section,
    reliability_section,
    reproduce_section,
    summary_header,
    summary_sentence,
    warnings,
)
from pskd_tf.run import LoadedRun

_MOST_CLASSES = 60


def model_card(run: LoadedRun) -> str:
    """Writes the card as Markdown: use, data, figures, limits, hashes."""
    parts = [
        f"# Model card: accelerometer student, {run.prepared.description.title}",
        summary_sentence(run),
        "## Intended use\n\n" + _use(run),
        "## Data\n\n" + _data(run),
        "## Figures\n\n" + _figures(run),
        "## Limits\n\n" + "\n".join(f"* {one}" for one in _limits(run)),
        "## Identity\n\n" + _identity(run),
    ]
    return "\n\n".join(parts) + "\n"


def _use(run: LoadedRun) -> str:
    inputs, description = run.settings["inputs"], run.prepared.description
    how = (
        f"one whole movement, cut out beforehand and resampled to {inputs['steps']} steps"
        if inputs["mode"] == "clip"
        else f"a window of {inputs['steps']} samples at {inputs['window_rate_hz']:g} Hz"
    )
    names = [words(name) for name in run.class_names]
    listed = ", ".join(names[:_MOST_CLASSES]) + (" and more" if len(names) > _MOST_CLASSES else "")
    return (
        f"Tells which of {len(names)} known actions a person performs, from the three axes of an "
        f"accelerometer worn at the {words(description.wrist_place)}, in g. It reads {how}, and "
        f"runs in int8 on a microcontroller. Actions: {listed}.\n\nNot for medical, safety or "
        "surveillance purposes. It knows no action besides these; what it says about others is "
        "meaningless without the threshold of the C core."
    )


def _data(run: LoadedRun) -> str:
    metrics, description = run.metrics, run.prepared.description
    lines = [
        f"* {description.title}: {description.num_clips} clips, "
        f"{len(description.subjects)} subjects. {description.citation}",
        f"* Protocol: {words(metrics['protocol'])}, {len(metrics['folds'])} split(s).",
    ]
    exported = run.export.get("provenance", run.export)
    for number, fold in enumerate(metrics["folds"]):
        train, held = ", ".join(fold["train_subjects"]), ", ".join(fold["test_subjects"])
        lines.append(f"* Split {number + 1}: trained on subjects {train}; scored on {held}.")
    trained = exported.get("train_subjects", metrics["folds"][0]["train_subjects"])
    lines.append(
        f"* The exported student is that of seed {run.first_seed}, the first listed, trained on "
        f"subjects {', '.join(trained)}; it was not picked by its score."
    )
    if description.num_quarantined:
        lines.append(f"* {description.num_quarantined} clips were left out as bad.")
    return "\n".join(lines)


def _figures(run: LoadedRun) -> str:
    lines = [
        "Held-out clips; mean ± sample standard deviation over n seeds, in per cent.\n",
        "| model | accuracy | macro F1 | wrist actions | n |",
        "| --- | --- | --- | --- | --- |",
    ]
    for model in scored_models(run):
        scores = model_scores(run, model.name)
        cells = " | ".join(
            percent(scores[name]) for name in ("accuracy", "macro_f1", "wrist_actions_accuracy")
        )
        lines.append(f"| {model.label} | {cells} | {len(model.seeds)} |")
    model = run.metrics["model"]
    gain = paired_text(run.metrics["paired_difference"]["values"])
    lines.append(f"\nDistillation minus cross-entropy alone, in float: {gain}.\n")
    lines.append(
        f"{model['parameters']:,} parameters, {model['macs']:,} multiply-accumulates, "
        f"{model['flatbuffer_bytes']:,} bytes of flash, {model['arena_bytes']:,} bytes of arena."
    )
    return "\n".join(lines)


def _limits(run: LoadedRun) -> list[str]:
    held = {subject for fold in run.metrics["folds"] for subject in fold["test_subjects"]}
    limits = warnings(run)
    limits.append(
        f"Scored on {len(held)} subjects: the spread over seeds says nothing about other people, "
        "other sensors or other ways to wear them."
    )
    if run.settings["inputs"]["mode"] == "clip":
        limits.append(
            "Clips have borders; a watch's stream has none. In clip mode the C core must find them "
            "first, and its mistakes are not in these figures."
        )
    limits.append("Confidence is not calibrated; see the reliability diagram in report.html.")
    return limits


def _identity(run: LoadedRun) -> str:
    lines = [f"* {name}: `{value}`" for name, value in hashes(run).items()]
    versions = ", ".join(f"{name} {value}" for name, value in run.metrics["versions"].items())
    return "\n".join([*lines, f"* versions: {versions}"])


def write_report(
    run_dir: str | Path,
    stages_dir: str | Path | None = None,
    prepared_dir: str | Path | None = None,
) -> Path:
    """Writes `RUN/report.html`, one file that needs no network, and `RUN/model_card.md`.

    The same run gives the same bytes. Call `start_tensorflow` before this module is imported.

    Args:
        run_dir: Folder of a finished run.
        stages_dir: Where its stages lie; `run_dir/stages` if None.
        prepared_dir: Where its prepared set lies; `run_dir/prepared` if None.

    Returns:
        The report's path.

    Raises:
        UserError: The run is not finished, or its stages or prepared set are not there.
    """
    run = LoadedRun.load(run_dir, stages_dir, prepared_dir)
    kinds = run.settings["teacher_outputs"]
    followed = {kind: followed_by_class(run, kind) for kind in kinds}
    sections = [
        numbers_section(run),
        curves_section(run),
        confusion_section(run),
        by_group_section(run),
        followed_section(run, followed),
        reliability_section(run),
        compression_section(run),
        embeddings_section(run, embedding_maps(run)),
        clips_section(run),
        reproduce_section(run),
    ]
    title = f"{run.prepared.description.title}, {run.metrics['protocol']}: report"
    with whole_file(run.run_dir / "model_card.md") as temporary:
        temporary.write_text(model_card(run), encoding="utf-8")
    path = run.run_dir / "report.html"
    with whole_file(path) as temporary:
        temporary.write_text(page(title, summary_header(run), sections), encoding="utf-8")
    return path


def write_missing_report(context: RunContext) -> Path | None:
    """Writes a finished run's report where there is none.

    A run whose stages were removed is still shown: what is missing goes to its log.

    Args:
        context: The run's folders.

    Returns:
        The report's path, or None where it is there already or cannot be made.
    """
    if (context.run_dir / "report.html").exists():
        return None
    start_tensorflow()
    # Imported here, because it imports TensorFlow, which was not started before.

    try:
        return write_report(context.run_dir, context.stages_dir, context.prepared_dir)
    except UserError as error:
        context.log(f"no report: {error}")
        return None
