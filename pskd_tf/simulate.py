"""Streams a recording through the C core and a run's model, compiled for this machine.

Examples:
    python -m pskd_tf.simulate --run_dir=RUN --csv=FILE
    python -m pskd_tf.simulate --run_dir=RUN --csv=FILE --labels=FILE --threshold=0.7
    python -m pskd_tf.simulate --run_dir=RUN --choose_threshold --validation_run=VALIDATION_RUN
    python -m pskd_tf.simulate --run_dir=RUN --idle_hours=1

--choose_threshold chooses on the subjects that a run with --protocol=validation left out and writes
RUN/recognizer.json, which is read from then on; flags override it. --idle_hours reports on the test
clips, which choose nothing.
"""

import dataclasses
import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.prepared_set import PreparedSet
from data_prep.settings import given_settings, setting
from pskd_tf.arguments import StagesArguments
from pskd_tf.device.decisions import DecisionCounts, timeline, timeline_plot
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import ChosenSettings, Decision, ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import LabelledSpan, Recording, idle_recordings, joined_clips
from pskd_tf.runs.choose_recognizer import CHOSEN_SEGMENT, choose_settings, validation_models


@dataclass(frozen=True)
class SimulateArguments(StagesArguments):
    """What to stream, or what to choose the settings on."""

    stages_dir: Path | None = setting(
        None, "Folder of the stages of validation_run, if not in that run."
    )
    csv: Path | None = setting(None, "The recording: time_seconds,x,y,z with header, in g.")
    labels: Path | None = setting(None, "Labels of the recording: start,end,label with header.")
    plot: Path | None = setting(None, "The PNG; by default beside the recording.")
    idle_hours: float | None = setting(
        None,
        "Hours of synthetic idle, and of shuffled clip tails, to be streamed; to choose by, 1 "
        "unless given.",
        unit="h",
        minimum=0.01,
        maximum=24,
    )
    choose_threshold: bool = setting(False, "Choose the recogniser's settings for this run.")
    validation_run: Path | None = setting(None, "The run to choose on; by default run_dir.")
    maximum_false_an_hour: float = setting(
        60.0, "Most false decisions an hour, on either kind of idle, to choose by.", minimum=0
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
    """Chooses, streams a recording or reports on idleness, as the flags say."""
    if not (arguments.csv or arguments.idle_hours or arguments.choose_threshold):
        raise UserError("--csv, --idle_hours or --choose_threshold must be given", "nothing")
    if arguments.choose_threshold and arguments.csv:
        raise UserError("--choose_threshold and --csv are two commands", "both")
    model = ExportedModel.read(arguments.run_dir)
    settings = _settings(arguments)
    if arguments.choose_threshold:
        _choose(model, settings, arguments)
        return
    # Read before the compiler works.
    recording = Recording.read(arguments.csv) if arguments.csv else None
    spans = LabelledSpan.read_all(arguments.labels, model) if arguments.labels else []
    prepared = _prepared(model, arguments) if arguments.idle_hours else None
    # Always PNG, which matplotlib chooses by the name.
    plot = (arguments.plot or arguments.csv or Path("none")).with_suffix(".png")
    report = arguments.cache / "idle.json"
    if arguments.dry_run:
        print(f"would compile the core with {arguments.compiler}, once: {arguments.cache}")
        if recording is not None:
            print(f"would stream {len(recording.times)} samples and write {plot}")
        if prepared is not None:
            print(f"would stream {arguments.idle_hours:g} h of each idle and write {report}")
        return
    program = compile_core(model, arguments.cache, arguments.compiler)
    simulate = ("python", "-m", "pskd_tf.simulate", f"--run_dir={arguments.run_dir}")
    if recording is not None:
        _simulate(program, model, recording, spans, settings, plot)
    if prepared is not None and arguments.idle_hours:
        _report_idle(program, model, prepared, settings, arguments.idle_hours, report)
    if recording is None:
        print_result(report, *simulate, "--csv=FILE")
    elif ChosenSettings.read(arguments.run_dir) is None:
        print_result(plot, *simulate, "--choose_threshold", "--validation_run=VALIDATION_RUN")
    else:
        print_result(plot, *simulate, "--idle_hours=1")


def _settings(arguments: SimulateArguments) -> RecognizerSettings:
    chosen = None if arguments.choose_threshold else ChosenSettings.read(arguments.run_dir)
    base = RecognizerSettings() if chosen is None else chosen.settings
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
    print(f"comparing settings on {len(folds)} folds of {validation_run}")
    choice = choose_settings(
        folds,
        prepared,
        settings,
        maximum_false=arguments.maximum_false_an_hour,
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
        "maximum_false_an_hour": arguments.maximum_false_an_hour,
        "idle_hours": hours,
        "candidates": choice.candidates,
        "figures": choice.figures,
    }
    path = ChosenSettings(choice.settings, made_by).write(run_dir)
    figures = choice.figures
    changed = ["threshold", *(CHOSEN_SEGMENT if model.clip_mode else ())]
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


def _report_idle(
    program: Path,
    model: ExportedModel,
    prepared: PreparedSet,
    settings: RecognizerSettings,
    hours: float,
    path: Path,
) -> None:
    report: dict[str, Any] = {
        "settings": dataclasses.asdict(settings),
        "idle_hours": hours,
        "idle": {},
    }
    for name, recording in idle_recordings(prepared, model.test_clips, hours).items():
        counts = DecisionCounts.of(run_core(program, model, recording, settings), (), model)
        false, unknown = counts.false / hours, counts.unknown / hours
        report["idle"][name] = {"false_an_hour": false, "unknown_an_hour": unknown}
        print(f"{name}, {hours:g} h at threshold {settings.threshold:g}: ", end="")
        print(f"{false:g} false decisions and {unknown:g} unknown an hour")
    recording, spans = joined_clips(prepared, model.test_clips)
    counts = DecisionCounts.of(run_core(program, model, recording, settings), spans, model)
    print(
        f"test clips with rest between them, {recording.times[-1] / 3600:.2f} h: said right ",
        end="",
    )
    print(f"{counts.right} of {counts.movements}, {counts.false} false decisions{_latency(counts)}")
    report["movements"] = dataclasses.asdict(counts)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(report, indent=2), encoding="utf-8")


def _latency(counts: DecisionCounts) -> str:
    if not counts.latencies:
        return ""
    median, longest = statistics.median(counts.latencies), max(counts.latencies)
    return f"; from start to decision, median {median:.2f} s, longest {longest:.2f} s"


def _print_latencies(
    spans: Sequence[LabelledSpan], decisions: Sequence[Decision], model: ExportedModel
) -> None:
    print(f"{'start':>10} {'end':>10}  {'latency':>10}  label")
    for span in spans:
        latency = span.latency(decisions, model)
        text = "not said" if latency is None else f"{latency:.2f} s"
        print(f"{span.start:10.2f} {span.end:10.2f}  {text:>10}  {span.label}")
    counts = DecisionCounts.of(decisions, spans, model)
    print(f"said: {counts.right} of {counts.movements}{_latency(counts)}")


if __name__ == "__main__":
    run_command(main, SimulateArguments)
