"""Dropout draws that a resumed run repeats."""

import keras

from pskd_tf.data.draw_generator import draw_generator


class SeedDropout(keras.callbacks.Callback):
    """Sets every dropout layer's seed at each epoch's start from (seed, stage, epoch).

    Args:
        student: The model whose dropout layers are seeded.
        seed: The run's seed.
        stage: Name of the stage.
    """

    def __init__(self, student: keras.Model, seed: int, stage: str):
        super().__init__()
        self.student = student
        self.seed = seed
        self.stage = stage
        self.generators = [
            layer.seed_generator
            for layer in student.layers
            if isinstance(layer, keras.layers.Dropout) and layer.rate > 0
        ]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        for number, generator in enumerate(self.generators):
            draws = draw_generator(self.seed, f"{self.stage}/dropout", epoch, number)
            seed = draws.integers(2**31)
            strategy = self.student.distribute_strategy
            # Devices draw for themselves.
            states = strategy.experimental_local_results(generator.state.value)
            for device, state in enumerate(states):
                # The second number counts the calls within the epoch.
                state.assign([seed + device, 0])
