"""Losses, models and distillers are equal by value after saving and loading."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

import pskd_tf
from pskd_tf import (
    AdaptiveConfidenceSemantic,
    DistillationLoss,
    KnowledgeDistillation,
    PSKDDistiller,
    accelerometer_student,
    accelerometer_teacher,
    fusion_teacher,
    skeleton_teacher,
)

LOSSES = sorted(
    name
    for name in pskd_tf.__all__
    if isinstance(getattr(pskd_tf, name), type)
    and issubclass(getattr(pskd_tf, name), DistillationLoss)
    and name != "DistillationLoss"
)


def _as_json(model: keras.Model) -> object:
    """The configuration as a file holds it: without the difference of tuples and lists."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            keys = value.keys() - {"shared_object_id", "build_config"}
            return {key: plain(value[key]) for key in keys}
        return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value

    return plain(model.get_config())


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_comes_back_with_every_argument(name, make_batch):
    """Each argument is moved off its default first; the loss of a batch is the same number."""
    loss = getattr(pskd_tf, name)()
    config = loss.get_config()
    changed = {
        key: value / 2 + 0.25 if isinstance(value, float) else value
        for key, value in config.items()
    }
    loss = type(loss)(**changed)
    again = keras.saving.deserialize_keras_object(
        json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    )
    assert type(again) is type(loss) and again.get_config() == changed != config
    targets, outputs = make_batch(teachers=2)
    # Some losses need embeddings of one width.
    targets["teacher_embeddings"] = targets["teacher_embeddings"][1:] * 2
    outputs["projected_embeddings"] = outputs["projected_embeddings"][1:] * 2
    np.testing.assert_array_equal(
        ops.convert_to_numpy(again.terms(targets, outputs).loss),
        ops.convert_to_numpy(loss.terms(targets, outputs).loss),
    )


def test_every_loss_of_the_registry_is_in_the_api():
    """`make_loss` and the API name the same classes."""
    from pskd_tf.distillation.losses import registry as make_loss

    known = {name for name, value in vars(make_loss).items() if isinstance(value, type)}
    assert {name for name in known if name.endswith(("Distillation", "Entropy"))} <= set(LOSSES)


@pytest.mark.parametrize(
    ("build", "inputs"),
    [
        (lambda: skeleton_teacher(input_shape=(24, 6), num_classes=3), {"skeleton": (24, 6)}),
        (
            lambda: fusion_teacher(
                skeleton_shape=(24, 6), accelerometer_shape=(48, 1, 10), num_classes=3
            ),
            {"skeleton": (24, 6), "accelerometer": (48, 1, 10)},
        ),
        (
            lambda: accelerometer_teacher(input_shape=(48, 1, 10), num_classes=3),
            {"accelerometer": (48, 1, 10)},
        ),
        (
            lambda: accelerometer_student(keras, input_shape=(48, 1, 10), num_classes=3),
            {"accelerometer": (48, 1, 10)},
        ),
    ],
    ids=["skeleton_teacher", "fusion_teacher", "accelerometer_teacher", "accelerometer_student"],
)
def test_our_models_need_no_code_of_ours_to_load(build, inputs, tmp_path):
    model = build()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    generator = np.random.default_rng(0)
    batch = {name: generator.normal(size=(2, *shape)) for name, shape in inputs.items()}
    batch = batch if len(batch) > 1 else next(iter(batch.values()))
    expected, outputs = model(batch), loaded(batch)
    assert set(outputs) == {"logits", "embedding"}
    for key, value in outputs.items():
        np.testing.assert_array_equal(value, expected[key])
    assert _as_json(loaded) == _as_json(model)


@pytest.fixture
def distiller(tiny_model, streams, labels) -> PSKDDistiller:
    """After one epoch, with a live teacher, a given one, and projections."""
    teachers = {"body": tiny_model(("skeleton",), seed=1, width=6), "heard": None}
    loss = AdaptiveConfidenceSemantic("soft", temperature=3.0, semantic_weight=0.5)
    made = PSKDDistiller(tiny_model(seed=5), teachers, loss, {"heard": 2}, name="mine")
    made.compile(optimizer=keras.optimizers.AdamW(0.01))
    made.fit(_with_heard(streams), labels, batch_size=4, verbose=0)
    return made


def _with_heard(streams):
    generator = np.random.default_rng(9)
    columns = {
        "heard_logits": generator.normal(size=(12, 3)),
        "heard_embedding": generator.normal(size=(12, 2)),
    }
    return streams | {name: value.astype(np.float32) for name, value in columns.items()}


