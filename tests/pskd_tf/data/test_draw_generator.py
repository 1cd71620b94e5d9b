"""Draws depend on what they are for, and on nothing else."""

import numpy as np

from pskd_tf.data.batches import draw_generator


def _first(*place) -> int:
    return int(draw_generator(*place).bit_generator.random_raw())


def test_every_place_draws_its_own_number():
    places = [
        (0, "student", 0),
        (1, "student", 0),
        (0, "teacher", 0),
        (0, "student", 1),
        (0, "student", 1, 0),
        (0, "student", 0, 1),
        (0, "student", 1, 1),
    ]
    assert len({_first(*place) for place in places}) == len(places)


def test_draws_do_not_depend_on_the_order_of_calls():
    places = [(2, "student", epoch, step) for epoch in range(3) for step in range(3)]
    forward = [_first(*place) for place in places]
    np.random.default_rng(0).normal(size=10)
    assert [_first(*place) for place in reversed(places)] == forward[::-1]


def test_the_draw_of_one_place_is_frozen():
    """A record written by one version must resume under the next."""
    assert _first(0, "student", 3, 5) == 12770758206210182087
