"""The whole generated program before it becomes text."""

from dataclasses import dataclass

from pskd_tf.export.plain_c.plain_layer import PlainLayer
from pskd_tf.export.plain_c.plain_tensor import PlainTensor


@dataclass(frozen=True)
class PlainGraph:
    """Layers in the order they run, and the tensors between them.

    Attributes:
        tensors: By number; tensors that share memory (reshapes) are one.
        layers: The steps.
        source: The tensor that the caller gives.
        result: The tensor that the caller gets.
    """

    tensors: dict[int, PlainTensor]
    layers: tuple[PlainLayer, ...]
    source: int
    result: int
