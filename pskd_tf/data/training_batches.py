"""The stream of augmented training batches, from any epoch on."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from data_prep.user_error import UserError
from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.draw_generator import draw_generator
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.kept_views import KeptViews
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.data.random_views import random_views

# Handing arrays from Python to TensorFlow costs as much as drawing a small batch of views.
_BATCHES_IN_A_GROUP = 8


def training_batches(
    clips: PairedClips,
    streams: Collection[str],
    *,
    seed: int,
    stage: str,
    first_epoch: int,
    epochs: int,
    batch_size: int,
    inputs: InputSettings,
    augmentation: AugmentationSettings,
    mixup: float = 0.0,
    given: Mapping[str, np.ndarray] | None = None,
    dropped_teachers: Sequence[str] = (),
    kept_views: Path | None = None,
) -> tf.data.Dataset:
    """Streams batches; every draw is a function of (seed, stage, epoch, step).

    Args:
        clips: The training clips.
        streams: `accelerometer`, `skeleton` or both.
        seed: The run's seed.
        stage: Name of the stage, so that stages draw differently.
        first_epoch: Epoch to begin with, counted from 0.
        epochs: Epoch to end before.
        batch_size: Clips in a batch; what is left over at an epoch's end is dropped.
        inputs: The preprocessing.
        augmentation: Strengths of the random changes.
        mixup: Parameter a of the Beta(a, a) that shares are drawn from; 0 switches mixup off.
        given: Further columns by name, `(clips, ...)` float32, such as teachers' outputs.
        dropped_teachers: Names of teachers of whom each batch lacks one, drawn at random: its
            column `<name>_available` `(batch,)` is 0 (Son et al., ICCV 2021).
        kept_views: Where to keep the views, as `KeptViews` takes it; None draws them.

    Returns:
        A dataset of `(x, y)`: `x` the streams, the given columns and, with mixup, `mixup_share`
        `(batch,)`; `y` `(batch,)` int32 labels.

    Raises:
        UserError: There are fewer clips than one batch holds.
    """
    if len(clips) < batch_size:
        raise UserError(f"A batch of {batch_size} needs at least as many clips", len(clips))
    given = dict(given or {})

    steps = len(clips) // batch_size

    def batch(
        rows: np.ndarray, generator: np.random.Generator, keeper: KeptViews, number: int
    ) -> tuple[dict, np.ndarray]:
        of_views, of_mixup = generator.spawn(2)
        x = keeper.views(
            number,
            streams,
            lambda names: random_views(clips, rows, names, of_views, inputs, augmentation),
        )
        x |= {name: column[rows] for name, column in given.items()}
        if mixup:
            x["mixup_share"] = of_mixup.beta(mixup, mixup, len(rows)).astype(np.float32)
        if dropped_teachers:
            everywhere = np.ones(len(rows), np.float32)
            # Spawned third, so that the draws of views and mixup are the same with and without.
            dropped = generator.spawn(1)[0].choice(dropped_teachers)
            for name in dropped_teachers:
                available = x.get(f"{name}_available", everywhere)
                x[f"{name}_available"] = available * np.float32(name != dropped)
        return x, clips.labels[rows]

    def groups() -> Iterator[tuple[dict, np.ndarray]]:
        keeper = KeptViews(kept_views, epochs * steps)
        for epoch in range(first_epoch, epochs):
            order = draw_generator(seed, stage, epoch).permutation(len(clips))
            for first in range(0, steps, _BATCHES_IN_A_GROUP):
                group = []
                for step in range(first, min(first + _BATCHES_IN_A_GROUP, steps)):
                    rows = order[step * batch_size : (step + 1) * batch_size]
                    generator = draw_generator(seed, stage, epoch, step + 1)
                    group.append(batch(rows, generator, keeper, epoch * steps + step))
                yield tf.nest.map_structure(lambda *arrays: np.stack(arrays), *group)

    nothing_kept = KeptViews(None, 0)
    example = batch(np.arange(batch_size), draw_generator(seed, stage, 0, 0), nothing_kept, 0)
    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape), array.dtype), example
    )
    stream = tf.data.Dataset.from_generator(groups, output_signature=signature)
    # There is nothing to tune, and the end of a tuned stream waits up to a minute for the tuner.
    options = tf.data.Options()
    options.autotune.enabled = False
    return stream.unbatch().prefetch(_BATCHES_IN_A_GROUP).with_options(options)
