"""The decision over the windows of a clip."""

import numpy as np

from pskd_tf.evaluation.scores import classification_scores, clip_probabilities

# Two windows weakly for class 0 and one strongly for class 1, then one clip of a single window.
LOGITS = np.log([[0.5, 0.4, 0.1], [0.5, 0.4, 0.1], [0.05, 0.9, 0.05], [0.2, 0.2, 0.6]])
ROWS = np.array([0, 0, 0, 1])


def test_the_mean_follows_the_confident_window():
    mean = clip_probabilities(LOGITS, ROWS, 2, "mean")
    np.testing.assert_allclose(mean, [[0.35, 1.7 / 3, 0.25 / 3], [0.2, 0.2, 0.6]])


def test_the_vote_follows_the_majority():
    votes = clip_probabilities(LOGITS, ROWS, 2, "vote")
    np.testing.assert_array_equal(votes.argmax(axis=1), [0, 2])
    np.testing.assert_allclose(votes[0], [2 / 3, 1 / 3, 0], atol=1e-5)


def test_a_tied_vote_goes_to_the_higher_mean():
    tied = clip_probabilities(LOGITS[1:3], np.array([0, 0]), 1, "vote")
    assert tied.argmax() == 1


def test_scores_by_hand():
    labels, guesses = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    on_wrist = np.array([True, False, True, True])
    scores = classification_scores(labels, guesses, on_wrist)
    assert scores["accuracy"] == 0.75
    assert scores["wrist_actions_accuracy"] == 1.0
    # F1 of class 0: precision 1, recall 1/2 -> 2/3; of class 1: precision 2/3, recall 1 -> 4/5.
    np.testing.assert_allclose(scores["macro_f1"], (2 / 3 + 4 / 5) / 2)
