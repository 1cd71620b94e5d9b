"""Streams a recording through the C core and a run's model, compiled for this machine.

Examples:
    python -m pskd_tf.simulate --run_dir=RUN --csv=FILE
    python -m pskd_tf.simulate --run_dir=RUN --csv=FILE --labels=FILE --threshold=0.7
    python -m pskd_tf.simulate --run_dir=RUN --choose_threshold --validation_run=VALIDATION_RUN
    python -m pskd_tf.simulate --run_dir=RUN --idle_hours=1
    python -m pskd_tf.simulate --run_dir=RUN --idle_hours=24 --idle_kinds=tails,heads
    python -m pskd_tf.simulate --run_dir=RUN --idle_csv=FILE

--choose_threshold chooses on the subjects that a run with --protocol=validation left out and writes
RUN/recognizer.json, which is read from then on; flags override it. --idle_hours and --idle_csv
stream the test clips, which choose nothing, and recordings without movements; the figures go to
RUN/metrics.json.
"""

import dataclasses
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.settings import given_settings, setting
from pskd_tf.arguments import StagesArguments
from pskd_tf.device.decisions import DecisionCounts, timeline, timeline_plot
from pskd_tf.device.events import (
    MATCHING_IOU,
    EventCategories,
    Latency,
    all_matches,
    latencies,
    matched_events,
)
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.movement_losses import LossTable
from pskd_tf.device.recognizer import (
    ChosenSettings,
    Decision,
    ExportedModel,
    RecognizerSettings,
    recognizer_settings,
)
from pskd_tf.device.recordings import IDLE_KINDS, LabelledSpan, Recording, idle_recordings
from pskd_tf.device.stream_figures import StreamFigures, measure_stream
from pskd_tf.reporting.tables import rate_text
from pskd_tf.run import Run
from pskd_tf.runs.choose_recognizer import CHOSEN_SEGMENT, choose_settings, validation_models


@dataclass(frozen=True)
class SimulateArguments(StagesArguments):
    """What to stream, or what to choose the settings on."""

    stages_dir: Path | None = setting(
        None, "Folder of the stages of validation_run, if not in that run."
    )
    csv: Path | None = setting(
        None,
        "The recording: time_seconds,x,y,z with header, in g; of a run with a gyroscope "
        "time_seconds,x,y,z,rate_x,rate_y,rate_z, the rates in deg/s.",
    )
    labels: Path | None = setting(None, "Labels of the recording: start,end,label with header.")
    plot: Path | None = setting(None, "The PNG; by default beside the recording.")
    idle_hours: float | None = setting(
        None,
        "Hours of each kind of recording without movements; to choose by, 1 unless given.",
        unit="h",
        minimum=0.01,
        maximum=24,
    )
    idle_kinds: tuple[str, ...] = setting(
        ("postures", "tremor", "desk", "walking", "tails", "heads", "parts", "joins"),
        "Kinds of recordings without movements to report on.",
        choices=IDLE_KINDS,
    )
    idle_csv: Path | None = setting(
        None,
        "Your own recording without any of the classes, such as a day at home: time_seconds,x,y,z "
        "with header, in g. All that is said there is false.",
    )
    choose_threshold: bool = setting(False, "Choose the recogniser's settings for this run.")
    validation_run: Path | None = setting(None, "The run to choose on; by default run_dir.")
    maximum_false_an_hour: float | None = setting(
        None,
        "Most false decisions an hour, on either kind of idle, to choose by; 1 for a student that "
        "was trained for streams, 60 for others, unless given.",
        minimum=0,
    )
    cache_dir: Path | None = setting(
        None, "Folder of compiled programs; by default RUN/simulation."
    )
    compiler: str = setting("cc", "A C99 compiler.")
    # Those that are not given are what was chosen for the run, else the defaults.
    recognizer: dict[str, Any] = given_settings(RecognizerSettings, "recogniser")

    @property
    def cache(self) -> Path:
        """Folder of compiled programs."""
        return self.cache_dir or self.run_dir / "simulation"


