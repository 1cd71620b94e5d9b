"""The report and the model card of a run."""

from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from pskd_tf.pipeline.label_figures import TARGET_WORDS
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.processes import start_tensorflow
from pskd_tf.reporting.charts import RIGHT, WRONG, colour_of, numbered_colour
from pskd_tf.reporting.clip_drawing import AXES
from pskd_tf.reporting.compression_section import compression_section
from pskd_tf.reporting.page import render, write_page
from pskd_tf.reporting.replay import embedding_maps, teacher_selection_by_class
from pskd_tf.reporting.reproduce_section import hashes, reproduce_section
from pskd_tf.reporting.score_charts import MOST_NUMBERED
from pskd_tf.reporting.score_sections import (
    calibration_panels,
    compared_models,
    confusion_panels,
    group_panels,
    method_text,
    scores_section,
    summary_sentences,
    warnings,
)
from pskd_tf.reporting.scored_models import scored_models
from pskd_tf.reporting.stream_section import CURVE_COLOURS, stream_section
from pskd_tf.reporting.stream_timeline import TIMELINE_COLOURS
from pskd_tf.reporting.training_sections import (
    curve_panels,
    embedding_panels,
    example_clips,
    guess_tables,
    teacher_selection,
)
from pskd_tf.run import Run


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
    run = Run.load(run_dir, stages_dir, prepared_dir).require_all()
    write_page(run.run_dir / "model_card.md", model_card(run))
    path = run.run_dir / "report.html"
    write_page(path, render("report.html.j2", **_report_content(run)))
    return path


def model_card(run: Run) -> str:
    """Returns the model card as Markdown: use, data, figures, limits, hashes.

    Args:
        run: A finished run.
    """
    return render("model_card.md.j2", **_card_content(run))


def _report_content(run: Run) -> dict[str, Any]:
    """Collects what `report.html.j2` names."""
    names = run.class_names
    selection = {
        kind: teacher_selection_by_class(run, kind) for kind in run.settings.teacher_outputs
    }
    return {
        "data_title": run.prepared.description.title,
        "protocol": run.metrics["protocol"],
        "mode": run.settings.inputs.mode,
        "summary": summary_sentences(run),
        "warnings": warnings(run),
        "int8": run.metrics["student"]["int8"],
        "model": run.metrics["model"],
        "first_kind": run.first_kind,
        "num_classes": len(names),
        "most_numbered": MOST_NUMBERED,
        "scores": scores_section(run),
        "stream": stream_section(run),
        "curve_colours": CURVE_COLOURS,
        "timeline_colours": TIMELINE_COLOURS,
        "curves": curve_panels(run),
        "confusion": confusion_panels(run),
        "right_colour": RIGHT,
        "wrong_colour": WRONG,
        "groups": group_panels(run),
        "groups_models": compared_models(run),
        "selection": teacher_selection(run, selection),
        "labels": run.metrics.get("labels"),
        "method_text": method_text(run) if "method" in run.metrics else "",
        "target_words": TARGET_WORDS,
        "guesses": guess_tables(run),
        "calibration": calibration_panels(run),
        "compression": compression_section(run),
        "embeddings": embedding_panels(run, embedding_maps(run)),
        "numbered_classes": [(name, numbered_colour(number)) for number, name in enumerate(names)],
        "clips": example_clips(run),
        "axis_colours": {axis: colour_of(axis) for axis in AXES},
        "reproduction": reproduce_section(run),
    }


def _card_content(run: Run) -> dict[str, Any]:
    """Collects what `model_card.md.j2` names."""
    metrics = run.metrics
    provenance = run.export.manifest.provenance
    return {
        "description": run.prepared.description,
        "class_names": run.class_names,
        "metrics": metrics,
        "inputs": run.settings.inputs,
        "summary": summary_sentences(run),
        "warnings": warnings(run),
        "seed": run.first_seed,
        "train_subjects": provenance.get("train_subjects", metrics["folds"][0]["train_subjects"]),
        "num_held_out": len({one for fold in metrics["folds"] for one in fold["test_subjects"]}),
        "models": [(model, model.scores(run)) for model in scored_models(run)],
        "hashes": hashes(run),
    }


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
