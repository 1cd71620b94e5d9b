"""How strongly training views differ from the recordings."""

from dataclasses import asdict, dataclass

from data_prep.user_error import UserError


@dataclass(frozen=True)
class AugmentationSettings:
    """Strengths of the random changes of one training view; 0 switches each off.

    Attributes:
        time_warp: Standard deviation of the log speed at the knots of a smooth time warp.
        shift: Largest shift of a clip's start and of its end, as a share of its duration;
            below 0.5.
        rotation_radians: Standard deviation of the sensor's rotation about each axis.
        log_scale: Standard deviation of the log of the acceleration's scale.
        noise_g: Standard deviation of white noise on the acceleration, in g.
        skeleton_yaw_radians: Standard deviation of the body's turn about the vertical.
        skeleton_tilt_radians: Standard deviation of the body's tilt about the other two axes.
        skeleton_log_scale: Standard deviation of the log of the body's size.
        joint_noise_metres: Standard deviation of white noise on the joints, in metres.
    """

    time_warp: float = 0.15
    shift: float = 0.05
    rotation_radians: float = 0.15
    log_scale: float = 0.1
    noise_g: float = 0.03
    skeleton_yaw_radians: float = 0.2
    skeleton_tilt_radians: float = 0.06
    skeleton_log_scale: float = 0.1
    joint_noise_metres: float = 0.03

    def __post_init__(self) -> None:
        for name, strength in asdict(self).items():
            if strength < 0:
                raise UserError(f"{name} must not be negative", strength)
        if self.shift >= 0.5:
            # The start could come after the end.
            raise UserError("shift must be below 0.5", self.shift)
