"""Fixtures of all tests, and the rule for skipped ones."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from data_prep.preparation import prepare_dataset
from data_prep.prepared_set import PreparedSet
from project import run_command
from sharing import check_unchanged, made_once

# An example may be slow on a machine that is busy: no test asserts a time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Orders the files for `--dist=loadfile`, which hands them out one after the other.

    The file that makes the tiny run comes first and those that only read it come last, so that no
    worker waits for it; slow files come early, so that none is left at the end.
    """
    slow, reading = set(), set()
    for item in items:
        if item.get_closest_marker("slow"):
            slow.add(item.path)
        if "tiny_run" in item.fixturenames:
            reading.add(item.path)

    def place(item: pytest.Item) -> int:
        if item.path.name == "test_train.py":
            return 0
        return 1 if item.path in slow else 3 if item.path in reading else 2

    items.sort(key=place)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """Turns a skip into a failure under CI=true, unless it only lacks the real data."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr)
        if "PSKD_DATA_DIR" not in reason or os.environ.get("PSKD_DATA_DIR"):
            report.outcome = "failed"
            report.longrepr = f"A skip is a failure under CI=true: {reason}"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """The synthetic set, 6 subjects."""
    return prepare_dataset("synthetic", None, tmp_path_factory.mktemp("synthetic") / "set")


@pytest.fixture(scope="session")
def run_train() -> Callable[..., subprocess.CompletedProcess]:
    """Runs `python -m pskd_tf.train` with the given flags from the project's folder."""
    return partial(run_command, "pskd_tf.train")


@pytest.fixture(scope="session")
def tiny_run(run_train: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of one uninterrupted run of configs/tiny.flags, which all workers read."""

    def make(folder: Path) -> None:
        finished = run_train("--flagfile=configs/tiny.flags", f"--run_dir={folder / 'run'}")
        assert finished.returncode == 0, finished.stderr
        (folder / "screen.txt").write_text(finished.stdout, encoding="utf-8")

    folder = made_once(tmp_path_factory, "tiny", make)
    yield folder / "run"
    check_unchanged(folder)


@pytest.fixture(scope="session")
def stream_run(run_train: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run that trains for streams, which all workers read."""

    def make(folder: Path) -> None:
        finished = run_train(
            "--flagfile=configs/tiny.flags",
            "--stream_training",
            "--teachers=fusion_teacher,accelerometer_teacher",
            "--teacher_outputs=live",
            "--fusion_teacher_epochs=2",
            "--accelerometer_teacher_epochs=2",
            "--stream_cuts=2",
            "--stream_negative_cuts=100",
            f"--run_dir={folder / 'run'}",
        )
        assert finished.returncode == 0, finished.stderr

    return made_once(tmp_path_factory, "stream", make) / "run"


@dataclass(frozen=True)
class Int8Student:
    """A briefly trained student of 27 made-up classes and what came of it.

    Attributes:
        clips: 216 raw clips `(length, 3)`, in g, eight per class, 2 to 326 samples long.
        features: `(216, 96, 1, 10)`, in g.
        float_logits: `(216, 27)` of the Keras 3 student.
        weights: The student's `get_weights()`.
        builder_arguments: What `accelerometer_student` was called with.
        tflite: The int8 flatbuffer.
    """

    clips: list[np.ndarray]
    features: np.ndarray
    float_logits: np.ndarray
    weights: list[np.ndarray]
    builder_arguments: dict[str, Any]
    tflite: bytes


@pytest.fixture(scope="session")
def int8_student(tmp_path_factory: pytest.TempPathFactory) -> Int8Student:
    """Trained on noisy oscillations, one frequency and axis per class, and converted to int8."""
    from pskd_tf.data.features import accelerometer_features, resample_clip

    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(27), 8)
    lengths = generator.integers(100, 327, len(labels))
    lengths[0], lengths[6] = 2, 326
    clips = []
    for label, length in zip(labels, lengths, strict=True):
        wave = np.sin(2 * np.pi * (1 + label // 3) * np.linspace(0, 1, length))
        samples = generator.normal((0, 0, 1), 0.1, (length, 3))
        samples[:, label % 3] += wave
        clips.append(samples.astype(np.float32))
    resampled = np.stack([resample_clip(clip, 96) for clip in clips])
    features = accelerometer_features(resampled, 17)[:, :, None]
    builder_arguments = {"input_shape": [96, 1, 10], "num_classes": 27}
    make = partial(_train_and_convert, features, labels, builder_arguments)
    folder = made_once(tmp_path_factory, "int8_student", make)
    with np.load(folder / "weights.npz") as weights:
        return Int8Student(
            clips=clips,
            features=features,
            float_logits=np.load(folder / "logits.npy"),
            weights=[weights[f"arr_{number}"] for number in range(len(weights.files))],
            builder_arguments=builder_arguments,
            tflite=(folder / "student.tflite").read_bytes(),
        )


def _train_and_convert(
    features: np.ndarray, labels: np.ndarray, builder_arguments: dict[str, Any], folder: Path
) -> None:
    import keras

    from pskd_tf.compression.convert import convert_to_int8
    from pskd_tf.models.students import accelerometer_student

    keras.utils.set_random_seed(0)
    model = accelerometer_student(keras, input_shape=(96, 1, 10), num_classes=27)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier = keras.Model(model.input, model.output["logits"])
    classifier.compile(optimizer=keras.optimizers.Adam(5e-3), loss=loss)
    classifier.fit(features, labels, batch_size=27, epochs=15, verbose=0)
    weights = model.get_weights()
    np.savez(folder / "weights.npz", *weights)
    logits = keras.ops.convert_to_numpy(model(features, training=False)["logits"])
    np.save(folder / "logits.npy", logits)
    tflite = convert_to_int8(weights, builder_arguments, features[::4])
    (folder / "student.tflite").write_bytes(tflite)


@pytest.fixture(scope="session")
def export_arguments(int8_student: Int8Student) -> dict[str, Any]:
    """Arguments of `export_student`; every sixth clip is a golden one."""
    from pskd_tf.input_settings import InputSettings

    return {
        "tflite": int8_student.tflite,
        "input_settings": InputSettings(),
        # The last one has all that a C string must escape, that before is as long as may be.
        "class_names": [
            *(f"class_{number}" for number in range(25)),
            '"' * 20 + "ö" * 40,
            'say "ä" \\ ??/1',
        ],
        "segment_limits": (100, 326),
        "clip_rate_hz": 50.0,
        "golden_clips": [(f"clip_{n}", int8_student.clips[6 * n]) for n in range(32)],
        "provenance": {"seed": 7},
    }


@pytest.fixture(scope="session")
def exported(export_arguments: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one export."""
    from pskd_tf.export.student import export_student

    folder = tmp_path_factory.mktemp("exported") / "export"
    export_student(folder, **export_arguments)
    return folder
