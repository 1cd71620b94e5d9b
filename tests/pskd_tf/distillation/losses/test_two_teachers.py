"""TDA_KD and TGD: closed forms by hand, and the losses that they are in special cases."""

import keras
import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.distillation.distiller import PSKDDistiller
from pskd_tf.distillation.losses.assistants import TeacherAssistantDistillation
from pskd_tf.distillation.losses.embeddings import similarity_preserving
from pskd_tf.distillation.losses.two_teachers import (
    TopologicalDistillation,
    TopologicalGuidance,
    first_teacher_shares,
    guiding_map_distance,
    over_own_deviation,
)


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def divergence(teacher: np.ndarray, student: np.ndarray) -> np.ndarray:
    """Returns KL of the softmaxes, sample by sample."""
    p, q = softmax(teacher), softmax(student)
    return (p * np.log(p / q)).sum(axis=-1)


def over(values: np.ndarray) -> np.ndarray:
    return values / values.std(axis=-1, ddof=1, keepdims=True)


def test_shares_of_the_first_teacher_and_of_those_that_are_available():
    available = np.float32([[1, 1, 1], [0, 1, 1], [1, 0, 1], [0, 0, 0]])
    expected = [[0.6, 0.2, 0.2], [0, 0.5, 0.5], [0.75, 0, 0.25], [0, 0, 0]]
    np.testing.assert_allclose(first_teacher_shares(available, 0.6), expected, rtol=1e-6)


def test_logits_over_their_deviation_by_hand():
    # (3, 0, 0): mean 1, squares 4 + 1 + 1 = 6, over 2: deviation sqrt 3. Equal ones stay.
    expected = [[3 / np.sqrt(3), 0, 0], [7, 7, 7]]
    np.testing.assert_allclose(over_own_deviation(np.float32([[3, 0, 0], [7, 7, 7]])), expected)


def test_tda_kd_is_what_its_code_computes(make_batch):
    targets, outputs = make_batch(teachers=2)
    student, labels = over(outputs["logits"]), targets["labels"]
    one, two = (over(targets["teacher_logits"][:, k]) for k in range(2))
    truth = -np.log(softmax(student)[np.arange(8), labels])
    mixed = 0.7 * divergence(2 * one, 2 * student) + 0.3 * divergence(2 * two, 2 * student)
    terms = TopologicalDistillation().terms(targets, outputs)
    np.testing.assert_allclose(terms.loss, 0.01 * truth + 0.99 * 16 * mixed / 5, rtol=1e-4)
    np.testing.assert_allclose(terms.selection[0], [0.693, 0.297, 0.01], atol=1e-6)


def test_tgd_is_what_its_code_computes(make_batch):
    targets, outputs = make_batch(teachers=2)
    student, labels, share = outputs["logits"], targets["labels"], 0.6
    truth = -np.log(softmax(student)[np.arange(8), labels])
    each = [divergence(targets["teacher_logits"][:, k] / 4, student / 4) for k in range(2)]
    mixed = share * each[0] + (1 - share) * each[1]
    grams = [f @ f.T for f in (outputs["embedding"], *targets["teacher_embeddings"])]
    guide = share * grams[1] + (1 - share) * grams[2]
    own = grams[0] / np.linalg.norm(grams[0], axis=1, keepdims=True)
    guide = guide / np.linalg.norm(guide, axis=1, keepdims=True)
    expected = 0.1 * truth + 0.9 * 16 * mixed / 5 + 1000 * ((own - guide) ** 2).mean(axis=1)
    terms = TopologicalGuidance(first_share=share).terms(targets, outputs)
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-4)


def test_the_map_of_one_teacher_is_that_of_sp(make_batch):
    targets, outputs = make_batch(teachers=2)
    seen = np.float32([1, 1, 0, 1, 1, 1, 1, 1])
    shares = seen[:, None] * np.float32([[1, 0]])
    teachers = targets["teacher_embeddings"]
    found = guiding_map_distance(teachers, outputs["embedding"], shares, seen)
    same = similarity_preserving(teachers[0], outputs["embedding"], seen)
    np.testing.assert_allclose(found, same, rtol=1e-5)


def test_with_all_weight_on_one_teacher_tgd_without_maps_is_kd(make_batch):
    targets, outputs = make_batch(teachers=2)
    found = TopologicalGuidance(4.0, 0.5, 1.0, 0.0).terms(targets, outputs)
    kd = TeacherAssistantDistillation(4.0, 0.5, "first").terms(targets, outputs)
    classes = outputs["logits"].shape[1]
    np.testing.assert_allclose(
        classes * found.parts["distillation"], kd.parts["distillation"], rtol=1e-4
    )
    np.testing.assert_allclose(found.parts["cross_entropy"], kd.parts["cross_entropy"], rtol=1e-5)


@pytest.mark.parametrize("loss", [TopologicalDistillation(), TopologicalGuidance()])
def test_a_teacher_that_is_not_available_may_put_out_nan(loss, make_batch):
    targets, outputs = make_batch(teachers=2)
    available = np.ones((8, 2), np.float32)
    available[[0, 3, 3], [0, 0, 1]] = 0
    seen = available > 0
    targets["teacher_available"] = available
    absent = {
        **targets,
        "teacher_logits": np.where(seen[..., None], targets["teacher_logits"], np.float32(np.nan)),
        "teacher_embeddings": [
            np.where(seen[:, [k]], one, np.float32(np.nan))
            for k, one in enumerate(targets["teacher_embeddings"])
        ],
    }
    terms = loss.terms(absent, outputs)
    np.testing.assert_allclose(terms.loss, loss.terms(targets, outputs).loss, rtol=1e-6)
    np.testing.assert_array_equal(terms.selection[3], [0, 0, 1])


def test_one_teacher_and_shares_out_of_range_are_refused(tiny_model):
    with pytest.raises(UserError, match=r"topological_guidance needs 2 teachers. Received: body"):
        PSKDDistiller(tiny_model(), {"body": tiny_model(seed=1)}, TopologicalGuidance())
    with pytest.raises(ValueError, match=r"first_share must lie in 0..1. Received: 1.1"):
        TopologicalDistillation(first_share=1.1)
    with pytest.raises(ValueError, match=r"sharpness must be positive. Received: 0"):
        TopologicalDistillation(sharpness=0)


def test_a_distiller_trains_with_tgd(tiny_model, streams, labels):
    teachers = {"body": tiny_model(("skeleton",), seed=1), "wrist": tiny_model(seed=2)}
    distiller = PSKDDistiller(tiny_model(), teachers, TopologicalGuidance(similarity_weight=10.0))
    distiller.compile(optimizer=keras.optimizers.Adam(0.01))
    history = distiller.fit(streams, labels, epochs=1, batch_size=12, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["distillation"][0] > 0 and history["semantic"][0] > 0
