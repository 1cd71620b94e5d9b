"""Streams in which nothing is to be recognised, each kind from a generator of its name.

Some are made from clips (what begins, ends or half shows a movement), the others are generated.
Training draws the class "none" from them; evaluation counts false decisions on them. Source: ours.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pskd_tf.data.views import random_rotations

# Standard deviation of a resting sensor's noise, in g.
_NOISE_G = (0.005, 0.02)


@dataclass(frozen=True)
class Stream:
    """Samples with the clip that each was taken from.

    Attributes:
        samples: `(samples, 3)` float32, in g.
        clip: `(samples,)` index of the clip, held before and after it; -1 for none.
        place: `(samples,)` position in that clip, from 0 (its first sample) to 1 (its last one).
    """

    samples: np.ndarray
    clip: np.ndarray
    place: np.ndarray

    def __len__(self) -> int:
        return len(self.samples)

    @staticmethod
    def of_clip(clips: Sequence[np.ndarray], row: int, first: int, end: int) -> "Stream":
        """Returns the samples `first` to `end` (excluded) of a clip."""
        last = max(len(clips[row]) - 1, 1)
        place = np.arange(first, end) / last
        return Stream(clips[row][first:end], np.full(end - first, row), place)

    @staticmethod
    def without_clip(samples: np.ndarray) -> "Stream":
        """Returns samples that come from no clip."""
        none = np.full(len(samples), -1)
        return Stream(samples.astype(np.float32), none, np.zeros(len(samples)))

    def held(self, at: int, count: int, generator: np.random.Generator) -> "Stream":
        """Returns a rest of `count` samples in the posture of sample `at`, with noise."""
        noise = generator.normal(0.0, generator.uniform(*_NOISE_G), (count, 3))
        samples = (self.samples[at] + noise).astype(np.float32)
        return Stream(samples, np.full(count, self.clip[at]), np.full(count, self.place[at]))

    def between_rests(
        self, rate_hz: float, generator: np.random.Generator, seconds: tuple[float, float]
    ) -> "Stream":
        """Returns the stream with a rest before and after it, each of random length."""
        before, after = (round(generator.uniform(*seconds) * rate_hz) for _ in range(2))
        return joined([self.held(0, before, generator), self, self.held(-1, after, generator)])


def joined(parts: Sequence[Stream]) -> Stream:
    """Returns streams end to end."""
    return Stream(
        np.concatenate([part.samples for part in parts]),
        np.concatenate([part.clip for part in parts]),
        np.concatenate([part.place for part in parts]),
    )


def motion_course(clip: np.ndarray, weight: float = 0.04) -> np.ndarray:
    """Returns the share of a clip's motion that has passed after each sample.

    Motion is the distance of a sample from the exponential mean of those before it.

    Args:
        clip: `(samples, 3)`, in g.
        weight: Weight of the newest sample in that mean.

    Returns:
        `(samples,)` float64, not decreasing, from 0 to 1.
    """
    gravity = clip[0].astype(np.float64)
    motion = np.empty(len(clip))
    for number, sample in enumerate(clip):
        high = sample - gravity
        motion[number] = np.sqrt(high @ high)
        gravity += weight * high
    total = np.cumsum(motion)
    return total / total[-1] if total[-1] > 0 else np.linspace(0.0, 1.0, len(clip))


def class_starts(course: np.ndarray, length: int, coverage: float) -> np.ndarray:
    """Returns the places at which a window over a clip between rests has the clip's class.

    It has the class if it covers at least `coverage` of the most motion that any window of this
    length covers: of all motion of a short clip, of the liveliest stretch of a long one. Ours.

    Args:
        course: `(samples,)` `motion_course` of the clip.
        length: Samples of a window.
        coverage: Least share, above 0 and at most 1.

    Returns:
        Indices of the window's first sample, ascending, counted from the clip's first one; below 0
        for a window that starts in the rest before it.
    """
    starts = np.arange(1 - length, len(course))
    passed = np.concatenate([[0.0], course])
    first, end = np.clip([starts, starts + length], 0, len(course))
    covered = passed[end] - passed[first]
    # Sums of shares differ in the last bits.
    return np.asarray(starts[covered >= coverage * covered.max() - 1e-9])


@dataclass(frozen=True)
class IdleSource:
    """What the generators draw from.

    Attributes:
        clips: Clips, `(samples, 3)` each, in g.
        courses: `motion_course` of each.
        rate_hz: Rate of the clips and of the streams, in Hz.
        rest_seconds: Shortest and longest rest around what a generator makes.
        recorded_none: Recordings that show no class, `(samples, 3)` each, in g.
    """

    clips: Sequence[np.ndarray]
    courses: Sequence[np.ndarray]
    rate_hz: float
    rest_seconds: tuple[float, float] = (1.0, 3.0)
    recorded_none: Sequence[np.ndarray] = ()

    @staticmethod
    def of(
        clips: Sequence[np.ndarray], rate_hz: float, rest_seconds: tuple[float, float] = (1.0, 3.0)
    ) -> "IdleSource":
        """Makes the source of clips."""
        return IdleSource(clips, [motion_course(clip) for clip in clips], rate_hz, rest_seconds)

    def samples(self, seconds: float) -> int:
        """Returns the number of samples in `seconds`, at least 2."""
        return max(round(seconds * self.rate_hz), 2)

    def rested(self, stream: Stream, generator: np.random.Generator) -> Stream:
        """Returns a stream with a rest before and after it."""
        return stream.between_rests(self.rate_hz, generator, self.rest_seconds)


def _posture(generator: np.random.Generator) -> np.ndarray:
    direction = generator.normal(size=3)
    return np.asarray(direction / np.linalg.norm(direction))


def _near(posture: np.ndarray, degrees: float, generator: np.random.Generator) -> np.ndarray:
    across = np.cross(posture, _posture(generator))
    across /= max(np.linalg.norm(across), 1e-6)
    angle = np.radians(degrees)
    return np.asarray(np.cos(angle) * posture + np.sin(angle) * across)


def _turn(before: np.ndarray, after: np.ndarray, count: int) -> np.ndarray:
    """Gravity on the way from one posture to another, `(count, 3)`: a slow turn about one axis."""
    angle = np.arccos(np.clip(before @ after, -1.0, 1.0))
    across = after - (before @ after) * before
    if np.linalg.norm(across) < 1e-6:  # equal or opposite: any axis
        across = np.cross(before, np.roll(before, 1) + np.array([0.1, 0.2, 0.3]))
    across = across / np.linalg.norm(across)
    share = (0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, count)))[:, None]
    return np.asarray(np.cos(share * angle) * before + np.sin(share * angle) * across)


def posture_change(before: np.ndarray, after: np.ndarray, count: int) -> np.ndarray:
    """Returns the samples of a slow turn from one sample to another.

    The direction turns, and the magnitude goes evenly from one to the other.

    Args:
        before: `(3,)` in g.
        after: `(3,)` in g.
        count: Number of samples.

    Returns:
        `(count, 3)` float64, in g.
    """
    sizes = [max(float(np.linalg.norm(one)), 1e-6) for one in (before, after)]
    path = _turn(before / sizes[0], after / sizes[1], count)
    return np.asarray(path * np.linspace(sizes[0], sizes[1], count)[:, None])


def _noisy(samples: np.ndarray, generator: np.random.Generator) -> Stream:
    noise = generator.normal(0.0, generator.uniform(*_NOISE_G), samples.shape)
    return Stream.without_clip(samples + noise)


def postures(source: IdleSource, generator: np.random.Generator) -> Stream:
    """A change of posture, in 0.5 to 4 s, between rests."""
    count = source.samples(generator.uniform(0.5, 4.0))
    path = _turn(_posture(generator), _posture(generator), count)
    return source.rested(_noisy(path, generator), generator)


def turns(source: IdleSource, generator: np.random.Generator) -> Stream:
    """From the posture at the end of one clip to that at the start of another, in 0.5 to 2 s."""
    one, other = (source.clips[row] for row in generator.integers(len(source.clips), size=2))
    count = source.samples(generator.uniform(0.5, 2.0))
    share = (0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, count)))[:, None]
    path = one[-1] + share * (other[0] - one[-1])
    return source.rested(_noisy(path, generator), generator)


def desk(source: IdleSource, generator: np.random.Generator) -> Stream:
    """Small turns of 5 to 40 degrees, with short pauses, as at a desk."""
    posture, parts = _posture(generator), []
    for _ in range(generator.integers(3, 13)):
        after = _near(posture, generator.uniform(5.0, 40.0), generator)
        parts.append(_turn(posture, after, source.samples(generator.uniform(0.2, 1.0))))
        pause = source.samples(generator.uniform(0.1, 2.0))
        parts.append(np.repeat(after[None], pause, axis=0))
        posture = after
    return source.rested(_noisy(np.concatenate(parts), generator), generator)


def walking(source: IdleSource, generator: np.random.Generator) -> Stream:
    """An oscillation of 1.4 to 2.4 Hz with two harmonics, 3 to 20 s long."""
    count = source.samples(generator.uniform(3.0, 20.0))
    phase = 2 * np.pi * generator.uniform(1.4, 2.4) * np.arange(count) / source.rate_hz
    phase += np.cumsum(generator.normal(0.0, 0.05, count))
    swing = np.zeros((count, 3))
    for harmonic, share in ((0.5, 0.6), (1.0, 1.0), (2.0, 0.4)):
        amplitude = generator.normal(0.0, 0.15 * share, 3)
        swing += np.sin(harmonic * phase + generator.uniform(0, 2 * np.pi))[:, None] * amplitude
    ramp = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / source.rate_hz)
    return source.rested(_noisy(_posture(generator) + swing * ramp[:, None], generator), generator)


def tremor(source: IdleSource, generator: np.random.Generator) -> Stream:
    """A resting wrist with tremor of 0.01 to 0.08 g at 4 to 12 Hz, 5 to 20 s long."""
    count = source.samples(generator.uniform(5.0, 20.0))
    phase = 2 * np.pi * generator.uniform(4.0, 12.0) * np.arange(count) / source.rate_hz
    phase += np.cumsum(generator.normal(0.0, 0.2, count))
    amplitude = generator.uniform(0.01, 0.08) * np.sqrt(2.0)
    swing = amplitude * np.sin(phase)[:, None] * _posture(generator)
    return _noisy(_posture(generator) + swing, generator)


def _fifths(source: IdleSource, generator: np.random.Generator, last: bool) -> Stream:
    parts = []
    for row in generator.integers(len(source.clips), size=int(generator.integers(5, 13))):
        length = len(source.clips[row])
        first, end = (int(0.8 * length), length) if last else (0, max(int(0.2 * length), 2))
        parts.append(Stream.of_clip(source.clips, int(row), first, end))
    return source.rested(joined(parts), generator)


def tails(source: IdleSource, generator: np.random.Generator) -> Stream:
    """The last fifths of 5 to 12 clips, end to end."""
    return _fifths(source, generator, last=True)


def heads(source: IdleSource, generator: np.random.Generator) -> Stream:
    """The first fifths of 5 to 12 clips, end to end."""
    return _fifths(source, generator, last=False)


def _share(source: IdleSource, row: int, begins: float, ends: float) -> Stream:
    """The samples of a clip between two shares of its motion."""
    first, end = np.searchsorted(source.courses[row], (begins, ends))
    end = max(int(end), int(first) + 2)
    first = min(int(first), len(source.clips[row]) - 2)
    return Stream.of_clip(source.clips, row, first, min(end, len(source.clips[row])))


def parts(source: IdleSource, generator: np.random.Generator) -> Stream:
    """15 to 40 % of a movement's motion between rests."""
    row = int(generator.integers(len(source.clips)))
    share = generator.uniform(0.15, 0.4)
    begins = generator.uniform(0.0, 1.0 - share)
    return source.rested(_share(source, row, begins, begins + share), generator)


