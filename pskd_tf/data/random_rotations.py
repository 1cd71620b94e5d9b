"""Small random rotations for augmentation."""

import numpy as np


def random_rotations(generator: np.random.Generator, radians: np.ndarray, count: int) -> np.ndarray:
    """Draws rotation matrices as a product of rotations about x, y and z.

    Args:
        generator: Source of the draws.
        radians: `(3,)` standard deviation of the angle about each axis.
        count: Number of matrices.

    Returns:
        `(count, 3, 3)` float32 matrices R; a row vector v turns as `v @ R`.
    """
    angles = generator.normal(0.0, 1.0, (count, 3)) * radians
    total = np.tile(np.eye(3), (count, 1, 1))
    for axis in range(3):
        cosine, sine = np.cos(angles[:, axis]), np.sin(angles[:, axis])
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn = np.tile(np.eye(3), (count, 1, 1))
        turn[:, first, first] = turn[:, second, second] = cosine
        turn[:, first, second], turn[:, second, first] = sine, -sine
        total = total @ turn
    return total.astype(np.float32)
