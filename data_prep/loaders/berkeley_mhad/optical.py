"""Reading one optical motion capture file of Berkeley MHAD."""

import numpy as np

from data_prep.loaders.berkeley_mhad.layout import MARKER_NAMES
from data_prep.raw.number_table import read_number_table
from data_prep.signals.fill_lost_markers import fill_lost_markers
from data_prep.signals.sort_stamps import sort_stamps
from data_prep.user_error import UserError

_MARKERS = len(MARKER_NAMES)
_COLUMNS = 3 * _MARKERS + 2  # x, y, z of each marker in mm, frame index, epoch seconds
_LARGEST_MM = 20_000.0


def read_berkeley_mhad_optical(
    content: bytes, name: str, longest_gap_seconds: float
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Reads the markers and fills the lost ones.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.
        longest_gap_seconds: A marker may be lost for this long; see `fill_lost_markers`.

    Returns:
        Epoch seconds float64 (frames,) ascending; float64 (frames, 43, 3) in metres, y up, or
        None if a marker is lost for too long; and notes: "stamps_sorted", "duplicates_merged",
        "markers_interpolated", "markers_lost".

    Raises:
        UserError: The file is damaged.
    """
    table = read_number_table(content, _COLUMNS, name)
    largest = float(np.abs(table[:, : 3 * _MARKERS]).max())
    if largest > _LARGEST_MM:
        rule = f"Marker positions must be in millimetres, up to {_LARGEST_MM:g}"
        raise UserError(rule, f"{largest:.4g}", name)
    if not (np.diff(table[:, -2]) > 0).all():
        raise UserError("The frame index must ascend", "others", name)
    markers = table[:, : 3 * _MARKERS].reshape(-1, _MARKERS, 3) / 1000.0
    markers[(markers == 0).all(axis=2)] = np.nan
    stamps, markers, flags = sort_stamps(table[:, -1], markers, name)
    if not np.isnan(markers).any():
        return stamps, markers, flags
    filled = fill_lost_markers(stamps, markers, longest_gap_seconds)
    return stamps, filled, (*flags, "markers_lost" if filled is None else "markers_interpolated")
