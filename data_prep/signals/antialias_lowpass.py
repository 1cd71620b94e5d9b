"""The low-pass filter before samples are left out."""

import numpy as np
from scipy import signal

_TAPS_EACH_SIDE = 10  # times the factor; a Hamming window's transition is then 0.165 of the rate
_CUTOFF = 0.8  # of the new Nyquist frequency, so that the transition ends below it


def antialias_lowpass(values: np.ndarray, factor: int) -> np.ndarray:
    """Removes what a series could not hold with only every `factor`-th sample left.

    A symmetric FIR filter (Hamming window, 20 * factor + 1 taps, gain 1 at frequency 0), centred,
    so that nothing is delayed. It passes up to 0.31 of the new rate and stops from 0.49 on. The
    ends are continued by point reflection, which keeps constants and ramps exact. Ours.

    Args:
        values: (times, ...) at a fixed rate, at least 2 times.
        factor: How many samples will become one; 1 filters nothing.

    Returns:
        float64 (times, ...) at the same times.
    """
    values = np.asarray(values, dtype=np.float64)
    if factor == 1:
        return values
    side = _TAPS_EACH_SIDE * factor
    taps = signal.firwin(2 * side + 1, _CUTOFF / factor, window="hamming")
    widths = [(side, side)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, widths, mode="reflect", reflect_type="odd")
    return signal.oaconvolve(padded, taps.reshape(-1, *[1] * (values.ndim - 1)), "valid", axes=0)