def main(arguments: SimulateArguments) -> None:
    """Chooses, streams a recording or reports on the test clips, as the flags say."""
    reports = bool(arguments.idle_hours or arguments.idle_csv)
    if not (arguments.csv or reports or arguments.choose_threshold):
        rule = "--csv, --idle_hours, --idle_csv or --choose_threshold must be given"
        raise UserError(rule, "nothing")
    if arguments.choose_threshold and arguments.csv:
        raise UserError("--choose_threshold and --csv are two commands", "both")
    model = ExportedModel.read(arguments.run_dir)
    if model.num_axes == 6 and (arguments.choose_threshold or arguments.idle_hours):
        flag = "choose_threshold" if arguments.choose_threshold else "idle_hours"
        rule = f"--{flag} makes recordings of an accelerometer alone (give --threshold yourself)"
        raise UserError(rule, "a run with --sensors=accelerometer,gyroscope")
    settings = _settings(arguments)
    if arguments.choose_threshold:
        _choose(model, settings, arguments)
        return
    # Read before the compiler works.
    recording = Recording.read(arguments.csv) if arguments.csv else None
    spans = LabelledSpan.read_all(arguments.labels, model) if arguments.labels else []
    own = Recording.read(arguments.idle_csv) if arguments.idle_csv else None
    prepared = _prepared(model, arguments) if reports else None
    # Always PNG, which matplotlib chooses by the name.
    plot = (arguments.plot or arguments.csv or Path("none")).with_suffix(".png")
    metrics = arguments.run_dir / "metrics.json"
    if arguments.dry_run:
        print(f"would compile the core with {arguments.compiler}, once: {arguments.cache}")
        if recording is not None:
            print(f"would stream {len(recording.times)} samples and write {plot}")
        if arguments.idle_hours:
            print(f"would stream {arguments.idle_hours:g} h of {', '.join(arguments.idle_kinds)}")
        if own is not None:
            print(f"would stream {len(own.times)} samples of {arguments.idle_csv}")
        if reports:
            print(f"would stream the test clips and write {metrics}")
        return
    if recording is not None:
        program = compile_core(model, arguments.cache, arguments.compiler)
        _simulate(program, model, recording, spans, settings, plot)
    if prepared is not None:
        _report(model, prepared, settings, own, arguments)
    simulate = ("python", "-m", "pskd_tf.simulate", f"--run_dir={arguments.run_dir}")
    if recording is None:
        print_result(metrics, "python", "-m", "pskd_tf.report", f"--run_dir={arguments.run_dir}")
    elif model.num_axes == 6:
        export = ("python", "-m", "pskd_tf.export", f"--run_dir={arguments.run_dir}")
        print_result(plot, *export, "--target=arduino", "--out=DIR")
    elif ChosenSettings.read(arguments.run_dir) is None:
        print_result(plot, *simulate, "--choose_threshold", "--validation_run=VALIDATION_RUN")
    else:
        print_result(plot, *simulate, "--idle_hours=1")


def _settings(arguments: SimulateArguments) -> RecognizerSettings:
    base = recognizer_settings(arguments.run_dir, chosen=not arguments.choose_threshold)
    return dataclasses.replace(base, **arguments.recognizer)


def _prepared(model: ExportedModel, arguments: SimulateArguments) -> PreparedSet:
    prepared = PreparedSet.load(arguments.prepared)
    if prepared.fingerprint != model.dataset_fingerprint:
        raise UserError("The prepared set must be the run's", prepared.fingerprint, prepared.folder)
    return prepared


def _choose(
    model: ExportedModel, settings: RecognizerSettings, arguments: SimulateArguments
) -> None:
    prepared = _prepared(model, arguments)
    run_dir, hours = arguments.run_dir, arguments.idle_hours or 1.0
    validation_run = arguments.validation_run or run_dir
    folder = arguments.cache / "validation"
    if arguments.dry_run:
        print(f"would write the plain C of the folds of {validation_run}: {folder}")
        print(f"would choose on {hours:g} h of each idle and write {run_dir / 'recognizer.json'}")
        return
    folds = validation_models(validation_run, arguments.stages_dir, prepared, folder)
    heard = {clip for fold in folds for clip in fold.model.test_clips}
    if validation_run != run_dir and heard & set(model.test_clips):
        rule = "The run's test clips choose nothing; validation_run must leave out others"
        raise UserError(rule, sorted(heard & set(model.test_clips))[0], validation_run)
    if any(fold.model.clip_mode != model.clip_mode for fold in folds):
        raise UserError("Both runs must have one --input_mode", "two", validation_run)
    if any(fold.model.null_class != model.null_class for fold in folds):
        rule = "Both runs must have the same --stream_training"
        raise UserError(rule, "one with and one without", validation_run)
    most = arguments.maximum_false_an_hour
    if most is None:
        most = 60.0 if model.null_class is None else 1.0
    print(f"comparing settings on {len(folds)} folds of {validation_run}")
    choice = choose_settings(
        folds,
        prepared,
        settings,
        maximum_false=most,
        hours=hours,
        cache_dir=arguments.cache,
        compiler=arguments.compiler,
        progress=_progress,
    )
    made_by = {
        "protocol": "validation: each fold's int8 student on the subject it never saw",
        "subjects": [subject for fold in folds for subject in fold.subjects],
        "dataset_fingerprint": prepared.fingerprint,
        "mode": "clip" if model.clip_mode else "window",
        "maximum_false_an_hour": most,
        "idle_hours": hours,
        "candidates": choice.candidates,
        "figures": choice.figures,
    }
    path = ChosenSettings(choice.settings, made_by).write(run_dir)
    figures = choice.figures
    chosen_too = CHOSEN_SEGMENT if model.clip_mode and model.null_class is None else ()
    changed = ["threshold", *chosen_too]
    print("chosen: " + ", ".join(f"{name} {getattr(choice.settings, name):g}" for name in changed))
    for name, rate in figures["false_an_hour"].items():
        print(f"{name}, subjects left out: {rate:g} false decisions an hour")
    print(f"movements said right: {figures['right_share']:.1%} of {figures['movements']}")
    print_result(
        path, "python", "-m", "pskd_tf.simulate", f"--run_dir={run_dir}", f"--idle_hours={hours:g}"
    )


