"""The study of personalisation: its draws, its choice and its figures, on made-up embeddings."""

from types import SimpleNamespace

import numpy as np
import pytest

from pskd_tf.data.detector import Segments
from pskd_tf.develop.personalisation import (
    Choice,
    StudyArguments,
    _Stream,
    _Wearer,
    choose_head_settings,
    measure,
    summary,
)
from pskd_tf.distillation.head import Head, HeadSamples, HeadSettings, fine_tuned_heads
from pskd_tf.evaluation.stream import Movement

CLASSES, EACH, VIEWS, WIDTH = 3, 4, 2, 6
NONE = CLASSES
MEANS = 3.0 * np.eye(CLASSES + 1, WIDTH)


def embedded(labels, generator, turned):
    """Embeddings around their class; the wearer's class 1 lies nearer to class 0."""
    means = MEANS.copy()
    if turned:
        means[1] = MEANS[0] + 0.7 * MEANS[1] + 2.5 * np.eye(WIDTH)[5]
    return (means[labels] + generator.normal(0, 0.3, (len(labels), WIDTH))).astype(np.float32)


def wearer(seed, subject):
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(CLASSES), EACH)
    training_labels = np.concatenate([np.repeat(np.arange(CLASSES), 20), np.full(30, NONE)])
    training = HeadSamples(embedded(training_labels, generator, False), training_labels)
    start = Head(np.zeros((WIDTH, CLASSES + 1), np.float32), np.zeros(CLASSES + 1, np.float32))
    nothing = HeadSamples(training.embeddings[:1], training.labels[:1])
    settings = HeadSettings(epochs=300, own_share=0.01, none_bias=0.0)
    (head,) = fine_tuned_heads(start, nothing, training, settings, 0.1, NONE)

    def fine_tuned(own, other, settings, epochs=None):
        return fine_tuned_heads(head, own, other, settings, 0.1, NONE, epochs)

    student = SimpleNamespace(
        head=head, fit=SimpleNamespace(null_class=NONE), fine_tuned=fine_tuned
    )
    order = generator.permutation(len(labels))
    movements = [Movement(100 * n, 100 * n + 50, int(labels[row])) for n, row in enumerate(order)]
    places = 100 * np.arange(len(order))
    nowhere = np.zeros((1, 0), np.float32)
    segments = Segments(0 * places, places + 5, places + 45, places + 80, nowhere)
    idle = _Stream(
        Segments(*(np.zeros(40, int) for _ in range(4)), nowhere),
        embedded(np.full(40, NONE), generator, False),
    )
    return _Wearer(
        seed,
        subject,
        student,
        training,
        labels,
        embedded(labels, generator, True),
        np.stack([embedded(labels, generator, True) for _ in range(VIEWS)], axis=1),
        _Stream(segments, embedded(labels[order], generator, True)),
        movements,
        order,
        {kind: idle for kind in ("postures", "tails", "parts")},
    )


@pytest.fixture(scope="module")
def wearers():
    return [wearer(seed, subject) for seed, subject in ((1, "a"), (1, "b"), (2, "a"))]


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return StudyArguments(
        run_dir=folder, validation_run=folder, out=folder, draws=3, choice_draws=1, hours=2.0
    )


@pytest.fixture(scope="module")
def choice(wearers, arguments):
    return choose_head_settings(wearers, arguments, VIEWS)


def test_a_draw_takes_so_many_of_each_class_and_leaves_one(wearers):
    one = wearers[0]
    for each, drawn in ((1, 3), (3, 9), (9, 9)):
        mask = one.draw(each, 0)
        assert mask.sum() == drawn
        assert np.bincount(one.labels[mask]).tolist() == [drawn // 3] * 3
    assert (one.draw(1, 0) == one.draw(1, 0)).all()
    assert any((one.draw(1, 0) != one.draw(1, number)).any() for number in range(1, 5))


def test_movements_that_were_drawn_are_not_scored(wearers):
    one = wearers[0]
    drawn = one.draw(3, 1)
    figures = one.figures(one.student.head, drawn)
    assert len(figures.movements) == 3 and len(figures.idle["tails"]) == 40
    decisions = one.stream.under(one.student.head, NONE)
    for number, row in enumerate(one.order):
        if not drawn[row] and decisions.best[number] == one.labels[row]:
            assert decisions.score[number] in figures.movements


def test_the_threshold_keeps_the_runs_own_head_to_the_bound(wearers, choice):
    """At most 1 an hour of 2 h of each subject: 4 of seed 1, 2 of seed 2."""
    assert set(choice.thresholds) == {1, 2}
    for seed, allowed in ((1, 4), (2, 2)):
        mine = [one for one in wearers if one.seed == seed]
        scores = [one.idle["tails"].under(one.student.head, NONE).score for one in mine]
        assert (np.concatenate(scores) >= choice.thresholds[seed]).sum() <= allowed


def test_the_chosen_settings_are_the_best_of_those_that_keep_the_false_rate(choice):
    table = choice.table
    before = table[table.own_share == 0].iloc[0]
    allowed = table[(table.own_share > 0) & (table.tails_an_hour <= max(1, before.tails_an_hour))]
    chosen = table[
        (table.own_share == choice.settings.own_share)
        & (table.epochs == choice.settings.epochs)
        & (table.learning_rate == choice.settings.learning_rate)
        & (table.none_bias == choice.settings.none_bias)
    ].iloc[0]
    assert chosen.right == allowed.right.max() > before.right
    assert choice.settings.views == VIEWS


def test_repetitions_help_on_the_clips_that_were_not_drawn(wearers, arguments, choice):
    draws = measure(wearers, choice, arguments)
    assert len(draws) == 3 * (1 + 2 * 3)
    none = draws[draws.repetitions == 0]
    assert (none.accuracy == none.accuracy_before).all()
    some = draws[draws.repetitions == 3]
    assert some.accuracy.mean() > some.accuracy_before.mean() + 0.1
    text = summary(choice, draws)
    assert f"| 3 | {100 * some.accuracy_before.mean():.1f} |" in text
    assert text.count("\n| a |") == 2 and text.count("\n| b |") == 2


def test_a_lower_bound_gives_a_higher_threshold(wearers, arguments, choice):
    strict = choose_head_settings(
        wearers, StudyArguments(**{**vars(arguments), "maximum_false_an_hour": 0.0}), VIEWS
    )
    assert isinstance(strict, Choice)
    assert all(strict.thresholds[seed] > choice.thresholds[seed] for seed in (1, 2))
