"""The means of a distillation: weighted sums over batches, by closed form."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.base import DistillationTerms
from pskd_tf.distillation.training_means import MeanTable, batch_sums, mean_names


def test_means_are_weighted_over_all_updates_and_0_without_weight():
    table = MeanTable(["a", "b", "c"])
    table.update_state(np.float32([2, 8, 0]), np.float32([1, 4, 0]))
    table.update_state(np.float32([6, 1, 0]), np.float32([3, 0, 0]))
    means = {name: float(value) for name, value in table.result().items()}
    assert means == {"a": 2.0, "b": 2.25, "c": 0.0}
    table.reset_state()
    assert [float(value) for value in table.result().values()] == [0.0, 0.0, 0.0]


def _terms(batch, teachers):
    loss = np.arange(batch, dtype=np.float32)
    selection = np.full((batch, teachers + 1), 1 / (teachers + 1), np.float32)
    return DistillationTerms(loss, {"cross_entropy": loss / 2}, selection)


def test_a_batch_has_a_sum_and_a_weight_for_each_name():
    """Four samples of two classes: the student is right on three, agrees with a teacher on two."""
    logits = np.float32([[1, 0], [1, 0], [0, 1], [0, 1]])
    teacher = np.float32([[1, 0], [0, 1], [1, 0], [0, 1]])[:, None]
    targets = {"labels": np.int32([0, 0, 1, 0]), "teacher_logits": teacher}
    sums, weights = batch_sums(np.float32(1.5), _terms(4, 1), targets, logits)
    names = mean_names(["body"])
    assert names == [
        "loss",
        "accuracy",
        "agreement_body",
        "cross_entropy",
        "distillation",
        "semantic",
        "followed_body",
        "followed_ground_truth",
    ]
    np.testing.assert_allclose(sums, [6, 3, 2, 3, 0, 0, 2, 2])
    np.testing.assert_allclose(weights, [4] * 8)


def test_missing_labels_unseen_samples_and_weights_count_where_they_should():
    """Of four samples one has no label, one no teacher, and one weighs two."""
    logits = np.float32([[1, 0], [1, 0], [0, 1], [0, 1]])
    targets = {
        "labels": np.int32([0, -1, 1, 0]),
        "teacher_logits": logits[:, None],
        "teacher_available": np.float32([[1], [1], [1], [0]]),
    }
    weight = np.float32([1, 1, 1, 2])
    means = batch_sums(np.float32(0), _terms(4, 1), targets, logits, weight, True)
    accuracy, agreement, cross_entropy = ((means[0][i], means[1][i]) for i in (1, 2, 3))
    assert tuple(map(float, accuracy)) == (2.0, 4.0)
    assert tuple(map(float, agreement)) == (3.0, 3.0)
    assert tuple(map(float, cross_entropy)) == (0.0 + 0.5 + 1.0 + 2 * 1.5, 5.0)


@pytest.mark.parametrize("missing", [False, True])
def test_without_teachers_there_is_no_agreement(missing):
    logits = np.float32([[1, 0], [0, 1]])
    targets = {"labels": np.int32([0, 0])}
    sums, weights = batch_sums(
        np.float32(0), _terms(2, 0), targets, logits, labels_may_be_missing=missing
    )
    assert len(mean_names([])) == sums.shape[0] == weights.shape[0] == 6
    assert (float(sums[1]), float(weights[1])) == (1.0, 2.0)
