"""How much of the arena a chain of operators needs for its activations."""

from collections.abc import Sequence


def planned_bytes(sizes: Sequence[int]) -> int:
    """Places tensors as TensorFlow Lite Micro's greedy planner does, gaps and all.

    Each one lives while it is written and while the next one is. The largest come first (of
    equals the last), each at the lowest place that those it meets leave free. Source: read off
    the planner's results; equal to them on all widths of the student that were tried.

    Args:
        sizes: Bytes of the input and of each operator's output, in order, as they are aligned.

    Returns:
        The bytes from the start of the first to the end of the last.
    """
    placed: list[tuple[int, int, int]] = []
    for number in sorted(range(len(sizes)), key=lambda one: (-sizes[one], -one)):
        offset = 0
        for begin, end, _ in sorted(one for one in placed if abs(one[2] - number) <= 1):
            if begin - offset >= sizes[number]:
                break
            offset = max(offset, end)
        placed.append((offset, offset + sizes[number], number))
    return max(end for _, end, _ in placed)
