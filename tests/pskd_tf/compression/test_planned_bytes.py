"""The plan of the activations against what the interpreter on this machine reported."""

import pytest

from pskd_tf.compression.cost import planned_bytes

# Widths of the student's blocks and embedding, and the arena's head that was measured.
MEASURED = [
    ((24, 48, 64, 64, 64), 2688),
    ((24, 24, 32, 32, 32), 2112),
    ((12, 24, 32, 32, 32), 1536),
    ((8, 12, 16, 16, 16), 1344),
    ((13, 23, 31, 33, 37), 1584),
    ((12, 30, 30, 24, 34), 1824),  # a gap that nothing fits
    ((14, 30, 28, 24, 34), 1632),  # of equals the last comes first
    ((8, 40, 24, 62, 64), 1920),
    ((6, 40, 62, 8, 64), 2448),
]


@pytest.mark.parametrize(("widths", "head"), MEASURED)
def test_the_plan_is_the_interpreter_s(widths, head):
    stem, first, second, third, embedding = widths
    values = [96 * 10, 48 * stem, 24 * stem, 24 * first, 24 * first, 24 * second, 12 * second]
    values += [12 * third, 3 * third, embedding, 27]
    assert planned_bytes([-(-size // 16) * 16 for size in values]) == head


def test_neighbours_never_share_and_others_do():
    assert planned_bytes([100, 100]) == 200
    assert planned_bytes([100, 10, 100, 10]) == 110
