"""Runs the compiled core over a recording."""

from pathlib import Path

import numpy as np

from pskd_tf.simulation.core_lines import core_lines
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
    times = recording.times
    decisions = []
    for kind, index, *rest in map(str.split, core_lines(program, recording, settings)):
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
            confidence = float(np.array(int(rest[4], 16), np.uint32).view(np.float32))
            decision = Decision(at, span, start, end, times[at], activity, best, confidence, output)
        decisions.append(decision)
    return decisions
