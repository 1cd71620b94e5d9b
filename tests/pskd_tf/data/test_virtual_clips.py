"""Virtual clips beside real ones."""

import dataclasses

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.virtual_acceleration import sensor_quality
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.virtual_clips import with_virtual_clips


@pytest.fixture(scope="module")
def silent(prepared) -> PairedClips:
    return PairedClips.load(prepared, ["5"])


@pytest.fixture(scope="module")
def real(clips) -> PairedClips:
    """Half as many clips as `silent`."""
    return clips.subset(np.arange(0, len(clips), 4))


@pytest.fixture(scope="module")
def both(real, silent, prepared) -> PairedClips:
    return with_virtual_clips(real, prepared, silent.clip_ids, ("rotation", "regression"))


def test_real_clips_are_a_third_beside_two_virtual_sensors(both, real, silent, prepared):
    count = len(silent)
    assert len(real) < count and len(both) == 3 * count
    assert both.clip_ids[:count] == (real.clip_ids * 2)[:count]
    assert both.clip_ids[count] == f"{silent.clip_ids[0]}/rotation"
    assert both.clip_ids[2 * count] == f"{silent.clip_ids[0]}/regression"
    for part in (slice(count, 2 * count), slice(2 * count, None)):
        np.testing.assert_array_equal(both.labels[part], silent.labels)
        np.testing.assert_array_equal(both.subjects[part], "5")
    one = with_virtual_clips(real, prepared, silent.clip_ids, ("rotation",))
    assert len(one) == 2 * count
    none = with_virtual_clips(real, prepared, silent.clip_ids, ("rotation",), real=False)
    assert none.clip_ids == one.clip_ids[count:]
    few = with_virtual_clips(real, prepared, silent.clip_ids[:3], ("rotation",))
    assert few.clip_ids[: len(real)] == real.clip_ids and len(few) == len(real) + 3


def test_real_clips_stay_as_they_are_and_padding_is_zero(both, real):
    samples = real.accelerometer.shape[1]
    np.testing.assert_array_equal(both.accelerometer[: len(real), :samples], real.accelerometer)
    for clip, length in zip(both.accelerometer, both.accelerometer_lengths, strict=True):
        assert length > 1
        np.testing.assert_array_equal(clip[length:], 0.0)
    frames = real.skeleton.shape[1]
    np.testing.assert_array_equal(both.skeleton[: len(real), :frames], real.skeleton)


def test_virtual_acceleration_is_near_the_real_one(both, silent):
    count = len(silent)
    for part in (slice(count, 2 * count), slice(2 * count, None)):
        virtual = [
            signal[: len(measured)]
            for signal, measured in zip(both.signals[part], silent.signals, strict=True)
        ]
        measured = [signal[: len(own)] for signal, own in zip(silent.signals, virtual, strict=True)]
        assert np.mean(sensor_quality(virtual, measured).correlation) > 0.7


def test_nothing_of_the_hidden_accelerometer_is_read(both, real, silent, prepared, monkeypatch):
    own = PreparedSet.accelerometer
    subjects = prepared.manifest["subject"].to_numpy()
    monkeypatch.setattr(
        PreparedSet,
        "accelerometer",
        lambda self, row: None if subjects[row] == "5" else own(self, row),
    )
    found = with_virtual_clips(real, prepared, silent.clip_ids, ("rotation", "regression"))
    np.testing.assert_array_equal(found.accelerometer, both.accelerometer)
    np.testing.assert_array_equal(found.accelerometer_lengths, both.accelerometer_lengths)


def test_what_cannot_be_virtual_is_refused(real, silent, prepared):
    other = PreparedSet.load(prepared.folder)
    other.description = dataclasses.replace(prepared.description, alignment="clip")
    with pytest.raises(UserError, match="Received: alignment clip"):
        with_virtual_clips(real, other, silent.clip_ids, ("rotation",))
    other = PreparedSet.load(prepared.folder)
    other.manifest.loc[other.manifest["subject"] == "5", "sensor_place"] = "left_wrist"
    with pytest.raises(UserError, match="at left_wrist needs clips with both streams"):
        with_virtual_clips(real, other, silent.clip_ids, ("rotation",))
