"""SmartFallMM's activities and sensors."""

from dataclasses import dataclass

# A01 to A14, as the README of the data set lists them. Stepping up is done by the old alone;
# sitting and the falls by the young alone; A08 is walking (young) or the timed up-and-go (old).
ACTION_NAMES = (
    "drinking_water",
    "picking_up_object",
    "putting_on_and_taking_off_jacket",
    "stepping_up",
    "sweeping_floor",
    "washing_hands",
    "waving_hand",
    "walking_or_timed_up_and_go",
    "sitting_and_standing",
    "falling_backwards",
    "falling_forwards",
    "falling_left",
    "falling_right",
    "falling_with_rotation",
)
GROUPS = ("young", "old")
SKELETON_LAYOUT = "azure_kinect_32"


@dataclass(frozen=True)
class SmartFallMMSensor:
    """How one of the sensors writes.

    Args:
        place: Where it was worn. The side is not known.
        num_columns: Columns of its files.
        unit_in_g: One unit of its files in g.
        nominal_rate_hz: The rate that the README states.
        has_delivery_stamps: Whether its stamps tell when samples were handed over.
    """

    place: str
    num_columns: int
    unit_in_g: float
    nominal_rate_hz: float
    has_delivery_stamps: bool


_GRAVITY = 9.80665  # m/s^2 in 1 g
SENSORS = {
    "watch": SmartFallMMSensor("wrist", 4, 1 / _GRAVITY, 32.0, True),
    "meta_wrist": SmartFallMMSensor("wrist", 6, 1.0, 50.0, False),
    "phone": SmartFallMMSensor("phone", 4, 1 / _GRAVITY, 32.0, True),
    "meta_hip": SmartFallMMSensor("hip", 6, 1.0, 50.0, False),
}
