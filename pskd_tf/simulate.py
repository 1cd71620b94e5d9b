"""What a board would say to a recording: the C core and a run's model, compiled for this machine.

python -m pskd_tf.simulate --run_dir=RUN --csv=FILE
python -m pskd_tf.simulate --run_dir=RUN --csv=FILE --labels=FILE --threshold=0.7
python -m pskd_tf.simulate --run_dir=RUN --idle_hours=1 --threshold=0.7
"""

import statistics
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from data_prep.prepared_set import PreparedSet
from data_prep.run_command import run_command
from data_prep.user_error import UserError
from pskd_tf.simulation.compile_core import compile_core
from pskd_tf.simulation.decision import Decision
from pskd_tf.simulation.exported_model import ExportedModel
from pskd_tf.simulation.idle_recordings import idle_recordings
from pskd_tf.simulation.labelled_span import LabelledSpan
from pskd_tf.simulation.recognizer_settings import RecognizerSettings
from pskd_tf.simulation.recording import Recording
from pskd_tf.simulation.run_core import run_core
from pskd_tf.simulation.timeline import timeline
from pskd_tf.simulation.timeline_plot import timeline_plot

_OURS = RecognizerSettings()
_RUN_DIR = flags.DEFINE_string("run_dir", None, "A finished run of pskd_tf.train.")
_CSV = flags.DEFINE_string("csv", None, "The recording: time_seconds,x,y,z with header, in g.")
_LABELS = flags.DEFINE_string("labels", None, "What happened: start,end,label with header.")
_IDLE_HOURS = flags.DEFINE_float(
    "idle_hours",
    0.0,
    "Hours of synthetic idle and of shuffled clip tails to be streamed.",
    lower_bound=0.0,
    upper_bound=24.0,
)
_PREPARED_DIR = flags.DEFINE_string(
    "prepared_dir", None, "Where the run's prepared set lies, if not in the run; for idle_hours."
)
_PLOT = flags.DEFINE_string("plot", None, "The PNG; by default beside the recording.")
_CACHE_DIR = flags.DEFINE_string(
    "cache_dir", None, "Where compiled programs are kept; by default RUN/simulation."
)
_COMPILER = flags.DEFINE_string("compiler", "cc", "A C99 compiler.")
_THRESHOLD = flags.DEFINE_float(
    "threshold", _OURS.threshold, "Probability below which the core says unknown, 0..1."
)
_SMOOTHING = flags.DEFINE_float(
    "smoothing", _OURS.smoothing, "Window mode: weight of the newest window."
)
_MINIMUM_WINDOWS = flags.DEFINE_integer(
    "minimum_windows", _OURS.minimum_windows, "Window mode: windows in a row that must agree."
)
_MAXIMUM_GAP = flags.DEFINE_float(
    "maximum_gap_seconds", _OURS.maximum_gap_seconds, "Longest gap that is no lost signal."
)
_MAXIMUM_SAME = flags.DEFINE_integer(
    "maximum_same", _OURS.maximum_same, "Equal samples in a row that are one; 0 for never."
)
_START_G = flags.DEFINE_float(
    "start_g", _OURS.start_g, "Clip mode: root mean square, high-passed, that starts a movement."
)
_END_G = flags.DEFINE_float("end_g", _OURS.end_g, "Clip mode: below this it ends.")
_REST_SAMPLES = flags.DEFINE_integer(
    "rest_samples", _OURS.rest_samples, "Clip mode: samples of rest that end a movement."
)


def main() -> None:
    """Compiles if need be, streams, prints the timeline and writes the plot."""
    if not _RUN_DIR.value or not (_CSV.value or _IDLE_HOURS.value):
        raise UserError("--run_dir and --csv or --idle_hours must be given", "nothing")
    settings = RecognizerSettings(
        threshold=_THRESHOLD.value,
        smoothing=_SMOOTHING.value,
        minimum_windows=_MINIMUM_WINDOWS.value,
        maximum_gap_seconds=_MAXIMUM_GAP.value,
        maximum_same=_MAXIMUM_SAME.value,
        start_g=_START_G.value,
        end_g=_END_G.value,
        rest_samples=_REST_SAMPLES.value,
    )
    model = ExportedModel.read(_RUN_DIR.value)
    cache_dir = _CACHE_DIR.value or Path(_RUN_DIR.value) / "simulation"
    if _CSV.value:
        # Read before the compiler works.
        recording = Recording.read(_CSV.value)
        spans = LabelledSpan.read_all(_LABELS.value, model) if _LABELS.value else []
        program = compile_core(model, cache_dir, _COMPILER.value)
        _simulate(program, model, recording, spans, settings)
    if _IDLE_HOURS.value:
        program = compile_core(model, cache_dir, _COMPILER.value)
        _print_idle(program, model, settings)


def _simulate(
    program: Path,
    model: ExportedModel,
    recording: Recording,
    spans: Sequence[LabelledSpan],
    settings: RecognizerSettings,
) -> None:
    decisions = run_core(program, model, recording, settings)
    rows = timeline(decisions, model)
    print(f"{'start':>10} {'end':>10}  confidence  label")
    for row in rows:
        print(f"{row.start:10.2f} {row.end:10.2f}  {row.confidence:10.3f}  {row.label}")
    print(f"{len(recording.times)} samples, {len(decisions)} decisions and losses of the signal")
    if spans:
        _print_latencies(spans, decisions, model)
    # Always PNG, which matplotlib chooses by the name.
    plot = Path(_PLOT.value or _CSV.value).with_suffix(".png")
    timeline_plot(plot, recording, rows, spans)
    print(f"plot: {plot}")


def _print_idle(program: Path, model: ExportedModel, settings: RecognizerSettings) -> None:
    prepared = PreparedSet.load(_PREPARED_DIR.value or Path(_RUN_DIR.value) / "prepared")
    hours = _IDLE_HOURS.value
    for name, recording in idle_recordings(prepared, model.test_clips, hours).items():
        decisions = run_core(program, model, recording, settings)
        rows = timeline(decisions, model)
        false = sum(row.label in model.class_names for row in rows)
        unknown = sum(row.label == "unknown" for row in rows)
        print(f"{name}, {hours:g} h at threshold {settings.threshold:g}: ", end="")
        print(f"{false / hours:g} false decisions and {unknown / hours:g} unknown an hour")


def _print_latencies(
    spans: Sequence[LabelledSpan], decisions: Sequence[Decision], model: ExportedModel
) -> None:
    print(f"{'start':>10} {'end':>10}  {'latency':>10}  label")
    latencies = [span.latency(decisions, model) for span in spans]
    for span, latency in zip(spans, latencies, strict=True):
        text = "not said" if latency is None else f"{latency:.2f} s"
        print(f"{span.start:10.2f} {span.end:10.2f}  {text:>10}  {span.label}")
    found = [latency for latency in latencies if latency is not None]
    print(f"said: {len(found)} of {len(spans)}", end="")
    if found:
        print(f"; from start to decision, median {statistics.median(found):.2f} s", end="")
        print(f", longest {max(found):.2f} s", end="")
    print()


if __name__ == "__main__":
    run_command(main)
