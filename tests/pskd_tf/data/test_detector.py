"""The segment detector over many streams at once, against one written as a plain loop."""

import dataclasses

import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.data.detector import detect_segments
from pskd_tf.stream_settings import DetectorSettings


def loop(stream, settings, minimum, maximum):
    """The rule of segment_detector.c, one float32 operation after the other."""
    f = np.float32
    gravity, energy, noise = stream[0].copy(), f(0), np.finfo(np.float32).max
    held, quiet, moving, full, found = 1, 0, False, False, []
    lead = min(max(settings.lead_samples, 0), maximum - 1)
    for now in range(1, len(stream)):
        high = stream[now] - gravity
        square = (high[0] * high[0] + high[1] * high[1]) + high[2] * high[2]
        energy = energy + f(settings.energy_weight) * (square - energy)
        gravity = gravity + f(settings.gravity_weight) * high
        if noise < np.finfo(np.float32).max:
            noise = noise + f(settings.noise_rise) * noise
        noise = max(min(noise, energy), f(1e-6))
        if not moving:
            held = min(held, lead)
        elif full:
            held = 0
        full = False
        held += 1
        if not moving:
            start = f(settings.start_g)
            if energy < max(start * start, f(settings.start_noise) * noise):
                continue
            moving, quiet = True, 0
        else:
            end = f(settings.end_g)
            quiet = quiet + 1 if energy < max(end * end, f(settings.end_noise) * noise) else 0
        if quiet >= settings.rest_samples:
            moving = False
        elif held >= maximum:
            full = True
        else:
            continue
        first, end = now + 1 - held, now + 1 - min(quiet, held)
        if end - first >= minimum:
            found.append((first, end, now))
    return found


def bursts(generator, count, longest):
    """Rest with noise and a few bursts of oscillation."""
    streams = generator.normal(0, 0.01, (count, longest, 3))
    streams[..., 2] += 1
    for stream in streams:
        for _ in range(generator.integers(1, 4)):
            at, length = generator.integers(0, longest - 20), generator.integers(5, 200)
            part = stream[at : at + length]
            wave = np.sin(np.arange(len(part)) * generator.uniform(0.05, 1.0))
            part += generator.uniform(0.02, 1.0) * wave[:, None]
    return streams.astype(np.float32)


def test_it_cuts_like_a_plain_loop_with_any_settings():
    generator = np.random.default_rng(0)
    streams = bursts(generator, 40, 500)
    lengths = generator.integers(300, 501, 40)
    settings = []
    for number in range(40):
        start = generator.uniform(0.05, 0.4)
        settings.append(
            DetectorSettings(
                start_g=start,
                end_g=start * generator.uniform(0.3, 1.0),
                start_noise=8.0 if number % 2 else 0.0,
                end_noise=4.0 if number % 2 else 0.0,
                gravity_weight=generator.uniform(0.02, 0.2),
                energy_weight=generator.uniform(0.1, 0.5),
                lead_samples=int(generator.integers(0, 60)),
                rest_samples=int(generator.integers(1, 50)),
            )
        )
    got = detect_segments(streams, lengths, settings, 20, 120)
    expected = [
        (number, *segment)
        for number in range(40)
        for segment in loop(streams[number, : lengths[number]], settings[number], 20, 120)
    ]
    assert len(expected) > 40
    rows = zip(got.stream, got.first, got.end, got.decided, strict=True)
    assert [tuple(map(int, row)) for row in rows] == expected


def still(seconds, noise=0.0, seed=0):
    samples = np.zeros((round(50 * seconds), 3), np.float32)
    samples[:, 2] = 1
    noisy = samples + np.random.default_rng(seed).normal(0, noise, samples.shape)
    return noisy.astype(np.float32)


def test_one_movement_between_rests_is_one_segment():
    stream = still(10, 0.005)
    stream[200:350, 0] += 0.5 * np.sin(2 * np.pi * 2 * np.arange(150) / 50)
    got = detect_segments(stream[None], [500], DetectorSettings(), 50, 275)
    assert len(got) == 1
    # It starts with the lead, some samples before the motion, and ends where the energy has gone.
    assert 185 <= got.first[0] <= 200
    assert 350 <= got.end[0] <= 380
    assert got.decided[0] == got.end[0] - 1 + 35


def test_a_long_movement_is_cut_and_goes_on():
    stream = still(14, 0.005)
    stream[100:600, 0] += 0.5 * np.sin(2 * np.pi * 2 * np.arange(500) / 50)
    got = detect_segments(stream[None], [700], DetectorSettings(), 50, 200)
    assert (got.end - got.first).tolist()[:2] == [200, 200]
    assert got.first[1] == got.end[0]


@pytest.mark.parametrize("tremor", [0.02, 0.04, 0.08])
def test_the_noise_floor_keeps_tremor_from_starting_movements(tremor):
    stream = still(300, tremor)
    settings = DetectorSettings()
    settled = 60 * 50
    got = detect_segments(stream[None], [len(stream)], settings, 2, 275)
    assert (got.first < settled).all()
    without = dataclasses.replace(settings, start_noise=0.0, end_noise=0.0)
    if tremor > 0.06:
        assert len(detect_segments(stream[None], [len(stream)], without, 2, 275)) > 10


def test_motion_is_the_distance_from_gravity():
    stream = still(2)
    stream[50:, 0] += 0.3
    motion = detect_segments(stream[None], [100], DetectorSettings(), 2, 275).motion[0]
    assert motion[49] == 0
    assert motion[50] == pytest.approx(0.3)
    # The mean that is taken for gravity approaches with weight 0.04.
    assert motion[51] == pytest.approx(0.3 * 0.96)


def test_an_end_above_the_start_is_refused():
    with pytest.raises(UserError, match="end_noise <= start_noise"):
        DetectorSettings(start_noise=2.0)
