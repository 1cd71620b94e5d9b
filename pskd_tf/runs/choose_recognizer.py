"""The choice of the recogniser's settings on left-out training subjects."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.files import whole_folder
from data_prep.prepared_set import PreparedSet
from pskd_tf.device.decisions import DecisionCounts, at_threshold
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import Decision, ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import LabelledSpan, Recording, idle_recordings, joined_clips
from pskd_tf.evaluation.tflm import Int8Interface
from pskd_tf.export.headers import model_id, model_settings_header
from pskd_tf.export.plain_c.source import plain_model
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.run import Run
from pskd_tf.run_records import check_stage
from pskd_tf.runs.export_run import model_labels, segment_limits


@dataclass(frozen=True)
class ValidationModel:
    """One fold.

    Attributes:
        model: Its first seed's int8 student as plain C; `test_clips` are those of the subject that
            was left out.
        subjects: The held-out subjects.
    """

    model: ExportedModel
    subjects: tuple[str, ...]


def validation_models(
    run_dir: str | Path, stages_dir: str | Path | None, prepared: PreparedSet, folder: str | Path
) -> list[ValidationModel]:
    """Writes the plain C of every fold.

    Args:
        run_dir: A finished run of protocol `validation`.
        stages_dir: Where its stages lie, if not in the run.
        prepared: The set it was made from.
        folder: Where to write; an older folder there is replaced.

    Returns:
        The folds, in the run's order.

    Raises:
        UserError: The run is of another protocol or data set, or its stages are not there.
    """
    run_dir = Path(run_dir)
    settings = Run.load(run_dir).settings
    if settings.protocol != "validation":
        rule = "What is chosen must be chosen on a run with --protocol=validation"
        raise UserError(rule, settings.protocol, run_dir)
    lengths = prepared.manifest.set_index("clip_id")["accelerometer_length"]
    rate_hz = prepared.description.streams["accelerometer"]["nominal_rate_hz"]
    names = model_labels(settings, prepared.description.class_names)
    null_class = len(names) - 1 if settings.stream.enabled else None
    folds = []
    with whole_folder(folder) as temporary:
        for plan in plan_run(settings, prepared):
            stage = plan.compressed[settings.seeds[0]]
            source = stage.folder(Path(stages_dir or run_dir / "stages")) / "student_int8.tflite"
            if not source.is_file():
                rule = "A validation run's stages must be there (--stages_dir), of this version"
                raise UserError(rule, "no such file", source)
            check_stage(source.parent)
            tflite = source.read_bytes()
            train = lengths.loc[list(plan.measured_clips)]
            texts = plain_model(tflite)
            limits = segment_limits(settings, train.to_numpy())
            interface = Int8Interface.read(tflite)
            # No interpreter runs here: the arena's size is none.
            texts["model_settings.h"] = model_settings_header(
                interface,
                settings.inputs,
                names,
                limits,
                0,
                0,
                rate_hz,
                null_class,
                model_id(tflite),
            )
            inputs = settings.inputs
            name = f"without-{'-'.join(plan.split.test_subjects)}"
            (temporary / name).mkdir()
            for file, text in texts.items():
                (temporary / name / file).write_text(text, encoding="ascii", newline="\n")
            model = ExportedModel(
                Path(folder) / name,
                tuple(names[:null_class]),
                inputs.mode == "clip",
                0.0 if inputs.mode == "clip" else (inputs.steps - 1) / inputs.window_rate_hz,
                plan.split.test_clips,
                null_class=null_class,
            )
            folds.append(ValidationModel(model, plan.split.test_subjects))
    return folds


# What is chosen besides the threshold in clip mode.
CHOSEN_SEGMENT = ("start_g", "end_g", "lead_samples", "rest_samples")
_START_G = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
_END_SHARES = (0.6, 0.8)
_LEAD_SAMPLES = (5, 25, 45)
_REST_SAMPLES = (10, 15)
_CLIP_THRESHOLDS = tuple(round(0.3 + 0.02 * step, 2) for step in range(35))
# Scores of a model with the class "none".
_SCORES = tuple(round(0.01 * step, 2) for step in range(1, 100))
# Fewer: each takes a run of its own, because windows are smoothed with each other.
_WINDOW_THRESHOLDS = (*(round(0.3 + 0.05 * step, 2) for step in range(14)), 0.97, 0.98, 0.99)
_MOVEMENTS = "movements"


@dataclass(frozen=True)
class Choice:
    """The chosen settings, and the figures behind the choice.

    Attributes:
        settings: The recognizer's.
        figures: Of these settings on the validation recordings: `right_share` of the movements,
            `false_an_hour` by kind of idle, `false_among_movements`.
        candidates: How many settings were compared.
    """

    settings: RecognizerSettings
    figures: dict[str, Any]
    candidates: int


def choose_settings(
    folds: Sequence[ValidationModel],
    prepared: PreparedSet,
    base: RecognizerSettings,
    *,
    maximum_false: float,
    hours: float,
    cache_dir: str | Path,
    compiler: str = "cc",
    progress: Callable[[Iterable[Any], int], Iterable[Any]] = lambda items, total: items,
) -> Choice:
    """Chooses the settings that say most movements right, among those that are quiet at rest.

    Every fold's model hears only the subject that it never saw: all clips with rest between them,
    and both kinds of idle. Of equals the one with fewer false decisions, then the lower threshold.
    Ours.

    Args:
        folds: From `validation_models`.
        prepared: The run's prepared set.
        base: All that is not chosen.
        maximum_false: False decisions an hour at most, on either kind of idle.
        hours: Of each kind of idle, shared by the folds.
        cache_dir: For `compile_core`.
        compiler: A C99 compiler.
        progress: Wraps the candidates.

    Returns:
        The choice.

    Raises:
        UserError: No settings keep to the bound and say any movement.
    """
    recorded = []
    for fold in folds:
        clips = fold.model.test_clips
        idle = idle_recordings(prepared, clips, hours / len(folds), "choice")
        parts: dict[str, tuple[Recording, Sequence[LabelledSpan]]] = {
            name: (recording, ()) for name, recording in idle.items()
        }
        parts[_MOVEMENTS] = joined_clips(prepared, clips)
        recorded.append((fold.model, compile_core(fold.model, cache_dir, compiler), parts))
    best: tuple[tuple[float, ...], RecognizerSettings, dict[str, Any]] | None = None
    quietest, count = np.inf, 0
    alone = folds[0].model.clip_mode or base.decides_alone
    # A constant threshold is chosen; it may adapt afterwards.
    runs = _runs(folds[0].model, dataclasses.replace(base, adapt_most=0.0))
    for settings, thresholds in progress(runs, len(runs)):
        streamed = [
            (model, name, spans, run_core(program, model, recording, settings))
            for model, program, parts in recorded
            for name, (recording, spans) in parts.items()
        ]
        for threshold in thresholds:
            count += 1
            figures = _figures(streamed, threshold if alone else 0.0, hours)
            false = max(figures["false_an_hour"].values())
            if not figures["right_share"]:
                continue
            quietest = min(quietest, false)
            rank = (figures["right_share"], -false, -threshold)
            if false <= maximum_false and (best is None or rank > best[0]):
                best = (rank, dataclasses.replace(settings, threshold=threshold), figures)
    if best is None:
        rule = f"Some settings must say movements with {maximum_false:g} false decisions an hour"
        raise UserError(rule, f"{quietest:g} at least (--maximum_false_an_hour)")
    adapt_most = min(base.adapt_most, 1.0 - best[1].threshold)
    return Choice(dataclasses.replace(best[1], adapt_most=adapt_most), best[2], count)


def _runs(
    model: ExportedModel, base: RecognizerSettings
) -> list[tuple[RecognizerSettings, tuple[float, ...]]]:
    """Lists the streams to run, each with the thresholds that it evaluates."""
    if model.null_class is not None and (model.clip_mode or base.decides_alone):
        # It was trained on the cuts of one detector, which stays, or on windows.
        return [(dataclasses.replace(base, threshold=0.0), _SCORES)]
    if not model.clip_mode:
        return [(dataclasses.replace(base, threshold=one), (one,)) for one in _WINDOW_THRESHOLDS]
    segments = itertools.product(_START_G, _END_SHARES, _LEAD_SAMPLES, _REST_SAMPLES)
    values = [(start, round(share * start, 4), lead, rest) for start, share, lead, rest in segments]
    chosen: list[dict[str, Any]] = [dict(zip(CHOSEN_SEGMENT, one, strict=True)) for one in values]
    return [(dataclasses.replace(base, threshold=0.0, **one), _CLIP_THRESHOLDS) for one in chosen]


def _figures(
    streamed: Sequence[tuple[ExportedModel, str, Sequence[LabelledSpan], Sequence[Decision]]],
    threshold: float,
    hours: float,
) -> dict[str, Any]:
    counts: dict[str, list[DecisionCounts]] = {}
    for model, name, spans, decisions in streamed:
        shown = [at_threshold(decision, threshold) for decision in decisions]
        counts.setdefault(name, []).append(DecisionCounts.of(shown, spans, model))
    movements = counts.pop(_MOVEMENTS)
    return {
        "movements": sum(one.movements for one in movements),
        "right_share": sum(one.right for one in movements)
        / sum(one.movements for one in movements),
        "false_among_movements": sum(one.false for one in movements),
        "false_an_hour": {
            name: sum(one.false for one in parts) / hours for name, parts in counts.items()
        },
    }
