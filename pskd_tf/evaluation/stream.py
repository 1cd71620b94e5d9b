"""A student's decisions in streams: movements between rests, and idle streams of each kind.

The detector, the windows and the preprocessing are those of the device, so the decisions of an int8
student are those of the C core. Source of the rules: ours; recall at a fixed number of false
decisions an hour is the convention of keyword spotting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from scipy.stats import chi2

from pskd_tf.data.clips import PairedClips, padded_arrays
from pskd_tf.data.detector import Cuts, Segments, detect_segments
from pskd_tf.data.features import (
    accelerometer_features,
    resample_clip,
    window_samples,
    window_span,
)
from pskd_tf.data.idle import IdleSource, Stream, idle_stream, joined, posture_change
from pskd_tf.data.views import draw_generator
from pskd_tf.input_settings import InputSettings
from pskd_tf.stream_settings import StreamSettings

# Kinds whose false decisions a threshold bounds, and kinds that are counted besides.
BOUNDED_KINDS = ("postures", "tails")
OTHER_KINDS = ("desk", "walking", "tremor", "parts", "joins")
STREAM_KINDS = (*BOUNDED_KINDS, *OTHER_KINDS)
# Kinds that are cut from recorded clips; the others are generated.
RECORDED_KINDS = ("tails", "parts", "joins")
# Idle streams are of this length, so that the detector can take many at once.
_STREAM_SECONDS = 600.0
_REST_SECONDS = 2.0
# Rests of "postures" in evaluation.
_IDLE_REST_SECONDS = (10.0, 60.0)


@dataclass(frozen=True)
class Movement:
    """A labelled movement of a stream.

    Attributes:
        first: Index of its first sample.
        end: Index after its last sample.
        label: Its class.
    """

    first: int
    end: int
    label: int


@dataclass(frozen=True)
class Decisions:
    """Decisions over streams of one kind.

    Attributes:
        stream: `(decisions,)` index of the stream.
        first: `(decisions,)` index of the first sample of the segment.
        end: `(decisions,)` index after its last sample.
        decided: `(decisions,)` index of the sample at which it was decided.
        best: `(decisions,)` the class with the largest output, "none" left out.
        score: `(decisions,)` 1 minus the probability of "none"; without "none", of `best`.
        joins: `(decisions,)` whether it is of the window that follows the one before, with the same
            class: at a threshold that both reach they are one decision. Never in clip mode.
    """

    stream: np.ndarray
    first: np.ndarray
    end: np.ndarray
    decided: np.ndarray
    best: np.ndarray
    score: np.ndarray
    joins: np.ndarray

    def __len__(self) -> int:
        return len(self.score)


def movement_stream(
    clips: PairedClips, rows: Sequence[int], generator: np.random.Generator
) -> tuple[Stream, list[Movement]]:
    """Joins clips with 2 s of rest before and after each, and 1 s from one posture to the next.

    Args:
        clips: The clips.
        rows: Indices of the clips, in the order of the stream.
        generator: Source of the noise.

    Returns:
        The stream, and each clip's place in it.
    """
    signals = clips.signals
    source = IdleSource(signals, (), clips.accelerometer_rate_hz, (_REST_SECONDS, _REST_SECONDS))
    rest, turn = source.samples(_REST_SECONDS), source.samples(1.0)
    parts: list[Stream] = []
    movements, at = [], 0
    for row in rows:
        clip = Stream.of_clip(signals, int(row), 0, len(signals[row]))
        if parts:
            path = posture_change(parts[-1].samples[-1], clip.samples[0], turn)
            parts.append(Stream.without_clip(path))
            at += turn
        parts.append(source.rested(clip, generator))
        movements.append(Movement(at + rest, at + rest + len(clip), int(clips.labels[row])))
        at += len(parts[-1])
    return joined(parts), movements


def idle_streams(clips: PairedClips, kind: str, hours: float, seed: int) -> list[Stream]:
    """Makes idle streams of one kind, of ten minutes each.

    Args:
        clips: The clips that the recorded kinds are cut from.
        kind: One of `STREAM_KINDS`.
        hours: Length of all streams together.
        seed: Seed of the draws.

    Returns:
        The streams.
    """
    rests = _IDLE_REST_SECONDS if kind == "postures" else (1.0, 3.0)
    source = IdleSource.of(clips.signals, clips.accelerometer_rate_hz, rests)
    count = max(1, round(hours * 3600.0 / _STREAM_SECONDS))
    length = source.samples(hours * 3600.0 / count)
    return [
        idle_stream((kind,), source, length, draw_generator(seed, f"idle/{kind}", number))
        for number in range(count)
    ]


def decide(
    streams: Sequence[np.ndarray],
    logits_of: Callable[[np.ndarray], np.ndarray],
    inputs: InputSettings,
    settings: StreamSettings,
    null_class: int | None,
    rate_hz: float,
) -> Decisions:
    """Cuts streams as the device does and classifies each cut.

    Args:
        streams: `(samples, 3)` each, in g.
        logits_of: From features `(cuts, steps, 1, channels)` in g to logits.
        inputs: The preprocessing.
        settings: The detector and its limits.
        null_class: The output for "none"; None without one.
        rate_hz: Rate of the streams.

    Returns:
        The decisions, in order of stream and time.
    """
    found, features = cut_streams(streams, inputs, settings, rate_hz)
    if not len(found):
        empty = np.zeros(0, np.int64)
        return Decisions(empty, empty, empty, empty, empty, np.zeros(0), empty.astype(bool))
    return decisions_of(found, logits_of(features), null_class)


def cut_streams(
    streams: Sequence[np.ndarray], inputs: InputSettings, settings: StreamSettings, rate_hz: float
) -> tuple[Cuts, np.ndarray]:
    """Cuts streams with the detector, or into windows, and makes the features of each cut.

    Args:
        streams: `(samples, 3)` each, in g.
        inputs: The preprocessing.
        settings: The detector and its limits.
        rate_hz: Rate of the streams.

    Returns:
        The cuts, in order of stream and time, and their features `(cuts, steps, 1, channels)` in g.
    """
    if inputs.mode == "window":
        return _windows(streams, inputs, rate_hz)
    padded, lengths = padded_arrays(streams, (3,))
    limits = (settings.minimum_samples, settings.maximum_samples)
    found = detect_segments(padded, lengths, settings.detector, *limits)
    if not len(found):
        return found, np.zeros((0, *inputs.accelerometer_shape), np.float32)
    cuts = [
        resample_clip(padded[stream, first:end], inputs.steps)
        for stream, first, end in zip(found.stream, found.first, found.end, strict=True)
    ]
    return found, accelerometer_features(np.stack(cuts), inputs.gravity_taps)[:, :, None]


def _windows(
    streams: Sequence[np.ndarray], inputs: InputSettings, rate_hz: float
) -> tuple[Cuts, np.ndarray]:
    """Cuts streams into windows; one that is shorter than a window has none, as on the device."""
    span, ratio = window_span(rate_hz, inputs), rate_hz / inputs.window_rate_hz
    numbers, firsts, features = [], [], []
    for number, stream in enumerate(streams):
        if len(stream) < span:
            continue
        samples = window_samples(stream, rate_hz, inputs).samples
        starts = np.round(np.arange(len(samples)) * inputs.window_hop * ratio).astype(np.int64)
        numbers.append(np.full(len(samples), number))
        firsts.append(starts)
        features.append(accelerometer_features(samples, inputs.gravity_taps))
    if not firsts:
        empty = np.zeros(0, np.int64)
        shape = (0, *inputs.accelerometer_shape)
        return Cuts(empty, empty, empty, empty), np.zeros(shape, np.float32)
    first = np.concatenate(firsts)
    cuts = Cuts(np.concatenate(numbers), first, first + span, first + span - 1)
    return cuts, np.concatenate(features)[:, :, None]


def decisions_of(found: Cuts, logits: np.ndarray, null_class: int | None) -> Decisions:
    """Decides on cuts by a model's outputs.

    Args:
        found: The cuts.
        logits: `(cuts, outputs)`.
        null_class: The output for "none"; None without one.

    Returns:
        A decision for each cut.
    """
    probabilities = softmax(logits.astype(np.float64), axis=1)
    classes = probabilities[:, :null_class]
    score = classes.max(axis=1) if null_class is None else 1.0 - probabilities[:, null_class]
    best = classes.argmax(axis=1)
    joins = np.zeros(len(best), bool)
    if not isinstance(found, Segments):
        joins[1:] = (found.stream[1:] == found.stream[:-1]) & (best[1:] == best[:-1])
    return Decisions(found.stream, found.first, found.end, found.decided, best, score, joins)


def movement_scores(decisions: Decisions, movements: Sequence[Movement]) -> np.ndarray:
    """Returns the highest score of a right decision for each movement of one stream.

    A decision is right for a movement if its segment overlaps it and its class is the label.

    Args:
        decisions: Decisions over the stream.
        movements: Its movements.

    Returns:
        `(movements,)` float64; -1 where no decision is right at any threshold.
    """
    scores = np.full(len(movements), -1.0)
    for number, movement in enumerate(movements):
        right = overlaps(decisions, movement) & (decisions.best == movement.label)
        if right.any():
            scores[number] = decisions.score[right].max()
    return scores


def said_scores(decisions: Decisions, counted: np.ndarray | None = None) -> np.ndarray:
    """Returns the highest threshold at which so many decisions are said: one, two and so on.

    In clip mode these are the scores. In window mode a decision begins with a window that reaches
    the threshold and joins none that does, so two decisions may be one at a lower threshold. There
    the largest number that any threshold from this one on has counts.

    Args:
        decisions: Decisions over streams.
        counted: `(decisions,)` whether a decision counts that begins there; None for all.

    Returns:
        `(n,)` descending, so that at a threshold at most as many decisions are said as are not
        below it.
    """
    score = decisions.score
    before = np.where(decisions.joins, np.roll(score, 1), -np.inf)
    # A decision begins here at thresholds from the score down to that of the window before.
    begins = (score > before) & (True if counted is None else counted)
    ends = before[begins & decisions.joins]
    levels = np.concatenate([score[begins], ends])
    changes = np.concatenate([np.ones(begins.sum()), np.full(len(ends), -1.0)])
    descending, place = np.unique(-levels, return_inverse=True)
    said = np.cumsum(np.bincount(place, changes, len(descending)))
    most = np.maximum.accumulate(said.astype(int))
    return np.repeat(-descending, np.diff(most, prepend=0))


def wrong_scores(decisions: Decisions, movements: Sequence[Movement]) -> np.ndarray:
    """Returns `said_scores` of the decisions for a class that no overlapping movement has."""
    right = np.zeros(len(decisions), bool)
    for movement in movements:
        right |= overlaps(decisions, movement) & (decisions.best == movement.label)
    return said_scores(decisions, ~right)


def overlaps(decisions: Decisions, movement: Movement) -> np.ndarray:
    """Returns `(decisions,)` whether the segment of each overlaps a movement of the stream."""
    return np.asarray((decisions.first < movement.end) & (decisions.end > movement.first))


def distinct_hours(clips: PairedClips, kind: str, hours: float) -> float:
    """Returns how many hours of distinct signal a kind of idle is made of.

    Recorded kinds reuse the same clips again and again; generated kinds are new throughout.

    Args:
        clips: The clips.
        kind: One of `STREAM_KINDS`.
        hours: Length of the streams.
    """
    if kind not in RECORDED_KINDS:
        return hours
    recorded = float(clips.accelerometer_lengths.sum()) / clips.accelerometer_rate_hz / 3600.0
    return min(hours, recorded * (0.2 if kind == "tails" else 1.0))


def lowest_threshold(
    scores: Mapping[str, np.ndarray], hours: Mapping[str, float], most_an_hour: float
) -> float:
    """Returns the lowest threshold at which no kind has more false decisions than a bound.

    Args:
        scores: Scores of the decisions by kind of idle, all of them false.
        hours: Hours of each kind.
        most_an_hour: False decisions an hour at most, on each kind.

    Returns:
        The threshold: a decision counts from it on.
    """
    threshold = 0.0
    for kind, values in scores.items():
        allowed = int(most_an_hour * hours[kind])
        descending = np.sort(values)[::-1]
        if len(descending) > allowed:
            threshold = max(threshold, float(np.nextafter(descending[allowed], 2.0)))
    return threshold


def upper_bound_an_hour(count: int, hours: float, confidence: float = 0.95) -> float:
    """Returns the exact one-sided upper bound of a Poisson rate (Garwood, 1936).

    Args:
        count: Events that were seen.
        hours: Hours of distinct signal.
        confidence: Probability that the bound holds.

    Returns:
        Events an hour; 3.0 / hours for no event at 95 %.
    """
    return float(chi2.ppf(confidence, 2 * (count + 1)) / 2.0 / hours)
