"""One step of the generated program."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PlainLayer:
    """A call of one kernel of `plain_kernels.c`.

    Attributes:
        kind: `dense`, `depthwise`, `average_pool` or `add`.
        operator: The flatbuffer's operator, for comments: `CONV_2D`.
        sources: The tensors it reads.
        result: The tensor it writes.
        fields: Scalars of the kernel's C struct, by name, in its order.
        arrays: Tables of the struct, by name, in its order: int8 weights and the int32
            `(channels, 3)` of `PskdPlainChannel`.
        head: Bytes of padding read before its sources.
        tail: Bytes of padding read after its sources.
        slack: Bytes read beyond the padding, of any content.
        scratch: Bytes of working memory.
        macs: Multiply-accumulates, padding counted as work.
    """

    kind: str
    operator: str
    sources: tuple[int, ...]
    result: int
    fields: dict[str, object]
    arrays: dict[str, np.ndarray]
    head: int = 0
    tail: int = 0
    slack: int = 0
    scratch: int = 0
    macs: int = 0
