"""Virtual sensors: what a sensor on a limb would measure, computed from the skeleton.

An accelerometer measures the acceleration of its place plus 1 g upwards, along its own axes. The
skeleton gives both along the axes of a limb (`limb_motion.py`). How the sensor is turned on the
limb is fitted on clips that have both streams (`VirtualSensor.fit`), in two ways: one rotation
(Kabsch), or a ridge regression on acceleration and gravity along directions of the body.
`sensor_quality` compares with the real sensor; `quality_on_others` does so on people who were left
out of the fit.

Virtual accelerometers from motion capture: A. D. Young, M. J. Ling, D. K. Arvind, IMUSim, IPSN
2011; from video: H. Kwon et al., IMUTube, IMWUT 4(3), 2020. The regression and the constants are
ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial.transform import Rotation

from data_prep.clip import STANDARD_GRAVITY
from data_prep.errors import UserError
from data_prep.limb_motion import (
    LimbSite,
    limb_axes,
    limb_directions,
    place_acceleration,
    turn_rates,
    upwards,
)
from data_prep.skeletons import SkeletonLayout

_RIDGE = 0.01  # of the mean square of the projections, in g^2


@dataclass(frozen=True, eq=False)
class VirtualSensor:
    """A sensor's place on the skeleton and how the sensor is turned on it; made by `fit`.

    Examples:
        >>> sensor = VirtualSensor.fit(  # doctest: +SKIP
        ...     skeletons, accelerations, layout, "right_wrist", 50.0
        ... )
        >>> sensor.by_rotation(skeleton_without_sensor).shape  # doctest: +SKIP
        (180, 3)

    Attributes:
        site: The place on the limb.
        up: `(3,)` the direction that points up.
        rate_hz: Rate of the sensor, in Hz.
        frame_rate_hz: Frames a second of skeletons without the sensor: the median of the fitted
            clips, which may differ from the camera's stated rate.
        rotation: `(3, 3)` from the limb's axes to the sensor's.
        weights: `(projections, 3)` of the regression.
    """

    site: LimbSite
    up: np.ndarray
    rate_hz: float
    frame_rate_hz: float
    rotation: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(
        cls,
        skeletons: Sequence[np.ndarray],
        accelerations: Sequence[np.ndarray],
        layout: SkeletonLayout,
        place: str,
        rate_hz: float,
    ) -> "VirtualSensor":
        """Fits rotation and regression on clips in which the sensor was worn at one place.

        First frame and first sample must coincide, and last and last.

        Args:
            skeletons: Clips `(frames, joints, 3)` in metres.
            accelerations: The same clips `(samples, 3)` in g.
            layout: The joints.
            place: Where the sensor was worn ("right_wrist").
            rate_hz: Rate of the sensor, in Hz.

        Raises:
            UserError: There is no clip, a clip is too short, or the layout does not fit.
        """
        if not skeletons:
            rule = f"A virtual sensor at {place} needs clips with both streams to be fitted on"
            raise UserError(rule, "none")
        site = LimbSite.find(layout, place)
        up = upwards(skeletons, site)
        pairs = list(zip(skeletons, accelerations, strict=True))
        rates = [paired_frame_rate(len(clip), len(real), rate_hz) for clip, real in pairs]
        draft = cls(site, up, rate_hz, float(np.median(rates)), np.eye(3), np.zeros((0, 3)))
        forces = [draft._in_limb_axes(clip, len(real)) for clip, real in pairs]
        projections = [draft._projections(clip, len(real)) for clip, real in pairs]
        measured = np.concatenate(accelerations).astype(np.float64)
        return cls(
            site,
            up,
            rate_hz,
            draft.frame_rate_hz,
            fit_rotation(np.concatenate(forces), measured),
            fit_ridge(np.concatenate(projections), measured),
        )

    def by_rotation(self, skeleton: np.ndarray, samples: int | None = None) -> np.ndarray:
        """Returns the virtual acceleration by the fitted rotation.

        Args:
            skeleton: `(frames, joints, 3)` in metres.
            samples: Length of the result where the clip's duration is known by another sensor;
                None takes the duration by `frame_rate_hz`.

        Returns:
            float32 `(samples, 3)` in g, along the sensor's axes.

        Raises:
            UserError: The clip has fewer than 3 frames.
        """
        force = self._in_limb_axes(skeleton, samples)
        return np.asarray(force @ self.rotation.T, np.float32)

    def by_regression(self, skeleton: np.ndarray, samples: int | None = None) -> np.ndarray:
        """Returns the virtual acceleration by the fitted regression, as `by_rotation` does."""
        return np.asarray(self._projections(skeleton, samples) @ self.weights, np.float32)

    def turn_rate(self, skeleton: np.ndarray, samples: int | None = None) -> np.ndarray:
        """Returns the virtual gyroscope by the fitted rotation.

        Args:
            skeleton: `(frames, joints, 3)` in metres.
            samples: As in `by_rotation`.

        Returns:
            float32 `(samples, 3)` in degrees a second, along the sensor's axes.
        """
        rate_hz, samples = self._clock(skeleton, samples)
        rates = turn_rates(limb_axes(skeleton, rate_hz, self.site, self.up), rate_hz)
        return np.asarray(_end_to_end(rates, samples) @ self.rotation.T, np.float32)

    def _in_limb_axes(self, skeleton: np.ndarray, samples: int | None) -> np.ndarray:
        rate_hz, samples = self._clock(skeleton, samples)
        axes = limb_axes(skeleton, rate_hz, self.site, self.up)
        force = self._acceleration_in_g(skeleton, rate_hz) + self.up
        return _end_to_end(np.einsum("fad,fd->fa", axes, force), samples)

    def _projections(self, skeleton: np.ndarray, samples: int | None) -> np.ndarray:
        """Returns acceleration and gravity along four directions and their cross products.

        The directions are those of limb, neighbour, shoulders and gravity; ours.
        """
        rate_hz, samples = self._clock(skeleton, samples)
        directions = list(limb_directions(skeleton, rate_hz, self.site))
        directions.append(np.broadcast_to(self.up, directions[0].shape))
        directions += [np.cross(first, second) for first, second in combinations(directions, 2)]
        along = np.stack(directions, axis=1)
        acceleration = self._acceleration_in_g(skeleton, rate_hz)
        moved = np.einsum("fkd,fd->fk", along, acceleration)
        return _end_to_end(np.concatenate([moved, along @ self.up], axis=1), samples)

    def _acceleration_in_g(self, skeleton: np.ndarray, rate_hz: float) -> np.ndarray:
        joint, parent = skeleton[:, self.site.joint], skeleton[:, self.site.parent]
        positions = parent + self.site.along * (joint.astype(np.float64) - parent)
        return place_acceleration(positions, rate_hz) / STANDARD_GRAVITY

    def _clock(self, skeleton: np.ndarray, samples: int | None) -> tuple[float, int]:
        if samples is not None:
            return paired_frame_rate(len(skeleton), samples, self.rate_hz), samples
        seconds = (len(skeleton) - 1) / self.frame_rate_hz
        return self.frame_rate_hz, max(2, round(seconds * self.rate_hz) + 1)


def paired_frame_rate(frames: int, samples: int, rate_hz: float) -> float:
    """Returns the frames a second of a skeleton that lasts as long as a sensor's clip.

    Args:
        frames: Frames of the skeleton.
        samples: Samples of the sensor, at least 2.
        rate_hz: Rate of the sensor, in Hz.
    """
    return (frames - 1) * rate_hz / (samples - 1)


def _end_to_end(values: np.ndarray, samples: int) -> np.ndarray:
    places = np.linspace(0, len(values) - 1, samples)
    frames = np.arange(len(values))
    return np.stack([np.interp(places, frames, column) for column in values.T], axis=1)


def fit_rotation(virtual: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Returns the rotation that brings virtual vectors nearest to the measured ones.

    Args:
        virtual: `(samples, 3)` along the limb's axes.
        measured: `(samples, 3)` along the sensor's axes.

    Returns:
        `(3, 3)`; `virtual @ rotation.T` is nearest to `measured` by least squares. Source:
        W. Kabsch, Acta Cryst. A32 (1976) 922.
    """
    return np.asarray(Rotation.align_vectors(measured, virtual)[0].as_matrix())