def _progress(candidates: Iterable[Any], total: int) -> Iterable[Any]:
    return tqdm(candidates, total=total, unit="candidate", disable=not sys.stderr.isatty())


def _simulate(
    program: Path,
    model: ExportedModel,
    recording: Recording,
    spans: Sequence[LabelledSpan],
    settings: RecognizerSettings,
    plot: Path,
) -> None:
    decisions = run_core(program, model, recording, settings)
    rows = timeline(decisions, model)
    print(f"{'start':>10} {'end':>10}  confidence  label")
    for row in rows:
        print(f"{row.start:10.2f} {row.end:10.2f}  {row.confidence:10.3f}  {row.label}")
    print(f"{len(recording.times)} samples, {len(decisions)} decisions and losses of the signal")
    if spans:
        _print_latencies(spans, decisions, model)
    timeline_plot(plot, recording, rows, spans)
    print(f"plot: {plot}")


def _report(
    model: ExportedModel,
    prepared: PreparedSet,
    settings: RecognizerSettings,
    own: Recording | None,
    arguments: SimulateArguments,
) -> None:
    run = Run.load(arguments.run_dir)
    _ = run.metrics  # refused before anything is streamed
    idle: dict[str, Recording] = {}
    if arguments.idle_hours:
        hours, kinds = arguments.idle_hours, arguments.idle_kinds
        idle |= idle_recordings(prepared, model.test_clips, hours, kinds=kinds)
    if own is not None and arguments.idle_csv is not None:
        idle[arguments.idle_csv.name] = own
    figures = measure_stream(
        run.export, prepared, settings, idle, arguments.cache, arguments.compiler
    )
    _print_movements(figures)
    _print_idle(figures)
    figures.write(arguments.run_dir)


def _print_movements(figures: StreamFigures) -> None:
    matches, settings = figures.all_matches, figures.settings
    print(
        f"test clips with rest between them, {figures.hours:.2f} h at threshold "
        f"{settings.threshold:g}: said right {figures.right} of {figures.movements} "
        f"({figures.right_share:.1%}), {figures.false} false decisions, {figures.unknown} unknown"
    )
    print(
        f"event F1 at an intersection over union of {MATCHING_IOU:g}: {matches.f1:.3f} (precision "
        f"{matches.precision:.3f}, recall {matches.recall:.3f}), mean of the classes "
        f"{figures.macro_f1:.3f}"
    )
    print(f"events: {_counted(figures.all_categories)}")
    for name, latency in (("start", figures.from_start), ("end", figures.from_end)):
        print(f"from the {name} of a movement to the decision: {_latency(latency)}")
    if figures.losses is not None:
        print(f"movements: {_counted(figures.losses)}")


def _counted(counts: EventCategories | LossTable) -> str:
    return ", ".join(
        f"{getattr(counts, field.name)} {field.name.replace('_', ' ')}"
        for field in dataclasses.fields(counts)
    )


def _print_idle(figures: StreamFigures) -> None:
    if not figures.idle:
        return
    longest = max(len(one.kind) for one in figures.idle)
    print(
        f"{'no movements':{max(longest, 12)}}  made of        hours  distinct   false  unknown  "
        "false an hour  at most (95 %)"
    )
    for one in sorted(figures.idle, key=lambda one: one.is_partial):
        found = one.rate
        print(
            f"{one.kind:{max(longest, 12)}}  {one.made_of:9}  {found.hours:8.3g}  "
            f"{found.distinct_hours:8.3g}  {found.false:6}  {one.unknown:7}  "
            f"{rate_text(found.an_hour):>13}  {rate_text(found.upper_bound):>14}"
            f"{'  parts of movements' if one.is_partial else ''}"
        )


def _latency(latency: Latency | None) -> str:
    if latency is None:
        return "none was said right"
    return (
        f"median {latency.median:.2f} s, 90th percentile {latency.percentile_90:.2f} s, "
        f"longest {latency.longest:.2f} s"
    )


def _print_latencies(
    spans: Sequence[LabelledSpan], decisions: Sequence[Decision], model: ExportedModel
) -> None:
    print(f"{'start':>10} {'end':>10}  {'latency':>10}  label")
    for span in spans:
        latency = span.latency(decisions, model)
        text = "not said" if latency is None else f"{latency:.2f} s"
        print(f"{span.start:10.2f} {span.end:10.2f}  {text:>10}  {span.label}")
    counts = DecisionCounts.of(decisions, spans, model)
    print(f"said: {counts.right} of {counts.movements}")
    matches = all_matches(matched_events(spans, timeline(decisions, model), model.class_names))
    print(f"event F1 at an intersection over union of {MATCHING_IOU:g}: {matches.f1:.3f}")
    for name, seconds in zip(("start", "end"), latencies(spans, decisions, model), strict=True):
        print(f"from the {name} of a movement to the decision: {_latency(Latency.of(seconds))}")


if __name__ == "__main__":
    run_command(main, SimulateArguments)
