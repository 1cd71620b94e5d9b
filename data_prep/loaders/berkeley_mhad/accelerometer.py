"""Reading one accelerometer file of Berkeley MHAD."""

import numpy as np

from data_prep.raw.number_table import read_number_table
from data_prep.signals.sort_stamps import sort_stamps
from data_prep.user_error import UserError

# The sensors saturate at 2 g less their uncalibrated offset; spikes of a damaged packet reach
# 20 to 60 (13 files of the full set hold one or two).
_SATURATED_G = 1.98
_SPIKE_G = 6.0
_LARGEST_G = 100.0
_MOST_SPIKES = (2, 0.01)  # two, or this share of the samples
_EPOCH_SECONDS = (1e9, 2e9)  # 2001 to 2033


def read_berkeley_mhad_accelerometer(
    content: bytes, name: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Reads lines of `x y z epoch_seconds`, repairs spikes and notes what was found.

    A sample with an axis beyond +-6 g becomes the median of itself and its neighbours on all
    axes, because a damaged packet damages its other axes too; what is still beyond is clipped.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.

    Returns:
        Epoch seconds float64 (samples,) ascending; float64 (samples, 3) in g, uncalibrated as
        recorded; and notes: "stamps_sorted", "duplicates_merged", "spikes_clipped",
        "accelerometer_saturated".

    Raises:
        UserError: The file is damaged, or its values cannot be in g or its stamps in seconds.
    """
    table = read_number_table(content, 4, name)
    low, high = _EPOCH_SECONDS
    if not ((table[:, 3] > low) & (table[:, 3] < high)).all():
        received = f"{table[:, 3].min():.10g} to {table[:, 3].max():.10g}"
        raise UserError("The fourth column must hold seconds since 1970", received, name)
    stamps, values, notes = sort_stamps(table[:, 3], table[:, :3], name)
    flags = list(notes)
    largest = np.abs(values).max(axis=1)
    spikes = np.flatnonzero(largest > _SPIKE_G)
    if len(spikes) > max(_MOST_SPIKES[0], _MOST_SPIKES[1] * len(values)):
        rule = f"Only single samples may be beyond {_SPIKE_G:g} g"
        raise UserError(rule, f"{len(spikes)} of {len(values)}", name)
    if largest.max() > _LARGEST_G:
        rule = f"The accelerometer must be in g, its spikes up to {_LARGEST_G:g}"
        raise UserError(rule, f"{largest.max():.4g}", name)
    if (np.delete(largest, spikes) >= _SATURATED_G).any():
        flags.append("accelerometer_saturated")
    if len(spikes):
        last = len(values) - 1
        near = np.stack([values[np.clip(spikes + step, 0, last)] for step in (-1, 0, 1)])
        values[spikes] = np.clip(np.median(near, axis=0), -_SPIKE_G, _SPIKE_G)
        flags.append("spikes_clipped")
    return stamps, values, tuple(flags)
