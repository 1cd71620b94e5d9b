"""Settings of a model's input: its features, and the random changes of a training view."""

from dataclasses import dataclass

from data_prep.clip import SENSORS, check_sensors_named
from data_prep.errors import UserError
from data_prep.settings import CheckedSettings, setting

FEATURE_CHANNELS = (
    "x",
    "y",
    "z",
    "magnitude_minus_1",
    "gravity_x",
    "gravity_y",
    "gravity_z",
    "linear_x",
    "linear_y",
    "linear_z",
)
GYROSCOPE_CHANNELS = ("rate_x", "rate_y", "rate_z", "rate_magnitude")


@dataclass(frozen=True)
class AugmentationSettings(CheckedSettings):
    """Strengths of the random changes of one training view; 0 switches each off."""

    time_warp: float = setting(
        0.15, "Standard deviation of the log speed at the knots of a smooth time warp.", minimum=0
    )
    # From 0.5 on the start could come after the end.
    shift: float = setting(
        0.05,
        "Largest shift of a clip's start and of its end, as a share of its duration.",
        minimum=0,
        below=0.5,
    )
    rotation_radians: float = setting(
        0.15,
        "Standard deviation of the sensor's rotation about each axis.",
        unit="rad",
        minimum=0,
        flag="rotation",
    )
    log_scale: float = setting(
        0.1, "Standard deviation of the log of the acceleration's scale.", minimum=0
    )
    noise_g: float = setting(
        0.03,
        "Standard deviation of white noise on the acceleration.",
        unit="g",
        minimum=0,
        flag="noise",
    )
    gyroscope_log_scale: float = setting(
        0.2,
        "Standard deviation of the log of the turn rates' scale, where --sensors has a gyroscope.",
        minimum=0,
        later=True,
    )
    gyroscope_noise: float = setting(
        24.0,
        "Standard deviation of white noise on the turn rates.",
        unit="deg/s",
        minimum=0,
        later=True,
    )
    skeleton_yaw_radians: float = setting(
        0.2,
        "Standard deviation of the body's rotation about the vertical.",
        unit="rad",
        minimum=0,
        flag="skeleton_yaw",
    )
    skeleton_tilt_radians: float = setting(
        0.06,
        "Standard deviation of the body's rotation about each of the other two axes.",
        unit="rad",
        minimum=0,
        flag="skeleton_tilt",
    )
    skeleton_log_scale: float = setting(
        0.1, "Standard deviation of the log of the body's size.", minimum=0
    )
    joint_noise_metres: float = setting(
        0.03,
        "Standard deviation of white noise on the joints.",
        unit="m",
        minimum=0,
        flag="joint_noise",
    )


@dataclass(frozen=True)
class InputSettings(CheckedSettings):
    """How a recording becomes a model's input."""

    mode: str = setting(
        "clip",
        "clip: a whole clip, resampled end to end; window: windows of a fixed rate and length.",
        choices=("clip", "window"),
        flag="input_mode",
    )
    steps: int = setting(
        96,
        "Length of the accelerometer input, after resampling, in either mode; a multiple of 24.",
        unit="samples",
        minimum=24,
    )
    gravity_taps: int = setting(
        17,
        "Length of the moving mean that estimates gravity; odd.",
        unit="samples",
        minimum=1,
        flag=False,
    )
    skeleton_frames: int = setting(
        48,
        "Length of the skeleton input, after resampling; a multiple of 12.",
        unit="frames",
        minimum=12,
    )
    window_rate_hz: float = setting(
        50.0, "Sampling rate in window mode.", unit="Hz", above=0, flag="window_rate"
    )
    window_hop: int = setting(
        24, "Distance from one window to the next in window mode.", unit="samples", minimum=1
    )
    window_score: str = setting(
        "mean",
        "How the windows of a clip decide together: mean of their probabilities, or a vote.",
        choices=("mean", "vote"),
    )
    sensors: tuple[str, ...] = setting(
        ("accelerometer",),
        "What the models read of the worn sensor: accelerometer, or accelerometer,gyroscope for "
        "six axes.",
        choices=SENSORS,
        later=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sensors_named(self.sensors)
        # Three strides of 2 and three segments divide the time axis.
        if self.steps % 24:
            raise UserError("steps must be a multiple of 24", self.steps)
        if self.skeleton_frames % 12:
            raise UserError("skeleton_frames must be a multiple of 12", self.skeleton_frames)
        if self.gravity_taps % 2 == 0:
            raise UserError("gravity_taps must be odd", self.gravity_taps)

    @property
    def has_gyroscope(self) -> bool:
        """Whether the models read the gyroscope, too."""
        return "gyroscope" in self.sensors

    @property
    def num_axes(self) -> int:
        """Values of a raw sample: three, or six with a gyroscope."""
        return 3 * len(self.sensors)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that `sensor_features` derives."""
        return FEATURE_CHANNELS + GYROSCOPE_CHANNELS * self.has_gyroscope

    @property
    def accelerometer_shape(self) -> tuple[int, int, int]:
        """Shape of the worn sensor's input: `(steps, 1, channels)`."""
        return (self.steps, 1, len(self.channels))
