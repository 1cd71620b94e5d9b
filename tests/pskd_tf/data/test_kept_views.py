"""Views drawn once: the same bits to every training, whatever happens to the first."""

import numpy as np
import pytest

from pskd_tf.data import batches as training_batches_module
from pskd_tf.data.batches import KeptViews, training_batches
from pskd_tf.settings import AugmentationSettings, InputSettings

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


def test_a_second_training_reads_what_the_first_drew(tmp_path):
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


def test_a_full_disk_costs_nothing_but_the_views(tmp_path, monkeypatch):
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
