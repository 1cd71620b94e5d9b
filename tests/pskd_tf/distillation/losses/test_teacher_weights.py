"""Losses that weight the teachers: hand-computed weights, and their limits."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.logits import (
    KnowledgeDistillation,
    knowledge_distillation,
)
from pskd_tf.distillation.losses.teacher_weights import (
    AdaptiveEnsembleDistillation,
    ConfidenceAwareDistillation,
    EntropyBasedDistillation,
    GuidedKnowledgeDistillation,
    adaptive_ensemble_weights,
    confidence_weights,
    entropy_weights,
    minimum_norm_weights,
    onto_capped_simplex,
)


def test_guided_distillation_follows_the_right_teachers_alone():
    # At T = 2: teacher 1 (3/4, 1/4), right, T^2 KL = 0.523248; teacher 2 (1/4, 3/4), wrong.
    # CE of two equal logits: 0.693147. lambda = 3: 0.693147 + 3 * 0.523248 = 2.262891
    teachers = 2 * np.log(np.float32([[[3.0, 1.0], [1.0, 3.0]]]))
    targets = {"labels": np.int32([0]), "teacher_logits": teachers}
    terms = GuidedKnowledgeDistillation(2.0, 3.0).terms(
        targets, {"logits": np.zeros((1, 2), np.float32)}
    )
    assert float(terms.loss[0]) == pytest.approx(2.262891, abs=1e-5)
    np.testing.assert_array_equal(terms.selection, [[1, 0, 0]])


def test_guided_distillation_is_cross_entropy_where_all_teachers_are_wrong(make_batch):
    targets, outputs = make_batch(teachers=2, boost=-50.0)
    terms = GuidedKnowledgeDistillation(label_smoothing=0.1).terms(targets, outputs)
    expected = cross_entropy(targets["labels"], outputs["logits"], 0.1)
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)
    np.testing.assert_array_equal(terms.selection, np.tile([0, 0, 1], (8, 1)))


def test_guided_distillation_is_the_mean_of_teachers_that_are_right(make_batch):
    batch = make_batch(teachers=3, boost=50.0)
    terms = GuidedKnowledgeDistillation(3.0, 0.7).terms(*batch)
    np.testing.assert_allclose(
        terms.loss, KnowledgeDistillation(3.0, 0.7).terms(*batch).loss, rtol=1e-5
    )


def test_entropy_based_distillation_weights_a_certain_teacher_more():
    # H_1 of (0.5, 0.5) = 0.693147, H_2 of (0.9, 0.1) = 0.325083, sum 1.018230, n - 1 = 1:
    # w_1 = 0.325083 / 1.018230 = 0.319263, w_2 = 0.680737.
    # KL_1 = 0, KL_2 = 0.693147 - 0.325083 = 0.368064; T = 1, lambda = 2:
    # 0.693147 + 2 * 0.680737 * 0.368064 = 1.194257
    teachers = np.log(np.float32([[[0.5, 0.5], [0.9, 0.1]]]))
    targets = {"labels": np.int32([0]), "teacher_logits": teachers}
    terms = EntropyBasedDistillation(1.0, 2.0).terms(
        targets, {"logits": np.zeros((1, 2), np.float32)}
    )
    assert float(terms.loss[0]) == pytest.approx(1.194257, abs=1e-5)
    np.testing.assert_allclose(terms.selection, [[0.319263, 0.680737, 0.0]], atol=1e-6)


def test_entropy_weights_are_lowest_for_a_uniform_teacher(make_batch):
    logits = make_batch(teachers=3)[0]["teacher_logits"]
    logits[:, 1] = 7.0
    weights = np.asarray(entropy_weights(logits, np.ones((8, 3), np.float32)))
    assert (weights.argmin(axis=1) == 1).all()
    assert weights.max() <= 0.5 + 1e-6  # 1 / (K - 1), that of a teacher without entropy
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_entropy_weights_of_equal_teachers_are_equal(make_batch, scale):
    logits = make_batch(teachers=1)[0]["teacher_logits"] * np.float32(scale)
    weights = entropy_weights(np.repeat(logits, 3, axis=1), np.ones((8, 3), np.float32))
    np.testing.assert_allclose(weights, 1 / 3, atol=1e-6)


def test_entropy_based_distillation_of_one_teacher_is_knowledge_distillation(make_batch):
    batch = make_batch(teachers=1)
    terms = EntropyBasedDistillation(3.0, 0.7, 0.1).terms(*batch)
    expected = KnowledgeDistillation(3.0, 0.7, 0.1).terms(*batch).loss
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)


LABEL = np.int32([0])


def test_confidence_weights_of_three_two_and_one_teachers():
    # exp(CE) = 1 / p: 1.25, 2.5, 5 for p = 0.8, 0.4, 0.2; softmax over teachers 1/7, 2/7, 4/7;
    # (1 - .) / 2 = 3/7, 5/14, 3/14.
    teachers = np.log(np.float32([[[0.8, 0.2], [0.4, 0.6], [0.2, 0.8]]]))
    weights = confidence_weights(LABEL, teachers, np.ones((1, 3), np.float32))
    np.testing.assert_allclose(weights, [[3 / 7, 5 / 14, 3 / 14]], atol=1e-6)
    # Without the first: softmax 1/3, 2/3; n = 2: 2/3, 1/3. The last alone: 1.
    some = confidence_weights(LABEL, teachers, np.float32([[0, 1, 1]]))
    np.testing.assert_allclose(some, [[0, 2 / 3, 1 / 3]], atol=1e-6)
    alone = confidence_weights(LABEL, teachers, np.float32([[0, 0, 1]]))
    np.testing.assert_allclose(alone, [[0, 0, 1]], atol=1e-6)


def test_confidence_aware_distillation_weights_logits_and_embeddings():
    # Weights 2/3 and 1/3 as above. At T = 1 from a student of halves: KL of (0.8, 0.2) 0.192745,
    # of (0.4, 0.6) 0.020136. MSE of (1, 0) and (2, 0) from (0, 0): 0.5 and 2.
    # 0.693147 + (2/3 * 0.192745 + 1/3 * 0.020136) + 0.5 (2/3 * 0.5 + 1/3 * 2)
    # = 0.693147 + 0.135209 + 0.5 = 1.328356
    targets = {
        "labels": LABEL,
        "teacher_logits": np.log(np.float32([[[0.8, 0.2], [0.4, 0.6]]])),
        "teacher_embeddings": [np.float32([[1, 0]]), np.float32([[2, 0]])],
    }
    nothing = np.zeros((1, 2), np.float32)
    outputs = {"logits": nothing, "projected_embeddings": [nothing, nothing]}
    terms = ConfidenceAwareDistillation(1.0, 1.0, 0.5).terms(targets, outputs)
    assert float(terms.loss[0]) == pytest.approx(1.328356, abs=1e-5)
    assert float(terms.parts["semantic"][0]) == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_allclose(terms.selection, [[2 / 3, 1 / 3, 0]], atol=1e-6)


def test_confidence_weights_sum_to_1_and_grow_with_the_probability_of_the_truth(make_batch):
    targets, _ = make_batch(teachers=4)
    labels, logits = targets["labels"], targets["teacher_logits"]
    weights = np.asarray(confidence_weights(labels, logits, np.ones((8, 4), np.float32)))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
    truth = (shifted / shifted.sum(axis=2, keepdims=True))[np.arange(8), :, labels]
    np.testing.assert_array_equal(weights.argmax(axis=1), truth.argmax(axis=1))
    np.testing.assert_array_equal(weights.argmin(axis=1), truth.argmin(axis=1))


def test_confidence_aware_distillation_of_equal_teachers_is_their_mean(make_batch):
    targets, outputs = make_batch(teachers=1)
    targets["teacher_logits"] = np.repeat(targets["teacher_logits"], 3, axis=1)
    loss = ConfidenceAwareDistillation(3.0, 0.7, 0.0)
    assert not loss.uses_embeddings
    terms = loss.terms(targets, outputs)
    np.testing.assert_allclose(terms.selection[:, :3], 1 / 3, atol=1e-6)
    expected = KnowledgeDistillation(3.0, 0.7).terms(targets, outputs).loss
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)


def _gradient(loss, targets, outputs):
    logits = tf.Variable(outputs["logits"])
    with tf.GradientTape() as tape:
        value = loss.terms(targets, {**outputs, "logits": logits}).loss
    return tape.gradient(value, logits)


def test_adaptive_ensemble_weights_cancel_the_gradients_up_to_the_cap():
    # T = 1, student of halves: g_1 = (0.5 - 0.8) (1, -1) = -0.3 (1, -1), g_2 = 0.1 (1, -1).
    # They cancel at w = (1/4, 3/4); the cap 0.6 gives (0.4, 0.6).
    # 0.693147 + 0.9 (0.4 * 0.192745 + 0.6 * 0.020136) = 0.773409
    targets = {
        "labels": np.int32([0]),
        "teacher_logits": np.log(np.float32([[[0.8, 0.2], [0.4, 0.6]]])),
    }
    outputs = {"logits": np.zeros((1, 2), np.float32)}
    terms = AdaptiveEnsembleDistillation(1.0).terms(targets, outputs)
    assert float(terms.loss[0]) == pytest.approx(0.773409, abs=1e-4)
    np.testing.assert_allclose(terms.selection, [[0.4, 0.6, 0]], atol=1e-4)
    free = AdaptiveEnsembleDistillation(1.0, cap=1.0).terms(targets, outputs)
    np.testing.assert_allclose(free.selection, [[0.25, 0.75, 0]], atol=1e-4)


def test_adaptive_ensemble_distillation_of_one_teacher_has_the_gradient_of_distillation(make_batch):
    batch = make_batch(teachers=1)
    np.testing.assert_allclose(
        _gradient(AdaptiveEnsembleDistillation(3.0), *batch),
        _gradient(KnowledgeDistillation(3.0, 0.9), *batch),
        atol=1e-6,
    )


def test_adaptive_ensemble_weights_of_identical_teachers_are_equal(make_batch):
    targets, outputs = make_batch(teachers=1)
    targets["teacher_logits"] = np.repeat(targets["teacher_logits"], 3, axis=1)
    terms = AdaptiveEnsembleDistillation(3.0).terms(targets, outputs)
    np.testing.assert_allclose(terms.selection[:, :3], 1 / 3, atol=1e-5)
    expected = KnowledgeDistillation(3.0, 0.9).terms(targets, outputs).loss
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)


def test_adaptive_ensemble_weights_minimise_the_norm_of_the_gradient(make_batch):
    """The closed form of the gradient agrees with the tape's, and equal weights are longer."""
    targets, outputs = make_batch(teachers=3)
    teachers, logits = targets["teacher_logits"], tf.Variable(outputs["logits"])
    with tf.GradientTape() as tape:
        divergence = tf.reduce_mean(knowledge_distillation(teachers, logits[:, None], 3.0), axis=0)
    # Each (batch, classes) Jacobian already holds the mean over the batch, so their sum is g_k.
    pulls = tf.reduce_sum(tape.jacobian(divergence, logits), axis=1).numpy()
    everywhere = np.ones((8, 3), np.float32)
    weights = np.asarray(adaptive_ensemble_weights(teachers, logits, everywhere, 3.0, 0.6))
    assert np.ptp(weights, axis=0).max() == 0  # one weight per batch
    length = np.linalg.norm(weights[0] @ pulls)
    assert length < np.linalg.norm(pulls.mean(axis=0)) - 1e-3
    for k in range(3):
        towards = 0.9 * weights[0] + 0.1 * (np.arange(3) == k)
        if towards.max() <= 0.6:
            assert np.linalg.norm(towards @ pulls) >= length - 1e-4


