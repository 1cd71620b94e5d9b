"""Models by name, and several as one."""

import keras
import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.models.registry import build_model, mean_of_models, select_inputs
from pskd_tf.models.teachers import fusion_teacher, skeleton_teacher

NAMES = ("skeleton_teacher", "fusion_teacher", "accelerometer_teacher", "accelerometer_student")
STREAMS = {
    "skeleton_teacher": ["skeleton"],
    "fusion_teacher": ["accelerometer", "skeleton"],
    "accelerometer_teacher": ["accelerometer"],
    "accelerometer_student": ["accelerometer"],
}
# At 96 x 10 and 48 x 180 inputs and 27 classes: all parameters, the trainable ones.
PARAMETERS = {
    "skeleton_teacher": (130779, 130107),
    "fusion_teacher": (197275, 196219),
    "accelerometer_teacher": (207163, 206235),
    "accelerometer_student": (26595, 25795),
}


@pytest.fixture(scope="module")
def models() -> dict[str, keras.Model]:
    keras.utils.set_random_seed(0)
    shapes = {"accelerometer_shape": (96, 1, 10), "skeleton_shape": (48, 180)}
    return {name: build_model(name, num_classes=27, **shapes) for name in NAMES}


@pytest.fixture(scope="module")
def batch() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "accelerometer": generator.normal(size=(3, 96, 1, 10)).astype(np.float32),
        "skeleton": generator.normal(size=(3, 48, 180)).astype(np.float32),
    }


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_named_after_streams_and_outputs_have_their_shapes(models, batch, name):
    model = models[name]
    assert sorted(tensor.name for tensor in model.inputs) == STREAMS[name]
    assert model.name == name
    outputs = model(select_inputs(model, batch), training=False)
    assert {key: tuple(value.shape) for key, value in outputs.items()} == {
        "logits": (3, 27),
        "embedding": (3, 64),
    }
    assert np.min(outputs["embedding"]) >= 0  # after ReLU
    assert np.isfinite(outputs["logits"]).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_parameters_is_frozen(models, name):
    model = models[name]
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert (model.count_params(), trainable) == PARAMETERS[name]


@pytest.mark.parametrize("name", NAMES)
def test_short_runs_need_a_batch_norm_momentum_of_0_9(models, name):
    norms = [one for one in models[name].layers if isinstance(one, keras.layers.BatchNormalization)]
    assert len(norms) >= 4 and {norm.momentum for norm in norms} == {0.9}


@pytest.mark.parametrize("name", NAMES)
def test_the_logits_are_the_classifier_on_the_embedding(models, batch, name):
    model = models[name]
    outputs = model(select_inputs(model, batch), training=False)
    kernel, bias = model.get_layer("logits").get_weights()
    expected = np.asarray(outputs["embedding"]) @ kernel + bias
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-5)


@pytest.mark.parametrize("stream", ["skeleton", "accelerometer"])
def test_the_fusion_teacher_reads_either_stream(models, batch, stream):
    model = models["fusion_teacher"]
    silent = {**batch, stream: np.zeros_like(batch[stream])}
    both = np.asarray(model(select_inputs(model, batch), training=False)["logits"])
    one = np.asarray(model(select_inputs(model, silent), training=False)["logits"])
    assert np.abs(both - one).max() > 1e-3


def test_an_unknown_model_is_named():
    with pytest.raises(UserError) as error:
        build_model(
            "teacher", accelerometer_shape=(96, 1, 10), skeleton_shape=(48, 9), num_classes=2
        )
    assert str(error.value) == (
        "A model is one of skeleton_teacher, fusion_teacher, accelerometer_teacher, "
        "accelerometer_student, ign_student, gmp_student. Received: teacher"
    )


def test_a_model_with_one_input_gets_its_tensor_and_others_a_dict(models, batch):
    extra = {**batch, "mixup_share": np.zeros(3, np.float32)}
    assert select_inputs(models["accelerometer_student"], extra) is batch["accelerometer"]
    chosen = select_inputs(models["fusion_teacher"], extra)
    assert set(chosen) == {"skeleton", "accelerometer"}
    assert chosen["skeleton"] is batch["skeleton"]


def test_a_missing_stream_is_named(models, batch):
    with pytest.raises(ValueError) as error:
        select_inputs(models["skeleton_teacher"], {"accelerometer": batch["accelerometer"]})
    assert str(error.value) == (
        "Model skeleton_teacher reads the streams ['skeleton']; the batch must hold them all. "
        "Received: ['accelerometer']"
    )


SKELETON, ACCELEROMETER = (12, 9), (24, 1, 10)


def _streams() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "skeleton": generator.normal(size=(5, *SKELETON)).astype(np.float32),
        "accelerometer": generator.normal(size=(5, *ACCELEROMETER)).astype(np.float32),
    }


def test_logits_are_averaged_and_the_embedding_is_the_first_one_s():
    models = []
    for seed in range(3):
        keras.utils.set_random_seed(seed)
        models.append(
            fusion_teacher(
                skeleton_shape=SKELETON, accelerometer_shape=ACCELEROMETER, num_classes=4
            )
        )
    streams = _streams()
    single = [model(streams, training=False) for model in models]
    together = mean_of_models(models, "fusion_teacher")
    assert [tensor.name for tensor in together.inputs] == [
        tensor.name for tensor in models[0].inputs
    ]
    outputs = together(streams, training=False)
    expected = np.mean([np.asarray(one["logits"]) for one in single], axis=0)
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-6)
    np.testing.assert_array_equal(outputs["embedding"], single[0]["embedding"])


def test_one_model_is_left_as_it_is():
    model = skeleton_teacher(input_shape=SKELETON, num_classes=4)
    assert mean_of_models([model], "skeleton_teacher") is model
