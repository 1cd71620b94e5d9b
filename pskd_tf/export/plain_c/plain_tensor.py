"""One activation of the generated program."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PlainTensor:
    """An int8 signal: rows of channels.

    Attributes:
        rows: Steps along time; 1 for a vector.
        channels: Values of a step.
        scale: Value of one step of int8; a float32 value.
        zero_point: The int8 value that stands for 0, and that pads.
    """

    rows: int
    channels: int
    scale: float
    zero_point: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.rows * self.channels