def joins(source: IdleSource, generator: np.random.Generator) -> Stream:
    """The head of one movement and the tail of another, 30 to 60 % of each one's motion."""
    one, other = (int(row) for row in generator.integers(len(source.clips), size=2))
    head = _share(source, one, 0.0, generator.uniform(0.3, 0.6))
    tail = _share(source, other, 1.0 - generator.uniform(0.3, 0.6), 1.0)
    return source.rested(joined([head, tail]), generator)


def rotated(source: IdleSource, generator: np.random.Generator) -> Stream:
    """A whole movement with the sensor worn in another way: turned by a large random rotation."""
    row = int(generator.integers(len(source.clips)))
    whole = Stream.of_clip(source.clips, row, 0, len(source.clips[row]))
    matrix = random_rotations(generator, np.full(3, np.pi / 2), 1)[0]
    return source.rested(Stream.without_clip(whole.samples @ matrix), generator)


def recorded(source: IdleSource, generator: np.random.Generator) -> Stream:
    """Up to 20 s of a recording that shows no class, long recordings more often."""
    lengths = np.array([len(one) for one in source.recorded_none])
    samples = source.recorded_none[generator.choice(len(lengths), p=lengths / lengths.sum())]
    count = min(source.samples(_RECORDED_SECONDS), len(samples))
    first = int(generator.integers(len(samples) - count + 1))
    return Stream.without_clip(samples[first : first + count])


