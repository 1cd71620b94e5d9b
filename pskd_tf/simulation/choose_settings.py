"""The recognizer's threshold, and in clip mode its segments, chosen on subjects left out."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.prepared_set import PreparedSet
from data_prep.user_error import UserError
from pskd_tf.simulation.compile_core import compile_core
from pskd_tf.simulation.decision import UNKNOWN, Decision
from pskd_tf.simulation.decision_counts import DecisionCounts
from pskd_tf.simulation.exported_model import ExportedModel
from pskd_tf.simulation.idle_recordings import idle_recordings
from pskd_tf.simulation.joined_clips import joined_clips
from pskd_tf.simulation.labelled_span import LabelledSpan
from pskd_tf.simulation.recognizer_settings import RecognizerSettings
from pskd_tf.simulation.run_core import run_core
from pskd_tf.simulation.validation_models import ValidationModel

# What is chosen besides the threshold in clip mode.
CHOSEN_SEGMENT = ("start_g", "end_g", "lead_samples", "rest_samples")
_START_G = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
_END_SHARES = (0.6, 0.8)
_LEAD_SAMPLES = (5, 25, 45)
_REST_SAMPLES = (10, 15)
_CLIP_THRESHOLDS = tuple(round(0.3 + 0.02 * step, 2) for step in range(35))
# Fewer: each takes a run of its own, because windows are smoothed with each other.
_WINDOW_THRESHOLDS = (*(round(0.3 + 0.05 * step, 2) for step in range(14)), 0.97, 0.98, 0.99)
_MOVEMENTS = "movements"


@dataclass(frozen=True)
class Choice:
    """What was chosen, and on what grounds.

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
    progress: Callable[[Iterable, int], Iterable] = lambda items, total: items,
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
        parts = {name: (recording, ()) for name, recording in idle.items()}
        parts[_MOVEMENTS] = joined_clips(prepared, clips)
        recorded.append((fold.model, compile_core(fold.model, cache_dir, compiler), parts))
    best: tuple[tuple[float, ...], RecognizerSettings, dict[str, Any]] | None = None
    quietest, count = np.inf, 0
    clip_mode = folds[0].model.clip_mode
    runs = _runs(clip_mode, base)
    for settings, thresholds in progress(runs, len(runs)):
        heard = [
            (model, name, spans, run_core(program, model, recording, settings))
            for model, program, parts in recorded
            for name, (recording, spans) in parts.items()
        ]
        for threshold in thresholds:
            count += 1
            figures = _figures(heard, threshold if clip_mode else 0.0, hours)
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
    return Choice(best[1], best[2], count)


def _runs(
    clip_mode: bool, base: RecognizerSettings
) -> list[tuple[RecognizerSettings, tuple[float, ...]]]:
    """Lists what must be streamed, with the thresholds that each stream tells of."""
    if not clip_mode:
        return [(dataclasses.replace(base, threshold=one), (one,)) for one in _WINDOW_THRESHOLDS]
    segments = itertools.product(_START_G, _END_SHARES, _LEAD_SAMPLES, _REST_SAMPLES)
    values = [(start, round(share * start, 4), lead, rest) for start, share, lead, rest in segments]
    return [
        (
            dataclasses.replace(base, threshold=0.0, **dict(zip(CHOSEN_SEGMENT, one, strict=True))),
            _CLIP_THRESHOLDS,
        )
        for one in values
    ]


def _figures(
    heard: Sequence[tuple[ExportedModel, str, Sequence[LabelledSpan], Sequence[Decision]]],
    threshold: float,
    hours: float,
) -> dict[str, Any]:
    counts: dict[str, list[DecisionCounts]] = {}
    for model, name, spans, decisions in heard:
        said = [_unless_below(threshold, decision) for decision in decisions]
        counts.setdefault(name, []).append(DecisionCounts.of(said, spans, model))
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


def _unless_below(threshold: float, decision: Decision) -> Decision:
    """Says "unknown" as the core would at this threshold: movements are not smoothed."""
    if decision.activity >= 0 and decision.confidence < np.float32(threshold):
        return dataclasses.replace(decision, activity=UNKNOWN)
    return decision
