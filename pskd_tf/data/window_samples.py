"""The windows of one clip, as a watch would cut them from a running stream."""

from dataclasses import dataclass

import numpy as np

from pskd_tf.data.input_settings import InputSettings


@dataclass(frozen=True)
class WindowSamples:
    """The windows of one clip.

    Attributes:
        samples: `(windows, steps, 3)` float32, in g.
        spans: `(windows, 2)` where each window starts and ends in its clip, 0..1.
    """

    samples: np.ndarray
    spans: np.ndarray


def window_samples(signal: np.ndarray, rate_hz: float, inputs: InputSettings) -> WindowSamples:
    """Cuts a clip into windows of fixed rate, length and hop.

    The first window starts with the clip; what is left over after the last whole one belongs to
    none. A clip shorter than a window gives one, its last sample held. Source: ours.

    Args:
        signal: `(length, 3)` in g, at least two samples.
        rate_hz: Rate of the signal, in Hz.
        inputs: Rate, length and hop of the windows.

    Returns:
        At least one window.
    """
    signal = np.asarray(signal, np.float32)
    if rate_hz != inputs.window_rate_hz:
        ratio = rate_hz / inputs.window_rate_hz
        positions = np.arange(int((len(signal) - 1) / ratio) + 1) * ratio
        times = np.arange(len(signal))
        columns = [np.interp(positions, times, column) for column in signal.T]
        signal = np.stack(columns, axis=1).astype(np.float32)
    last = max(len(signal) - 1, 1)
    if len(signal) < inputs.steps:
        held = np.repeat(signal[-1:], inputs.steps - len(signal), axis=0)
        signal = np.concatenate([signal, held])
    starts = np.arange(0, len(signal) - inputs.steps + 1, inputs.window_hop)
    samples = np.stack([signal[start : start + inputs.steps] for start in starts])
    spans = np.stack([starts, starts + inputs.steps - 1], axis=1) / last
    return WindowSamples(samples, np.clip(spans, 0.0, 1.0))
