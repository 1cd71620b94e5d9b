"""The distiller keeps Keras' conventions, and refuses what breaks its own, in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pskd_tf.distillation.distiller import PSKDDistiller
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.base import CrossEntropy
from pskd_tf.distillation.losses.logits import KnowledgeDistillation

STREAM = "wrist"
LABELS = np.arange(60) % 4


@pytest.fixture(scope="module")
def wrist() -> np.ndarray:
    generator = np.random.default_rng(1)
    return generator.normal(LABELS[:, None, None], 1.0, (60, 32, 3)).astype("float32")


def _net(seed: int, last=None, units: int = 4) -> keras.Model:
    keras.utils.set_random_seed(seed)
    last = last or [keras.layers.Dense(units)]
    layers = [keras.Input((32, 3), name=STREAM), keras.layers.GlobalAveragePooling1D(), *last]
    return keras.Sequential(layers)


def _distiller(student=None, teacher=None, missing=False, **compiled) -> PSKDDistiller:
    models = {"t": teacher or _net(2)}
    loss = KnowledgeDistillation()
    distiller = PSKDDistiller(student or _net(1), models, loss, labels_may_be_missing=missing)
    distiller.compile(**{"optimizer": keras.optimizers.SGD(0.1), "jit_compile": False} | compiled)
    return distiller


def _weights(distiller: PSKDDistiller) -> np.ndarray:
    return np.concatenate([one.ravel() for one in distiller.student.get_weights()])


def _fitted(distiller: PSKDDistiller, x, y=LABELS, **arguments) -> np.ndarray:
    distiller.fit(x, y, batch_size=20, epochs=3, shuffle=False, verbose=0, **arguments)
    return _weights(distiller)


def test_loss_scaling_changes_no_update(wrist):
    before = _weights(_distiller())
    plain = _fitted(_distiller(), wrist)
    scaling = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=2.0**15)
    scaled = _fitted(_distiller(optimizer=scaling), wrist)
    assert np.abs(plain - before).max() > 0.1
    np.testing.assert_allclose(scaled, plain, atol=1e-5)


def test_mixed_precision_trains_as_float32_does(wrist):
    """Teacher, student, projections and metrics compute in float16, the losses in float32."""
    loss = AdaptiveConfidenceSemantic("soft", semantic_weight=0.5)

    def net(seed: int, width: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((32, 3), name=STREAM)
        hidden = keras.layers.GlobalAveragePooling1D()(inputs)
        embedding = keras.layers.Dense(
            width, activation="tanh", kernel_regularizer="l2", activity_regularizer="l1"
        )(hidden)
        return keras.Model(
            inputs, {"logits": keras.layers.Dense(4)(embedding), "embedding": embedding}
        )

    results = {}
    for policy in ("float32", "mixed_float16"):
        keras.mixed_precision.set_global_policy(policy)
        try:
            distiller = PSKDDistiller(net(1, 5), {"t": net(2, 6)}, loss)
            keras.utils.set_random_seed(3)
            distiller.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
            results[policy] = _fitted(distiller, wrist, sample_weight=np.ones(60))
            optimizer = type(distiller.optimizer).__name__
            logs = distiller.evaluate(wrist, LABELS, return_dict=True, verbose=0)
            assert np.isfinite(list(logs.values())).all()
        finally:
            keras.mixed_precision.set_global_policy("float32")
    assert optimizer == "LossScaleOptimizer"
    np.testing.assert_allclose(results["mixed_float16"], results["float32"], atol=0.02)


def test_compiled_metrics_are_those_of_labels_and_logits(wrist):
    top = keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")
    mean = keras.metrics.SparseCategoricalCrossentropy("ce", from_logits=True)
    distiller = _distiller(metrics=[top], weighted_metrics=[mean])
    weights = np.linspace(0, 1, 60)
    logs = distiller.evaluate(
        wrist, LABELS[:, None], sample_weight=weights, return_dict=True, verbose=0
    )
    logits = keras.ops.convert_to_numpy(distiller.student(wrist))
    rank = np.argsort(-logits, axis=1)[:, :2]
    assert logs["top2"] == pytest.approx(np.mean((rank == LABELS[:, None]).any(axis=1)))
    each = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(60), LABELS]
    assert logs["ce"] == pytest.approx(np.average(each, weights=weights), rel=1e-4)
    assert {"loss", "accuracy", "followed_t"} <= set(logs)
    history = distiller.fit(wrist, LABELS, epochs=2, verbose=0).history
    assert len(history["top2"]) == 2 and history["loss"][1] < history["loss"][0]


def test_a_class_weight_is_the_sample_weight_of_its_clips(wrist):
    by_class = {0: 1.0, 1: 0.5, 2: 0.0, 3: 2.0}
    weights = np.array([by_class[one] for one in LABELS])
    expected = _fitted(_distiller(), wrist, sample_weight=weights)
    np.testing.assert_allclose(_fitted(_distiller(), wrist, class_weight=by_class), expected)
    column = _fitted(_distiller(), wrist, sample_weight=weights[:, None])
    np.testing.assert_allclose(column, expected)
    assert np.abs(_fitted(_distiller(), wrist) - expected).max() > 1e-3


def test_labels_in_a_column_and_a_stream_without_its_name_are_taken(wrist):
    expected = _fitted(_distiller(), {STREAM: wrist})
    np.testing.assert_array_equal(_fitted(_distiller(), wrist, LABELS[:, None]), expected)
    distiller = _distiller()
    np.testing.assert_array_equal(
        distiller.predict(wrist, verbose=0), distiller.predict({STREAM: wrist}, verbose=0)
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS + 1, r"class indices 0 to 3\. Received:[^0-9]+1[^0-9]+4"),
        (LABELS - 1, r"class indices 0 to 3\. Received:[^0-9]+-1[^0-9]+2"),
        (np.eye(4)[LABELS], r"\(one-hot labels: labels\.argmax\(axis=1\)\)\. Received: \(20, 4\)"),
        (None, r"must be \(streams, labels\)\. Received: no labels"),
    ],
    ids=["from-1", "from-minus-1", "one-hot", "none"],
)
def test_labels_that_are_no_class_indices_are_refused(wrist, labels, message):
    for compiled in ({}, {"jit_compile": "auto"}):
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
            _distiller(**compiled).fit(wrist, labels, batch_size=20, verbose=0)


def test_where_labels_may_be_missing_minus_1_is_taken_and_left_out_of_accuracy(wrist):
    distiller = _distiller(missing=True, metrics=["sparse_categorical_accuracy"])
    whole = distiller.evaluate(wrist, LABELS, batch_size=20, verbose=0, return_dict=True)
    some = np.where(np.arange(len(LABELS)) < 30, LABELS, -1)
    partly = distiller.evaluate(wrist, some, batch_size=20, verbose=0, return_dict=True)
    first = distiller.evaluate(wrist[:30], LABELS[:30], batch_size=15, verbose=0, return_dict=True)
    for name in ("accuracy", "sparse_categorical_accuracy"):
        assert partly[name] == pytest.approx(first[name], abs=1e-6)
    # Cross-entropy of half of the samples is gone; what the teacher teaches is there.
    assert partly["cross_entropy"] < 0.7 * whole["cross_entropy"]
    assert partly["distillation"] == pytest.approx(whole["distillation"], abs=1e-6)
    message = r"class indices 0 to 3 \(-1: no label\)\. Received:[^0-9]+-2"
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
        distiller.evaluate(wrist, LABELS - 2, batch_size=20, verbose=0)


def test_a_loss_that_needs_every_label_is_refused_where_labels_may_be_missing():
    with pytest.raises(ValueError, match=r"must learn without labels.*Received: cross_entropy"):
        PSKDDistiller(_net(1), {}, CrossEntropy(), labels_may_be_missing=True)


def test_batches_that_are_no_dict_are_refused(wrist):
    message = r"A batch must be a dict of the streams \['wrist'\]\. Received: tuple"
    with pytest.raises(ValueError, match=message):
        _distiller().fit((wrist, wrist), LABELS, verbose=0)
    sound = keras.Sequential([keras.Input((20,), name="sound"), keras.layers.Dense(4)])
    message = r"streams \['sound', 'wrist'\]\. Received: one array"
    with pytest.raises(ValueError, match=message):
        _distiller(teacher=sound).fit(wrist, LABELS, verbose=0)


def test_sample_weights_of_another_shape_are_refused(wrist):
    with pytest.raises(ValueError, match=r"Sample weights must be \(batch,\)\. Received: \(20, 4"):
        _distiller().fit(wrist, LABELS, batch_size=20, sample_weight=np.ones((60, 4)), verbose=0)


def test_compile_takes_no_loss():
    with pytest.raises(ValueError, match=r"leave loss out of compile\. Received: loss=mse"):
        _distiller(loss="mse")


def _functional(last) -> keras.Model:
    inputs = keras.Input((32, 3), name=STREAM)
    return keras.Model(inputs, last(keras.layers.GlobalAveragePooling1D()(inputs)))


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (lambda: _net(0, units=1), r"logits need a column for each class.* Received: \(None, 1\)"),
        (
            lambda: _net(0, [keras.layers.Dense(4, activation="softmax", name="last")]),
            r"the values before softmax.* Received: softmax in the layer last",
        ),
        (lambda: _net(0, [keras.layers.Dense(4), keras.layers.Softmax()]), "before softmax"),
        (
            lambda: _functional(lambda x: keras.layers.Dense(4, activation="sigmoid")(x)),
            "before sigmoid",
        ),
        (lambda: _functional(lambda x: keras.ops.softmax(keras.layers.Dense(4)(x))), "softmax"),
        (
            lambda: _functional(
                keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="softmax")])
            ),
            "before softmax",
        ),
        (
            lambda: tf_keras.Sequential([tf_keras.Input((3,), name=STREAM)]),
            r"a Keras 3 model \(keras\.Model, not tf_keras\)\. Received: tf_keras",
        ),
    ],
    ids=["one", "softmax", "softmax-layer", "sigmoid", "softmax-op", "nested", "tf_keras"],
)
def test_outputs_that_are_no_logits_are_refused(teacher, message):
    model = teacher()
    for student, role in ((None, "teacher model t"), (model, "student model")):
        with pytest.raises(ValueError, match=f"^In {role}: .*{message}"):
            PSKDDistiller(student or _net(1), {"t": model}, KnowledgeDistillation())


def test_a_layer_of_both_is_refused_before_it_is_frozen():
    inputs = keras.Input((32, 3), name=STREAM)
    normalised = keras.layers.Normalization(mean=0.0, variance=1.0)(inputs)
    shared = keras.layers.Conv1D(4, 5, name="shared")

    def head() -> keras.Model:
        pooled = keras.layers.GlobalAveragePooling1D()(shared(normalised))
        return keras.Model(inputs, keras.layers.Dense(4)(pooled))

    student, teacher = head(), head()
    message = r"In teacher model t: .*share no layer.* Received: shared in both"
    with pytest.raises(ValueError, match=message):
        PSKDDistiller(student, {"t": teacher}, KnowledgeDistillation())
    assert len(student.trainable_weights) == 4
    copy = keras.models.clone_model(teacher)
    PSKDDistiller(student, {"t": copy}, KnowledgeDistillation())
    assert len(student.trainable_weights) == 4 and not copy.trainable_weights


def test_it_exports_the_student_after_training(wrist, tmp_path):
    distiller = _distiller()
    _fitted(distiller, wrist)
    expected = distiller.predict(wrist, verbose=0)
    distiller.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(served.serve(wrist), expected, atol=1e-6)
    assert len(served.variables) == len(distiller.student.weights)


def test_a_distiller_is_saved_with_its_metrics(wrist, tmp_path):
    distiller = _distiller(metrics=[keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")])
    distiller.fit(wrist, LABELS, verbose=0)
    distiller.save(tmp_path / "d.keras")
    loaded = keras.saving.load_model(tmp_path / "d.keras")
    one, two = (d.evaluate(wrist, LABELS, return_dict=True, verbose=0) for d in (distiller, loaded))
    assert one == pytest.approx(two) and "top2" in one
