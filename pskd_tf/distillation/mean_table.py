"""Many running means in one metric: a step updates one table."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class MeanTable(keras.metrics.Metric):
    """Weighted means by name, as one `keras.metrics.Mean` for each would give them.

    A student of 26 k parameters takes its step in some milliseconds, of which a dozen separate
    metrics would be a tenth.

    Args:
        names: The names of the means.
        name: Name of the metric.
    """

    def __init__(self, names: Sequence[str], name: str = "means"):
        super().__init__(name=name, dtype="float32")
        self.names = tuple(names)
        shape = (2, len(self.names))
        self.totals = self.add_variable(shape=shape, initializer="zeros", name="totals")

    def update_state(self, sums: Any, weights: Any) -> None:
        """Adds a batch.

        Args:
            sums: `(names,)`, weighted sums over the batch.
            weights: `(names,)`, sums of the weights.
        """
        self.totals.assign_add(ops.stack([sums, weights]))

    def result(self) -> dict[str, Any]:
        """Returns the means by name; 0 where no weight was added."""
        means = ops.divide_no_nan(*ops.unstack(self.totals, 2))
        return dict(zip(self.names, ops.unstack(means, len(self.names)), strict=True))
