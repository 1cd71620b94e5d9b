"""Where each activation lies in the one static buffer."""

from dataclasses import dataclass

from pskd_tf.export.plain_c.plain_graph import PlainGraph


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
    """Places blocks (key, size, first use, last use) so that no two overlap in both ways."""
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
