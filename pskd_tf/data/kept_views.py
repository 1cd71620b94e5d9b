"""Training views that are drawn once and read by every later training with the same draws."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

import numpy as np

Draw = Callable[[Collection[str]], dict[str, np.ndarray]]


class KeptViews:
    """The views of one training's batches on disk, a file a stream.

    Methods that are compared share their draws, and drawing is a quarter of a small net's training.
    The first training writes the batches as it draws them; once all are there, the file appears
    under its name and other trainings read it. Of several that begin together one writes; a
    training that begins in the middle, or finds the disk full, draws as if nothing were kept.

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
            number: Number of the batch in the training, from 0; asked for in order.
            streams: The streams wanted.
            draw: Draws the named streams of this batch.

        Returns:
            By stream what `draw` would give.
        """
        if self.path is None:
            return draw(streams)
        kept = {name: self._kept(name) for name in streams}
        missing = [name for name in streams if kept[name] is None]
        drawn = draw(missing) if missing else {}
        for name, views in drawn.items():
            self._keep(name, number, views)
        return {name: drawn[name] if kept[name] is None else kept[name][number] for name in streams}

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
            with contextlib.suppress(OSError):  # closing writes what a full disk did not take
                stream_file.close()

    def _begin(self, stream: str, views: np.ndarray) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = open(self._partial(stream), "ab")  # noqa: SIM115 (open while it is written)
        try:
            fcntl.flock(partial, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
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
        return self.path.with_name(f"{self.path.name}-{stream}.npy")

    def _partial(self, stream: str) -> Path:
        return self.path.with_name(f"{self.path.name}-{stream}.partial")
