"""The figures of a run in a stream: what `pskd_tf.simulate` measures and `metrics.json` keeps."""

import dataclasses
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.files import json_sha256, whole_file
from data_prep.prepared_set import PreparedSet
from data_prep.records import read_json_object, record_from_json, record_to_json
from pskd_tf.device.decisions import DecisionCounts, at_threshold, timeline
from pskd_tf.device.events import (
    EventCategories,
    EventMatches,
    Latency,
    all_matches,
    event_categories,
    latencies,
    matched_events,
)
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.movement_losses import LossTable, loss_table
from pskd_tf.device.operating_points import (
    FalseRate,
    OperatingPoint,
    curve_thresholds,
    operating_curve,
)
from pskd_tf.device.recognizer import MODEL_FILES, Decision, ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import (
    PARTIAL_KINDS,
    IdleRecording,
    LabelledSpan,
    Recording,
    joined_clips,
)
from pskd_tf.evaluation.tflm import Int8Interface, clip_input, tflm_logits
from pskd_tf.exported import Export
from pskd_tf.run_records import publish

# The report draws the stream of so many movements.
SHOWN_MOVEMENTS = 8


@dataclass(frozen=True)
class IdleFigures:
    """What the recogniser said in a stream without movements.

    Attributes:
        kind: One of `IDLE_KINDS`, or the name of the user's file.
        made_of: `generated`, `clips` or `recorded`.
        is_partial: Whether it shows parts of movements, and counts apart.
        rate: Its false decisions.
        unknown: Decisions "unknown".
    """

    kind: str
    made_of: str
    is_partial: bool
    rate: FalseRate
    unknown: int


@dataclass(frozen=True)
class StreamFigures:
    """A run's figures in a stream of its test clips, and in streams without movements.

    Attributes:
        export_sha256: `streamed_sha256` of the export.
        settings: Of the recogniser.
        hours: Of the test clips with rest between them.
        movements: Number of test clips.
        right: Number of those that were said right.
        false: Wrong decisions in the same stream.
        unknown: Decisions "unknown" in it.
        matches: Events matched one to one, by class.
        categories: Ward's categories, by class.
        from_start: Latency from a movement's start; None if none was said right.
        from_end: Latency from its end.
        losses: Where the movements are lost; None in window mode.
        idle: Streams without movements.
        curve: Recall and false decisions of each threshold; empty in window mode where windows are
            smoothed. Measured on test clips, so that no threshold may be chosen by it.
        shown: Rows of the time line that begin within the first `SHOWN_MOVEMENTS` movements.
    """

    export_sha256: str
    settings: RecognizerSettings
    hours: float
    movements: int
    right: int
    false: int
    unknown: int
    matches: dict[str, EventMatches]
    categories: dict[str, EventCategories]
    from_start: Latency | None
    from_end: Latency | None
    losses: LossTable | None
    idle: tuple[IdleFigures, ...]
    curve: tuple[OperatingPoint, ...]
    shown: tuple[LabelledSpan, ...]

    @property
    def right_share(self) -> float:
        """Share of the movements that were said right."""
        return self.right / self.movements

    @property
    def all_matches(self) -> EventMatches:
        """The events of all classes, matched one to one."""
        return all_matches(self.matches)

    @property
    def macro_f1(self) -> float:
        """Mean event F1 of the classes that occur."""
        return float(np.mean([one.f1 for one in self.matches.values() if one.labelled]))

    @property
    def all_categories(self) -> EventCategories:
        """Ward's categories, summed over the classes."""
        return sum(self.categories.values(), EventCategories())

    def to_metrics(self) -> dict[str, Any]:
        """Returns the entry `stream` of `metrics.json`: the figures, and first their summary."""
        summary = {
            "right_share": self.right_share,
            "event_f1": self.all_matches.f1,
            "event_macro_f1": self.macro_f1,
            "categories": record_to_json(self.all_categories),
            "false_an_hour": {one.kind: one.rate.an_hour for one in self.idle},
            "false_an_hour_upper_bound": {one.kind: one.rate.upper_bound for one in self.idle},
        }
        return {"summary": summary, "figures": record_to_json(self)}

    @classmethod
    def of_run(cls, run_dir: str | Path) -> "StreamFigures | None":
        """Reads the figures of a run.

        Args:
            run_dir: The run.

        Returns:
            The figures in `metrics.json`; None where there are none, or those of another export or
            another version.
        """
        run_dir = Path(run_dir)
        try:
            metrics = read_json_object(run_dir / "metrics.json")
            figures = record_from_json(cls, metrics["stream"]["figures"])
            is_current = figures.export_sha256 == streamed_sha256(Export.read(run_dir / "export"))
        except (ValueError, KeyError, TypeError):
            return None
        return figures if is_current else None

    def write(self, run_dir: str | Path) -> Path:
        """Puts the figures into a run's `metrics.json`.

        Args:
            run_dir: A finished run.

        Returns:
            The file.

        Raises:
            UserError: There is no such file, or it cannot be read.
        """
        path = Path(run_dir) / "metrics.json"
        metrics = read_json_object(path, "A finished run has metrics.json")
        with whole_file(path) as temporary:
            text = json.dumps(metrics | {"stream": self.to_metrics()}, indent=2, allow_nan=False)
            temporary.write_text(text, encoding="utf-8")
        publish(path.parent, [path.name])
        return path


def streamed_sha256(export: Export) -> str:
    """Returns the hash of what a stream's figures depend on: an export's files and test clips.

    It stays when a run with further seeds exports the same student again.
    """
    return json_sha256([export.manifest.files, export.test_clips])


