"""A worn sensor with a gyroscope: channels, random changes, what is refused."""

import dataclasses

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.preparation import check_sensors, prepare_dataset
from data_prep.records import record_to_json
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.features import accelerometer_features, sensor_features
from pskd_tf.data.views import evaluation_views, plain_views, random_views
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.settings import RunSettings
from pskd_tf.stream_settings import StreamSettings
from pskd_tf.virtual_settings import VirtualSettings

SENSORS = ("accelerometer", "gyroscope")
THREE, SIX = InputSettings(), InputSettings(sensors=SENSORS)
UNIT = np.float32(256)


@pytest.fixture
def six_clips(time_clips):
    """Turn rates along the same axes as the acceleration, of 256 degrees per second at 1 g."""
    rates = time_clips.accelerometer * UNIT
    return dataclasses.replace(time_clips, gyroscope=rates)


def _random(clips, inputs, augmentation):
    generator = np.random.default_rng(1)
    rows = np.arange(len(clips))
    views = random_views(clips, rows, ["accelerometer"], generator, inputs, augmentation)
    return views["accelerometer"][:, :, 0]


def test_channels_of_the_gyroscope_follow_those_of_the_acceleration():
    samples = np.zeros((20, 6), np.float32)
    samples[:, 1], samples[:, 3:] = 1.0, [256.0, -512.0, 512.0]
    features = sensor_features(samples, 5)
    assert features.shape == (20, len(SIX.channels)) == (20, 14)
    np.testing.assert_array_equal(features[:, :10], accelerometer_features(samples[:, :3], 5))
    np.testing.assert_array_equal(features[:, 10:], [[1.0, -2.0, 2.0, 3.0]] * 20)
    np.testing.assert_array_equal(sensor_features(samples[:, :3], 5), features[:, :10])


def test_one_rotation_turns_both_streams(six_clips, no_augmentation):
    turned = _random(six_clips, SIX, dataclasses.replace(no_augmentation, rotation_radians=1.0))
    assert np.abs(turned[..., 1]).max() > 0.1  # x alone moves before the turn
    np.testing.assert_allclose(turned[..., 10:13], turned[..., :3], atol=1e-6)


def test_the_acceleration_has_the_draws_of_three_axes(six_clips):
    augmentation = AugmentationSettings()
    three, six = (_random(six_clips, inputs, augmentation) for inputs in (THREE, SIX))
    np.testing.assert_allclose(six[..., :10], three, atol=1e-6)


def test_noise_of_the_turn_rates_has_the_given_size(six_clips, no_augmentation):
    plain = _random(six_clips, SIX, no_augmentation)
    noisy = _random(six_clips, SIX, dataclasses.replace(no_augmentation, gyroscope_noise=64.0))
    difference = noisy - plain
    assert np.abs(difference[..., :10]).max() == 0
    assert difference[..., 10:13].std() == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize("mode", ["clip", "window"])
def test_plain_views_read_both_streams(six_clips, mode):
    inputs = InputSettings(sensors=SENSORS, mode=mode, steps=24)
    views = evaluation_views(six_clips, ["accelerometer"], inputs).streams["accelerometer"]
    assert views.shape[1:] == (24, 1, 14) == inputs.accelerometer_shape
    np.testing.assert_allclose(views[..., 10], views[..., 0], atol=1e-6)
    if mode == "clip":
        np.testing.assert_array_equal(
            plain_views(six_clips, ["accelerometer"], inputs)["accelerometer"], views
        )


def test_clips_without_a_gyroscope_are_refused(time_clips):
    with pytest.raises(UserError, match=r"needs clips with a gyroscope\. Received: none"):
        plain_views(time_clips, ["accelerometer"], SIX)


@pytest.mark.parametrize("sensors", [(), ("gyroscope",), SENSORS[::-1]])
def test_other_sensors_are_refused(sensors):
    with pytest.raises(UserError, match=r"sensors"):
        InputSettings(sensors=sensors)


@pytest.mark.parametrize(
    ("flag", "settings"),
    [
        ("stream_training", {"stream": StreamSettings(enabled=True)}),
        (
            "virtual_sensors",
            {"virtual": VirtualSettings(virtual_sensors=("rotation",)), "teachers": ()},
        ),
    ],
)
def test_what_reads_the_accelerometer_alone_is_named(flag, settings):
    with pytest.raises(UserError, match=rf"^{flag} reads the accelerometer alone"):
        RunSettings(inputs=SIX, **settings)


def test_records_of_three_axes_stay_as_they_were():
    values = record_to_json(RunSettings())
    assert "sensors" not in values["inputs"] and "gyroscope_noise" not in values["augmentation"]
    assert record_to_json(SIX)["sensors"] == [*SENSORS]


def test_a_prepared_set_without_gyroscope_is_refused(prepared):
    check_sensors(prepared, SENSORS[:1])
    count = len(prepared)
    with pytest.raises(UserError, match=rf"--sensors=.* Received: {count} of {count} clips"):
        check_sensors(prepared, SENSORS)


def test_generated_turn_rates_are_read_with_the_acceleration(prepared, tmp_path):
    """They change no byte of the other streams."""
    six = prepare_dataset("synthetic", None, tmp_path / "six", sensors=SENSORS)
    for name in ("accelerometer.npy", "skeleton.npy"):
        assert six.description.array_sha256[name] == prepared.description.array_sha256[name]
    clips = PairedClips.load(six, ["1"])
    samples = clips.sensor_samples(SIX, np.array([3]))
    assert samples.shape == (1, clips.accelerometer.shape[1], 6)
    np.testing.assert_array_equal(samples[0, :, :3], clips.accelerometer[3])
    length = clips.accelerometer_lengths[3]
    np.testing.assert_array_equal(
        clips.sensor_signals(SIX)[3], six.measured(_row(six, clips, 3), gyroscope=True)
    )
    assert not clips.gyroscope[3, length:].any()


def _row(prepared, clips, number):
    return int(np.flatnonzero(prepared.manifest["clip_id"] == clips.clip_ids[number])[0])
