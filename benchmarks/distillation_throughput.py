"""How fast one distillation step is beside `keras.distillation.Distiller` and plain training.

    python benchmarks/distillation_throughput.py
    nice -n -5 python benchmarks/distillation_throughput.py --repetitions=31

One process, one thread, one batch of made-up clips that every step reads, no data pipeline. All
train the package's student of 27 classes with the same optimiser, metrics and jit setting. The
teacher is the accelerometer teacher, because Keras' distiller takes only a teacher with the
student's inputs; both distillers minimise cross-entropy and KL divergence at temperature 4.
Repetitions take turns, and ratios are medians of the ratios within a turn, since other work on the
machine slows a turn as a whole.

At the end come whole trainings with cross-entropy, in seconds of CPU, compilation included: weights
updated one by one by Keras' AdamW, and in vectors as `fit_student` does it.
"""

import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.commands import run_command
from data_prep.settings import check_settings, setting
from pskd_tf.processes import start_tensorflow

_CLASSES, _TEMPERATURE = 27, 4.0
KERAS, LIVE, GIVEN, PLAIN = "Keras' Distiller", "live teacher", "given outputs", "cross-entropy"
ACS = "given outputs, ACS"


@dataclass(frozen=True)
class ThroughputArguments:
    """Length of the measurement."""

    batch_size: int = setting(48, "Clips in a batch.", minimum=1)
    steps: int = setting(20, "Steps of one repetition.", minimum=1)
    repetitions: int = setting(15, "Repetitions of each training.", minimum=1)
    jit: bool = setting(False, "Compile the steps of all trainings with XLA.")
    whole_steps: int = setting(1200, "Steps of a whole training.", minimum=1)
    whole_repetitions: int = setting(5, "Pairs of whole trainings.", minimum=1)

    def __post_init__(self) -> None:
        check_settings(self)


def main(arguments: ThroughputArguments) -> None:
    """Prints one line a training, then both ratios and what they should be."""
    start_tensorflow()
    trainings = _trainings(arguments)
    for train in trainings.values():
        train(3)  # traces, compiles, warms up
    seconds = {name: [] for name in trainings}
    names = list(trainings)
    for turn in range(arguments.repetitions):
        start = turn % len(names)  # none is always the first
        for name in names[start:] + names[:start]:
            trainings[name](2)  # brings its weights into the processor's caches
            seconds[name].append(trainings[name](arguments.steps) / arguments.steps)
    print(f"{'training':<20} {'ms a step':>10} {'quartiles':>15} {'clips/s':>9}")
    for name, values in seconds.items():
        low, middle, high = 1e3 * np.percentile(values, [25, 50, 75])
        quartiles = f"{low:.2f} to {high:.2f}"
        rate = 1e3 * arguments.batch_size / middle
        print(f"{name:<20} {middle:>10.2f} {quartiles:>15} {rate:>9.0f}")
    length = f"{arguments.repetitions} x {arguments.steps} steps"
    print(f"batch {arguments.batch_size}, {length}, jit {arguments.jit}")
    _judge("live: Keras' Distiller / this package", seconds[KERAS], seconds[LIVE], 1.0, "least")
    for name in (GIVEN, ACS):
        _judge(f"{name}: / cross-entropy", seconds[name], seconds[PLAIN], 1.15, "most")
    _compare_updates(arguments)


def _judge(what: str, one: list[float], other: list[float], aim: float, at: str) -> None:
    low, ratio, high = np.percentile(np.divide(one, other), [25, 50, 75])
    met = ratio >= aim if at == "least" else ratio <= aim
    verdict = "ok" if met else "MISSED"
    print(f"{what} {ratio:.3f} ({low:.3f} to {high:.3f}), at {at} {aim:.2f}: {verdict}")


def _compare_updates(arguments: ThroughputArguments) -> None:
    steps = arguments.whole_steps
    pairs = [
        [_whole_training(arguments, flat) for flat in (False, True)]
        for _ in range(arguments.whole_repetitions)
    ]
    one_by_one, vectors = zip(*pairs, strict=True)
    print(f"CPU seconds of {steps} steps, compilation included, medians:")
    print(f"weights one by one {np.median(one_by_one):.2f}, in vectors {np.median(vectors):.2f}")
    low, ratio, high = np.percentile(np.divide(vectors, one_by_one), [25, 50, 75])
    print(f"vectors / one by one {ratio:.3f} ({low:.3f} to {high:.3f})")