def measure_stream(
    export: Export,
    prepared: PreparedSet,
    settings: RecognizerSettings,
    idle: Mapping[str, Recording],
    cache_dir: str | Path,
    compiler: str = "cc",
) -> StreamFigures:
    """Streams a run's test clips, and recordings without movements, through the C core.

    Args:
        export: The run's export.
        prepared: Its prepared set.
        settings: Of the recogniser.
        idle: Recordings without movements by name; those of `idle_recordings`, or the user's own.
        cache_dir: For `compile_core`.
        compiler: A C99 compiler.

    Returns:
        The figures; `pskd_tf.device.events` defines each.

    Raises:
        UserError: The core cannot be compiled, or the set holds none of the test clips.
    """
    model = ExportedModel.of(export)
    program = compile_core(model, cache_dir, compiler)
    recording, spans = joined_clips(prepared, model.test_clips, gyroscope=model.num_axes == 6)
    # Of decisions that stand alone those at every constant threshold follow from those at 0.
    alone = model.clip_mode or settings.decides_alone
    lowest = settings
    if alone:
        lowest = dataclasses.replace(settings, threshold=0.0, adapt_most=0.0)
    decisions = run_core(program, model, recording, lowest)

    def shown(one: Recording, lowest_decisions: list[Decision]) -> list[Decision]:
        if not alone:
            return lowest_decisions
        if settings.adapt_most > 0:
            return run_core(program, model, one, settings)
        return [at_threshold(decision, settings.threshold) for decision in lowest_decisions]

    hours = {name: _hours(one, settings) for name, one in idle.items()}
    streams = {
        name: (run_core(program, model, one, lowest), hours[name]) for name, one in idle.items()
    }
    said = shown(recording, decisions)
    counts = DecisionCounts.of(said, spans, model)
    rows = timeline(said, model)
    from_start, from_end = latencies(spans, said, model)
    losses, curve = None, []
    if model.clip_mode:
        pieces = _pieces(model, recording, lowest, cache_dir, compiler)
        guesses = _on_clip_borders(export, model, recording, spans)
        losses = loss_table(spans, pieces, decisions, said, guesses, model)
    if alone:
        each = [decisions, *(one for one, _ in streams.values())]
        thresholds = curve_thresholds(each, settings.threshold)
        curve = operating_curve(spans, decisions, streams, model, thresholds)
    return StreamFigures(
        export_sha256=streamed_sha256(export),
        settings=settings,
        hours=_hours(recording, settings),
        movements=counts.movements,
        right=counts.right,
        false=counts.false,
        unknown=counts.unknown,
        matches=matched_events(spans, rows, model.class_names),
        categories=event_categories(spans, rows, model.class_names),
        from_start=Latency.of(from_start),
        from_end=Latency.of(from_end),
        losses=losses,
        idle=tuple(
            _idle_figures(
                name,
                one,
                hours[name],
                DecisionCounts.of(shown(one, streams[name][0]), (), model),
            )
            for name, one in idle.items()
        ),
        curve=tuple(curve),
        shown=tuple(
            LabelledSpan(row.start, row.end, row.label)
            for row in rows
            if row.start < spans[:SHOWN_MOVEMENTS][-1].end
        ),
    )


def _idle_figures(
    name: str, recording: Recording, hours: float, counts: DecisionCounts
) -> IdleFigures:
    made_of, distinct = "recorded", hours
    if isinstance(recording, IdleRecording):
        made_of = "generated" if recording.is_generated else "clips"
        distinct = recording.distinct_hours
    rate = FalseRate.of(counts.false, hours, distinct)
    return IdleFigures(name, made_of, name in PARTIAL_KINDS, rate, counts.unknown)


def _hours(recording: Recording, settings: RecognizerSettings) -> float:
    """Returns the hours of a recording without its gaps; each sample lasts a step."""
    steps = np.diff(recording.times)
    kept = steps[steps <= settings.maximum_gap_seconds]
    seconds = float(kept.sum()) * (1 + 1 / len(kept)) if len(kept) else 0.0
    return round(seconds / 3600, 9)


def _pieces(
    model: ExportedModel,
    recording: Recording,
    settings: RecognizerSettings,
    cache_dir: str | Path,
    compiler: str,
) -> list[tuple[float, float]]:
    """Returns start and end of all that the detector cuts, from a core that classifies it all."""
    with tempfile.TemporaryDirectory() as folder:
        for name in MODEL_FILES:
            text = (model.folder / name).read_text(encoding="ascii")
            # A movement of one sample cannot be resampled.
            text = re.sub(r"(#define PSKD_MINIMUM_SAMPLES) \d+", r"\1 2", text)
            (Path(folder) / name).write_text(text, encoding="ascii", newline="\n")
        patient = dataclasses.replace(model, folder=Path(folder))
        program = compile_core(patient, cache_dir, compiler)
        decisions = run_core(program, patient, recording, settings)
    return [(one.start, one.end) for one in decisions if one.span is not None]


def _on_clip_borders(
    export: Export, model: ExportedModel, recording: Recording, spans: Sequence[LabelledSpan]
) -> list[int]:
    """Returns the class that the int8 student gives each clip between the data set's borders."""
    interface = Int8Interface.read(export.tflite)
    inputs = export.manifest.inputs
    borders = np.searchsorted(recording.times, [[one.start, one.end] for one in spans])
    clips = [clip_input(recording.samples[a:b], inputs, interface) for a, b in borders]
    _, logits = tflm_logits(export.tflite, np.stack(clips))
    # A null class, the last output, is no class of a movement.
    best = logits[:, : len(model.class_names)].argmax(axis=1)
    return [int(one) for one in best]