def test_no_gradient_flows_through_the_adaptive_ensemble_weights(make_batch):
    targets, outputs = make_batch(teachers=3)
    logits = tf.Variable(outputs["logits"])
    everywhere = np.ones((8, 3), np.float32)
    with tf.GradientTape() as tape:
        weights = adaptive_ensemble_weights(targets["teacher_logits"], logits, everywhere, 3.0, 0.6)
    assert tape.gradient(weights, logits) is None


@pytest.mark.parametrize("cap", [0.0, 1.5])
def test_a_cap_outside_0_to_1_is_refused(cap):
    with pytest.raises(ValueError) as error:
        AdaptiveEnsembleDistillation(cap=cap)
    assert str(error.value) == f"cap must lie in 0..1, 0 excluded. Received: {cap}"


@pytest.mark.parametrize(
    ("vectors", "cap", "expected"),
    [
        # 4 w^2 + (1 - w)^2 is least at w = 1/5; under a cap of 0.6 at w = 0.4.
        ([[2, 0], [0, 1]], 1.0, [0.2, 0.8]),
        ([[2, 0], [0, 1]], 0.6, [0.4, 0.6]),
        # A cap below 1 / K is raised to it.
        ([[2, 0], [0, 1]], 0.1, [0.5, 0.5]),
        # Opposite vectors cancel: -3 w + (1 - w) = 0.
        ([[-3, 0], [1, 0]], 1.0, [0.25, 0.75]),
        ([[1, 2], [1, 2], [1, 2]], 0.6, [1 / 3, 1 / 3, 1 / 3]),
        ([[0, 0], [0, 0]], 0.6, [0.5, 0.5]),
        ([[5, 1]], 0.6, [1.0]),
    ],
)
def test_minimum_norm_weights_have_their_closed_forms(vectors, cap, expected):
    usable = np.ones(len(vectors), np.float32)
    for scale in (1.0, 1e-12):  # only directions and ratios matter
        weights = minimum_norm_weights(np.float32(vectors) * np.float32(scale), cap, usable)
        np.testing.assert_allclose(weights, expected, atol=1e-4)


