"""CA-MKD: teachers weighted by how well they know the truth."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.features import ConfidenceAwareDistillation, confidence_weights
from pskd_tf.distillation.losses.logits import KnowledgeDistillation

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


def test_a_hand_computed_number():
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
