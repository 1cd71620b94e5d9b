"""Mixup of a batch: its inputs, and the loss of its two sources."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.base import CrossEntropy
from pskd_tf.distillation.losses.logits import KnowledgeDistillation
from pskd_tf.distillation.step import distillation_step, mix_with_next

LOSSES = [
    CrossEntropy(0.1),
    KnowledgeDistillation(),
    *[AdaptiveConfidenceSemantic(kind, semantic_weight=0.5) for kind in ("hard", "gap", "soft")],
]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=["ce", "kd", "hard", "gap", "soft"])


def _rolled(targets):
    return {
        "labels": np.roll(targets["labels"], -1),
        "teacher_logits": np.roll(targets["teacher_logits"], -1, axis=0),
        "teacher_embeddings": [np.roll(one, -1, axis=0) for one in targets["teacher_embeddings"]],
    }


def _flat(terms) -> np.ndarray:
    """Loss, parts and selection of each sample, `(batch, numbers)`."""
    parts = [terms.parts[name] for name in sorted(terms.parts)]
    return np.concatenate([np.stack([terms.loss, *parts], axis=1), terms.selection], axis=1)


def test_each_sample_is_mixed_with_the_next_and_the_last_with_the_first():
    signal = np.float32([[[0.0], [1.0]], [[10.0], [20.0]], [[100.0], [400.0]]])
    mixed = mix_with_next(signal, np.float32([1.0, 0.5, 0.25]))
    # 1 x0 + 0 x1; (x1 + x2) / 2; x2 / 4 + 3 x0 / 4
    np.testing.assert_allclose(
        mixed, [[[0.0], [1.0]], [[55.0], [210.0]], [[25.0], [100.75]]], rtol=1e-6
    )
    labels = mix_with_next(np.float32([1.0, 2.0]), np.float32([0.25, 1.0]))
    np.testing.assert_allclose(labels, [1.75, 2.0])


@every_loss
def test_a_share_of_1_is_the_unmixed_batch(loss, make_batch):
    targets, outputs = make_batch()
    mixed = distillation_step(loss, targets, outputs, np.ones(8, np.float32))
    np.testing.assert_allclose(_flat(mixed), _flat(loss.terms(targets, outputs)), rtol=1e-6)
    alone = distillation_step(loss, targets, outputs)
    np.testing.assert_array_equal(_flat(alone), _flat(loss.terms(targets, outputs)))


@every_loss
def test_a_share_of_0_is_the_next_sample_s_targets(loss, make_batch):
    targets, outputs = make_batch()
    mixed = distillation_step(loss, targets, outputs, np.zeros(8, np.float32))
    expected = loss.terms(_rolled(targets), outputs)
    np.testing.assert_allclose(_flat(mixed), _flat(expected), rtol=1e-6)


@every_loss
def test_the_loss_is_linear_in_each_sample_s_share(loss, make_batch):
    targets, outputs = make_batch()
    share = np.random.default_rng(0).uniform(size=8).astype(np.float32)
    mixed = _flat(distillation_step(loss, targets, outputs, share))
    own, other = _flat(loss.terms(targets, outputs)), _flat(loss.terms(_rolled(targets), outputs))
    expected = share[:, None] * own + (1 - share[:, None]) * other
    np.testing.assert_allclose(mixed, expected, rtol=1e-5, atol=1e-6)
    columns = np.asarray(loss.terms(targets, outputs).selection).shape[1]
    np.testing.assert_allclose(mixed[:, -columns:].sum(axis=1), 1.0, atol=1e-6)


@every_loss
def test_teachers_of_the_mixture_say_the_same_to_both_labels(loss, make_batch):
    targets, outputs = make_batch()
    share = np.random.default_rng(0).uniform(size=8).astype(np.float32)
    mixed = _flat(distillation_step(loss, targets, outputs, share, "mixture"))
    next_label = {**targets, "labels": np.roll(targets["labels"], -1)}
    own, other = _flat(loss.terms(targets, outputs)), _flat(loss.terms(next_label, outputs))
    expected = share[:, None] * own + (1 - share[:, None]) * other
    np.testing.assert_allclose(mixed, expected, rtol=1e-5, atol=1e-6)
