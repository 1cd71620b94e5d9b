"""Clips one after the other with rest between them, as one recording."""

from collections.abc import Sequence

import numpy as np

from data_prep.prepared_set import PreparedSet
from data_prep.user_error import UserError
from pskd_tf.data.draw_generator import draw_generator
from pskd_tf.simulation.labelled_span import LabelledSpan
from pskd_tf.simulation.recording import Recording

_NOISE_G = 0.01
_REST_SECONDS = 2.0
_TURN_SECONDS = 1.0


def joined_clips(
    prepared: PreparedSet, clip_ids: Sequence[str], most: int | None = None
) -> tuple[Recording, list[LabelledSpan]]:
    """Joins clips in random order; the same arguments give the same samples.

    Around each, two seconds of rest at its first and last sample, with noise of 0.01 g; between
    two rests, a second from one to the other. Ours: a clip's own rest is all that is recorded.

    Args:
        prepared: The prepared set.
        clip_ids: The clips.
        most: Take so many of them; None for all.

    Returns:
        The recording at the set's rate, and each clip's span with its label.

    Raises:
        UserError: The set holds none of the clips.
    """
    rate_hz = prepared.description.streams["accelerometer"]["nominal_rate_hz"]
    generator = draw_generator(0, "joined clips")
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(clip_ids))
    if not len(rows):
        raise UserError("The prepared set must hold the clips that are joined", "none of them")
    rest = round(_REST_SECONDS * rate_hz)
    turn = (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, round(_TURN_SECONDS * rate_hz))))[:, None]
    names = prepared.manifest["action_name"]
    parts: list[np.ndarray] = []
    spans, count = [], 0
    for row in generator.permutation(rows)[:most]:
        clip = prepared.accelerometer(row)
        before = np.tile(clip[0], (rest, 1))
        if parts:
            before = np.concatenate([parts[-1][-1] + turn * (clip[0] - parts[-1][-1]), before])
        after = np.tile(clip[-1], (rest, 1))
        start = count + len(before)
        end = start + len(clip)
        spans.append(LabelledSpan(start / rate_hz, end / rate_hz, names.iloc[row]))
        before, after = (
            still + generator.normal(0, _NOISE_G, still.shape) for still in (before, after)
        )
        parts += [before, clip, after]
        count = end + rest
    samples = np.concatenate(parts).astype(np.float32)
    return Recording(np.arange(count) / rate_hz, samples), spans
