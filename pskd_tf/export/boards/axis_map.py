"""The map from a sensor's axes to those of the wrist on which a model was trained."""

import re
from dataclasses import dataclass

import numpy as np

from data_prep.errors import UserError

_NAMES = "xyz"


@dataclass(frozen=True)
class AxisMap:
    """A permutation of the axes with signs; `pskd_map_axes` in C does the same.

    Attributes:
        axes: For x, y, z of the wrist, the sensor's axis, 0 to 2; each once.
        signs: 1 or -1 for each.
    """

    axes: tuple[int, int, int] = (0, 1, 2)
    signs: tuple[int, int, int] = (1, 1, 1)

    def __post_init__(self) -> None:
        if sorted(self.axes) != [0, 1, 2] or not set(self.signs) <= {1, -1}:
            rule = "An axis map names each axis of the sensor once, with a sign (+x,-z,+y)"
            raise UserError(rule, f"{self.axes} with {self.signs}")

    @classmethod
    def parse(cls, text: str) -> "AxisMap":
        """Reads a map.

        Args:
            text: For x, y, z of the wrist the sensor's axis and sign, "+x,-z,+y"; commas and plus
                signs may be left out.

        Returns:
            The map.

        Raises:
            UserError: The text is no such map.
        """
        terms = re.fullmatch(r"([+-]?[xyz]),?([+-]?[xyz]),?([+-]?[xyz])", text.replace(" ", ""))
        if terms is None or len({term[-1] for term in terms.groups()}) != 3:
            rule = "An axis map names each axis of the sensor once, with a sign (+x,-z,+y)"
            raise UserError(rule, repr(text))
        x, y, z = terms.groups()
        return cls(
            (_NAMES.index(x[-1]), _NAMES.index(y[-1]), _NAMES.index(z[-1])),
            (-1 if x[0] == "-" else 1, -1 if y[0] == "-" else 1, -1 if z[0] == "-" else 1),
        )

    @classmethod
    def of_matrix(cls, matrix: np.ndarray) -> "AxisMap":
        """Returns the map that is nearest to a matrix.

        Args:
            matrix: `(3 wrist, 3 sensor)`; of each row the largest entry counts, with its sign.

        Returns:
            The map.

        Raises:
            UserError: Two rows have their largest entry in one column.
        """
        x, y, z = (int(axis) for axis in np.abs(matrix).argmax(axis=1))
        signs = [1 if row[axis] >= 0 else -1 for row, axis in zip(matrix, (x, y, z), strict=True)]
        return cls((x, y, z), (signs[0], signs[1], signs[2]))

    @property
    def text(self) -> str:
        """The map as `parse` reads it."""
        terms = zip(self.axes, self.signs, strict=True)
        return ",".join(f"{'-' if sign < 0 else '+'}{_NAMES[axis]}" for axis, sign in terms)

    @property
    def matrix(self) -> np.ndarray:
        """`(3 wrist, 3 sensor)` int64: wrist = matrix @ sensor."""
        matrix = np.zeros((3, 3), np.int64)
        matrix[range(3), self.axes] = self.signs
        return matrix

    @property
    def is_mirrored(self) -> bool:
        """Whether no rotation has this effect, so that one sign is wrong or two axes swapped."""
        return bool(np.linalg.det(self.matrix) < 0)

    def apply(self, samples: np.ndarray) -> np.ndarray:
        """Returns samples of the sensor in the wrist's axes.

        Args:
            samples: `(..., 3)` of any unit.

        Returns:
            `(..., 3)` of the same type; each value is copied or negated, nothing is rounded.
        """
        samples = np.asarray(samples)
        return np.asarray(samples[..., list(self.axes)] * np.array(self.signs, samples.dtype))

    def after(self, first: "AxisMap") -> "AxisMap":
        """Returns the map that applies `first` and then this one."""
        return AxisMap.of_matrix(self.matrix @ first.matrix)

    def inverse(self) -> "AxisMap":
        """Returns the map from the wrist's axes back to the sensor's."""
        return AxisMap.of_matrix(self.matrix.T)