def _whole_training(arguments: ThroughputArguments, flat: bool) -> float:
    from pskd_tf.distillation.distiller import PSKDDistiller
    from pskd_tf.distillation.losses.base import CrossEntropy

    student, batch = _models()[0], _batch(arguments)
    start = time.process_time()
    distiller = PSKDDistiller(student, {}, CrossEntropy())
    distiller.compile(optimizer=_optimizer(flat), jit_compile=arguments.jit)
    _steps(distiller, batch)(arguments.whole_steps)
    return time.process_time() - start


def _batch(arguments: ThroughputArguments) -> tuple[dict[str, np.ndarray], np.ndarray]:
    generator = np.random.default_rng(0)
    clips = generator.normal(size=(arguments.batch_size, 96, 1, 10)).astype(np.float32)
    labels = generator.integers(0, _CLASSES, arguments.batch_size).astype(np.int32)
    return {"accelerometer": clips}, labels


def _trainings(arguments: ThroughputArguments) -> dict[str, Callable[[int], float]]:
    """Makes the functions that take so many steps and return the seconds."""
    import keras

    from pskd_tf.distillation.distiller import PSKDDistiller
    from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
    from pskd_tf.distillation.losses.base import CrossEntropy
    from pskd_tf.distillation.losses.logits import KnowledgeDistillation

    only_clips, labels = _batch(arguments)
    clips = only_clips["accelerometer"]
    student, teacher = _models()
    given = keras.ops.convert_to_numpy(teacher(clips, training=False)["logits"])
    with_given = {**only_clips, "teacher_logits": given}
    loss = KnowledgeDistillation(_TEMPERATURE)
    theirs = keras.distillation.Distiller(
        *(keras.Model(one.input, one.output["logits"]) for one in (teacher, student)),
        distillation_losses=keras.distillation.LogitsDistillation(_TEMPERATURE),
    )
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    theirs.compile(_optimizer(), cross_entropy, metrics=["accuracy"], jit_compile=arguments.jit)
    ours = {
        LIVE: (PSKDDistiller(_models()[0], {"teacher": teacher}, loss), only_clips),
        GIVEN: (PSKDDistiller(_models()[0], {"teacher": None}, loss), with_given),
        ACS: (
            PSKDDistiller(_models()[0], {"teacher": None}, AdaptiveConfidenceSemantic()),
            with_given,
        ),
        PLAIN: (PSKDDistiller(_models()[0], {}, CrossEntropy()), only_clips),
    }
    trainings = {KERAS: _steps(theirs, (clips, labels))}
    for name, (distiller, columns) in ours.items():
        distiller.compile(optimizer=_optimizer(), jit_compile=arguments.jit)
        trainings[name] = _steps(distiller, (columns, labels))
    return trainings


def _models() -> tuple[Any, Any]:
    import keras

    from pskd_tf.models.students import accelerometer_student
    from pskd_tf.models.teachers import accelerometer_teacher

    keras.utils.set_random_seed(0)
    shape = {"input_shape": (96, 1, 10), "num_classes": _CLASSES}
    return accelerometer_student(keras, **shape), accelerometer_teacher(**shape)


def _optimizer(flat: bool = False) -> Any:
    from pskd_tf.distillation.optimizer import make_optimizer
    from pskd_tf.training_settings import TrainingSettings

    return make_optimizer(TrainingSettings(), 10_000, flat=flat)


def _steps(model: Any, batch: Any) -> Callable[[int], float]:
    import keras
    import tensorflow as tf

    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    model.optimizer.build(model.trainable_variables)
    model.make_train_function()

    def train(steps: int) -> float:
        start = time.perf_counter()
        for _ in itertools.repeat(None, steps):
            logs = model.train_function(batches)
        for value in logs.values():
            keras.ops.convert_to_numpy(value)  # waits for the last step
        return time.perf_counter() - start

    return train


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    run_command(main, ThroughputArguments)
