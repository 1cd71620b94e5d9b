"""The student as C99 without an interpreter: `plain_model.h` and `plain_model.c`.

`read_graph` gives the layers, `BufferPlan` the place of each tensor in one static buffer, and
`plain_model_source` writes the tables and the calls of `plain_kernels.c`.
"""

from dataclasses import dataclass

from pskd_tf.export.c_literals import c_rows
from pskd_tf.export.headers import model_id
from pskd_tf.export.plain_c.graph import PlainGraph, read_graph, widen_graph
from pskd_tf.export.plain_c.operators import PlainLayer
from pskd_tf.export.plain_c.slot import TRAINED_FIELDS, SlotPlan


@dataclass(frozen=True)
class BufferPlan:
    """Offsets in bytes; tensors that live at different times share memory.

    Attributes:
        starts: First byte of each tensor's values.
        heads: Bytes of padding before each tensor.
        tails: Bytes of padding after each tensor.
        scratch: First byte of each layer's working memory, by the layer's position.
        size: Bytes of the buffer.
    """

    starts: dict[int, int]
    heads: dict[int, int]
    tails: dict[int, int]
    scratch: dict[int, int]
    size: int

    @classmethod
    def make(cls, graph: PlainGraph) -> "BufferPlan":
        """Plans greedily: the largest block first, at the lowest free offset.

        Args:
            graph: The program.

        Returns:
            The plan; each block starts at a multiple of 4.
        """
        heads, tails, slack = (dict.fromkeys(graph.tensors, 0) for _ in range(3))
        born, last = {graph.source: -1}, {graph.result: len(graph.layers)}
        for position, layer in enumerate(graph.layers):
            born[layer.result] = position
            last[layer.result] = max(last.get(layer.result, 0), position)
            for number in layer.sources:
                last[number] = max(last.get(number, 0), position)
                heads[number] = max(heads[number], layer.head)
                tails[number] = max(tails[number], layer.tail)
                slack[number] = max(slack[number], layer.tail + layer.slack)
        blocks = [
            (
                ("tensor", number),
                heads[number] + tensor.size + max(tails[number], slack[number]),
                born[number],
                last.get(number, born[number]),
            )
            for number, tensor in graph.tensors.items()
        ] + [
            (("scratch", position), layer.scratch, position, position)
            for position, layer in enumerate(graph.layers)
            if layer.scratch
        ]
        offsets = _greedy_offsets(blocks)
        return cls(
            starts={number: offsets["tensor", number] + heads[number] for number in graph.tensors},
            heads=heads,
            tails=tails,
            scratch={key[1]: offset for key, offset in offsets.items() if key[0] == "scratch"},
            size=max(offsets[key] + -(-size // 4) * 4 for key, size, _, _ in blocks),
        )


def _greedy_offsets(
    blocks: list[tuple[tuple[str, int], int, int, int]],
) -> dict[tuple[str, int], int]:
    """Places blocks (key, size, first use, last use); blocks in use together do not overlap."""
    placed: list[tuple[int, int, int, int]] = []
    offsets = {}
    for key, size, first, last in sorted(blocks, key=lambda block: (-block[1], block[0])):
        offset = 0
        for start, end, other_first, other_last in sorted(placed):
            if other_first <= last and first <= other_last and start < offset + size:
                offset = max(offset, -(-end // 4) * 4)
        placed.append((offset, offset + size, first, last))
        offsets[key] = offset
    return offsets


_STRUCTS = {
    "dense": "PskdPlainLayer",
    "dense_wide": "PskdPlainLayer",
    "depthwise": "PskdPlainLayer",
    "dilated": "PskdPlainDilated",
    "average_pool": "PskdPlainPool",
    "max_pool": "PskdPlainPool",
    "mean": "PskdPlainMean",
    "add": "PskdPlainAdd",
    "lookup": "PskdPlainLookup",
    "pad": "PskdPlainPad",
}
_POINTERS = {
    "scales": "const PskdPlainChannel *",
    "table": "const int8_t *",
}


def plain_model_source(
    graph: PlainGraph, plan: BufferPlan, model: int, slot: SlotPlan | None = None
) -> str:
    """Writes `plain_model.c`.

    Args:
        graph: The program.
        plan: Where its tensors lie.
        model: Its `model_id`.
        slot: Where its tables lie in a model slot; None compiles them in.

    Returns:
        C99 source: constant tables, one static buffer, and the layers called in turn.
    """
    if slot is None:
        tables = "\n".join(_tables(number, layer) for number, layer in enumerate(graph.layers))
    else:
        tables = _SLOT_TABLES
    lines = [
        f"  memcpy({_at(plan.starts[graph.source])}, input, {graph.tensors[graph.source].size});",
        *_padding(graph, plan, graph.source, slot),
    ]
    for number, layer in enumerate(graph.layers):
        arguments = [f"&layer_{number}"]
        for source in layer.sources:
            arguments.append(_at(plan.starts[source] - layer.head))
        if "weights" in layer.arrays:
            # A layer that needs no working memory is given some that it does not touch.
            arguments.append(_at(plan.scratch.get(number, 0)))
        arguments.append(_at(plan.starts[layer.result]))
        call = f"  pskd_plain_{layer.kind}({', '.join(arguments)});"
        lines += [call] if slot is None else ["  {", *_slot_layer(number, layer, slot), call, "  }"]
        lines += _padding(graph, plan, layer.result, slot)
    result = graph.tensors[graph.result]
    lines.append(f"  memcpy(output, {_at(plan.starts[graph.result])}, {result.size});")
    steps = "\n".join(lines)
    return f"""\
/* Generated by pskd_tf.export; do not edit. */
#include "plain_model.h"

#include <string.h>

#include "plain_kernels.h"

#if PSKD_PLAIN_MODEL_ID != 0x{model:08x}u
#error "plain_model.h and plain_model.c are of different models"
#endif

const uint32_t pskd_plain_model_id = 0x{model:08x}u;

{tables}
/* Every activation, each where no other one is needed at the time. */
static int8_t buffer[PSKD_PLAIN_BUFFER_BYTES] PSKD_PLAIN_ALIGNED;

void pskd_plain_invoke(const int8_t *input, int8_t *output) {{
{steps}
}}
"""


def _at(offset: int) -> str:
    return f"buffer + {offset}" if offset else "buffer"


# A slot's values are read as int32, at its start.
_SLOT_TABLES = """\
static const uint8_t *tables;

#define VALUE(index) (((const int32_t *)(const void *)tables)[index])

void pskd_plain_use_tables(const void *slot_tables) { tables = (const uint8_t *)slot_tables; }
"""


def _slot_layer(number: int, layer: PlainLayer, slot: SlotPlan) -> list[str]:
    """Returns the lines that declare a layer whose tables lie in the slot."""
    values = []
    for name in layer.arrays:
        place = f"tables + {slot.arrays[number, name]}"
        pointer = f"({_POINTERS.get(name)})(const void *)({place})"
        values.append(pointer if name in _POINTERS else place)
    for name, value in layer.fields.items():
        if name not in TRAINED_FIELDS:
            values.append(str(value))
            continue
        first = slot.values[number, name]
        if isinstance(value, tuple):
            items = ", ".join(f"VALUE({first + index})" for index in range(len(value)))
            values.append(f"{{{items}}}")
        else:
            values.append(f"VALUE({first})")
    return [
        f"  /* {layer.operator}: {', '.join([*layer.arrays, *layer.fields])} */",
        f"  const {_STRUCTS[layer.kind]} layer_{number} = {{\n{c_rows(values)}\n  }};",
    ]


def _padding(graph: PlainGraph, plan: BufferPlan, number: int, slot: SlotPlan | None) -> list[str]:
    """Returns lines that set the padding around a tensor to its zero point."""
    tensor, start = graph.tensors[number], plan.starts[number]
    zero = str(tensor.zero_point)
    if slot is not None:
        zero = f"(int)VALUE({slot.values[-1, str(number)]})"
    head, tail = plan.heads[number], plan.tails[number]
    lines = []
    if head:
        lines.append(f"  memset({_at(start - head)}, {zero}, {head});")
    if tail:
        lines.append(f"  memset({_at(start + tensor.size)}, {zero}, {tail});")
    return lines


def _tables(number: int, layer: PlainLayer) -> str:
    parts = []
    for name, array in layer.arrays.items():
        if name == "scales":
            rows = c_rows("{" + ", ".join(map(str, channel)) + "}" for channel in array.tolist())
            parts.append(f"static const PskdPlainChannel scales_{number}[] = {{\n{rows}\n}};")
        else:
            rows = c_rows(map(str, array.tolist()))
            kind = f"static const {array.dtype}_t"
            parts.append(f"{kind} {name}_{number}[] PSKD_PLAIN_ALIGNED = {{\n{rows}\n}};")
    values = [f"{name}_{number}" for name in layer.arrays] + [
        f"{{{', '.join(map(str, value))}}}" if isinstance(value, tuple) else str(value)
        for value in layer.fields.values()
    ]
    comment = ", ".join([*layer.arrays, *layer.fields])
    parts.append(
        f"/* {layer.operator}: {comment} */\n"
        f"static const {_STRUCTS[layer.kind]} layer_{number} = {{\n{c_rows(values)}\n}};\n"
    )
    return "\n".join(parts)


def plain_model_header(
    graph: PlainGraph, plan: BufferPlan, model: int, slot: SlotPlan | None = None
) -> str:
    """Writes `plain_model.h`.

    Args:
        graph: The program.
        plan: Where its tensors lie.
        model: Its `model_id`.
        slot: Where its tables lie in a model slot; None compiles them in.

    Returns:
        A header that compiles as C99 and as C++11.
    """
    source, result = graph.tensors[graph.source], graph.tensors[graph.result]
    of_slot = ""
    if slot is not None:
        of_slot = f"""\
/* The tables come from a model slot: identity of the layers and shapes, and bytes behind the header
 * of model_slot.h. Call pskd_plain_use_tables before pskd_plain_invoke, after pskd_check_slot.
 */
#define PSKD_PLAIN_SLOT 1
#define PSKD_PLAIN_GRAPH_ID 0x{slot.identity:08x}u
#define PSKD_PLAIN_TABLES_BYTES {slot.size}u
void pskd_plain_use_tables(const void *slot_tables);

"""
    return f"""\
/* Generated by pskd_tf.export; do not edit. */
#ifndef PSKD_PLAIN_MODEL_H_
#define PSKD_PLAIN_MODEL_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

/* Of which model this is; and of which model plain_model.c is. */
#define PSKD_PLAIN_MODEL_ID 0x{model:08x}u
extern const uint32_t pskd_plain_model_id;

#define PSKD_PLAIN_INPUT_SIZE {source.size}
#define PSKD_PLAIN_OUTPUT_SIZE {result.size}

/* Static memory of all activations, and multiply-accumulates of one inference. */
#define PSKD_PLAIN_BUFFER_BYTES {plan.size}
#define PSKD_PLAIN_MACS {sum(layer.macs for layer in graph.layers)}

{of_slot}/* Runs the model once. Not for two callers at a time: the buffer is one.
 *
 * input: (PSKD_PLAIN_INPUT_SIZE) int8, from pskd_prepare_clip.
 * output: receives (PSKD_PLAIN_OUTPUT_SIZE) int8 logits.
 */
void pskd_plain_invoke(const int8_t *input, int8_t *output);

#ifdef __cplusplus
}}
#endif

#endif /* PSKD_PLAIN_MODEL_H_ */
"""


def plain_model(tflite: bytes, weights: str = "int8", in_slot: bool = False) -> dict[str, str]:
    """Generates `plain_model.h` and `plain_model.c`, to be compiled with `plain_kernels.c`.

    Args:
        tflite: The flatbuffer's bytes.
        weights: Type of the convolutions' weights, one of `WEIGHTS`.
        in_slot: Whether the tables come from a model slot; else they are compiled in.

    Returns:
        Texts by file name, plain ASCII; the same flatbuffer gives the same texts.

    Raises:
        UserError: An operator, or a use of one, that plain C does not compute; it is named.
    """
    graph = read_graph(tflite)
    if weights == "int16":
        graph = widen_graph(graph)
    plan, model = BufferPlan.make(graph), model_id(tflite)
    slot = SlotPlan.make(graph) if in_slot else None
    return {
        "plain_model.h": plain_model_header(graph, plan, model, slot),
        "plain_model.c": plain_model_source(graph, plan, model, slot),
    }
