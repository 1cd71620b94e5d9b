"""Batches: the same draws for the same seed, also from kept views."""

import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.data import batches as training_batches_module
from pskd_tf.data.batches import KeptViews, training_batches
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import draw_generator, plain_views
from pskd_tf.input_settings import AugmentationSettings, InputSettings

INPUTS = InputSettings(steps=24, skeleton_frames=12, gravity_taps=5)


def _stream(clips, streams=("accelerometer",), **changes):
    arguments = {
        "seed": 1,
        "stage": "student",
        "first_epoch": 0,
        "epochs": 2,
        "batch_size": 7,
        "inputs": INPUTS,
        "augmentation": AugmentationSettings(),
        "given": {"row": np.arange(len(clips), dtype=np.float32)},
        **changes,
    }
    return training_batches(clips, streams, **arguments)


def _batches(clips, streams=("accelerometer",), **changes):
    return list(_stream(clips, streams, **changes).as_numpy_iterator())


def _equal(first, second) -> bool:
    return all(np.array_equal(first[0][name], second[0][name]) for name in first[0])


def test_an_epoch_reads_every_clip_at_most_once_and_drops_the_rest(clips):
    steps = len(clips) // 7
    assert len(clips) % 7
    batches = _batches(clips)
    assert len(batches) == 2 * steps
    orders = []
    for epoch in range(2):
        of_epoch = batches[epoch * steps : (epoch + 1) * steps]
        rows = np.concatenate([x["row"] for x, _ in of_epoch]).astype(int)
        assert len(set(rows)) == len(rows) == 7 * steps
        orders.append(list(rows))
    assert orders[0] != orders[1] and orders[0] != sorted(orders[0])


def test_labels_and_given_columns_follow_their_clips(clips, no_augmentation):
    both = ("accelerometer", "skeleton")
    logits = np.random.default_rng(0).normal(size=(len(clips), 4)).astype(np.float32)
    given = {"row": np.arange(len(clips), dtype=np.float32), "teacher_logits": logits}
    plain = plain_views(clips, both, INPUTS)
    for x, y in _batches(clips, both, augmentation=no_augmentation, given=given, epochs=1):
        rows = x["row"].astype(int)
        assert set(x) == {"accelerometer", "skeleton", "row", "teacher_logits"}
        assert y.dtype == np.int32
        np.testing.assert_array_equal(y, clips.labels[rows])
        np.testing.assert_array_equal(x["teacher_logits"], logits[rows])
        for stream in both:
            np.testing.assert_allclose(x[stream], plain[stream][rows], atol=1e-5)


@pytest.mark.parametrize("mixup", [0.0, 0.5])
def test_a_later_start_gives_the_tail_of_the_stream(clips, mixup):
    whole = _batches(clips, epochs=3, mixup=mixup)
    tail = _batches(clips, first_epoch=2, epochs=3, mixup=mixup)
    assert len(tail) == len(clips) // 7
    for first, second in zip(whole[-len(tail) :], tail, strict=True):
        assert _equal(first, second)
        np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize("size", [1, 3])
