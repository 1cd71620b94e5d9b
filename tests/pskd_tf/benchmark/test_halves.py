"""Differences over repeated halves: variances of simulated people, known in closed form."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student_t

from pskd_tf.benchmark.halves import (
    Interval,
    corrected_interval,
    crossed_interval,
    expectations,
    expected_interval,
    halves_markdown,
    halves_rows,
    write_halves,
)
from pskd_tf.benchmark.results import CellRecord, guesses_text
from pskd_tf.method import Method

PEOPLE, HALVINGS, SEEDS = 8, 10, 2
# Standard deviations of: person, training set, run of a training set, clips of a person.
OF_PERSON, OF_SET, OF_RUN, OF_CLIPS = 0.010, 0.006, 0.008, 0.020


def simulated(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns `(people, halvings)` differences around zero, and the means of the splits."""
    people = generator.normal(0, OF_PERSON, PEOPLE)
    values, splits = np.empty((PEOPLE, HALVINGS)), []
    for halving in range(HALVINGS):
        order = generator.permutation(PEOPLE)
        for half in (order[: PEOPLE // 2], order[PEOPLE // 2 :]):
            student = generator.normal(0, OF_SET) + generator.normal(0, OF_RUN, SEEDS).mean()
            clips = generator.normal(0, OF_CLIPS, (len(half), SEEDS)).mean(axis=1)
            values[half, halving] = people[half] + student + clips
            splits.append(values[half, halving].mean())
    return values, np.array(splits)


def true_variance(*, of_set: float = OF_SET) -> float:
    return (
        OF_PERSON**2 / PEOPLE
        + (of_set**2 + OF_RUN**2 / SEEDS) / (2 * HALVINGS)
        + OF_CLIPS**2 / (PEOPLE * HALVINGS * SEEDS)
    )


def test_the_error_is_that_of_people_training_sets_runs_and_clips():
    generator = np.random.default_rng(1)
    intervals = [crossed_interval(simulated(generator)[0]) for _ in range(1000)]
    variances = [one.error**2 for one in intervals]
    assert np.mean(variances) == pytest.approx(true_variance(), rel=0.05)
    assert np.var([one.mean for one in intervals]) == pytest.approx(true_variance(), rel=0.1)
    holds_zero = [one.difference.low <= 0 <= one.difference.high for one in intervals]
    assert 0.93 <= np.mean(holds_zero) <= 0.98


def test_the_smallest_difference_is_shown_four_times_of_five():
    generator = np.random.default_rng(2)
    smallest = np.median([crossed_interval(simulated(generator)[0]).detectable for _ in range(300)])
    shown = [
        crossed_interval(simulated(generator)[0] + smallest).difference.low > 0 for _ in range(600)
    ]
    assert 0.75 <= np.mean(shown) <= 0.87


def test_the_corrected_interval_is_the_wider_one():
    generator = np.random.default_rng(3)
    drawn = [simulated(generator) for _ in range(200)]
    corrected = [corrected_interval(splits).error for _, splits in drawn]
    assert np.median(corrected) > 2 * np.median([crossed_interval(one).error for one, _ in drawn])


def test_the_intervals_of_numbers_by_hand():
    """Means of people 1 and 3, of halvings 1.5 and 2.5, nothing left."""
    crossed = crossed_interval(np.array([[0.5, 1.5], [2.5, 3.5]]))
    assert crossed.mean == 2.0
    assert crossed.error**2 == pytest.approx(2 / 2 + 0.5 / 2)
    assert crossed.freedom == pytest.approx(1.25**2 / (1.0**2 + 0.25**2))
    corrected = corrected_interval(np.array([1.0, 2.0, 3.0]))
    assert (corrected.error**2, corrected.freedom) == (pytest.approx(1 / 3 + 1), 2)
    low, high = corrected.difference.low, corrected.difference.high
    assert (high - low) / 2 == pytest.approx(student_t.ppf(0.975, 2) * np.sqrt(4 / 3))
    assert Interval(0.0, 0.01, 1e9).detectable == pytest.approx(
        0.01 * (1.95996 + 0.84162), rel=1e-5
    )


def test_equal_differences_have_no_width():
    crossed = crossed_interval(np.full((8, 10), 0.25))
    assert (crossed.mean, crossed.error, crossed.freedom) == (0.25, 0.0, 7.0)


def test_people_who_all_agree_do_not_make_the_error_less_than_that_of_halvings():
    values = np.broadcast_to(np.array([0.0, 0.01, 0.02, 0.03]), (8, 4))
    expected = values[0].var(ddof=1) / 4
    assert crossed_interval(values).error ** 2 == pytest.approx(expected)


def test_finished_runs_let_expect_the_error():
    """Runs that score everyone at once, as those of cross_subject do."""
    generator = np.random.default_rng(4)
    variances = []
    for _ in range(400):
        people, runs = generator.normal(0, OF_PERSON, (8, 1)), generator.normal(0, OF_RUN, (1, 10))
        clips = generator.normal(0, OF_CLIPS, (8, 10))
        of_people, of_runs, interval = expected_interval(people + runs + clips, 8, HALVINGS, SEEDS)
        variances.append((interval.error**2, of_people**2, of_runs**2))
    means = np.mean(variances, axis=0)
    # Components are never below zero, so their means are a little above the truth.
    assert means[0] == pytest.approx(true_variance(of_set=0.0), rel=0.12)
    assert means[1] == pytest.approx(OF_PERSON**2, rel=0.12)
    assert means[2] == pytest.approx(OF_RUN**2 + OF_CLIPS**2, rel=0.12)


def part(*subjects: str) -> pd.DataFrame:
    names = [subject for subject in subjects for _ in range(4)]
    return pd.DataFrame({"subject": names, "label": 0})


PLAIN = Method("cross_entropy", "cross-entropy", "cross_entropy", ({},))
KD = Method(
    "kd", "KD <b>", "knowledge_distillation", ({},),
    teachers=("skeleton_teacher",), teacher_outputs="live",
)  # fmt: skip
HALVES = [("1|2", "3|4"), ("1|3", "2|4"), ("1|4", "2|3")]
PARTS = {name: part(*name.split("|")) for pair in HALVES for name in pair}


def record(
    method: Method,
    held_out: str,
    seeds: tuple[int, int],
    right: list[int],
    protocol: str = "halves",
) -> CellRecord:
    guesses = np.concatenate([np.arange(4) >= count for count in right])
    name = f"{method.name}{held_out}{seeds}"
    return CellRecord(
        name, "c", method.name, 0, method.teacher_outputs, protocol, held_out, *seeds, 1, 1.0,
        0.5, 0.0, 0.0, guesses_text(guesses),
    )  # fmt: skip


def records(halves=HALVES, gain: int = 1) -> list[CellRecord]:
    found = []
    for pair in halves:
        for held_out in pair:
            for seed in (1, 2):
                found.append(record(PLAIN, held_out, (-1, seed), [2, seed]))
                found += [record(KD, held_out, (t, seed), [2 + gain, seed]) for t in (1, 2)]
    return found


def test_differences_pair_seeds_and_weigh_people_equally():
    plain, kd = halves_rows([PLAIN, KD], records(), PARTS, HALVES)
    assert plain.crossed is None and plain.accuracy.count == 12
    assert kd.accuracy.count == 24 and kd.halvings == 3
    # The first person of each half gains a quarter: people 1, 1, 2, 2, 3, 3 of twelve.
    assert kd.crossed.mean == pytest.approx(0.125)
    assert kd.crossed.mean == pytest.approx(kd.accuracy.mean - plain.accuracy.mean)
    cells = np.array([[1, 1, 1], [0, 1, 1], [1, 0, 0], [0, 0, 0]]) / 4
    assert kd.crossed == crossed_interval(cells)
    assert kd.corrected == corrected_interval(np.full(6, 0.125))


def test_only_whole_halvings_count():
    found = records()
    missing = [one for one in found if (one.method, one.held_out) != ("kd", "2|3")]
    _, kd = halves_rows([PLAIN, KD], missing, PARTS, HALVES)
    assert kd.halvings == 2 and kd.accuracy.count == 20
    _, first = halves_rows([PLAIN, KD], records(HALVES[:1]), PARTS, HALVES)
    assert (first.halvings, first.crossed) == (1, None)


def test_a_seed_of_one_method_alone_does_not_count():
    more = [record(KD, name, (1, 9), [4, 4]) for pair in HALVES for name in pair]
    _, kd = halves_rows([PLAIN, KD], records() + more, PARTS, HALVES)
    assert kd.crossed.mean == pytest.approx(0.125)
    assert kd.accuracy.count == 30


def test_the_files_hold_every_figure(tmp_path):
    rows = halves_rows([PLAIN, KD], records(), PARTS, HALVES)
    write_halves(tmp_path, rows)
    text = (tmp_path / "halves.md").read_text(encoding="utf-8")
    assert text == halves_markdown(rows)
    assert text.splitlines()[2].startswith("| cross-entropy | 43.8 +- 6.5 (12) |  |")
    assert "| 56.2 +- 6.4 (24) | 3 | +12.5 [" in text.splitlines()[3]
    table = pd.read_csv(tmp_path / "halves.csv").set_index("method")
    assert table.loc["KD <b>", "standard_error"] == pytest.approx(rows[1].crossed.error, abs=1e-6)
    assert pd.isna(table.loc["cross-entropy", "minus_cross_entropy"])


def test_expectations_are_of_protocols_that_both_methods_have():
    found = []
    for held_out in ("1", "2"):
        for seed in (1, 2, 3):
            found.append(record(PLAIN, held_out, (-1, seed), [seed], "leave_one_subject_out"))
            found.append(
                record(
                    KD, held_out, (1, seed), [seed + int(held_out == "1")], "leave_one_subject_out"
                )
            )
    parts = {("leave_one_subject_out", name): part(name) for name in "12"}
    parts["cross_subject", "1|2"] = part("1", "2")
    (one,) = expectations([PLAIN, KD], found, parts, people=4, halvings=3, seeds=2)
    assert (one.title, one.protocol, one.people, one.runs) == (
        "KD <b>",
        "leave_one_subject_out",
        2,
        3,
    )
    # One person gains 1 of 4 clips in every run, the other nothing.
    assert (one.interval.mean, one.of_runs) == (0.125, 0.0)
    assert one.of_people == pytest.approx(0.25 / np.sqrt(2))
    assert one.interval.error == pytest.approx(0.25 / np.sqrt(2) / 2)
    assert "varies by 17.7 points between people" in str(one)
