"""Runs the compiled core over a recording."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from pskd_tf.simulation.decision import NO_SIGNAL, Decision
from pskd_tf.simulation.exported_model import ExportedModel
from pskd_tf.simulation.recognizer_settings import RecognizerSettings
from pskd_tf.simulation.recording import Recording


def run_core(
    program: Path, model: ExportedModel, recording: Recording, settings: RecognizerSettings
) -> list[Decision]:
    """Streams a recording.

    Args:
        program: From `compile_core`.
        model: The export it was compiled from.
        recording: The samples.
        settings: Of the recognizer.

    Returns:
        Decisions and losses of the signal, in order of time.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        path.write_bytes(_header(recording, settings) + _stream(recording))
        finished = subprocess.run([program, path], capture_output=True, text=True)
    if finished.returncode:
        raise RuntimeError(f"The core ended with {finished.returncode}: {finished.stderr}")
    lines = [line.split() for line in finished.stdout.splitlines()]
    times = recording.times
    decisions = []
    for kind, index, *rest in lines:
        at = int(index)
        if kind == "lost":
            start = times[max(at - 1, 0)]
            decision = Decision(at, None, start, times[at], times[at], NO_SIGNAL, -1, 0.0, None)
        else:
            first, last, activity, best = map(int, rest[:4])
            span = (first, last) if model.clip_mode else None
            start, end = times[at] - model.window_seconds, times[at]
            if span is not None:
                start, end = times[first], times[last]
            output = np.array(rest[5:], np.int8)
            confidence = float(rest[4])
            decision = Decision(at, span, start, end, times[at], activity, best, confidence, output)
        decisions.append(decision)
    return decisions


def _header(recording: Recording, settings: RecognizerSettings) -> bytes:
    """Returns the struct `Header` of stream_recording.c, in this machine's byte order."""
    fields = (
        (np.int32, len(recording.times)),
        (np.float32, settings.smoothing),
        (np.float32, settings.threshold),
        (np.float32, settings.threshold * settings.leave_share),
        (np.int32, settings.minimum_windows),
        (np.int32, settings.maximum_same),
        (np.uint32, round(settings.maximum_gap_seconds * 1e6)),
        (np.float32, settings.gravity_weight),
        (np.float32, settings.energy_weight),
        (np.float32, settings.start_g),
        (np.float32, settings.end_g),
        (np.int32, settings.lead_samples),
        (np.int32, settings.rest_samples),
    )
    return b"PSKR" + b"".join(kind(value).tobytes() for kind, value in fields)


def _stream(recording: Recording) -> bytes:
    records = np.empty(len(recording.times), [("time", np.uint32), ("sample", np.float32, 3)])
    microseconds = np.round((recording.times - recording.times[0]) * 1e6).astype(np.int64)
    # A board's counter wraps around, too.
    records["time"] = (microseconds % (1 << 32)).astype(np.uint32)
    records["sample"] = recording.samples
    return records.tobytes()