def test_how_many_batches_are_drawn_in_one_go_changes_nothing(clips, monkeypatch, size):
    usual = _batches(clips, batch_size=4, mixup=0.5)
    assert len(usual) == 2 * (len(clips) // 4) > 8
    monkeypatch.setattr(training_batches_module, "_BATCHES_IN_A_GROUP", size)
    other = _batches(clips, batch_size=4, mixup=0.5)
    assert len(other) == len(usual)
    for first, second in zip(usual, other, strict=True):
        assert _equal(first, second)
        np.testing.assert_array_equal(first[1], second[1])


def test_the_stream_has_no_tuner_for_whose_end_a_training_would_wait(clips):
    # Ended trainings stood still for up to a minute.
    assert _stream(clips).options().autotune.enabled is False


def test_the_seed_and_the_stage_change_the_stream(clips):
    first, again = _batches(clips, epochs=1)[0], _batches(clips, epochs=1)[0]
    assert _equal(first, again)
    for changes in ({"seed": 2}, {"stage": "teacher"}):
        other = _batches(clips, epochs=1, **changes)[0]
        assert not np.array_equal(other[0]["row"], first[0]["row"])


def test_mixup_shares_lie_in_0_to_1_and_change_nothing_else(clips):
    plain, mixed = _batches(clips), _batches(clips, mixup=0.5)
    for (x, _), (with_share, _) in zip(plain, mixed, strict=True):
        assert "mixup_share" not in x
        assert with_share["mixup_share"].shape == (7,)
        assert with_share["mixup_share"].dtype == np.float32
        assert _equal((x, None), (with_share, None))
    shares = np.concatenate([x["mixup_share"] for x, _ in mixed])
    assert shares.min() >= 0 and shares.max() <= 1
    # Beta(0.5, 0.5): mean 1/2, variance 1/8.
    assert shares.mean() == pytest.approx(0.5, abs=0.15)
    assert shares.var() == pytest.approx(0.125, abs=0.05)


@pytest.mark.parametrize("alike", [False, True])
def test_further_views_are_of_the_same_clips_in_the_same_order(clips, alike):
    one = _batches(clips, mixup=0.5)
    three = _batches(clips, mixup=0.5, views=3, mixed_alike=alike)
    assert len(three) == len(one)
    for (x, y), (single, labels) in zip(three, one, strict=True):
        np.testing.assert_array_equal(x["row"], np.tile(single["row"], 3))
        np.testing.assert_array_equal(y, np.tile(labels, 3))
        views = np.split(x["accelerometer"], 3)
        assert not any(np.allclose(views[0], other) for other in views[1:])
        shares = np.split(x["mixup_share"], 3)
        assert all(np.array_equal(shares[0], other) == alike for other in shares[1:])


def test_further_views_without_augmentation_are_equal(clips, no_augmentation):
    for x, _ in _batches(clips, ["skeleton"], augmentation=no_augmentation, views=2, epochs=1):
        first, second = np.split(x["skeleton"], 2)
        np.testing.assert_array_equal(first, second)


def test_only_loaded_subjects_are_in_the_stream(prepared, no_augmentation):
    train = PairedClips.load(prepared, ["1"])
    others = PairedClips.load(prepared, ["2", "4", "6"])
    views = {
        name: {view.tobytes() for view in plain_views(part, ["skeleton"], INPUTS)["skeleton"]}
        for name, part in (("own", train), ("other", others))
    }
    assert not views["own"] & views["other"]
    own = plain_views(train, ["skeleton"], INPUTS)["skeleton"]
    other = plain_views(others, ["skeleton"], INPUTS)["skeleton"]
    for x, _ in _batches(train, ["skeleton"], augmentation=no_augmentation, epochs=1):
        for view in x["skeleton"]:
            assert np.abs(own - view).max(axis=(1, 2)).min() < 1e-5
            assert np.abs(other - view).max(axis=(1, 2)).min() > 1e-3


def test_too_few_clips_for_one_batch_are_refused(time_clips):
    with pytest.raises(UserError) as error:
        _batches(time_clips, batch_size=6)
    assert str(error.value) == "A batch of 6 needs at least as many clips. Received: 5"


def test_a_small_set_comes_again_until_the_batches_are_full(time_clips):
    batches = _batches(time_clips, batch_size=6, steps=2, epochs=1)
    rows = np.concatenate([x["row"] for x, _ in batches]).astype(int)
    assert [len(x["row"]) for x, _ in batches] == [6, 6]
    assert sorted(np.bincount(rows, minlength=5)) == [2, 2, 2, 3, 3]
    assert sorted(rows[:5]) == sorted(rows[5:10]) == list(range(5))


def test_each_batch_drops_one_teacher_and_draws_the_rest_as_without(clips):
    names = ["one", "two", "three"]
    plain = _batches(clips, epochs=20)
    batches = _batches(clips, epochs=20, dropped_teachers=names)
    dropped = []
    for (x, _), (other, _) in zip(batches, plain, strict=True):
        shares = np.array([x[f"{name}_available"] for name in names])
        assert shares.shape == (3, 7) and (shares == shares[:, :1]).all()
        assert sorted(shares[:, 0]) == [0, 1, 1]
        dropped.append(int(shares[:, 0].argmin()))
        np.testing.assert_array_equal(x["accelerometer"], other["accelerometer"])
    assert min(np.bincount(dropped, minlength=3)) > len(dropped) / 6


def test_dropping_a_teacher_keeps_the_other_availabilities(clips):
    column = (np.arange(len(clips)) % 2).astype(np.float32)
    given = {"one_available": column, "row": np.arange(len(clips), dtype=np.float32)}
    batches = _batches(clips, given=given, dropped_teachers=["one", "two"])
    kept = [x for x, _ in batches if x["two_available"][0] == 0]
    assert kept
    for x in kept:
        np.testing.assert_array_equal(x["one_available"], column[x["row"].astype(int)])


BATCHES = 3


def draw_of(number: int, calls: list | None = None):
    def draw(streams):
        if calls is not None:
            calls.append((number, tuple(streams)))
        return {name: np.full((2, 4), number + len(name), np.float32) for name in streams}

    return draw


def forbidden(streams):
    raise AssertionError(f"drew {streams}")


def write(path, streams=("a",), batches=BATCHES):
    keeper = KeptViews(path, BATCHES)
    return [keeper.views(number, streams, draw_of(number)) for number in range(batches)]


def test_a_second_training_reads_the_views_of_the_first(tmp_path):
    first = write(tmp_path / "views", ("a", "bb"))
    keeper = KeptViews(tmp_path / "views", BATCHES)
    for number, expected in enumerate(first):
        again = keeper.views(number, ("a", "bb"), forbidden)
        for name in expected:
            np.testing.assert_array_equal(again[name], expected[name])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["views-a.npy", "views-bb.npy"]
    assert np.load(tmp_path / "views-a.npy").shape == (BATCHES, 2, 4)


def test_only_the_missing_streams_are_drawn(tmp_path):
    write(tmp_path / "views")
    calls = []
    keeper = KeptViews(tmp_path / "views", BATCHES)
    for number in range(BATCHES):
        views = keeper.views(number, ("a", "bb"), draw_of(number, calls))
        assert list(views) == ["a", "bb"]
    assert calls == [(number, ("bb",)) for number in range(BATCHES)]
    assert (tmp_path / "views-bb.npy").exists()


def test_a_training_cut_short_leaves_no_views_and_the_next_one_starts_anew(tmp_path):
    write(tmp_path / "views", batches=2)
    assert [path.name for path in tmp_path.iterdir()] == ["views-a.partial"]
    write(tmp_path / "views")
    np.testing.assert_array_equal(np.load(tmp_path / "views-a.npy")[:, 0, 0], [1, 2, 3])


def test_of_two_at_once_one_writes_and_both_are_right(tmp_path):
    one, two = KeptViews(tmp_path / "views", BATCHES), KeptViews(tmp_path / "views", BATCHES)
    for number in range(BATCHES):
        for keeper in (one, two):
            views = keeper.views(number, ("a",), draw_of(number))
            np.testing.assert_array_equal(views["a"], number + 1)
    assert [path.name for path in tmp_path.iterdir()] == ["views-a.npy"]
    assert np.load(tmp_path / "views-a.npy").shape == (BATCHES, 2, 4)


def test_a_training_that_begins_in_the_middle_keeps_nothing(tmp_path):
    keeper = KeptViews(tmp_path / "views", BATCHES)
    for number in (1, 2):
        np.testing.assert_array_equal(
            keeper.views(number, ("a",), draw_of(number))["a"], number + 1
        )
    assert not list(tmp_path.iterdir())


def test_a_full_disk_only_leaves_the_views_unkept(tmp_path, monkeypatch):
    keeper = KeptViews(tmp_path / "views", BATCHES)
    keeper.views(0, ("a",), draw_of(0))

    class Full:
        def write(self, content):
            raise OSError("No space left on device")

        def close(self):
            raise OSError("No space left on device")

    keeper._writing["a"] = Full()
    for number in (1, 2):
        np.testing.assert_array_equal(
            keeper.views(number, ("a",), draw_of(number))["a"], number + 1
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("again", [("accelerometer",), ("accelerometer", "skeleton")])
def test_batches_are_the_same_bits_with_and_without(clips, tmp_path, monkeypatch, again):
    def batches(streams, kept):
        return list(
            training_batches(
                clips, streams, seed=1, stage="student", first_epoch=0, epochs=2, batch_size=16,
                inputs=InputSettings(steps=24, skeleton_frames=12, gravity_taps=5),
                augmentation=AugmentationSettings(), mixup=0.5, kept_views=kept,
            ).as_numpy_iterator()
        )  # fmt: skip

    plain = batches(again, None)
    batches(("accelerometer",), tmp_path / "views")
    drawn = []
    usual = training_batches_module.random_views

    def counted(clips, rows, streams, *rest):
        drawn.extend(streams)
        return usual(clips, rows, streams, *rest)

    monkeypatch.setattr(training_batches_module, "random_views", counted)
    kept = batches(again, tmp_path / "views")
    assert drawn.count("accelerometer") == 1  # the example that gives the shapes
    assert len(kept) == len(plain)
    for (x, y), (other, labels) in zip(plain, kept, strict=True):
        np.testing.assert_array_equal(y, labels)
        assert x.keys() == other.keys()
        for name in x:
            np.testing.assert_array_equal(x[name], other[name])


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


def test_a_plain_second_view_is_the_clip_s_own_and_changes_no_draw(clips):
    plain = plain_views(clips, ["accelerometer"], INPUTS)["accelerometer"]
    pairs = zip(
        _batches(clips, mixup=0.5), _batches(clips, mixup=0.5, second_view="plain"), strict=True
    )
    for (without, _), (x, _) in pairs:
        rows = x["row"].astype(int)
        np.testing.assert_array_equal(x.pop("second_accelerometer"), plain[rows])
        assert x.keys() == without.keys() and _equal((without,), (x,))


def test_windows_have_no_plain_second_view(clips):
    inputs = InputSettings(mode="window", steps=24, skeleton_frames=12, gravity_taps=5)
    with pytest.raises(UserError, match=r"goes with --input_mode=clip. Received: window"):
        _batches(clips, inputs=inputs, second_view="plain")