# The user's own, so no stream can be made of it without their recordings.
RECORDED, _RECORDED_SECONDS = "recorded", 20.0

IDLE_GENERATORS: dict[str, Callable[[IdleSource, np.random.Generator], Stream]] = {
    one.__name__: one
    for one in (
        postures,
        turns,
        desk,
        walking,
        tremor,
        tails,
        heads,
        parts,
        joins,
        rotated,
    )
}


# Kinds whose clips follow each other in a stream of that kind.
_END_TO_END = ("tails", "heads")


def idle_stream(
    kinds: Sequence[str], source: IdleSource, count: int, generator: np.random.Generator
) -> Stream:
    """Makes a stream of several kinds, in random order, end to end.

    Args:
        kinds: Names in `IDLE_GENERATORS`.
        source: What they draw from.
        count: Samples of the stream.
        generator: Source of the draws.

    Returns:
        The stream. Tails follow tails, and heads heads, without a rest; otherwise the change from
        one part to the next takes a second.
    """
    end_to_end = dataclasses.replace(source, rest_seconds=(0.0, 0.0))
    made: list[Stream] = []
    length, last = 0, ""
    while length < count:
        kind = kinds[int(generator.integers(len(kinds)))]
        part = IDLE_GENERATORS[kind](end_to_end if kind in _END_TO_END else source, generator)
        if made and not (kind == last and kind in _END_TO_END):
            turn = source.samples(1.0)
            path = posture_change(made[-1].samples[-1], part.samples[0], turn)
            made.append(_noisy(path, generator))
            length += turn
        made.append(part)
        length, last = length + len(part), kind
    whole = joined(made)
    return Stream(whole.samples[:count], whole.clip[:count], whole.place[:count])
