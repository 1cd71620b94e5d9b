"""What a board would say to a recording: the C core and a run's model, compiled for this machine.

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
from pathlib import Path

from absl import flags
from tqdm import tqdm

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.prepared_set import PreparedSet
from pskd_tf.device.decisions import DecisionCounts, timeline, timeline_plot
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import ChosenSettings, Decision, ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import LabelledSpan, Recording, idle_recordings, joined_clips
from pskd_tf.runs.choose_recognizer import CHOSEN_SEGMENT, choose_settings, validation_models

_RUN_DIR = flags.DEFINE_string("run_dir", None, "A finished run of pskd_tf.train.")
_CSV = flags.DEFINE_string("csv", None, "The recording: time_seconds,x,y,z with header, in g.")
_LABELS = flags.DEFINE_string("labels", None, "What happened: start,end,label with header.")
_IDLE_HOURS = flags.DEFINE_float(
    "idle_hours",
    None,
    "Hours of synthetic idle, and of shuffled clip tails, to be streamed; for choosing, 1 unless "
    "given.",
    lower_bound=0.01,
    upper_bound=24.0,
)
_CHOOSE = flags.DEFINE_bool("choose_threshold", False, "Choose the settings for this run.")
_VALIDATION_RUN = flags.DEFINE_string(
    "validation_run", None, "The run that chooses; by default run_dir."
)
_STAGES_DIR = flags.DEFINE_string(
    "stages_dir", None, "Where the stages of validation_run lie, if not in it."
)
_MAXIMUM_FALSE = flags.DEFINE_float(
    "maximum_false_an_hour",
    60.0,
    "False decisions an hour that may be chosen, on either kind of idle.",
    lower_bound=0.0,
)
_PREPARED_DIR = flags.DEFINE_string(
    "prepared_dir", None, "Where the run's prepared set lies, if not in the run."
)
_PLOT = flags.DEFINE_string("plot", None, "The PNG; by default beside the recording.")
_CACHE_DIR = flags.DEFINE_string(
    "cache_dir", None, "Where compiled programs are kept; by default RUN/simulation."
)
_COMPILER = flags.DEFINE_string("compiler", "cc", "A C99 compiler.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Read and check the input, say what would be done.")
# Each, unless given, is what was chosen for the run, else ours.
_SETTINGS = {
    "threshold": (float, "Probability below which the core says unknown, 0..1."),
    "smoothing": (float, "Window mode: weight of the newest window."),
    "minimum_windows": (int, "Window mode: windows in a row that must agree."),
    "maximum_gap_seconds": (float, "Longest gap that is no lost signal."),
    "maximum_same": (int, "Equal samples in a row that are one; 0 for never."),
    "start_g": (float, "Clip mode: root mean square, high-passed, that starts a movement."),
    "end_g": (float, "Clip mode: below this it ends."),
    "lead_samples": (int, "Clip mode: samples before the start that belong to a movement."),
    "rest_samples": (int, "Clip mode: samples of rest that end a movement."),
}
for _name, (_kind, _help) in _SETTINGS.items():
    _text = f"{_help} By default chosen for the run, else {getattr(RecognizerSettings(), _name)}."
    (flags.DEFINE_float if _kind is float else flags.DEFINE_integer)(_name, None, _text)


def main() -> None:
    """Chooses, streams a recording or reports on idleness, as the flags say."""
    if not _RUN_DIR.value or not (_CSV.value or _IDLE_HOURS.value or _CHOOSE.value):
        rule = "--run_dir and --csv, --idle_hours or --choose_threshold must be given"
        raise UserError(rule, "nothing")
    if _CHOOSE.value and _CSV.value:
        raise UserError("--choose_threshold and --csv are two commands", "both")
    model = ExportedModel.read(_RUN_DIR.value)
    settings = _settings()
    if _CHOOSE.value:
        _choose(model, settings)
        return
    # Read before the compiler works.
    recording = Recording.read(_CSV.value) if _CSV.value else None
    spans = LabelledSpan.read_all(_LABELS.value, model) if _LABELS.value else []
    prepared = _prepared(model) if _IDLE_HOURS.value else None
    # Always PNG, which matplotlib chooses by the name.
    plot = Path(_PLOT.value or _CSV.value or "none").with_suffix(".png")
    report = _cache_dir() / "idle.json"
    if _DRY_RUN.value:
        print(f"would compile the core with {_COMPILER.value}, once: {_cache_dir()}")
        if recording is not None:
            print(f"would stream {len(recording.times)} samples and write {plot}")
        if prepared is not None:
            print(f"would stream {_IDLE_HOURS.value:g} h of each idle and write {report}")
        return
    program = compile_core(model, _cache_dir(), _COMPILER.value)
    simulate = ("python", "-m", "pskd_tf.simulate", f"--run_dir={_RUN_DIR.value}")
    if recording is not None:
        _simulate(program, model, recording, spans, settings, plot)
    if prepared is not None:
        _report_idle(program, model, prepared, settings, report)
    if recording is None:
        print_result(report, *simulate, "--csv=FILE")
    elif ChosenSettings.read(_RUN_DIR.value) is None:
        print_result(plot, *simulate, "--choose_threshold", "--validation_run=VALIDATION_RUN")
    else:
        print_result(plot, *simulate, "--idle_hours=1")


def _settings() -> RecognizerSettings:
    chosen = None if _CHOOSE.value else ChosenSettings.read(_RUN_DIR.value)
    given = {name: flags.FLAGS[name].value for name in _SETTINGS}
    given = {name: value for name, value in given.items() if value is not None}
    base = RecognizerSettings() if chosen is None else chosen.settings
    return dataclasses.replace(base, **given)


def _cache_dir() -> Path:
    return Path(_CACHE_DIR.value or Path(_RUN_DIR.value) / "simulation")


def _prepared(model: ExportedModel) -> PreparedSet:
    prepared = PreparedSet.load(_PREPARED_DIR.value or Path(_RUN_DIR.value) / "prepared")
    if prepared.fingerprint != model.dataset_fingerprint:
        raise UserError("The prepared set must be the run's", prepared.fingerprint, prepared.folder)
    return prepared


def _choose(model: ExportedModel, settings: RecognizerSettings) -> None:
    prepared = _prepared(model)
    run_dir, hours = Path(_RUN_DIR.value), _IDLE_HOURS.value or 1.0
    validation_run = Path(_VALIDATION_RUN.value or run_dir)
    folder = _cache_dir() / "validation"
    if _DRY_RUN.value:
        print(f"would write the plain C of the folds of {validation_run}: {folder}")
        print(f"would choose on {hours:g} h of each idle and write {run_dir / 'recognizer.json'}")
        return
    folds = validation_models(validation_run, _STAGES_DIR.value, prepared, folder)
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
        maximum_false=_MAXIMUM_FALSE.value,
        hours=hours,
        cache_dir=_cache_dir(),
        compiler=_COMPILER.value,
        progress=_progress,
    )
    made_by = {
        "protocol": "validation: each fold's int8 student on the subject it never saw",
        "subjects": [subject for fold in folds for subject in fold.subjects],
        "dataset_fingerprint": prepared.fingerprint,
        "mode": "clip" if model.clip_mode else "window",
        "maximum_false_an_hour": _MAXIMUM_FALSE.value,
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


def _progress(candidates: Iterable, total: int) -> Iterable:
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
    path: Path,
) -> None:
    hours = _IDLE_HOURS.value
    report: dict = {"settings": dataclasses.asdict(settings), "idle_hours": hours, "idle": {}}
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
    run_command(main)
