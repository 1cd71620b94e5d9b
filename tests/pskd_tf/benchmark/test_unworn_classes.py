"""Classes without a watch: the two groups' accuracies and their harmonic mean."""

import numpy as np
import pandas as pd
import pytest

from pskd_tf.benchmark.results import CellRecord, guesses_text
from pskd_tf.benchmark.unworn_classes import (
    harmonic_difference,
    harmonic_means,
    unworn_markdown,
    unworn_rows,
)
from pskd_tf.method import Method
from pskd_tf.pipeline.hidden_labels import drawn_classes

PLAIN = Method("cross_entropy", "cross-entropy", "cross_entropy", ({},))
VIRTUAL = Method("virtual", "+ virtual", "cross_entropy", ({},))
LABELS = np.repeat(np.arange(4), 5)


def test_harmonic_mean_of_the_groups():
    right = np.array([[True, True, False, False], [False, False, True, True], [False] * 4])
    unworn = np.array([[True, False, False, False]] * 3)
    # 2 * 1 * (1/3) / (4/3); one group at 0; both at 0.
    np.testing.assert_allclose(harmonic_means(right, unworn, np.ones(4)), [0.5, 0.0, 0.0])
    # The third clip does not count: 2 * 1 * (1/2) / (3/2).
    np.testing.assert_allclose(
        harmonic_means(right[:1], unworn[:1], np.array([1.0, 1.0, 0.0, 1.0])), [2 / 3]
    )


def test_equal_methods_differ_by_nothing():
    generator = np.random.default_rng(1)
    right, unworn = generator.random((3, 40)) < 0.7, generator.random((3, 40)) < 0.4
    subjects = np.repeat(["1", "2"], 20)
    same = harmonic_difference(right, right, unworn, subjects, replicates=50)
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    worse = harmonic_difference(right, np.zeros_like(right), unworn, subjects, replicates=50)
    assert worse.low > 0.3
    expected = harmonic_means(right, unworn, np.ones(40)).mean()
    assert worse.mean == pytest.approx(expected)


def records(method, guesses_of):
    return [
        CellRecord(
            f"{method.name}{protocol}{seed}", "c", method.name, 0, "", protocol, "2", -1,
            seed, 100, 10.0, 0.5, 0.0, 0.0, guesses_text(guesses_of(seed)),
        )
        for protocol in ("validation", "cross_subject")
        for seed in (1, 2)
    ]  # fmt: skip


def test_rows_of_two_methods():
    clips = pd.DataFrame({"subject": "2", "label": LABELS}, index=[f"c{n}" for n in range(20)])
    parts = {("validation", "2"): clips, ("cross_subject", "2"): clips}

    def misses_unworn(seed):
        (unworn,) = drawn_classes(LABELS, 1, seed)
        return np.where(unworn == LABELS, (LABELS + 1) % 4, LABELS)

    def misses_one_clip(seed):
        return np.where(np.arange(20) == 0, 1, LABELS)

    cells = [*records(PLAIN, misses_unworn), *records(VIRTUAL, misses_one_clip)]
    rows = unworn_rows([PLAIN, VIRTUAL], cells, parts, 1, replicates=20)
    assert [(row.protocol, row.title) for row in rows] == [
        ("validation", "cross-entropy"),
        ("validation", "+ virtual"),
        ("cross_subject", "cross-entropy"),
        ("cross_subject", "+ virtual"),
    ]
    plain, virtual = rows[2:]
    assert (plain.unworn.mean, plain.worn.mean, plain.harmonic.mean) == (0.0, 1.0, 0.0)
    assert virtual.minus_best is None and virtual.harmonic.count == 2
    assert plain.minus_best.mean == pytest.approx(-virtual.harmonic.mean)
    text = unworn_markdown(rows)
    assert "| cross_subject | cross-entropy | 0.0 +- 0.0 (2) | 100.0 +- 0.0 (2) |" in text


def test_a_run_without_every_fold_does_not_count():
    clips = pd.DataFrame({"subject": "2", "label": LABELS}, index=[f"c{n}" for n in range(20)])
    parts = {("validation", "2"): clips, ("validation", "4"): clips}
    cells = records(PLAIN, lambda seed: LABELS)[:2]
    assert unworn_rows([PLAIN], cells, parts, 1, replicates=20) == []
