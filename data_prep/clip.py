"""One recorded movement with all its streams, as every loader yields it."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip of one action: a wrist (or thigh) sensor and, where recorded, the skeleton.

    Args:
        clip_id: Unique name within its data set, such as "a1_s1_t1".
        subject: Who moved.
        action: Class index, from 0.
        trial: Which repetition.
        sensor_place: Where the sensor was worn: "right_wrist", "right_thigh", ...
        accelerometer: float32 (samples, 3) in g; a still sensor measures 1 g upwards.
        gyroscope: float32 (samples, 3) in degrees per second, or None.
        skeleton: float32 (frames, joints, 3), or None: x, y, z in metres; of a skeleton in two
            dimensions x, y in body-scaled metres and the pose estimator's confidence, 0 to 1.
        sources: Stream name -> (name of the file it came from, SHA-256 of that file's bytes).
        flags: Notes on the recording, such as "accelerometer_saturated".
        attributes: What else a protocol may split by, such as {"session": "2", "scene": "1"}; the
            same names in every clip of a set, each a column of the manifest.
    """

    clip_id: str
    subject: str
    action: int
    trial: str
    sensor_place: str
    accelerometer: np.ndarray
    gyroscope: np.ndarray | None = None
    skeleton: np.ndarray | None = None
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)

    def stream(self, name: str) -> np.ndarray | None:
        """Returns the stream "accelerometer", "gyroscope" or "skeleton"."""
        return {
            "accelerometer": self.accelerometer,
            "gyroscope": self.gyroscope,
            "skeleton": self.skeleton,
        }[name]
