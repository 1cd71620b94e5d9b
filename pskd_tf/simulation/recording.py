"""A recording to be streamed."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.user_error import UserError

_HEADER = "time_seconds,x,y,z"
# At rest it is 1 in g and 9.8 in m/s^2.
_LARGEST_MEDIAN_G = 4.0


@dataclass(frozen=True)
class Recording:
    """Samples with time stamps.

    Attributes:
        times: `(samples,)` float64 in seconds, not decreasing.
        samples: `(samples, 3)` float32 in g; NaN and infinities are kept, as a sensor gives them.
    """

    times: np.ndarray
    samples: np.ndarray

    @classmethod
    def read(cls, path: str | Path) -> "Recording":
        """Reads a CSV file.

        Args:
            path: Its header is `time_seconds,x,y,z`; acceleration is in g.

        Returns:
            The recording.

        Raises:
            UserError: There is no such file, it has another header, a row without four numbers or
                a stamp before the one above it, or its unit is not g.
        """
        path = Path(path)
        try:
            header, _, body = path.read_text(encoding="utf-8-sig").partition("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError("csv must be a readable text file", error, path) from error
        if header.replace(" ", "").strip() != _HEADER:
            raise UserError(f"The header must be {_HEADER}", repr(header[:60]), path)
        if not body.strip():
            raise UserError("A recording must hold samples", "none", path)
        try:
            table = np.loadtxt(io.StringIO(body), delimiter=",", ndmin=2, comments=None)
        except ValueError as error:
            raise UserError("A row must hold four numbers", error, path) from error
        if table.shape[1] != 4:
            raise UserError("A row must hold four numbers", table.shape[1], path)
        times = table[:, 0]
        if not np.isfinite(times).all():
            row = int(np.flatnonzero(~np.isfinite(times))[0])
            raise UserError("Time stamps must be finite", f"{times[row]} in sample {row}", path)
        if (np.diff(times) < 0).any():
            row = int(np.flatnonzero(np.diff(times) < 0)[0]) + 1
            received = f"{times[row]} after {times[row - 1]} in sample {row}"
            raise UserError("Time stamps must not go back", received, path)
        with np.errstate(over="ignore", invalid="ignore"):
            samples = table[:, 1:].astype(np.float32)
        magnitudes = np.sqrt((table[:, 1:] ** 2).sum(axis=1))
        magnitudes = magnitudes[np.isfinite(magnitudes)]
        if magnitudes.size and np.median(magnitudes) > _LARGEST_MEDIAN_G:
            received = f"a median of {np.median(magnitudes):.3g}"
            raise UserError("Acceleration must be in g, not m/s^2", received, path)
        return cls(times, samples)
