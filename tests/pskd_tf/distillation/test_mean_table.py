"""Running means in one table."""

import numpy as np

from pskd_tf.distillation.distiller import MeanTable


def test_means_are_weighted_over_all_updates_and_0_without_weight():
    table = MeanTable(["a", "b", "c"])
    table.update_state(np.float32([2, 8, 0]), np.float32([1, 4, 0]))
    table.update_state(np.float32([6, 1, 0]), np.float32([3, 0, 0]))
    means = {name: float(value) for name, value in table.result().items()}
    assert means == {"a": 2.0, "b": 2.25, "c": 0.0}
    table.reset_state()
    assert [float(value) for value in table.result().values()] == [0.0, 0.0, 0.0]
