"""An ensemble as one model."""

import keras
import numpy as np

from pskd_tf.models.registry import mean_of_models
from pskd_tf.models.teachers import fusion_teacher, skeleton_teacher

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
