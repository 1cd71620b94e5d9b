"""A model slot: the tables of a plain C model as a binary file for a partition of the flash.

`SlotPlan` says where each table and value lies; `source.py` generates the C that reads them there,
`model_slot` writes the file, and `microcontroller/src/model_slot.c` checks it.
"""

import json
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from pskd_tf.evaluation.tflm import Int8Interface
from pskd_tf.export.headers import model_id, settings_crc
from pskd_tf.export.plain_c.graph import PlainGraph, read_graph, widen_graph
from pskd_tf.exported import ExportManifest

SLOT_VERSION = 1
# PskdSlotHeader: magic, version, length and CRC-32, then what the CRC-32 covers.
_HEAD = struct.Struct("<4s3I")
_IDENTITY = struct.Struct("<4I")
HEADER_BYTES = _HEAD.size + _IDENTITY.size

# Fields of the kernels' structs that depend on the training; all others follow from the shapes.
TRAINED_FIELDS = (
    *("zero_point", "minimum", "maximum"),
    *("zero_points", "multipliers", "shifts", "multiplier", "shift"),
)


@dataclass(frozen=True)
class SlotPlan:
    """Where the tables of a graph lie behind a slot's header, the same for every training.

    Attributes:
        identity: CRC-32 of the layers and their shapes.
        values: Position among the int32 at the start, by layer and field; the zero point of a
            tensor, which pads it, by -1 and the tensor's number.
        arrays: First byte of each table, a multiple of 4, by layer and name.
        size: Bytes in all.
    """

    identity: int
    values: dict[tuple[int, str], int]
    arrays: dict[tuple[int, str], int]
    size: int

    @classmethod
    def make(cls, graph: PlainGraph) -> "SlotPlan":
        """Plans the slot of a graph.

        Args:
            graph: The program.

        Returns:
            The plan.
        """
        values: dict[tuple[int, str], int] = {}
        count = 0
        for key, numbers in _trained_values(graph):
            values[key] = count
            count += len(numbers)
        arrays: dict[tuple[int, str], int] = {}
        size = 4 * count
        for position, layer in enumerate(graph.layers):
            for name, array in layer.arrays.items():
                arrays[position, name] = size
                size += -(-array.nbytes // 4) * 4
        return cls(_identity(graph), values, arrays, size)


def _trained_values(graph: PlainGraph) -> list[tuple[tuple[int, str], tuple[int, ...]]]:
    found: list[tuple[tuple[int, str], tuple[int, ...]]] = [
        ((-1, str(number)), (tensor.zero_point,)) for number, tensor in graph.tensors.items()
    ]
    for position, layer in enumerate(graph.layers):
        for name, value in layer.fields.items():
            if name in TRAINED_FIELDS:
                numbers = value if isinstance(value, tuple) else (value,)
                found.append(((position, name), tuple(int(number) for number in numbers)))
    return found


def _identity(graph: PlainGraph) -> int:
    # A flatbuffer's numbers of tensors are no part of the shapes.
    order = {number: place for place, number in enumerate(graph.tensors)}
    layers = [
        [
            layer.kind,
            [order[number] for number in layer.sources],
            order[layer.result],
            {name: one for name, one in layer.fields.items() if name not in TRAINED_FIELDS},
            {name: [str(one.dtype), one.size] for name, one in layer.arrays.items()},
            [layer.head, layer.tail, layer.slack, layer.scratch],
        ]
        for layer in graph.layers
    ]
    tensors = [[tensor.rows, tensor.channels] for tensor in graph.tensors.values()]
    shapes = [layers, tensors, order[graph.source], order[graph.result]]
    return zlib.crc32(json.dumps(shapes, sort_keys=True, default=int).encode("ascii"))


def slot_tables(graph: PlainGraph) -> bytes:
    """Writes what lies behind a slot's header, little-endian.

    Args:
        graph: The program.

    Returns:
        The bytes, as `SlotPlan` places them.
    """
    values = [number for _, numbers in _trained_values(graph) for number in numbers]
    parts = [np.array(values, "<i4").tobytes()]
    for layer in graph.layers:
        for array in layer.arrays.values():
            body = array.astype(array.dtype.newbyteorder("<")).tobytes()
            parts.append(body + bytes(-len(body) % 4))
    return b"".join(parts)


def model_slot(tflite: bytes, manifest: ExportManifest, weights: str = "int8") -> bytes:
    """Writes a model slot.

    Args:
        tflite: The flatbuffer's bytes.
        manifest: Of its export: labels and preprocessing.
        weights: Type of the convolutions' weights, one of `WEIGHTS`.

    Returns:
        The slot; the same arguments give the same bytes.

    Raises:
        UserError: An operator, or a use of one, that plain C does not compute; it is named.
    """
    graph = read_graph(tflite)
    if weights == "int16":
        graph = widen_graph(graph)
    interface = Int8Interface.read(tflite)
    settings = settings_crc(
        0,
        interface,
        manifest.inputs,
        manifest.class_names,
        manifest.null_class,
        manifest.clip_rate_hz,
    )
    identity = SlotPlan.make(graph).identity
    body = _IDENTITY.pack(identity, settings, model_id(tflite), 0) + slot_tables(graph)
    length = _HEAD.size + len(body)
    return _HEAD.pack(b"PSKS", SLOT_VERSION, length, zlib.crc32(body)) + body
