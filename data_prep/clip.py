"""One recorded clip in the units of a prepared set, and the checks that every clip must pass."""

from dataclasses import dataclass, field

import numpy as np

from data_prep.errors import UserError

NO_LABEL = -1  # the action of a clip without a label
# The action of a recording that shows no class, and its name.
NULL_ACTION, NULL_LABEL = -2, "none"
SENSORS = ("accelerometer", "gyroscope")  # of a worn sensor with three or with six axes
STANDARD_GRAVITY = 9.80665  # m/s^2 in 1 g, the unit of a clip's accelerometer


def check_sensors_named(sensors: tuple[str, ...]) -> None:
    """Refuses sensors that are neither the accelerometer alone nor both of `SENSORS`."""
    if sensors not in (SENSORS[:1], SENSORS):
        rule = f"sensors must be {SENSORS[0]} or {','.join(SENSORS)}"
        raise UserError(rule, ",".join(sensors) or "none")


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip of one action: a wrist (or thigh) sensor, the skeleton, or both.

    Args:
        clip_id: Unique name within its data set, such as "a1_s1_t1".
        subject: Who moved.
        action: Class index, from 0; `NO_LABEL` without a label, `NULL_ACTION` of a recording that
            shows no class.
        trial: Which repetition.
        sensor_place: Where the sensor was worn: "right_wrist", "right_thigh", ...; without an
            accelerometer where a virtual one may be.
        accelerometer: float32 (samples, 3) in g, or None; a still sensor measures 1 g upwards.
        gyroscope: float32 (samples, 3) in degrees per second, or None.
        skeleton: float32 (frames, joints, 3), or None: x, y, z in metres; of a skeleton in two
            dimensions x, y in body-scaled metres and the pose estimator's confidence, 0 to 1.
        sources: Stream name -> (name of the file it came from, SHA-256 of that file's bytes).
        flags: Notes on the recording, such as "accelerometer_saturated".
        attributes: Further columns of the manifest, by which a protocol may split, such as
            {"session": "2", "scene": "1"}; the same names in every clip of a set.
        range_g: The largest magnitude on an axis that its accelerometer can measure, where known.
    """

    clip_id: str
    subject: str
    action: int
    trial: str
    sensor_place: str
    accelerometer: np.ndarray | None
    gyroscope: np.ndarray | None = None
    skeleton: np.ndarray | None = None
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    range_g: float | None = None

    def stream(self, name: str) -> np.ndarray | None:
        """Returns the stream "accelerometer", "gyroscope" or "skeleton"."""
        return {
            "accelerometer": self.accelerometer,
            "gyroscope": self.gyroscope,
            "skeleton": self.skeleton,
        }[name]


# Limits of what a worn sensor and a body can show. They are wide, because they are to find wrong
# units (m/s^2 for g, mm or cm for m), not unusual movements.
_MEDIAN_ACCELERATION_G = (0.3, 4.0)
_LARGEST_ACCELERATION_G = 64.0
_LARGEST_TURN_RATE = 4000.0
_SKELETON_EXTENT_METRES = (0.2, 5.0)


_RANGE_MARGIN = 1.05  # a sensor's own scale and offset


def check_range(values_g: np.ndarray, range_g: float | None, path: str) -> None:
    """Refuses what a sensor cannot have measured, such as the values of another sensor.

    Args:
        values_g: (samples, 3), finite.
        range_g: The sensor's range; None refuses nothing.
        path: The file, for errors.

    Raises:
        UserError: A value is more than a twentieth above the range.
    """
    largest = float(np.abs(values_g).max())
    if range_g is not None and largest > range_g * _RANGE_MARGIN:
        rule = f"The accelerometer must stay within its range of {range_g:g} g"
        raise UserError(rule, f"{largest:.3g} g", path)


def check_clip(clip: Clip, skeleton_dimensions: int = 3) -> None:
    """Raises an error that names the file if a clip breaks a rule of the prepared form.

    Args:
        clip: The clip to check.
        skeleton_dimensions: 3 for x, y, z in metres, 2 for x, y and a confidence from 0 to 1.

    Raises:
        UserError: A stream has fewer than 2 samples, a wrong shape, values that are not finite,
            or values that cannot be in the promised unit.
    """
    if clip.accelerometer is None and clip.skeleton is None:
        rule = "A clip needs an accelerometer or a skeleton"
        raise UserError(rule, "neither", f"clip {clip.clip_id}")
    for name, axes in (*((sensor, 2) for sensor in SENSORS), ("skeleton", 3)):
        values = clip.stream(name)
        if values is None:
            continue
        path = _source(clip, name)
        if values.ndim != axes or values.shape[-1] != 3 or 0 in values.shape[1:]:
            shape = "(frames, joints, 3)" if name == "skeleton" else "(samples, 3)"
            raise UserError(f"The {name} must be of shape {shape}", values.shape, path)
        if len(values) < 2:
            raise UserError("A clip needs at least 2 samples", f"{len(values)} of {name}", path)
        if not np.isfinite(values).all():
            where = int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(1))[0])
            raise UserError(f"The {name} must be finite", f"not so at sample {where}", path)
    samples = 0 if clip.accelerometer is None else len(clip.accelerometer)
    if clip.gyroscope is not None and len(clip.gyroscope) != samples:
        raise UserError(
            "The gyroscope must be as long as the accelerometer",
            f"{len(clip.gyroscope)} and {samples} samples",
            _source(clip, "gyroscope"),
        )
    _check_units(clip, skeleton_dimensions)


def _check_units(clip: Clip, skeleton_dimensions: int) -> None:
    if clip.accelerometer is not None:
        magnitude = np.linalg.norm(clip.accelerometer.astype(np.float64), axis=1)
        median, largest = float(np.median(magnitude)), float(magnitude.max())
        low, high = _MEDIAN_ACCELERATION_G
        if not low <= median <= high or largest > _LARGEST_ACCELERATION_G:
            raise UserError(
                f"The unit of the accelerometer must be g (median magnitude {low} to {high}, "
                f"at most {_LARGEST_ACCELERATION_G:g})",
                f"median {median:.3g}, largest {largest:.3g}",
                _source(clip, "accelerometer"),
            )
        if (clip.accelerometer == clip.accelerometer[:, :1]).all():
            rule, path = "The three axes must differ", _source(clip, "accelerometer")
            raise UserError(rule, "the same in every sample", path)
        check_range(clip.accelerometer, clip.range_g, _source(clip, "accelerometer"))
    if clip.gyroscope is not None:
        largest = float(np.abs(clip.gyroscope).max())
        if largest > _LARGEST_TURN_RATE:
            raise UserError(
                "The unit of the gyroscope must be deg/s "
                f"(at most {_LARGEST_TURN_RATE:g} on an axis)",
                f"largest {largest:.4g}",
                _source(clip, "gyroscope"),
            )
    if clip.skeleton is not None:
        if skeleton_dimensions == 2:
            confidence = clip.skeleton[..., 2]
            if confidence.min() < 0 or confidence.max() > 1:
                rule = "The third channel of a skeleton in 2 dimensions must be 0 to 1"
                received = f"{confidence.min():.3g} to {confidence.max():.3g}"
                raise UserError(rule, received, _source(clip, "skeleton"))
        # The diagonal of the box around all joints of a frame, median over frames.
        box = np.ptp(clip.skeleton[..., :skeleton_dimensions].astype(np.float64), axis=1)
        extent = float(np.median(np.linalg.norm(box, axis=1)))
        low, high = _SKELETON_EXTENT_METRES
        if not low <= extent <= high:
            raise UserError(
                f"The unit of the skeleton must be metres (extent {low} to {high})",
                f"extent {extent:.3g}",
                _source(clip, "skeleton"),
            )


def _source(clip: Clip, stream: str) -> str:
    return clip.sources.get(stream, (f"clip {clip.clip_id}", ""))[0]
