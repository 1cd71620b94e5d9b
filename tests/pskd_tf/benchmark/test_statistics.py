"""The bootstrap over teacher seeds, student seeds, subjects and clips."""

import numpy as np
import pytest

from pskd_tf.benchmark.statistics import nested_bootstrap


def test_a_constant_has_no_width():
    values = np.full((3, 10, 40), 0.25)
    assert nested_bootstrap(values, np.repeat([1, 2], 20)) == (0.25, 0.25, 0.25)


def test_one_source_of_chance_gives_the_textbook_interval():
    """Only student seeds differ: the interval is about +-1.96 s / sqrt(n)."""
    by_seed = np.random.default_rng(1).normal(size=50)
    values = np.broadcast_to(by_seed[None, :, None], (1, 50, 6))
    mean, low, high = nested_bootstrap(values, np.arange(6), replicates=4000)
    half = 1.96 * by_seed.std() / np.sqrt(50)
    assert mean == pytest.approx(by_seed.mean())
    assert (high - low) / 2 == pytest.approx(half, rel=0.08)


def test_few_subjects_make_it_wide():
    generator = np.random.default_rng(2)
    subjects = np.repeat(np.arange(4), 50)
    by_subject = generator.normal(size=4)[subjects]
    among_people = np.broadcast_to(by_subject, (1, 5, 200))
    among_clips = np.broadcast_to(generator.permutation(by_subject), (1, 5, 200))
    widths = []
    for values in (among_people, among_clips):
        _, low, high = nested_bootstrap(values, subjects)
        widths.append(high - low)
    assert widths[0] > 3 * widths[1]


def test_pairs_that_were_not_run_do_not_count():
    values = np.full((2, 2, 3), np.nan)
    values[0, 0], values[1, 1] = 1.0, 0.0
    mean, low, high = nested_bootstrap(values, np.array([1, 1, 2]))
    assert (mean, low, high) == (0.5, 0.0, 1.0)


def test_equal_seeds_draw_equally():
    values = np.random.default_rng(3).normal(size=(2, 3, 12))
    subjects = np.repeat([1, 2, 3], 4)
    assert nested_bootstrap(values, subjects, seed=5) == nested_bootstrap(values, subjects, seed=5)
    assert nested_bootstrap(values, subjects, seed=5) != nested_bootstrap(values, subjects, seed=6)
