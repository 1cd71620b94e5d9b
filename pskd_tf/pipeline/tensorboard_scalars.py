"""TensorBoard logs of a training."""

from pathlib import Path

import keras
import tensorflow as tf


class TensorBoardScalars(keras.callbacks.Callback):
    """Writes every metric of every epoch as a TensorBoard scalar.

    Keras' own callback writes graphs and batches too; at 0.1 s an epoch that would be most of the
    work.

    Args:
        folder: Where the event files go.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.writer = tf.summary.create_file_writer(str(folder))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        with self.writer.as_default(step=epoch + 1):
            for name, value in (logs or {}).items():
                tf.summary.scalar(name, value)

    def on_train_end(self, logs: dict | None = None) -> None:
        self.writer.close()
