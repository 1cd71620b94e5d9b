"""One resumable training: records, dropout, devices."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from data_prep.errors import UserError
from pskd_tf.distillation import training as fit_student_module
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.training import (
    SeedDropout,
    TensorBoardScalars,
    device_strategy,
    fit_student,
)
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.models.students import accelerometer_student
from pskd_tf.models.teachers import skeleton_teacher
from pskd_tf.training_settings import TrainingSettings

INPUTS = InputSettings(steps=24, skeleton_frames=12, gravity_taps=5)
EPOCHS = 5
TRAINING = TrainingSettings(
    epochs=EPOCHS, batch_size=16, mixup=0.5, ema_momentum=0.9, peak_learning_rate=0.02
)
LOSS = AdaptiveConfidenceSemantic("soft", semantic_weight=0.5, label_smoothing=0.1)
CLASSES = 27


class _Stop(keras.callbacks.Callback):
    """Kills the training once an epoch is over."""

    def __init__(self, epoch: int):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == self.epoch:
            raise InterruptedError


@pytest.fixture(scope="module")
def train(clips):
    """Trains under two given teachers: train(record, weights_seed, **changes)."""
    generator = np.random.default_rng(0)
    given = {}
    for name, width in (("skeleton", 6), ("fusion", 5)):
        logits = generator.normal(size=(len(clips), CLASSES))
        logits += 4 * np.eye(CLASSES)[clips.labels]
        given[f"{name}_logits"] = logits.astype(np.float32)
        embedding = generator.normal(size=(len(clips), width))
        given[f"{name}_embedding"] = embedding.astype(np.float32)

    def run(record, weights_seed=0, **changes):
        keras.utils.set_random_seed(weights_seed)
        student = accelerometer_student(
            keras,
            input_shape=INPUTS.accelerometer_shape,
            num_classes=CLASSES,
            widths=(4, 4, 6, 6),
            embedding_width=8,
            dropout=0.3,
        )
        arguments = {
            "seed": 3,
            "stage": "student",
            "training": TRAINING,
            "inputs": INPUTS,
            "augmentation": AugmentationSettings(),
            "given": given,
            "embedding_widths": {"skeleton": 6, "fusion": 5},
            "record_path": record,
            "record_every_epochs": 2,
            **changes,
        }
        teachers = {"skeleton": None, "fusion": None}
        history, kernels = fit_student(student, teachers, LOSS, clips, **arguments)
        return history, kernels, student.get_weights()

    return run


@pytest.fixture(scope="module")
def whole(train, tmp_path_factory):
    """An uninterrupted training, and what it reported."""
    reported = []
    record = tmp_path_factory.mktemp("whole") / "record.npz"
    return *train(record, report=reported.append), reported


def _assert_same(first, second):
    assert first[0] == second[0]  # the history, to the last bit
    assert first[1].keys() == second[1].keys()
    for name in first[1]:
        np.testing.assert_array_equal(first[1][name], second[1][name])
    for one, two in zip(first[2], second[2], strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_history_has_every_epoch_and_projections_their_shapes(whole):
    history, kernels, _, reported = whole
    assert len(history) == EPOCHS and reported == [1, 2, 3, 4, 5]
    assert {name: kernel.shape for name, kernel in kernels.items()} == {
        "skeleton": (8, 6),
        "fusion": (8, 5),
    }
    for epoch in history:
        followed = [epoch[f"followed_{name}"] for name in ("skeleton", "fusion", "ground_truth")]
        assert sum(followed) == pytest.approx(1, abs=1e-5)
        assert np.isfinite(list(epoch.values())).all()
    assert history[-1]["loss"] < history[0]["loss"]


def test_two_trainings_are_the_same(train, whole, tmp_path):
    _assert_same(train(tmp_path / "record.npz"), whole)


@pytest.mark.parametrize("stopped", [2, 3])
def test_a_stopped_training_resumes_to_the_same_end(train, whole, tmp_path, stopped):
    """With dropout, mixup, a moving average and given teachers; the record is of epoch 2 or 4."""
    record = tmp_path / "record.npz"
    with pytest.raises(InterruptedError):
        train(record, callbacks=(_Stop(stopped),))
    recorded = 2 if stopped == 2 else 4
    with np.load(record, allow_pickle=False) as arrays:
        assert int(arrays["epoch"]) == recorded
        assert json.loads(str(arrays["history"])) == whole[0][:recorded]
    assert [path.name for path in tmp_path.iterdir()] == ["record.npz"]
    resumed, reported = [], []
    # Another start of the weights: they have to come from the record.
    again = train(record, weights_seed=9, resumed=resumed.append, report=reported.append)
    _assert_same(again, whole)
    assert resumed == [recorded]
    assert reported == list(range(recorded + 1, EPOCHS + 1))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", "other"])
def test_a_damaged_record_is_no_record(train, whole, tmp_path, content):
    """Also one of arrays of other shapes: the training begins again."""
    record, resumed = tmp_path / "record.npz", []
    if content == "other":
        arrays = {f"variable_{number}": np.zeros(1) for number in range(500)}
        np.savez(record, epoch=2, history="[]", **arrays)
    else:
        record.write_bytes(content)
    _assert_same(train(record, resumed=resumed.append), whole)
    assert resumed == []


def test_another_seed_trains_otherwise_and_without_a_record_nothing_is_resumed(
    train, whole, tmp_path
):
    resumed = []
    other = train(tmp_path / "record.npz", seed=4, resumed=resumed.append, training=_shorter(1))
    assert other[0][0]["loss"] != whole[0][0]["loss"]
    assert resumed == []
    # An epoch that ends the training needs no record.
    assert not (tmp_path / "record.npz").exists()


@pytest.mark.parametrize("most", [1, 16])
def test_steps_done_in_one_call_change_nothing_and_stay_within_the_epoch(
    clips, train, whole, tmp_path, monkeypatch, most
):
    class Steps(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            counted.append(int(self.model.optimizer.iterations))

    counted = []
    monkeypatch.setattr(fit_student_module, "_MOST_STEPS_IN_A_CALL", most)
    _assert_same(train(tmp_path / "record.npz", callbacks=(Steps(),)), whole)
    steps = len(clips) // TRAINING.batch_size
    assert counted == [steps * (epoch + 1) for epoch in range(EPOCHS)]


@pytest.mark.parametrize(("steps", "in_a_call"), [(1, 1), (8, 8), (26, 13), (17, 1), (48, 16)])
def test_a_call_does_a_divisor_of_the_epoch(steps, in_a_call):
    assert fit_student_module._steps_in_a_call(steps) == in_a_call


def test_a_live_teacher_reads_its_own_stream_of_the_same_views(clips, tmp_path):
    keras.utils.set_random_seed(0)
    teacher = skeleton_teacher(
        input_shape=(INPUTS.skeleton_frames, clips.skeleton_channels), num_classes=CLASSES
    )
    before = teacher.get_weights()
    student = accelerometer_student(
        keras,
        input_shape=INPUTS.accelerometer_shape,
        num_classes=CLASSES,
        widths=(4, 4, 6, 6),
        embedding_width=8,
    )
    history, kernels = fit_student(
        student,
        {"skeleton_teacher": teacher},
        LOSS,
        clips,
        seed=0,
        stage="student",
        training=_shorter(1),
        inputs=INPUTS,
        augmentation=AugmentationSettings(),
        record_path=tmp_path / "record.npz",
    )
    assert "agreement_skeleton_teacher" in history[0]
    assert kernels["skeleton_teacher"].shape == (8, 64)
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def _shorter(epochs: int) -> TrainingSettings:
    return TrainingSettings(epochs=epochs, batch_size=16, mixup=0.5)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"epochs": 0}, "epochs must be positive. Received: 0"),
        ({"batch_size": -1}, "batch_size must be positive. Received: -1"),
        ({"peak_learning_rate": 0.0}, "learning_rate must be positive. Received: 0.0"),
        ({"warmup_share": 1.0}, "warmup_share must lie in 0..1, 1 excluded. Received: 1.0"),
        ({"ema_momentum": -0.1}, "ema_momentum must lie in 0..1, 1 excluded. Received: -0.1"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative. Received: -1.0"),
        ({"mixup": -0.5}, "mixup must not be negative. Received: -0.5"),
    ],
)
def test_wrong_training_settings_are_named(arguments, text):
    with pytest.raises(UserError) as error:
        TrainingSettings(**arguments)
    assert str(error.value) == text


def _model() -> keras.Model:
    inputs = keras.layers.Input((64,))
    hidden = keras.layers.Dropout(0.5, name="first")(inputs)
    return keras.Model(inputs, [hidden, keras.layers.Dropout(0.5, name="second")(inputs)])


def _drawn(seed: int, stage: str, epoch: int, earlier_calls: int = 0) -> np.ndarray:
    """What the two layers drop of ones, `(2, 64)`, in the first call of an epoch."""
    model = _model()
    callback = SeedDropout(model, seed, stage)
    ones = np.ones((1, 64), np.float32)
    for _ in range(earlier_calls):
        model(ones, training=True)
    callback.on_epoch_begin(epoch)
    return np.concatenate([np.asarray(one) for one in model(ones, training=True)])


def test_an_epoch_draws_the_same_whatever_came_before():
    first = _drawn(1, "student", 3)
    np.testing.assert_array_equal(first, _drawn(1, "student", 3, earlier_calls=5))
    assert set(np.unique(first)) == {0.0, 2.0}
    assert not np.array_equal(first[0], first[1])  # each layer by itself


def test_seed_stage_and_epoch_change_the_draws():
    first = _drawn(1, "student", 3)
    for place in ((2, "student", 3), (1, "teacher", 3), (1, "student", 4)):
        assert not np.array_equal(first, _drawn(*place))


def test_calls_within_an_epoch_draw_differently():
    model = _model()
    SeedDropout(model, 1, "student").on_epoch_begin(0)
    ones = np.ones((1, 64), np.float32)
    first, second = model(ones, training=True)[0], model(ones, training=True)[0]
    assert not np.array_equal(first, second)


SCRIPT = Path(__file__).with_name("two_devices.py")


@pytest.fixture(scope="module")
def compared() -> dict:
    """What `two_devices.py` measured: largest relative differences by case."""
    command = [sys.executable, str(SCRIPT)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("case", ["weighted", "given", "live"])
def test_the_first_step_s_gradients_are_those_of_one_device(compared, case):
    """At the same batch, by SGD at rate 1: the update is the gradient."""
    assert compared[case]["devices"] == 2
    assert compared[case]["gradient_size"] > 1e-3
    assert compared[case]["gradient_difference"] < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("case", ["weighted", "given", "live"])
def test_the_epoch_s_metrics_are_those_of_one_device(compared, case):
    assert compared[case]["metric_difference"] < 1e-5


@pytest.mark.slow
def test_unsynchronised_batch_norm_differs(compared):
    """The reason why `fit_student` synchronises: statistics of half a batch are others."""
    assert compared["own_batch_norm"]["gradient_difference"] > 1e-2


@pytest.mark.slow
def test_mixing_runs_over_the_whole_batch(compared):
    """The last sample of the first device meets the first of the second, and the last the first."""
    assert compared["next_samples"] == [1, 2, 3, 4, 5, 0]


@pytest.mark.slow
def test_a_training_of_some_epochs_stays_close_to_one_device(compared):
    """With AdamW, the moving average, mixup and a record; without dropout."""
    assert compared["fit_student"]["weight_difference"] < 1e-3
    assert compared["fit_student"]["history_difference"] < 1e-3


@pytest.mark.slow
def test_devices_drop_different_units(compared):
    assert compared["dropout"]["first"] != compared["dropout"]["second"]
    assert compared["dropout"]["first"] == compared["dropout"]["alone"]


@pytest.mark.slow
def test_what_devices_cannot_share_is_refused(compared):
    assert compared["refusals"] == [
        "A batch must be a multiple of the 2 devices (--batch_size). Received: 15 clips",
        "sharpness_radius goes with one device (--strategy=none). Received: 0.1",
    ]


def test_the_strategies_by_name():
    assert device_strategy("none").num_replicas_in_sync == 1
    with pytest.raises(UserError, match="must be none or mirrored"):
        device_strategy("tpu")
    with pytest.raises(UserError, match="needs at least 2 devices"):
        device_strategy("mirrored")


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


AVERAGED = dataclasses.replace(
    TRAINING, averaged_share=0.6, views=2, consistency_weight=1.0, sharpness_radius=0.05
)


class _Weights(keras.callbacks.Callback):
    """Keeps the kernel of the stem after each epoch."""

    def __init__(self):
        super().__init__()
        self.kernels = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        kernel = self.model.student.get_layer("stem").kernel
        self.kernels.append(keras.ops.convert_to_numpy(kernel))


@pytest.mark.slow
def test_averaged_epochs_end_as_their_mean_and_resume_within_them(train, tmp_path):
    """The last three of five; the record is of the second averaged epoch."""
    kept = _Weights()
    whole = train(tmp_path / "whole.npz", training=AVERAGED, callbacks=(kept,))
    np.testing.assert_allclose(whole[2][0], np.mean(kept.kernels[2:], axis=0), atol=1e-6)
    assert not np.allclose(whole[2][0], kept.kernels[-1], atol=1e-4)
    record, resumed = tmp_path / "record.npz", []
    with pytest.raises(InterruptedError):
        train(record, training=AVERAGED, callbacks=(_Stop(3),))
    again = train(record, weights_seed=9, training=AVERAGED, resumed=resumed.append)
    assert resumed == [4]
    _assert_same(again, whole)


def test_a_training_that_diverges_stops_at_its_first_epoch_that_does(train, tmp_path):
    rates = dataclasses.replace(TRAINING, peak_learning_rate=1e20, warmup_share=0.0)
    rule = r"loss of a training must stay finite \(lower --learning_rate\)\. Received: "
    with pytest.raises(UserError, match=rf"{rule}(nan|inf) in epoch [12] of student"):
        train(tmp_path / "record.npz", training=rates)
    assert not (tmp_path / "record.npz").exists()
