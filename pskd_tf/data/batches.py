"""Batches of training views, each draw a function of (seed, stage, epoch, step).

`training_batches` streams them as a `tf.data.Dataset`. Trainings that are compared share their
draws, so `KeptViews` keeps the views of the first one on disk for the others.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from data_prep.files import lock_stream
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import draw_generator, plain_views, random_views
from pskd_tf.input_settings import AugmentationSettings, InputSettings

Draw = Callable[[Collection[str]], dict[str, np.ndarray]]


class KeptViews:
    """The views of one training's batches on disk, a file a stream.

    Compared methods share their draws, and drawing takes a quarter of a small net's training time.
    The first training writes its batches as it draws them; when all are written, the file gets
    its name and other trainings read it. Of several trainings that start together one writes. A
    training that starts in the middle, or finds the disk full, draws without keeping.

    Args:
        path: Start of the files' names; it must name all that the draws depend on. None keeps
            nothing.
        batches: Batches of the whole training.
    """

    def __init__(self, path: Path | None, batches: int):
        self.path = path
        self.batches = batches
        self._found: dict[str, np.ndarray] = {}
        self._writing: dict[str, BinaryIO] = {}

    def views(self, number: int, streams: Collection[str], draw: Draw) -> dict[str, np.ndarray]:
        """Returns a batch's views, read or drawn.

        Args:
            number: Number of the batch in the training, from 0; ascending from call to call.
            streams: The streams to return.
            draw: Draws the named streams of this batch.

        Returns:
            The views by stream, equal to those of `draw`.
        """
        if self.path is None:
            return draw(streams)
        kept = {name: found for name in streams if (found := self._kept(name)) is not None}
        missing = [name for name in streams if name not in kept]
        drawn = draw(missing) if missing else {}
        for name, views in drawn.items():
            self._keep(name, number, views)
        return {name: kept[name][number] if name in kept else drawn[name] for name in streams}

    def _kept(self, stream: str) -> np.ndarray | None:
        if stream not in self._found and stream not in self._writing:
            file = self._file(stream)
            if file.exists():
                self._found[stream] = np.load(file, mmap_mode="r", allow_pickle=False)
        return self._found.get(stream)

    def _keep(self, stream: str, number: int, views: np.ndarray) -> None:
        if number == 0:
            self._begin(stream, views)
        stream_file = self._writing.get(stream)
        if stream_file is None:
            return
        try:
            stream_file.write(np.ascontiguousarray(views).tobytes())
            if number == self.batches - 1:
                stream_file.flush()
                os.replace(self._partial(stream), self._file(stream))
        except OSError:
            self._partial(stream).unlink(missing_ok=True)
            number = self.batches - 1
        if number == self.batches - 1:
            del self._writing[stream]
            with contextlib.suppress(OSError):  # closing writes the rest, and the disk may be full
                stream_file.close()

    def _begin(self, stream: str, views: np.ndarray) -> None:
        self._file(stream).parent.mkdir(parents=True, exist_ok=True)
        partial = open(self._partial(stream), "ab")  # noqa: SIM115 (open while it is written)
        if not lock_stream(partial, waits=False):
            partial.close()  # another training writes it
            return
        partial.truncate(0)  # what a killed training left
        header = {
            "descr": np.lib.format.dtype_to_descr(views.dtype),
            "fortran_order": False,
            "shape": (self.batches, *views.shape),
        }
        np.lib.format.write_array_header_1_0(partial, header)
        self._writing[stream] = partial

    def _file(self, stream: str) -> Path:
        assert self.path is not None  # without one nothing is kept
        return self.path.with_name(f"{self.path.name}-{stream}.npy")

    def _partial(self, stream: str) -> Path:
        return self._file(stream).with_suffix(".partial")


# To pass arrays from Python to TensorFlow costs as much as to draw a small batch of views.
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
    steps: int | None = None,
    inputs: InputSettings,
    augmentation: AugmentationSettings,
    mixup: float = 0.0,
    given: Mapping[str, np.ndarray] | None = None,
    dropped_teachers: Sequence[str] = (),
    second_view: str = "",
    views: int = 1,
    mixed_alike: bool = False,
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
        batch_size: Clips in a batch, as `PairedClips.epoch_rows` takes it.
        steps: Batches in an epoch; None for as many as the clips fill.
        inputs: The preprocessing.
        augmentation: Strengths of the random changes.
        mixup: Parameter a of the distribution Beta(a, a) of the shares; 0 switches mixup off.
        given: Further columns by name, `(clips, ...)` float32, such as teachers' outputs.
        dropped_teachers: Names of teachers, of which each batch drops one at random: its column
            `<name>_available` `(batch,)` is 0 (Son et al., ICCV 2021).
        second_view: `plain` adds the plain view of each stream, `second_<stream>`; "" adds none.
        views: Views of each clip in a batch, each drawn anew: a first view of all its clips, then a
            second one in the same order, and so on (batch augmentation: Hoffer et al., CVPR 2020).
        mixed_alike: Whether all views of a clip have the same share of mixup.
        kept_views: Where to keep the views, as `KeptViews` takes it; None draws them.

    Returns:
        A dataset of `(x, y)`: `x` the streams, the given columns and, with mixup, `mixup_share`
        `(batch,)`; `y` `(batch,)` int32 labels.

    Raises:
        UserError: No steps are given and there are fewer clips than one batch holds, or windows
            are to have a plain view.
    """
    given = dict(given or {})
    steps = steps or clips.movements // batch_size
    if not steps:
        raise UserError(f"A batch of {batch_size} needs at least as many clips", clips.movements)
    if second_view == "plain":
        if inputs.mode != "clip":
            raise UserError("A plain view of a clip goes with --input_mode=clip", inputs.mode)
        plain = plain_views(clips, streams, inputs)
        given |= {f"second_{name}": views for name, views in plain.items()}

    def batch(
        rows: np.ndarray, generator: np.random.Generator, keeper: KeptViews, number: int
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        clips_drawn = len(rows)
        rows = np.tile(rows, views)
        of_views, of_mixup = generator.spawn(2)
        x = keeper.views(
            number,
            streams,
            lambda names: random_views(clips, rows, names, of_views, inputs, augmentation),
        )
        x |= {name: column[rows] for name, column in given.items()}
        if mixup:
            shares = of_mixup.beta(mixup, mixup, clips_drawn if mixed_alike else len(rows))
            shares = np.tile(shares, views) if mixed_alike else shares
            x["mixup_share"] = shares.astype(np.float32)
        if dropped_teachers:
            everywhere = np.ones(len(rows), np.float32)
            # Spawned third, so that the draws of views and mixup are the same with and without.
            dropped = generator.spawn(1)[0].choice(dropped_teachers)
            for name in dropped_teachers:
                available = x.get(f"{name}_available", everywhere)
                x[f"{name}_available"] = available * np.float32(name != dropped)
        return x, clips.labels[rows]

    def groups() -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        keeper = KeptViews(kept_views, epochs * steps)
        for epoch in range(first_epoch, epochs):
            rows_of = clips.epoch_rows(batch_size, steps, draw_generator(seed, stage, epoch))
            for first in range(0, steps, _BATCHES_IN_A_GROUP):
                group = []
                for step in range(first, min(first + _BATCHES_IN_A_GROUP, steps)):
                    generator = draw_generator(seed, stage, epoch, step + 1)
                    group.append(batch(rows_of[step], generator, keeper, epoch * steps + step))
                yield tf.nest.map_structure(lambda *arrays: np.stack(arrays), *group)

    nothing_kept = KeptViews(None, 0)
    rows = clips.epoch_rows(batch_size, steps, draw_generator(seed, stage, 0))[0]
    example = batch(rows, draw_generator(seed, stage, 0, 0), nothing_kept, 0)
    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape), array.dtype), example
    )
    stream = tf.data.Dataset.from_generator(groups, output_signature=signature)
    # There is nothing to tune, and the end of a tuned stream waits up to a minute for the tuner.
    options = tf.data.Options()
    options.autotune.enabled = False
    return stream.unbatch().prefetch(_BATCHES_IN_A_GROUP).with_options(options)