def test_minimum_norm_weights_are_0_for_an_unusable_vector():
    vectors = np.float32([[2, 0], [0, 0], [0, 1]])
    weights = minimum_norm_weights(vectors, 1.0, np.float32([1, 0, 1]))
    np.testing.assert_allclose(weights, [0.2, 0, 0.8], atol=1e-4)
    np.testing.assert_array_equal(minimum_norm_weights(vectors, 1.0, np.zeros(3, np.float32)), 0)


@pytest.mark.parametrize("seed", range(4))
def test_minimum_norm_weights_are_as_good_as_a_fine_grid(seed):
    vectors = np.random.default_rng(seed).normal(size=(3, 4)).astype(np.float32) + 0.5
    weights = np.asarray(minimum_norm_weights(vectors, 0.6, np.ones(3, np.float32)))
    assert weights.sum() == pytest.approx(1.0, abs=1e-5)
    assert weights.min() >= 0 and weights.max() <= 0.6 + 1e-6
    grid = [
        (a / 100, b / 100, 1 - (a + b) / 100)
        for a, b in itertools.product(range(61), repeat=2)
        if 40 <= a + b <= 100
    ]
    shortest = np.square(np.array(grid) @ vectors).sum(axis=1).min()
    assert np.square(weights @ vectors).sum() <= shortest + 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_the_projection_onto_the_capped_simplex_is_the_nearest_point(seed):
    generator = np.random.default_rng(seed)
    point = generator.normal(0, 1, 5).astype(np.float32)
    caps = np.float32([0.4, 0.4, 0.0, 0.4, 0.4])
    nearest = np.asarray(onto_capped_simplex(point, caps))
    assert nearest.sum() == pytest.approx(1.0, abs=1e-5)
    assert (nearest >= 0).all() and (nearest <= caps + 1e-6).all()
    # No other feasible point lies in the direction of the given one.
    for _ in range(50):
        other = np.minimum(generator.dirichlet(np.ones(5)), caps)
        other += (caps - other) * (1 - other.sum()) / (caps - other).sum()
        assert (point - nearest) @ (other - nearest) <= 1e-5
