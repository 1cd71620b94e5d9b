"""The one specification of preprocessing, shared by training, the C core and both their tests."""

from dataclasses import dataclass

from data_prep.user_error import UserError

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


@dataclass(frozen=True)
class InputSettings:
    """How a recording becomes a model's input.

    Attributes:
        mode: `clip`: a whole clip, resampled end to end; `window`: a fixed rate and length.
        steps: Samples of the accelerometer input along time, in either mode.
        gravity_taps: Length of the moving mean that estimates gravity, in samples, odd.
        skeleton_frames: Frames of the skeleton input along time.
        window_rate_hz: Sampling rate of `window` mode, in Hz.
        window_hop: Samples from one window to the next in `window` mode.
        window_score: How a clip's windows decide together: `mean` of their probabilities, or
            `vote`, one each.
    """

    mode: str = "clip"
    steps: int = 96
    gravity_taps: int = 17
    skeleton_frames: int = 48
    window_rate_hz: float = 50.0
    window_hop: int = 24
    window_score: str = "mean"

    def __post_init__(self) -> None:
        if self.mode not in ("clip", "window"):
            raise UserError("The input mode must be clip or window", self.mode)
        if self.steps < 24 or self.steps % 24:
            # Three strides of 2 and three segments divide the time axis.
            raise UserError("The input length must be a positive multiple of 24", self.steps)
        if self.gravity_taps < 1 or self.gravity_taps % 2 == 0:
            raise UserError("The gravity filter needs an odd number of taps", self.gravity_taps)
        if self.skeleton_frames < 12 or self.skeleton_frames % 12:
            raise UserError(
                "The skeleton length must be a positive multiple of 12", self.skeleton_frames
            )

        if self.window_rate_hz <= 0 or self.window_hop < 1:
            raise UserError(
                "The window's rate and hop must be positive",
                f"{self.window_rate_hz} Hz and {self.window_hop} samples",
            )
        if self.window_score not in ("mean", "vote"):
            raise UserError("The windows of a clip decide by mean or vote", self.window_score)

    @property
    def accelerometer_shape(self) -> tuple[int, int, int]:
        """Shape of the accelerometer input: `(steps, 1, channels)`."""
        return (self.steps, 1, len(FEATURE_CHANNELS))
