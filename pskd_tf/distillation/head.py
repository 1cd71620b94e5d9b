"""Fine-tuning of a student's last layer, the dense head, on embeddings of a frozen net.

The loss is convex in the head's weights, so a few hundred steps of gradient descent on all samples
at once take seconds; where they end, between the given head and the best one for the samples, is
the regularisation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from data_prep.settings import check_settings, setting

_MOMENTUM = np.float32(0.9)


@dataclass(frozen=True)
class HeadSettings:
    """How the head is fine-tuned for one wearer.

    The defaults were chosen by leaving training subjects of UTD-MHAD out.
    """

    learning_rate: float = setting(
        2.0,
        "Step of gradient descent, over the mean squared norm of the embeddings; up to 4 it "
        "converges whatever the embeddings are.",
        above=0,
        maximum=4,
    )
    epochs: int = setting(300, "Steps of gradient descent on all samples.", minimum=1)
    own_share: float = setting(
        0.8,
        "Weight of the wearer's repetitions among all movements of their classes; the run's "
        "training data have the rest.",
        above=0,
        maximum=1,
    )
    none_bias: float = setting(
        1.0,
        'Added to the output for "none" at the end, so that no more is said at rest than before.',
        minimum=0,
    )
    views: int = setting(8, "Augmented views of each of the wearer's repetitions.", minimum=1)

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class HeadSamples:
    """What a head is trained on.

    Attributes:
        embeddings: `(samples, width)` float32, the frozen net's.
        labels: `(samples,)` classes.
    """

    embeddings: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Head:
    """A dense layer.

    Attributes:
        kernel: `(width, classes)` float32.
        bias: `(classes,)` float32.
    """

    kernel: np.ndarray
    bias: np.ndarray

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """Returns `(samples, classes)` of embeddings `(samples, width)`."""
        return np.asarray(embeddings @ self.kernel + self.bias)

    def with_none_bias(self, null_class: int | None, added: float) -> "Head":
        """Returns the head with more for "none", where there is such an output."""
        if null_class is None:
            return self
        bias = self.bias.copy()
        bias[null_class] += np.float32(added)
        return Head(self.kernel, bias)


def sample_weights(
    own: np.ndarray, training: np.ndarray, null_class: int | None, own_share: float
) -> np.ndarray:
    """Returns the weight of each sample in the loss; they sum to 1.

    The classes keep their shares of the training data, so that few repetitions of few classes do
    not make these more likely than the others: "none" and classes without a repetition are taught
    by the training data alone, the others by the wearer to `own_share`. Ours.

    Args:
        own: `(wearer's samples,)` labels; none of them is "none".
        training: `(training samples,)` labels.
        null_class: The label "none"; None without one.
        own_share: Weight of the wearer's samples among all of the same classes.

    Returns:
        `(wearer's and training samples,)` float32.
    """
    is_own = np.isin(training, own)
    if null_class is not None:
        is_own &= training != null_class
    taken = float(is_own.mean()) * own_share
    _, places, counts = np.unique(own, return_inverse=True, return_counts=True)
    mine = taken / (len(counts) * counts[places])
    rest = np.where(is_own, 1 - own_share, 1.0) / len(training)
    return np.asarray(np.concatenate([mine, rest]), np.float32)


def fine_tuned_heads(
    head: Head,
    own: HeadSamples,
    training: HeadSamples,
    settings: HeadSettings,
    label_smoothing: float,
    null_class: int | None,
    epochs: Sequence[int] | None = None,
) -> list[Head]:
    """Trains a head on a wearer's samples and on training data, by gradient descent with momentum.

    Args:
        head: Where it starts.
        own: The wearer's samples, at least one.
        training: Samples of the training data of `head`.
        settings: See there; `none_bias` is added at the end.
        label_smoothing: Of the cross-entropy, as in the training of `head`.
        null_class: The class "none"; None without one.
        epochs: The numbers of steps after which a head is returned; those of `settings` if None.

    Returns:
        A head for each number of epochs, in ascending order. Source: multinomial logistic
        regression; the weights of the samples are ours.
    """
    stops = sorted(set(epochs or (settings.epochs,)))
    classes = len(head.bias)
    labels = np.concatenate([own.labels, training.labels])
    embeddings = np.concatenate([own.embeddings, training.embeddings])
    inputs = np.pad(embeddings, [(0, 0), (0, 1)], constant_values=1).astype(np.float32)
    targets = np.full((len(labels), classes), label_smoothing / classes, np.float32)
    targets[np.arange(len(labels)), labels] += 1 - label_smoothing
    weights = sample_weights(own.labels, training.labels, null_class, settings.own_share)
    norm = float((weights * (inputs**2).sum(axis=1)).sum())
    rate = np.float32(settings.learning_rate / norm)
    weighted = inputs.T * weights
    values = np.concatenate([head.kernel, head.bias[None]]).astype(np.float32)
    speed = np.zeros_like(values)
    found = []
    # More threads sum in another order, and wait for each other longer than they work.
    with threadpool_limits(1):
        for epoch in range(1, stops[-1] + 1):
            difference = softmax(inputs @ values, axis=1) - targets
            speed = _MOMENTUM * speed - rate * (weighted @ difference)
            values = values + speed
            if epoch in stops:
                tuned = Head(values[:-1], values[-1])
                found.append(tuned.with_none_bias(null_class, settings.none_bias))
    return found
