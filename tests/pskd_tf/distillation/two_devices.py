"""Takes the same steps on one device and on two logical CPUs; prints the differences as JSON."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

(_CPU,) = tf.config.list_physical_devices("CPU")
tf.config.set_visible_devices([], "GPU")
tf.config.set_logical_device_configuration(_CPU, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras  # noqa: E402

from data_prep.errors import UserError  # noqa: E402
from data_prep.preparation import prepare_dataset  # noqa: E402
from pskd_tf.data.clips import PairedClips  # noqa: E402
from pskd_tf.distillation.distiller import PSKDDistiller  # noqa: E402
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic  # noqa: E402
from pskd_tf.distillation.step import next_samples  # noqa: E402
from pskd_tf.distillation.training import SeedDropout, device_strategy, fit_student  # noqa: E402
from pskd_tf.input_settings import AugmentationSettings, InputSettings  # noqa: E402
from pskd_tf.models.students import accelerometer_student  # noqa: E402
from pskd_tf.training_settings import TrainingSettings  # noqa: E402

BATCH, CLASSES = 12, 3
LOSS = AdaptiveConfidenceSemantic("soft", semantic_weight=0.5, label_smoothing=0.1)


def _net(norm: keras.layers.Layer | None = None, **named: str) -> keras.Model:
    inputs = keras.layers.Input((6, 1, 3), name="accelerometer")
    dense = keras.layers.Dense(8, kernel_regularizer="l2", use_bias=False)
    hidden = dense(keras.layers.Flatten()(inputs))
    embedding = keras.layers.ReLU()(norm(hidden) if norm else hidden)
    logits = keras.layers.Dense(CLASSES)(embedding)
    return keras.Model(inputs, {"logits": logits, "embedding": embedding}, **named)


def _stepped(strategy: tf.distribute.Strategy, case: str) -> tuple[list, list, dict]:
    """Takes one step of SGD at rate 1; returns weights before and after, and the metrics.

    All but `weighted` are mixed. `live` has a live teacher and BatchNormalization synchronised,
    `own_batch_norm` has it as it is.
    """
    generator = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return generator.normal(size=shape).astype(np.float32)

    x = {"accelerometer": normal(BATCH, 6, 1, 3)}
    y = generator.integers(0, CLASSES, BATCH).astype(np.int32)
    given = {"t_logits": 2 * normal(BATCH, CLASSES), "t_embedding": normal(BATCH, 5)}
    weights = generator.uniform(0, 2, BATCH).astype(np.float32)
    if case != "weighted":
        x["mixup_share"] = generator.uniform(size=BATCH).astype(np.float32)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        norm = keras.layers.BatchNormalization(synchronized=case == "live")
        student = _net(None if case in ("weighted", "given") else norm)
        teacher = _net(name="teacher") if case == "live" else None
        x |= {} if teacher else given
        distiller = PSKDDistiller(student, {"t": teacher}, LOSS, {"t": 5})
        distiller.compile(optimizer=keras.optimizers.SGD(1.0), jit_compile=False)
        before = [keras.ops.convert_to_numpy(one) for one in distiller.trainable_variables]
        data = (x, y, weights) if case == "weighted" else (x, y)
        batches = tf.data.Dataset.from_tensors(data).repeat()
        history = distiller.fit(batches, steps_per_epoch=1, verbose=0, shuffle=False).history
        after = [keras.ops.convert_to_numpy(one) for one in distiller.trainable_variables]
    return before, after, {name: values[0] for name, values in history.items()}


def _difference(one: list[np.ndarray], two: list[np.ndarray]) -> float:
    """Largest difference, over the largest value of its tensor."""
    return max(
        float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-6))
        for a, b in zip(one, two, strict=True)
    )


def _compared_step(case: str) -> dict[str, float]:
    alone, shared = (_stepped(device_strategy(name), case) for name in ("none", "mirrored"))
    gradients = [
        [old - new for old, new in zip(before, after, strict=True)]
        for before, after, _ in (alone, shared)
    ]
    return {
        "devices": device_strategy("mirrored").num_replicas_in_sync,
        "gradient_size": min(float(np.abs(one).max()) for one in gradients[0]),
        "gradient_difference": _difference(*gradients),
        "metric_difference": max(abs(alone[2][name] - shared[2][name]) for name in alone[2]),
    }


def _next_samples() -> list[int]:
    strategy = device_strategy("mirrored")
    batches = strategy.experimental_distribute_dataset(
        tf.data.Dataset.from_tensors(np.arange(6, dtype=np.int32))
    )
    parts = strategy.run(tf.function(next_samples), (next(iter(batches)),))
    return np.concatenate([part.numpy() for part in parts.values]).tolist()


def _fitted(
    name: str, clips: PairedClips, folder: Path, batch: int, **training: float
) -> tuple[list, list]:
    settings = InputSettings(steps=24, skeleton_frames=12, gravity_taps=5)
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(len(clips), 27)) + 4 * np.eye(27)[clips.labels]
    given = {"t_logits": logits.astype(np.float32)}
    given["t_embedding"] = generator.normal(size=(len(clips), 5)).astype(np.float32)
    with device_strategy(name).scope():
        keras.utils.set_random_seed(0)
        student = accelerometer_student(
            keras,
            input_shape=settings.accelerometer_shape,
            num_classes=27,
            widths=(4, 4, 6, 6),
            embedding_width=8,
            dropout=0.0,
        )
        history, _ = fit_student(
            student,
            {"t": None},
            LOSS,
            clips,
            seed=0,
            stage="student",
            training=TrainingSettings(
                epochs=3, batch_size=batch, mixup=0.5, ema_momentum=0.5, **training
            ),
            inputs=settings,
            augmentation=AugmentationSettings(),
            given=given,
            embedding_widths={"t": 5},
            record_path=folder / f"{name}.npz",
            record_every_epochs=2,
        )
    return student.get_weights(), history


def _compared_fit() -> tuple[dict[str, float], list[str]]:
    refusals = []
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_dataset("synthetic", None, Path(folder, "set"))
        clips = PairedClips.load(prepared, ["1"])
        alone, shared = (_fitted(name, clips, Path(folder), 16) for name in ("none", "mirrored"))
        for batch, training in ((15, {}), (16, {"sharpness_radius": 0.1})):
            try:
                _fitted("mirrored", clips, Path(folder), batch, **training)
            except UserError as error:
                refusals.append(str(error))
    last = [[np.float32(list(history[-1].values()))] for _, history in (alone, shared)]
    return {
        "weight_difference": _difference(alone[0], shared[0]),
        "history_difference": _difference(*last),
    }, refusals


def _dropped() -> dict[str, list[float]]:
    """What a dropout layer leaves of ones, on each of two devices and on one."""
    left = []
    for name in ("mirrored", "none"):
        strategy = device_strategy(name)
        with strategy.scope():
            inputs = keras.layers.Input((64,))
            model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
            SeedDropout(model, 1, "student").on_epoch_begin(3)

        def call(model: keras.Model = model) -> tf.Tensor:
            return model(tf.ones((1, 64)), training=True)

        parts = strategy.experimental_local_results(strategy.run(tf.function(call)))
        left += [part.numpy().ravel().tolist() for part in parts]
    return dict(zip(("first", "second", "alone"), left, strict=True))


def _cases() -> Iterator[tuple[str, dict]]:
    for case in ("weighted", "given", "live", "own_batch_norm"):
        yield case, _compared_step(case)


if __name__ == "__main__":
    results = dict(_cases()) | {"next_samples": _next_samples(), "dropout": _dropped()}
    results["fit_student"], results["refusals"] = _compared_fit()
    print(json.dumps(results))
