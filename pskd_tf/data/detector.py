"""The segment detector of the device over many streams at once, bit for bit.

`microcontroller/src/segment_detector.c` applies the same rule to one stream, sample by sample.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pskd_tf.stream_settings import DetectorSettings

# Below it the noise floor could not rise again; the square of 0.001 g.
_LEAST_NOISE = np.float32(1e-6)
_LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True)
class Cuts:
    """What was cut out of streams to be classified, in order of stream and time.

    Attributes:
        stream: `(cuts,)` index of the stream.
        first: `(cuts,)` index of the first sample.
        end: `(cuts,)` index after the last sample.
        decided: `(cuts,)` index of the sample at which it was handed out.
    """

    stream: np.ndarray
    first: np.ndarray
    end: np.ndarray
    decided: np.ndarray

    def __len__(self) -> int:
        return len(self.stream)


@dataclass(frozen=True)
class Segments(Cuts):
    """Movements that the detector cut out of streams.

    Attributes:
        motion: `(streams, samples)` float32 distance of each sample from gravity, in g; 0 beyond a
            stream's end.
    """

    motion: np.ndarray


def detect_segments(
    streams: np.ndarray,
    lengths: np.ndarray,
    settings: DetectorSettings | Sequence[DetectorSettings],
    minimum_samples: int,
    maximum_samples: int,
) -> Segments:
    """Cuts movements out of streams without gaps. Source: ours.

    All arithmetic is float32 and in the order of the C core, so that both cut alike.

    Args:
        streams: `(streams, samples, 3)` finite, in g.
        lengths: `(streams,)` samples of each stream.
        settings: The detector's settings, one for all streams or one for each.
        minimum_samples: Shortest segment; shorter ones are left out.
        maximum_samples: Longest segment; a longer movement is cut there and goes on as the next.

    Returns:
        The segments.
    """
    streams, lengths = np.asarray(streams, np.float32), np.asarray(lengths)
    count, longest = streams.shape[:2]
    each = [settings] * count if isinstance(settings, DetectorSettings) else list(settings)
    of = {
        field.name: np.array([getattr(one, field.name) for one in each])
        for field in dataclasses.fields(DetectorSettings)
    }
    rest = of["rest_samples"]
    lead = np.clip(of["lead_samples"], 0, maximum_samples - 1)
    names = ("start_g", "end_g", "start_noise", "end_noise", "noise_rise")
    start_g, end_g, start_noise, end_noise, rise = (of[name].astype(np.float32) for name in names)
    gravity_weight = of["gravity_weight"].astype(np.float32)[:, None]
    energy_weight = of["energy_weight"].astype(np.float32)
    start_square, end_square = start_g * start_g, end_g * end_g
    gravity = streams[:, 0].copy()
    energy = np.zeros(count, np.float32)
    noise = np.full(count, _LARGEST)
    held = np.ones(count, np.int64)
    quiet = np.zeros(count, np.int64)
    moving, full = np.zeros(count, bool), np.zeros(count, bool)
    motion = np.zeros((count, longest), np.float32)
    found = []
    for now in range(1, longest):
        inside = now < lengths
        high = streams[:, now] - gravity
        square = (high[:, 0] * high[:, 0] + high[:, 1] * high[:, 1]) + high[:, 2] * high[:, 2]
        motion[:, now] = np.sqrt(square)
        energy += energy_weight * (square - energy)
        gravity += gravity_weight * high
        with np.errstate(over="ignore"):
            noise = np.where(noise < _LARGEST, noise + rise * noise, noise)
        noise = np.maximum(np.minimum(noise, energy), _LEAST_NOISE)
        held = np.where(moving, np.where(full, 0, held), np.minimum(held, lead)) + 1
        starts = ~moving & (energy >= np.maximum(start_square, start_noise * noise))
        is_quiet = energy < np.maximum(end_square, end_noise * noise)
        quiet = np.where(moving, np.where(is_quiet, quiet + 1, 0), np.where(starts, 0, quiet))
        was_moving = moving | starts
        ends = was_moving & (quiet >= rest)
        full = was_moving & ~ends & (held >= maximum_samples)
        moving = was_moving & ~ends
        handed = np.flatnonzero((ends | full) & inside)
        if len(handed):
            after = np.minimum(quiet[handed], held[handed])
            first = now + 1 - held[handed]
            found.append(np.stack([handed, first, now + 1 - after, np.full(len(handed), now)]))
    motion[np.arange(longest) >= lengths[:, None]] = 0
    table = np.concatenate(found, axis=1) if found else np.zeros((4, 0), np.int64)
    table = table[:, table[2] - table[1] >= minimum_samples]
    stream, first, end, decided = table[:, np.argsort(table[0], kind="stable")]
    return Segments(stream, first, end, decided, motion)
