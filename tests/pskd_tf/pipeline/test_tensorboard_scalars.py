"""The event files that TensorBoard reads."""

import keras
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pskd_tf.pipeline.teach import TensorBoardScalars


def test_tensorboard_reads_every_metric_of_every_epoch(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
    callbacks = [TensorBoardScalars(tmp_path / "logs")]
    history = model.fit(x, x[:, :1], epochs=3, verbose=0, callbacks=callbacks).history
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert sorted(events.Tags()["scalars"]) == ["loss", "mae"]
    for name, expected in history.items():
        scalars = events.Scalars(name)
        assert [one.step for one in scalars] == [1, 2, 3]
        np.testing.assert_allclose([one.value for one in scalars], expected, rtol=1e-6)
