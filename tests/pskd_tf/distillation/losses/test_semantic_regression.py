"""FitNet's and VSKD's regression of embeddings."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.features import SemanticRegression


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
