"""TensorBoard logs of a training."""

import time
from pathlib import Path

import keras
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter


class TensorBoardScalars(keras.callbacks.Callback):
    """Writes every metric of every epoch as a TensorBoard scalar.

    Keras' own callback writes graphs and batches too, and TensorFlow's summaries are one operation
    for each metric; at 0.1 s an epoch the first would be most of the work and the second a twelfth.

    Args:
        folder: Where the event files go.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.writer = EventFileWriter(str(folder))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        values = [
            Summary.Value(tag=name, simple_value=float(value))
            for name, value in (logs or {}).items()
        ]
        event = Event(wall_time=time.time(), step=epoch + 1, summary=Summary(value=values))
        self.writer.add_event(event)

    def on_train_end(self, logs: dict | None = None) -> None:
        self.writer.close()
