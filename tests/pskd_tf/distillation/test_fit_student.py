"""One training: the same twice, and the same when it is stopped and resumed."""

import json

import keras
import numpy as np
import pytest

from pskd_tf.distillation import training as fit_student_module
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.training import fit_student
from pskd_tf.models.students import accelerometer_student
from pskd_tf.models.teachers import skeleton_teacher
from pskd_tf.settings import AugmentationSettings, InputSettings, TrainingSettings

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
