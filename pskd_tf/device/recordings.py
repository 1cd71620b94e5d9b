"""Recordings to stream through the recogniser: read from a file, joined from clips, or idle."""

import bisect
import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_prep.csv_cells import cell_text
from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from pskd_tf.data.idle import IDLE_GENERATORS, IdleSource, Stream, idle_stream
from pskd_tf.data.views import draw_generator
from pskd_tf.device.recognizer import Decision, ExportedModel

# Seconds of a unit of the stamps, by header; the second one is what pskd_tf.monitor records.
_HEADERS = {"time_seconds,x,y,z": 1.0, "time_us,x,y,z": 1e-6}
_RATES = ",rate_x,rate_y,rate_z"  # behind a header of a recording with a gyroscope
_NUMBERS = {4: "four", 7: "seven"}
# The median at rest is 1 in g and 9.8 in m/s^2.
_LARGEST_MEDIAN_G = 4.0


@dataclass(frozen=True)
class Recording:
    """Samples with time stamps.

    Attributes:
        times: `(samples,)` float64 in seconds, not decreasing.
        samples: `(samples, axes)` float32 in g, and of six axes turn rates in degrees per second
            behind them; NaN and infinities are kept, as a sensor gives them.
    """

    times: np.ndarray
    samples: np.ndarray

    @classmethod
    def read(cls, path: str | Path) -> "Recording":
        """Reads a CSV file.

        Args:
            path: Its header is `time_seconds,x,y,z`, or `time_us,x,y,z` as `pskd_tf.monitor`
                records; acceleration is in g. `,rate_x,rate_y,rate_z` behind it: turn rates in
                degrees per second.

        Returns:
            The recording.

        Raises:
            UserError: There is no such file, it has another header, a row without all numbers or
                a stamp before the one above it, or its unit is not g.
        """
        path = Path(path)
        try:
            header, _, body = path.read_text(encoding="utf-8-sig").partition("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError("csv must be a readable text file", error, path) from error
        header = header.replace(" ", "").strip()
        unit_seconds = _HEADERS.get(header.removesuffix(_RATES))
        count = 7 if header.endswith(_RATES) else 4
        if unit_seconds is None:
            raise UserError(f"The header must be {' or '.join(_HEADERS)}", repr(header[:60]), path)
        if not body.strip():
            raise UserError("A recording must hold samples", "none", path)
        try:
            table = np.loadtxt(io.StringIO(body), delimiter=",", ndmin=2, comments=None)
        except ValueError as error:
            raise UserError(f"A row must hold {_NUMBERS[count]} numbers", error, path) from error
        if table.shape[1] != count:
            raise UserError(f"A row must hold {_NUMBERS[count]} numbers", table.shape[1], path)
        times = table[:, 0] * unit_seconds
        if not np.isfinite(times).all():
            row = int(np.flatnonzero(~np.isfinite(times))[0])
            raise UserError("Time stamps must be finite", f"{times[row]} in sample {row}", path)
        if (np.diff(times) < 0).any():
            row = int(np.flatnonzero(np.diff(times) < 0)[0]) + 1
            received = f"{times[row]} after {times[row - 1]} in sample {row}"
            raise UserError("Time stamps must not go back", received, path)
        with np.errstate(over="ignore", invalid="ignore"):
            samples = table[:, 1:].astype(np.float32)
        magnitudes = np.sqrt((table[:, 1:4] ** 2).sum(axis=1))
        magnitudes = magnitudes[np.isfinite(magnitudes)]
        if magnitudes.size and np.median(magnitudes) > _LARGEST_MEDIAN_G:
            received = f"a median of {np.median(magnitudes):.3g}"
            raise UserError("Acceleration must be in g, not m/s^2", received, path)
        return cls(times, samples)


@dataclass(frozen=True)
class LabelledSpan:
    """One activity of a recording.

    Attributes:
        start: In seconds, on the recording's clock.
        end: In seconds.
        label: A class's name.
    """

    start: float
    end: float
    label: str

    @classmethod
    def read_all(cls, path: str | Path, model: ExportedModel) -> list["LabelledSpan"]:
        """Reads a CSV file.

        Args:
            path: Its header is `start,end,label`.
            model: The export, whose labels it must use.

        Returns:
            The spans.

        Raises:
            UserError: There is no such file, or it holds something else.
        """
        try:
            rows = list(csv.reader(io.StringIO(Path(path).read_text(encoding="utf-8-sig"))))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UserError("labels must be a readable text file", error, path) from error
        if not rows or [cell.strip() for cell in rows[0]] != ["start", "end", "label"]:
            received = ",".join(rows[0])[:60] if rows else "an empty file"
            raise UserError("The header must be start,end,label", received, path)
        spans = []
        for number, row in enumerate(rows[1:], 2):
            try:
                start, end, label = row
                span = cls(float(start), float(end), cell_text(label.strip()))
            except ValueError as error:
                rule = "A row must hold two times and a label"
                raise UserError(rule, f"{','.join(row)[:60]} in row {number}", path) from error
            if not (math.isfinite(span.start) and span.start < span.end < math.inf):
                raise UserError("A span must end after its start", f"row {number}", path)
            if span.label not in model.class_names:
                received = f"{span.label!r} in row {number}"
                raise UserError("A label must be one of the model's classes", received, path)
            spans.append(span)
        return spans

    def latency(self, decisions: Sequence[Decision], model: ExportedModel) -> float | None:
        """Returns the seconds from the span's start to the first decision with its label.

        Args:
            decisions: In order of time.
            model: The export.

        Returns:
            Seconds to the first decision after the span's start that has its label and a movement
            or window that overlaps the span; None if there is none.
        """
        first = bisect.bisect_left(decisions, self.start, key=lambda one: one.decided)
        for place in range(first, len(decisions)):
            decision = decisions[place]
            if decision.start >= self.end:
                break
            if decision.end > self.start and model.label_of(decision.activity) == self.label:
                return decision.decided - self.start
        return None


_NOISE_G, _NOISE_DEGREES = 0.01, 0.5
_REST_SECONDS = 2.0
_TURN_SECONDS = 1.0


def joined_clips(
    prepared: PreparedSet,
    clip_ids: Sequence[str],
    most: int | None = None,
    *,
    gyroscope: bool = False,
) -> tuple[Recording, list[LabelledSpan]]:
    """Joins clips in random order; the same arguments give the same samples.

    Before and after each clip come two seconds of rest at its first and last sample, with noise of
    0.01 g, and between two rests a second of transition. Ours, because clips have no rest of their
    own.

    Args:
        prepared: The prepared set.
        clip_ids: The clips.
        most: Largest number of clips to join; None for all.
        gyroscope: Whether the turn rates are joined, too; at rest they are noise of 0.5 degrees per
            second.

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
    is_rate = np.arange(6 if gyroscope else 3) >= 3
    noise = np.where(is_rate, _NOISE_DEGREES, _NOISE_G)
    parts: list[np.ndarray] = []
    spans, count = [], 0
    for row in generator.permutation(rows)[:most]:
        clip = prepared.measured(row, gyroscope=gyroscope)
        first, last = (np.where(is_rate, 0.0, clip[end]) for end in (0, -1))
        before = np.tile(first, (rest, 1))
        if parts:
            before = np.concatenate([parts[-1][-1] + turn * (first - parts[-1][-1]), before])
        after = np.tile(last, (rest, 1))
        start = count + len(before)
        end = start + len(clip)
        spans.append(LabelledSpan(start / rate_hz, end / rate_hz, names.iloc[row]))
        before, after = (
            still + generator.normal(0, noise, still.shape) for still in (before, after)
        )
        parts += [before, clip, after]
        count = end + rest
    samples = np.concatenate(parts).astype(np.float32)
    return Recording(np.arange(count) / rate_hz, samples), spans


def joined_order(prepared: PreparedSet, clip_ids: Sequence[str]) -> list[int]:
    """Returns the rows of the prepared set in the order in which `joined_clips` joins them."""
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(clip_ids))
    return [int(row) for row in draw_generator(0, "joined clips").permutation(rows)]


# Parts of movements: a class that is said of one is not plainly false, so they count apart.
PARTIAL_KINDS = ("parts", "joins", "rotated")
# Made of clips, of which there are only so many; the other kinds are drawn anew.
_KINDS_OF_CLIPS = ("tails", "heads", *PARTIAL_KINDS)
IDLE_KINDS = tuple(IDLE_GENERATORS)
# A wrist changes its posture every 10 to 60 s.
_POSTURE_REST_SECONDS = (10.0, 60.0)


@dataclass(frozen=True)
class IdleRecording(Recording):
    """A recording in which nothing is to be recognised.

    Attributes:
        distinct_hours: Hours of it without what recurs; those of the recording if all is new.
        is_generated: Whether it was generated, and not made of recorded clips.
    """

    distinct_hours: float
    is_generated: bool


def idle_recordings(
    prepared: PreparedSet,
    clip_ids: Sequence[str],
    hours: float,
    purpose: str = "report",
    kinds: Sequence[str] = ("postures", "tails"),
) -> dict[str, IdleRecording]:
    """Makes recordings without movements at the prepared set's rate.

    The same arguments give the same samples. `pskd_tf.data.idle` describes each kind. Ours.

    Args:
        prepared: The run's prepared set.
        clip_ids: The clips, held out in training.
        hours: Length of each recording.
        purpose: Names the draws, so that a choice and its report use different recordings.
        kinds: Of `IDLE_KINDS`.

    Returns:
        Recordings by kind.

    Raises:
        UserError: The set holds none of the clips.
    """
    rate_hz = prepared.description.streams["accelerometer"]["nominal_rate_hz"]
    count = round(hours * 3600 * rate_hz)
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(clip_ids))
    if not len(rows):
        raise UserError("The prepared set must hold the held-out clips", "none of them")
    usual = IdleSource.of([prepared.measured(row) for row in rows], rate_hz)
    calm = replace(usual, rest_seconds=_POSTURE_REST_SECONDS)
    times = np.arange(count) / rate_hz
    recordings = {}
    for kind in kinds:
        source = calm if kind == "postures" else usual
        generator = draw_generator(0, f"idle: {kind}, {purpose}")
        stream = idle_stream((kind,), source, count, generator)
        share = _distinct_share(kind, stream, source)
        recordings[kind] = IdleRecording(
            times, stream.samples.astype(np.float32), share * hours, kind not in _KINDS_OF_CLIPS
        )
    return recordings


def _distinct_share(kind: str, stream: Stream, source: IdleSource) -> float:
    """Returns which share of a stream's motion does not recur; rests and turns do not count."""
    if kind not in _KINDS_OF_CLIPS:
        return 1.0
    if kind == "rotated":  # its samples do not tell their clips
        return min(1.0, sum(map(len, source.clips)) / max(len(stream), 1))
    places = stream.clip + 0.5 * stream.place
    # A rest holds the place of the sample beside it.
    moved = places[1:][(np.diff(places) != 0) & (stream.clip[1:] >= 0)]
    return len(np.unique(moved)) / max(len(moved), 1)
