"""Losses on embeddings and weights of teachers, against hand-computed numbers."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from pskd_tf.distillation.losses.features import (
    AdaptiveEnsembleDistillation,
    ConfidenceAwareDistillation,
    RelationalDistillation,
    SemanticRegression,
    SimilarityPreservingDistillation,
    adaptive_ensemble_weights,
    confidence_weights,
    minimum_norm_weights,
    onto_capped_simplex,
    relational_distillation,
    similarity_preserving,
    smooth_l1,
)
from pskd_tf.distillation.losses.logits import KnowledgeDistillation, knowledge_distillation


@pytest.mark.parametrize(
    # mse of (3, 4) and (4, 3): 1; of (3, -4): ((3 - 4)^2 + (-4 - 3)^2) / 2 = 25; mean 13.
    # cosine: 1 - 24 / 25 = 0.04 and 1 - (12 - 12) / 25 = 1; mean 0.52. mu = 2, CE 0.693147.
    ("kind", "expected"),
    [("mse", 0.693147 + 2 * 13), ("cosine", 0.693147 + 2 * 0.52)],
)
def test_a_hand_computed_number(kind, expected):
    nothing = np.zeros((1, 2), np.float32)
    targets = {
        "labels": np.int32([0]),
        "teacher_logits": np.zeros((1, 2, 2), np.float32),
        "teacher_embeddings": [np.float32([[3, 4]]), np.float32([[3, -4]])],
    }
    outputs = {"logits": nothing, "projected_embeddings": [np.float32([[4, 3]])] * 2}
    terms = SemanticRegression(2.0, kind).terms(targets, outputs)
    assert float(terms.loss[0]) == pytest.approx(expected, abs=1e-5)
    np.testing.assert_array_equal(terms.selection, [[0.5, 0.5, 0]])


def test_teachers_logits_do_not_matter(make_batch):
    targets, outputs = make_batch()
    before = SemanticRegression().terms(targets, outputs).loss
    other = {**targets, "teacher_logits": -targets["teacher_logits"]}
    np.testing.assert_array_equal(SemanticRegression().terms(other, outputs).loss, before)


ALL = np.ones(3, np.float32)


def _rotation(width, seed=3):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


def test_smooth_l1_is_quadratic_below_1_and_linear_above():
    np.testing.assert_allclose(smooth_l1(np.float32([0, 0.5, -1, 3])), [0, 0.125, 0.5, 2.5])


def test_the_gradient_of_smooth_l1_is_the_clipped_difference():
    difference = tf.constant([0, 0.5, -0.25, 1, -1, 3, -4], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(difference)
        size = smooth_l1(difference)
    expected = [0, 0.5, -0.25, 1, -1, 1, -1]
    np.testing.assert_array_equal(tape.gradient(size, difference), expected)


def test_the_student_s_relations_can_be_given(make_batch):
    targets, outputs = make_batch(teachers=2)
    loss = RelationalDistillation()
    prepared = loss.prepared(outputs)
    assert prepared["relations"].angles.shape == (8, 8, 8)
    assert loss.prepared(prepared) is prepared
    first, second = (loss.terms(targets, one).loss for one in (outputs, prepared))
    np.testing.assert_array_equal(first, second)


def test_hand_computed_distances():
    # Points 0, 1, 3: distances 1, 3, 2, mean 2: 0.5, 1.5, 1. Points 0, 1, 2: mean 4/3: 0.75, 1.5,
    # 0.75. Differences of the pairs 01, 02, 12: 0.25, 0, -0.25, smooth L1 0.03125, 0, 0.03125.
    # Rows over N = 3: 0.03125 / 3, 0.0625 / 3, 0.03125 / 3. On a line in one order angles agree.
    distances, angles = relational_distillation(
        np.float32([[0], [1], [3]]), np.float32([[0], [1], [2]]), ALL
    )
    np.testing.assert_allclose(distances, [0.0104167, 0.0208333, 0.0104167], atol=1e-6)
    np.testing.assert_allclose(angles, 0.0, atol=1e-6)


def test_hand_computed_angles():
    # Teacher: a right angle at 0, half right angles at 1 and 2; the student's points on a line.
    # Cosines at corners 0, 1, 2: 0, 0.707107, 0.707107 against 1, -1, 1; smooth L1 0.5, 1.207107,
    # 0.042893; each counts twice (jk and kj) among N^2 = 9.
    _, angles = relational_distillation(
        np.float32([[0, 0], [1, 0], [0, 1]]), np.float32([[0, 0], [1, 0], [2, 0]]), ALL
    )
    np.testing.assert_allclose(angles, [0.111111, 0.268246, 0.009532], atol=1e-5)


def test_a_moved_turned_and_scaled_embedding_costs_nothing(make_batch):
    teacher = make_batch(teachers=2)[0]["teacher_embeddings"][1]
    student = (0.03 * teacher @ _rotation(4) + 5.0).astype(np.float32)
    terms = relational_distillation(teacher, student, np.ones(8, np.float32))
    np.testing.assert_allclose(terms, 0.0, atol=1e-6)
    bent = student * np.float32([1, 1, 1, 4])
    for term in relational_distillation(teacher, bent, np.ones(8, np.float32)):
        assert np.mean(term) > 1e-3


def test_the_loss_weighs_both_terms_25_to_50(make_batch):
    targets, outputs = make_batch(teachers=1)
    distances, angles = relational_distillation(
        targets["teacher_embeddings"][0], outputs["embedding"], np.ones(8, np.float32)
    )
    parts = RelationalDistillation().terms(targets, outputs).parts
    np.testing.assert_allclose(parts["semantic"], 25 * distances + 50 * angles, rtol=1e-5)


def test_samples_that_are_not_seen_enter_no_pair(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_embeddings"][0], outputs["embedding"]
    seen = np.float32([1, 1, 0, 1, 1, 1, 0, 1])
    some = seen.astype(bool)
    masked = np.array(relational_distillation(teacher, student, seen))
    alone = relational_distillation(teacher[some], student[some], np.ones(6, np.float32))
    np.testing.assert_allclose(masked[:, some], alone, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(masked[:, ~some], 0.0)


def test_a_batch_of_equal_embeddings_has_no_relations():
    same = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(relational_distillation(same, same, ALL), np.zeros((2, 3)))


def test_the_weights_are_arguments(make_batch):
    targets, outputs = make_batch(teachers=2)
    terms = RelationalDistillation(0.0, 0.0).terms(targets, outputs)
    assert float(np.max(terms.parts["semantic"])) == pytest.approx(0.0)


def test_a_hand_computed_number_of_similarity_preserving_distillation():
    # Teacher's Gram matrix: the identity; the student's: ones, rows normalised to 0.707107.
    # Row: (0.707107 - 1)^2 + 0.707107^2 = 0.585786, over N = 2: 0.292893. b = 10, CE 0.693147:
    # 0.693147 + 2.928932 = 3.622079
    targets = {
        "labels": np.int32([0, 1]),
        "teacher_logits": np.zeros((2, 1, 2), np.float32),
        "teacher_embeddings": [np.eye(2, dtype=np.float32)],
    }
    outputs = {
        "logits": np.zeros((2, 2), np.float32),
        "embedding": np.float32([[1, 0, 0], [1, 0, 0]]),
    }
    terms = SimilarityPreservingDistillation(10.0).terms(targets, outputs)
    np.testing.assert_allclose(terms.loss, [3.622079, 3.622079], atol=1e-5)
    np.testing.assert_array_equal(terms.selection, [[1, 0], [1, 0]])


def test_a_turned_and_scaled_embedding_costs_nothing(make_batch):
    teacher = make_batch(teachers=2)[0]["teacher_embeddings"][1]
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    everyone = np.ones(8, np.float32)
    turned = (0.2 * teacher @ rotation).astype(np.float32)
    np.testing.assert_allclose(similarity_preserving(teacher, turned, everyone), 0.0, atol=1e-6)
    moved = similarity_preserving(teacher, turned + 1.0, everyone)
    assert float(np.mean(moved)) > 1e-3  # a shift is another similarity


def test_the_mean_is_the_published_batch_loss(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_embeddings"][0], outputs["embedding"]
    grams = [one @ one.T for one in (teacher, student)]
    grams = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in grams]
    expected = np.square(grams[0] - grams[1]).sum() / 8**2
    value = similarity_preserving(teacher, student, np.ones(8, np.float32))
    assert float(np.mean(value)) == pytest.approx(expected, rel=1e-5)


def test_samples_that_are_not_seen_enter_no_similarity(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_embeddings"][0], outputs["embedding"]
    seen = np.float32([1, 1, 0, 1, 1, 1, 0, 1])
    some = seen.astype(bool)
    masked = np.asarray(similarity_preserving(teacher, student, seen))
    alone = similarity_preserving(teacher[some], student[some], np.ones(6, np.float32))
    np.testing.assert_allclose(masked[some], alone, rtol=1e-5)
    np.testing.assert_array_equal(masked[~some], 0.0)


LABEL = np.int32([0])


def test_hand_computed_weights_of_three_teachers():
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


def test_a_hand_computed_number_of_confidence_aware_distillation():
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


def test_weights_sum_to_1_and_follow_the_probability_of_the_truth(make_batch):
    targets, _ = make_batch(teachers=4)
    labels, logits = targets["labels"], targets["teacher_logits"]
    weights = np.asarray(confidence_weights(labels, logits, np.ones((8, 4), np.float32)))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
    truth = (shifted / shifted.sum(axis=2, keepdims=True))[np.arange(8), :, labels]
    np.testing.assert_array_equal(weights.argmax(axis=1), truth.argmax(axis=1))
    np.testing.assert_array_equal(weights.argmin(axis=1), truth.argmin(axis=1))


def test_equal_teachers_share_equally_and_give_their_mean(make_batch):
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


def test_a_hand_computed_number_of_adaptive_ensemble_distillation():
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


def test_one_teacher_has_the_gradient_of_distillation(make_batch):
    batch = make_batch(teachers=1)
    np.testing.assert_allclose(
        _gradient(AdaptiveEnsembleDistillation(3.0), *batch),
        _gradient(KnowledgeDistillation(3.0, 0.9), *batch),
        atol=1e-6,
    )


def test_identical_teachers_share_equally(make_batch):
    targets, outputs = make_batch(teachers=1)
    targets["teacher_logits"] = np.repeat(targets["teacher_logits"], 3, axis=1)
    terms = AdaptiveEnsembleDistillation(3.0).terms(targets, outputs)
    np.testing.assert_allclose(terms.selection[:, :3], 1 / 3, atol=1e-5)
    expected = KnowledgeDistillation(3.0, 0.9).terms(targets, outputs).loss
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)


def test_the_weights_shorten_the_gradient_of_the_divergences(make_batch):
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


def test_no_gradient_flows_through_the_weights(make_batch):
    targets, outputs = make_batch(teachers=3)
    logits = tf.Variable(outputs["logits"])
    everywhere = np.ones((8, 3), np.float32)
    with tf.GradientTape() as tape:
        weights = adaptive_ensemble_weights(targets["teacher_logits"], logits, everywhere, 3.0, 0.6)
    assert tape.gradient(weights, logits) is None


@pytest.mark.parametrize("cap", [0.0, 1.5])
def test_the_cap_is_checked(cap):
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
def test_closed_forms(vectors, cap, expected):
    usable = np.ones(len(vectors), np.float32)
    for scale in (1.0, 1e-12):  # only directions and ratios matter
        weights = minimum_norm_weights(np.float32(vectors) * np.float32(scale), cap, usable)
        np.testing.assert_allclose(weights, expected, atol=1e-4)


def test_an_unusable_vector_has_no_weight():
    vectors = np.float32([[2, 0], [0, 0], [0, 1]])
    weights = minimum_norm_weights(vectors, 1.0, np.float32([1, 0, 1]))
    np.testing.assert_allclose(weights, [0.2, 0, 0.8], atol=1e-4)
    np.testing.assert_array_equal(minimum_norm_weights(vectors, 1.0, np.zeros(3, np.float32)), 0)


@pytest.mark.parametrize("seed", range(4))
def test_no_point_of_a_fine_grid_is_shorter(seed):
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
def test_the_projection_meets_its_optimality_conditions(seed):
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
