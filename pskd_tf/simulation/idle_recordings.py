"""Recordings in which nothing happens that a class stands for."""

from collections.abc import Sequence

import numpy as np

from data_prep.prepared_set import PreparedSet
from data_prep.user_error import UserError
from pskd_tf.data.draw_generator import draw_generator
from pskd_tf.simulation.recording import Recording

_NOISE_G = 0.01
# Between two postures, and how long a change of posture takes.
_POSTURE_SECONDS = (10.0, 60.0)
_TURN_SECONDS = (0.5, 4.0)
# What is left of a clip after this share of it.
_TAIL_START = 0.8


def idle_recordings(
    prepared: PreparedSet, clip_ids: Sequence[str], hours: float, purpose: str = "report"
) -> dict[str, Recording]:
    """Makes two recordings at the prepared set's rate; the same arguments give the same samples.

    "synthetic idle": a wrist at rest, which turns into another posture every 10 to 60 s,
    within 0.5 to 4 s, with noise of 0.01 g. "shuffled clip tails": the last fifths of clips, in
    random order, end to end; parts of movements, of which none is whole. Both are ours.

    Args:
        prepared: The run's prepared set.
        clip_ids: The clips, held out in training.
        hours: Length of each recording.
        purpose: Names the draws: what is chosen on one recording is reported on another.

    Returns:
        Recordings by name.

    Raises:
        UserError: The set holds none of the clips.
    """
    rate_hz = prepared.description.streams["accelerometer"]["nominal_rate_hz"]
    count = round(hours * 3600 * rate_hz)
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(clip_ids))
    if not len(rows):
        raise UserError("The prepared set must hold the held-out clips", "none of them")
    clips = [prepared.accelerometer(row) for row in rows]
    streams = {
        "synthetic idle": _at_rest(count, rate_hz, purpose),
        "shuffled clip tails": _tails(clips, count, purpose),
    }
    times = np.arange(count) / rate_hz
    return {name: Recording(times, stream) for name, stream in streams.items()}


def _at_rest(count: int, rate_hz: float, purpose: str) -> np.ndarray:
    generator = draw_generator(0, f"synthetic idle, {purpose}")
    stream = np.empty((count, 3))
    at, posture = 0, np.array([0.0, 0.0, 1.0])
    while at < count:
        still = round(generator.uniform(*_POSTURE_SECONDS) * rate_hz)
        turn = round(generator.uniform(*_TURN_SECONDS) * rate_hz)
        stream[at : at + still] = posture
        after = generator.normal(size=3)
        after /= np.linalg.norm(after)
        share = (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, turn)))[:, None]
        path = posture + share * (after - posture)
        # Slow enough that gravity is all there is; opposite postures pass near 0.
        path /= np.maximum(np.linalg.norm(path, axis=1, keepdims=True), 0.1)
        kept = stream[at + still : at + still + turn]
        kept[:] = path[: len(kept)]
        at, posture = at + still + turn, after
    return (stream + generator.normal(0, _NOISE_G, stream.shape)).astype(np.float32)


def _tails(clips: Sequence[np.ndarray], count: int, purpose: str) -> np.ndarray:
    generator = draw_generator(0, f"shuffled clip tails, {purpose}")
    tails = [clip[int(_TAIL_START * len(clip)) :] for clip in clips]
    parts, length = [], 0
    while length < count:
        for number in generator.permutation(len(tails)):
            parts.append(tails[number])
            length += len(tails[number])
    return np.concatenate(parts)[:count].astype(np.float32)
