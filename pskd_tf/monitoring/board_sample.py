"""A sample as a board sent it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoardSample:
    """`sample,TIME,X,Y,Z`.

    Attributes:
        time_us: The board's clock, which wraps around at 2^32.
        values: x, y, z of the wrist in g; NaN where the sensor gave no number.
    """

    time_us: int
    values: tuple[float, float, float]
