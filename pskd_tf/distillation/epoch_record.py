"""The record of a training at an epoch's boundary, from which it resumes exactly."""

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from data_prep.whole_file import whole_file
from pskd_tf.distillation.pskd_distiller import PSKDDistiller


class EpochRecord(keras.callbacks.Callback):
    """Writes weights, optimiser, epoch and history, whole, at epochs' boundaries.

    Args:
        path: The record, an .npz file; each one replaces the one before.
        every_epochs: Epochs from one record to the next.
        epochs: Epochs of the whole training.
        report: Called with the number of finished epochs at each boundary.
    """

    def __init__(self, path: Path, every_epochs: int, epochs: int, report: Callable[[int], None]):
        super().__init__()
        self.path = path
        self.every_epochs = every_epochs
        self.epochs = epochs
        self.report = report
        self.history: list[dict[str, float]] = []

    def restore(self, distiller: PSKDDistiller) -> int:
        """Loads the record into a built distiller, where there is one.

        Returns:
            The epoch to begin with: 0 without a record.
        """
        if not self.path.exists():
            return 0
        with np.load(self.path, allow_pickle=False) as record:
            for number, variable in enumerate(_variables(distiller)):
                variable.assign(record[f"variable_{number}"])
            self.history = json.loads(str(record["history"]))
            return int(record["epoch"])

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.history.append({name: float(value) for name, value in (logs or {}).items()})
        finished = epoch + 1
        if finished % self.every_epochs == 0 and finished < self.epochs:
            arrays = {
                f"variable_{number}": keras.ops.convert_to_numpy(variable)
                for number, variable in enumerate(_variables(self.model))
            }
            with whole_file(self.path) as temporary:
                np.savez(temporary, epoch=finished, history=json.dumps(self.history), **arrays)
        self.report(finished)


def _variables(distiller: PSKDDistiller) -> list:
    return [*distiller.learned_variables, *distiller.optimizer.variables]