def test_a_loaded_distiller_continues_its_training(distiller, streams, labels, tmp_path):
    distiller.save(tmp_path / "distiller.keras")
    loaded = keras.saving.load_model(tmp_path / "distiller.keras")
    assert loaded.name == "mine" and _as_json(loaded) == _as_json(distiller)
    assert loaded.distillation_loss.get_config() == distiller.distillation_loss.get_config()
    assert list(loaded.teachers) == ["body", "heard"] and loaded.teachers["heard"] is None
    assert not loaded.teachers["body"].trainable_variables

    def same_state(tolerance: float) -> None:
        pairs = zip(
            [*distiller.learned_variables, *distiller.optimizer.variables],
            [*loaded.learned_variables, *loaded.optimizer.variables],
            strict=True,
        )
        for old, new in pairs:
            old, new = ops.convert_to_numpy(old), ops.convert_to_numpy(new)
            np.testing.assert_allclose(new, old, rtol=0, atol=tolerance)

    same_state(0.0)
    batch = _with_heard(streams)
    np.testing.assert_array_equal(
        loaded.predict(batch, verbose=0), distiller.predict(batch, verbose=0)
    )
    for one in (distiller, loaded):
        one.fit(batch, labels, batch_size=12, shuffle=False, verbose=0)
    same_state(1e-6)  # another order of sums


def test_a_fresh_process_loads_it_after_one_import(distiller, streams, tmp_path):
    distiller.save(tmp_path / "distiller.keras")
    np.save(tmp_path / "wrist.npy", streams["accelerometer"])
    script = (
        "from pskd_tf import PSKDDistiller; import keras, numpy as np\n"
        "loaded = keras.saving.load_model('distiller.keras')\n"
        "np.save('out.npy', loaded.student(np.load('wrist.npy'))['logits'])\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    expected = distiller.student(streams["accelerometer"])["logits"]
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


def _functional(shape, name, classes=3):
    inputs = keras.Input(shape, name=name)
    hidden = keras.layers.Dense(classes)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, hidden)


def test_models_with_logits_alone_give_kd_by_hand(streams, labels):
    """Two plain models and a Sequential student: CE + mean_k T^2 KL_k of their softmax outputs."""
    student = keras.Sequential([keras.Input((6, 1, 3), name="accelerometer")])
    student.add(keras.layers.Flatten())
    student.add(keras.layers.Dense(3))
    teachers = {
        "first": _functional((5, 4), "skeleton"),
        "second": _functional((6, 1, 3), "accelerometer"),
    }
    distiller = PSKDDistiller(student, teachers, KnowledgeDistillation(temperature=2.0))
    distiller.compile(optimizer=keras.optimizers.SGD(0.0))
    logs = distiller.train_on_batch(streams, labels, return_dict=True)

    def softmax(logits, temperature):
        powers = np.exp(np.asarray(logits, np.float64) / temperature)
        return powers / powers.sum(axis=1, keepdims=True)

    wrist = student(streams["accelerometer"])
    expected = -np.log(softmax(wrist, 1.0)[np.arange(12), labels])
    for teacher, stream in (("first", "skeleton"), ("second", "accelerometer")):
        target = softmax(teachers[teacher](streams[stream]), 2.0)
        divergence = (target * np.log(target / softmax(wrist, 2.0))).sum(axis=1)
        expected = expected + 0.5 * 4.0 * divergence
    assert float(logs["loss"]) == pytest.approx(expected.mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("teacher", "loss", "message"),
    [
        (
            _functional((5, 4), "skeleton", classes=4),
            KnowledgeDistillation(),
            r"In teacher model body: logits must be \(batch, 3 classes\)\. Received: \(None, 4\)",
        ),
        (
            _functional((5, 4), "skeleton"),
            AdaptiveConfidenceSemantic(semantic_weight=1.0),
            r"In teacher model body: outputs must be a dict with \['logits', 'embedding'\]",
        ),
        (
            keras.Sequential([keras.layers.Dense(3)]),
            KnowledgeDistillation(),
            r"In teacher model body: a model must be functional.* Received: Sequential",
        ),
        (
            keras.Model(
                inputs := keras.Input((4,), name="skeleton"),
                {"scores": keras.layers.Dense(3)(inputs)},
            ),
            KnowledgeDistillation(),
            r"In teacher model body: outputs must hold \['logits'\]\. Received: \['scores'\]",
        ),
    ],
    ids=["classes", "no-embedding", "unnamed-inputs", "no-logits"],
)
def test_an_unsuitable_model_is_named(tiny_model, teacher, loss, message):
    with pytest.raises(ValueError, match=message):
        PSKDDistiller(tiny_model(), {"body": teacher}, loss)
