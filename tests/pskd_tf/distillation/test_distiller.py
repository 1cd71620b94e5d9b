"""The distiller on Keras models of any kind."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from pskd_tf.distillation.distiller import PSKDDistiller
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.base import CrossEntropy, cross_entropy
from pskd_tf.distillation.losses.contrastive import QueueSimilarity, queue_similarity
from pskd_tf.distillation.losses.embeddings import RelationalDistillation
from pskd_tf.distillation.losses.logits import KnowledgeDistillation
from pskd_tf.distillation.losses.pseudo_labels import FixMatch
from pskd_tf.distillation.optimizer import make_optimizer
from pskd_tf.distillation.step import distillation_step, mix_with_next, mixed_streams
from pskd_tf.models.registry import select_inputs
from pskd_tf.training_settings import TrainingSettings

WITHOUT_EMBEDDINGS = AdaptiveConfidenceSemantic("soft", label_smoothing=0.1)
WITH_EMBEDDINGS = AdaptiveConfidenceSemantic("soft", semantic_weight=0.5, label_smoothing=0.1)
WEIGHTS = np.float32([1, 0, 2, 0.5, 1, 1, 0, 1, 3, 1, 1, 0.25])


@pytest.fixture
def teachers(tiny_model) -> dict[str, keras.Model]:
    """Two teachers of different inputs and widths, with dropout to be left out."""
    return {
        "body": tiny_model(("skeleton",), seed=1, width=6, dropout=0.5),
        "both": tiny_model(("skeleton", "accelerometer"), seed=2, width=5, dropout=0.5),
    }


def _distiller(student, teachers, loss, optimizer=None, eager=True, **arguments) -> PSKDDistiller:
    distiller = PSKDDistiller(student, teachers, loss, **arguments)
    optimizer = optimizer or keras.optimizers.SGD(0.1)
    distiller.compile(optimizer=optimizer, run_eagerly=eager, jit_compile=False)
    return distiller


def _step(distiller, *data) -> dict[str, float]:
    logs = distiller.train_on_batch(*data, return_dict=True)
    return {name: float(value) for name, value in logs.items()}


def _given(teachers, streams) -> dict[str, np.ndarray]:
    columns = {}
    for name, teacher in teachers.items():
        outputs = teacher(select_inputs(teacher, streams), training=False)
        columns |= {f"{name}_{key}": np.asarray(value) for key, value in outputs.items()}
    return columns


def _targets(teachers, streams, labels) -> dict:
    columns = _given(teachers, streams)
    return {
        "labels": labels,
        "teacher_logits": np.stack([columns[f"{name}_logits"] for name in teachers], axis=1),
        "teacher_embeddings": [columns[f"{name}_embedding"] for name in teachers],
    }


def test_fit_changes_no_weight_of_a_teacher(tiny_model, teachers, streams, labels):
    """Nor a norm's moving statistics, nor through the optimiser's moving average."""
    before = {name: teacher.get_weights() for name, teacher in teachers.items()}
    student = tiny_model()
    first = student.get_weights()
    optimizer = make_optimizer(TrainingSettings(ema_momentum=0.5), 6)
    distiller = _distiller(student, teachers, WITH_EMBEDDINGS, optimizer, eager=False)
    distiller.fit(streams, labels, batch_size=4, epochs=2, verbose=0)
    for name, teacher in teachers.items():
        for old, new in zip(before[name], teacher.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    for old, new in zip(first, student.get_weights(), strict=True):
        assert not np.array_equal(old, new)


class _HandKeptAverage(keras.callbacks.Callback):
    """Keras' rule: the first step's weights, then m average + (1 - m) weights."""

    def __init__(self, momentum: float):
        super().__init__()
        self.momentum = momentum
        self.average: list[np.ndarray] | None = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = [keras.ops.convert_to_numpy(one) for one in self.model.trainable_variables]
        if self.average is None:
            self.average = now
        else:
            self.average = [
                self.momentum * average + (1 - self.momentum) * weight
                for average, weight in zip(self.average, now, strict=True)
            ]
        self.last = now


def test_fit_leaves_the_moving_average_of_the_student_s_weights(
    tiny_model, teachers, streams, labels
):
    student, kept = tiny_model(dropout=0.2), _HandKeptAverage(0.8)
    optimizer = make_optimizer(TrainingSettings(ema_momentum=0.8, peak_learning_rate=0.05), 9)
    distiller = _distiller(student, teachers, WITH_EMBEDDINGS, optimizer, eager=False)
    distiller.fit(streams, labels, batch_size=4, epochs=3, verbose=0, callbacks=[kept])
    for variable, average, last in zip(
        distiller.trainable_variables, kept.average, kept.last, strict=True
    ):
        np.testing.assert_allclose(variable, average, atol=1e-6)
        assert np.abs(average - last).max() > 1e-4


def test_one_step_descends_the_weighted_loss_of_the_student(tiny_model, teachers, streams, labels):
    """The update equals one made by hand, mixup and sample weights included."""
    student, share = tiny_model(), np.linspace(0, 1, 12, dtype=np.float32)
    distiller = _distiller(student, teachers, WITH_EMBEDDINGS)
    targets = _targets(teachers, streams, labels)
    variables = distiller.trainable_variables
    with tf.GradientTape() as tape:
        outputs = student(mix_with_next(streams["accelerometer"], share), training=True)
        projected = [
            layer(outputs["embedding"]) for layer in distiller.student_projections.values()
        ]
        outputs = {**outputs, "projected_embeddings": projected}
        terms = distillation_step(WITH_EMBEDDINGS, targets, outputs, share)
        # Keras' rule: the weighted sum over the number of samples.
        loss = tf.reduce_sum(terms.loss * WEIGHTS) / 12
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    expected = [
        keras.ops.convert_to_numpy(variable) - 0.1 * np.asarray(gradient)
        for variable, gradient in zip(variables, gradients, strict=True)
    ]
    logs = _step(distiller, {**streams, "mixup_share": share}, labels, WEIGHTS)
    assert logs["loss"] == pytest.approx(float(loss), rel=1e-5)
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_allclose(variable, value, atol=1e-6)


def _mixed(streams, share) -> dict:
    return {name: np.asarray(mix_with_next(one, share)) for name, one in streams.items()}


def test_teachers_of_the_mixture_read_what_the_student_reads(tiny_model, teachers, streams, labels):
    share = np.linspace(0, 1, 12, dtype=np.float32)
    student = tiny_model()
    distiller = _distiller(student, teachers, WITHOUT_EMBEDDINGS, teachers_see="mixture")
    mixed = _mixed(streams, share)
    targets = _targets(teachers, mixed, labels)
    outputs = student(mixed["accelerometer"], training=True)
    terms = distillation_step(WITHOUT_EMBEDDINGS, targets, outputs, share, "mixture")
    logs = _step(distiller, {**streams, "mixup_share": share}, labels)
    assert logs["loss"] == pytest.approx(float(np.mean(terms.loss)), rel=1e-5)
    assert logs["followed_body"] == pytest.approx(float(np.mean(terms.selection[:, 0])), rel=1e-5)
    apart = _distiller(tiny_model(), teachers, WITHOUT_EMBEDDINGS)
    assert _step(apart, {**streams, "mixup_share": share}, labels)["loss"] != logs["loss"]


def test_a_teacher_sees_a_mixture_where_it_sees_both_sources(tiny_model, teachers, streams, labels):
    seen = np.float32([1, 1, 0, 1] + [1] * 8)
    data = {**streams, "mixup_share": np.full(12, 0.3, np.float32), "body_available": seen}
    distiller = _distiller(
        tiny_model(),
        {"body": teachers["body"]},
        AdaptiveConfidenceSemantic(),
        teachers_see="mixture",
    )
    mixed = mixed_streams(data, data["mixup_share"], [distiller.student], ["body"])
    np.testing.assert_array_equal(mixed["body_available"], [1, 0, 0, 1] + [1] * 8)
    assert np.isfinite(_step(distiller, data, labels)["loss"])


def test_teachers_see_is_checked(tiny_model, teachers):
    with pytest.raises(ValueError, match=r"teachers_see must be one of .* Received: dreams"):
        PSKDDistiller(tiny_model(), teachers, WITHOUT_EMBEDDINGS, teachers_see="dreams")
    given = {"body": None}
    with pytest.raises(ValueError, match=r"Only live teachers can see mixtures\. .*'body'"):
        PSKDDistiller(tiny_model(), given, WITHOUT_EMBEDDINGS, teachers_see="mixture")


def test_a_sample_of_weight_0_is_left_out(tiny_model, teachers, streams, labels):
    """Its label changes neither the loss, nor the accuracy, nor the update."""
    weights = np.ones(12, np.float32)
    weights[[2, 7]] = 0
    other = labels.copy()
    other[[2, 7]] = (other[[2, 7]] + 1) % 3
    results = []
    for changed in (labels, other):
        student = tiny_model()
        logs = _step(_distiller(student, teachers, WITH_EMBEDDINGS), streams, changed, weights)
        results.append((logs, student.get_weights()))
    assert results[0][0] == pytest.approx(results[1][0])
    for one, two in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_array_equal(one, two)


def test_evaluation_weighs_loss_and_accuracy_by_hand(tiny_model, teachers, streams, labels):
    student = tiny_model()
    distiller = _distiller(student, teachers, WITHOUT_EMBEDDINGS)
    outputs = student(streams["accelerometer"], training=False)
    terms = WITHOUT_EMBEDDINGS.terms(_targets(teachers, streams, labels), outputs)
    guess = np.argmax(outputs["logits"], axis=1)
    logs = distiller.evaluate(streams, labels, sample_weight=WEIGHTS, return_dict=True, verbose=0)
    assert logs["loss"] == pytest.approx(np.sum(terms.loss * WEIGHTS) / 12, rel=1e-5)
    right = np.sum((guess == labels) * WEIGHTS) / WEIGHTS.sum()
    assert logs["accuracy"] == pytest.approx(right, rel=1e-5)


def test_evaluation_in_uneven_batches_is_the_mean_over_samples(
    tiny_model, teachers, streams, labels
):
    distiller = _distiller(tiny_model(), teachers, WITHOUT_EMBEDDINGS)
    whole, uneven = (
        distiller.evaluate(streams, labels, batch_size=size, return_dict=True, verbose=0)
        for size in (12, 7)
    )
    assert uneven == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("eager", [True, False])
def test_regularisers_are_added_once_a_step(tiny_model, teachers, streams, labels, eager):
    """Activity losses do not pile up from step to step."""
    regularised = {
        "kernel_regularizer": keras.regularizers.L2(0.1),
        "activity_regularizer": keras.regularizers.L1(0.1),
    }
    still = keras.optimizers.SGD(0.0)
    plain = _distiller(tiny_model(), teachers, WITHOUT_EMBEDDINGS, still, eager)
    student = tiny_model(**regularised)
    kernel = student.get_layer("semantic").get_weights()[0]
    activity = streams["accelerometer"].reshape(12, -1) @ kernel
    # Keras divides an activity's loss by the batch's size.
    penalty = 0.1 * np.sum(kernel**2) + 0.1 * np.sum(np.abs(activity)) / 12
    still = keras.optimizers.SGD(0.0)
    distiller = _distiller(student, teachers, WITHOUT_EMBEDDINGS, still, eager)
    for _ in range(3):
        expected = _step(plain, streams, labels)["loss"] + penalty
        assert _step(distiller, streams, labels)["loss"] == pytest.approx(expected, rel=1e-5)
    # Evaluation reports the same objective.
    both = [
        one.evaluate(streams, labels, return_dict=True, verbose=0)["loss"]
        for one in (plain, distiller)
    ]
    assert both[1] - both[0] == pytest.approx(penalty, rel=1e-4)


def test_a_regulariser_pulls_at_the_weights(tiny_model, streams, labels):
    weights = []
    for strength in (0.0, 0.5):
        student = tiny_model(kernel_regularizer=keras.regularizers.L2(strength))
        start = student.get_layer("semantic").get_weights()[0]
        _step(_distiller(student, {}, CrossEntropy()), streams, labels)
        weights.append(student.get_layer("semantic").get_weights()[0])
    # SGD at 0.1: the L2 penalty moves the kernel by -0.1 * 2 * 0.5 * w.
    np.testing.assert_allclose(weights[1] - weights[0], -0.1 * start, atol=1e-6)


class _Penalty(keras.layers.Layer):
    """Adds a loss of 2 in each call, and counts the calls."""

    calls = 0

    def call(self, inputs):
        self.calls += 1
        self.add_loss(keras.ops.convert_to_tensor(2.0))
        return inputs


@pytest.mark.parametrize("mixup", [False, True])
def test_a_step_calls_the_student_once_and_adds_the_losses_of_its_layers(
    tiny_model, teachers, streams, labels, mixup
):
    layer = _Penalty()
    student = tiny_model(layer=layer)
    data = {**streams, "mixup_share": np.full(12, 0.3, np.float32)} if mixup else streams
    distiller = _distiller(student, teachers, WITHOUT_EMBEDDINGS)
    plain = _step(_distiller(tiny_model(), teachers, WITHOUT_EMBEDDINGS), data, labels)
    layer.calls = 0
    logs = _step(distiller, data, labels)
    assert layer.calls == 1
    assert logs["loss"] == pytest.approx(plain["loss"] + 2, rel=1e-6)
    layer.calls = 0
    distiller.fit(data, labels, batch_size=4, epochs=2, verbose=0)
    assert layer.calls == 6


@pytest.mark.parametrize("loss", [WITHOUT_EMBEDDINGS, WITH_EMBEDDINGS])
def test_live_and_given_teachers_take_the_same_step(tiny_model, teachers, streams, labels, loss):
    given = _given(teachers, streams)
    share = np.random.default_rng(0).uniform(size=12).astype(np.float32)
    results = []
    for live in (True, False):
        student = tiny_model(dropout=0.2)
        named = teachers if live else dict.fromkeys(teachers)
        distiller = _distiller(student, named, loss, embedding_widths={"body": 6, "both": 5})
        columns = {"accelerometer": streams["accelerometer"], **given}
        data = {**(streams if live else columns), "mixup_share": share}
        logs = [_step(distiller, data, labels) for _ in range(2)]
        results.append((logs, [*distiller.trainable_variables]))
    for one, two in zip(results[0][0], results[1][0], strict=True):
        assert one == pytest.approx(two, rel=1e-6)
    for one, two in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(one, two, atol=1e-7)


def test_evaluation_changes_nothing(tiny_model, teachers, streams, labels):
    student = tiny_model(dropout=0.5)
    distiller = _distiller(student, teachers, WITH_EMBEDDINGS, eager=False)
    before = [keras.ops.convert_to_numpy(variable) for variable in distiller.variables]
    first = distiller.evaluate(streams, labels, return_dict=True, verbose=0)
    again = distiller.evaluate(streams, labels, return_dict=True, verbose=0)
    assert first == again  # no dropout
    for old, new in zip(before, distiller.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_metrics_are_named_after_the_teachers_and_right(tiny_model, teachers, streams, labels):
    student = tiny_model()
    distiller = _distiller(student, teachers, WITH_EMBEDDINGS)
    logs = distiller.evaluate(streams, labels, return_dict=True, verbose=0)
    assert set(logs) == {
        "loss",
        "accuracy",
        "cross_entropy",
        "distillation",
        "semantic",
        "agreement_body",
        "agreement_both",
        "followed_body",
        "followed_both",
        "followed_ground_truth",
    }
    targets = _targets(teachers, streams, labels)
    outputs = student(streams["accelerometer"], training=False)
    guess = np.argmax(outputs["logits"], axis=1)
    assert logs["accuracy"] == pytest.approx(np.mean(guess == labels))
    for column, name in enumerate(("body", "both")):
        agreement = np.mean(guess == targets["teacher_logits"][:, column].argmax(axis=1))
        assert logs[f"agreement_{name}"] == pytest.approx(agreement)
    projected = [layer(outputs["embedding"]) for layer in distiller.student_projections.values()]
    terms = WITH_EMBEDDINGS.terms(targets, {**outputs, "projected_embeddings": projected})
    parts = [logs[part] for part in ("cross_entropy", "distillation", "semantic")]
    assert parts == pytest.approx([np.mean(terms.parts[part]) for part in terms.parts], rel=1e-5)
    assert sum(parts) == pytest.approx(logs["loss"], rel=1e-5)
    followed = [logs[f"followed_{name}"] for name in ("body", "both", "ground_truth")]
    assert followed == pytest.approx(list(np.mean(terms.selection, axis=0)), abs=1e-6)
    assert sum(followed) == pytest.approx(1, abs=1e-6)
    assert 0 < followed[2] < 1


def test_without_teachers_it_is_plain_training(tiny_model, streams, labels):
    student = tiny_model()
    logits = student(streams["accelerometer"], training=True)["logits"]
    student = tiny_model()
    logs = _step(_distiller(student, {}, CrossEntropy(0.1)), streams, labels)
    expected = np.mean(cross_entropy(labels, logits, 0.1))
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    assert logs["followed_ground_truth"] == 1


def test_the_optimiser_holds_the_student_and_the_projections_and_trains_both(
    tiny_model, teachers, streams, labels
):
    student = tiny_model()
    optimizer = keras.optimizers.AdamW(0.1, use_ema=True)
    distiller = _distiller(student, teachers, WITH_EMBEDDINGS, optimizer)
    layers = distiller.student_projections
    assert {name: tuple(layer.kernel.shape) for name, layer in layers.items()} == {
        "body": (4, 6),
        "both": (4, 5),
    }
    kernels = [layer.kernel for layer in layers.values()]
    expected = [*student.trainable_variables, *kernels]
    assert [id(one) for one in distiller.trainable_variables] == [id(one) for one in expected]
    assert [id(one) for one in distiller.learned_variables] == [
        id(one) for one in [*student.weights, *kernels]
    ]
    before = [keras.ops.convert_to_numpy(variable) for variable in expected]
    # As `fit_student` does before it restores a record; a step then adds no variable.
    distiller.optimizer.build(distiller.trainable_variables)
    variables = [id(one) for one in distiller.optimizer.variables]
    # Iterations and rate; first and second momentum and average of each.
    assert len(variables) == 2 + 3 * len(expected)
    _step(distiller, streams, labels)
    assert [id(one) for one in distiller.optimizer.variables] == variables
    for old, variable in zip(before, expected, strict=True):
        assert np.abs(old - keras.ops.convert_to_numpy(variable)).max() > 0


def test_a_loss_without_embeddings_needs_no_projections(tiny_model, teachers):
    distiller = PSKDDistiller(tiny_model(), teachers, KnowledgeDistillation())
    assert distiller.student_projections == {}


def test_prediction_gives_the_student_s_logits(tiny_model, teachers, streams):
    student = tiny_model()
    distiller = _distiller(student, teachers, WITH_EMBEDDINGS)
    expected = student(streams["accelerometer"], training=False)["logits"]
    np.testing.assert_allclose(distiller.predict(streams, verbose=0), expected, atol=1e-6)


def test_a_missing_stream_is_named(tiny_model, teachers, streams, labels):
    distiller = _distiller(tiny_model(), teachers, WITHOUT_EMBEDDINGS)
    with pytest.raises(ValueError, match=r"reads the streams \['skeleton'\].* Received: \['acc"):
        _step(distiller, {"accelerometer": streams["accelerometer"]}, labels)


def test_a_given_teacher_without_a_width_is_named(tiny_model, teachers):
    with pytest.raises(ValueError) as error:
        PSKDDistiller(
            tiny_model(), {"body": None, "both": teachers["both"]}, WITH_EMBEDDINGS, {"other": 3}
        )
    assert str(error.value) == (
        "embedding_widths must name every given teacher when the loss reads embeddings. "
        "Received: nothing for ['body']"
    )


def test_agreement_counts_only_the_samples_that_a_teacher_sees(tiny_model, streams, labels):
    student = tiny_model()
    logits = ops.convert_to_numpy(student(streams["accelerometer"], training=False)["logits"])
    other = np.roll(logits, 1, axis=1)  # never agrees with the student
    seen = np.arange(len(labels)) < 4
    given = {
        "teacher_logits": np.where(seen[:, None], logits, other),
        "teacher_available": seen.astype(np.float32),
    }
    distiller = PSKDDistiller(student, {"teacher": None}, AdaptiveConfidenceSemantic())
    distiller.compile()
    results = distiller.evaluate({**streams, **given}, labels, verbose=0, return_dict=True)
    assert results["agreement_teacher"] == pytest.approx(1.0)


def test_relations_read_embeddings_without_projections(tiny_model, teachers, streams, labels):
    distiller = PSKDDistiller(tiny_model(), teachers, RelationalDistillation())
    distiller.compile(optimizer=keras.optimizers.SGD(0.01))
    history = distiller.fit(streams, labels, batch_size=12, epochs=1, verbose=0).history
    assert distiller.student_projections == {}
    assert history["semantic"][0] > 0


def test_fixmatch_reads_the_plain_view_and_mixes_no_clip_without_a_label(
    tiny_model, streams, labels
):
    student = tiny_model(dropout=0.5)
    distiller = _distiller(student, {}, FixMatch(lowest_confidence=0.0), labels_may_be_missing=True)
    clip, plain = streams["accelerometer"], streams["accelerometer"][::-1]
    labels[::2] = -1
    share = np.full(12, 0.25, np.float32)
    guesses = np.argmax(student(plain, training=False)["logits"], axis=1)
    seen = []
    student.call = _recorded(student.call, seen)
    x = {"accelerometer": clip, "second_accelerometer": plain, "mixup_share": share}
    logs = _step(distiller, x, labels)
    mixed = np.where(
        labels[:, None, None, None] < 0, clip, 0.25 * clip + 0.75 * np.roll(clip, -1, 0)
    )
    (second, _), (first, outputs) = seen
    np.testing.assert_allclose(second, plain)
    np.testing.assert_allclose(first, mixed, rtol=1e-6)
    followed = np.where(labels < 0, guesses, labels)
    own = cross_entropy(followed, outputs["logits"])
    following = cross_entropy(np.roll(followed, -1), outputs["logits"])
    expected = np.where(labels < 0, own, 0.25 * own + 0.75 * following)
    assert logs["loss"] == pytest.approx(float(np.mean(expected)), rel=1e-5)


def _recorded(call, seen):
    def recording(inputs, *arguments, **named):
        outputs = call(inputs, *arguments, **named)
        seen.append((np.asarray(inputs), outputs))
        return outputs

    return recording


def test_a_queue_keeps_the_teachers_latest_embeddings(tiny_model, teachers, streams, labels):
    body = {"body": teachers["body"]}
    distiller = _distiller(tiny_model(), body, QueueSimilarity(20), labels_may_be_missing=True)
    embedding = np.asarray(teachers["body"](streams["skeleton"], training=False)["embedding"])
    own = distiller.student_projections["body"](
        distiller.student(streams["accelerometer"], training=True)["embedding"]
    )
    expected = queue_similarity(own, embedding, np.zeros((20, 6), np.float32), 0.1, 0.05)
    logs = _step(distiller, streams, np.full(12, -1))
    assert logs["loss"] == pytest.approx(float(np.mean(expected)), rel=1e-5)
    _step(distiller, streams, np.full(12, -1))
    (queue,) = distiller.queues.values()
    np.testing.assert_allclose(queue, np.concatenate([embedding[4:], embedding]), rtol=1e-6)
    assert distiller.learned_variables[-1] is queue
    assert id(queue) not in {id(one) for one in distiller.trainable_variables}