def fit_ridge(inputs: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Returns the weights of a ridge regression without intercept.

    Args:
        inputs: `(samples, inputs)`.
        measured: `(samples, outputs)`.

    Returns:
        `(inputs, outputs)`; they minimise the mean square error plus 0.01 times their squares.
    """
    moment = inputs.T @ inputs / len(inputs) + _RIDGE * np.eye(inputs.shape[1])
    return np.asarray(np.linalg.solve(moment, inputs.T @ measured / len(inputs)))


def chip_readings(
    acceleration: np.ndarray, noise_g: float, range_g: float, generator: np.random.Generator
) -> np.ndarray:
    """Adds a chip's noise to a virtual acceleration and limits it to the chip's range.

    Args:
        acceleration: `(samples, 3)` in g.
        noise_g: Standard deviation of white noise on each axis.
        range_g: The largest value that the chip can measure.
        generator: Source of the noise.

    Returns:
        float32 `(samples, 3)` in g.
    """
    noise = generator.normal(0.0, noise_g, acceleration.shape)
    return np.clip(acceleration + noise, -range_g, range_g).astype(np.float32)


@dataclass(frozen=True)
class SensorQuality:
    """How well a virtual sensor follows the real one, over all samples of some clips.

    Attributes:
        correlation: Of each axis.
        r2: Share of the variance of each axis that is explained; below 0 the axis's mean value
            would be nearer.
    """

    correlation: tuple[float, float, float]
    r2: tuple[float, float, float]


def sensor_quality(virtual: Sequence[np.ndarray], measured: Sequence[np.ndarray]) -> SensorQuality:
    """Compares virtual with measured clips.

    Args:
        virtual: Clips `(samples, 3)`.
        measured: The same clips, measured.

    Returns:
        Correlation and R2 of each axis; NaN where an axis does not change.
    """
    ours = np.concatenate(virtual).astype(np.float64)
    real = np.concatenate(measured).astype(np.float64)
    spread = real - real.mean(axis=0)
    moved = ours - ours.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt((spread**2).sum(axis=0) * (moved**2).sum(axis=0))
        correlation = (spread * moved).sum(axis=0) / scale
        r2 = 1 - ((real - ours) ** 2).sum(axis=0) / (spread**2).sum(axis=0)
    return SensorQuality(_three(correlation), _three(r2))


def _three(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = map(float, values)
    return first, second, third


def quality_on_others(
    skeletons: Sequence[np.ndarray],
    accelerations: Sequence[np.ndarray],
    subjects: Sequence[str],
    layout: SkeletonLayout,
    place: str,
    rate_hz: float,
) -> tuple[SensorQuality, SensorQuality]:
    """Fits on all people but one, compares on that one, and takes the mean over people.

    Args:
        skeletons: Clips `(frames, joints, 3)` in metres, the sensor worn at `place` in each.
        accelerations: The same clips `(samples, 3)` in g.
        subjects: Who moved in each clip.
        layout: The joints.
        place: Where the sensor was worn.
        rate_hz: Rate of the sensor, in Hz.

    Returns:
        The quality by rotation, and that by regression.

    Raises:
        UserError: There are fewer than 2 people, or a clip or the layout does not fit.
    """
    people = sorted(set(subjects))
    if len(people) < 2:
        rule = "The quality of a virtual sensor on other people needs clips of at least 2"
        raise UserError(rule, f"{len(people)} with a sensor at {place}")
    found: list[tuple[SensorQuality, SensorQuality]] = []
    for person in people:
        known = [row for row, subject in enumerate(subjects) if subject != person]
        rest = [row for row, subject in enumerate(subjects) if subject == person]
        sensor = VirtualSensor.fit(
            [skeletons[row] for row in known],
            [accelerations[row] for row in known],
            layout,
            place,
            rate_hz,
        )
        real = [accelerations[row] for row in rest]
        ways = (sensor.by_rotation, sensor.by_regression)
        turned, regressed = (
            sensor_quality([way(skeletons[row], len(accelerations[row])) for row in rest], real)
            for way in ways
        )
        found.append((turned, regressed))
    rotation, regression = zip(*found, strict=True)
    return _mean_quality(rotation), _mean_quality(regression)


def _mean_quality(qualities: Sequence[SensorQuality]) -> SensorQuality:
    return SensorQuality(
        _three(np.mean([quality.correlation for quality in qualities], axis=0)),
        _three(np.mean([quality.r2 for quality in qualities], axis=0)),
    )
