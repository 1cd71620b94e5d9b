"""MMAct's classes and sensors."""

# The 35 labels of the trimmed release as two public loaders of it list them, which agree; the
# authors' own list could not be read. Sorted, in lower case.
ACTION_NAMES = (
    "carrying",
    "carrying_heavy",
    "carrying_light",
    "checking_time",
    "closing",
    "crouching",
    "drinking",
    "entering",
    "exiting",
    "fall",
    "jumping",
    "kicking",
    "loitering",
    "looking_around",
    "opening",
    "picking_up",
    "pocket_in",
    "pocket_out",
    "pointing",
    "pulling",
    "pushing",
    "running",
    "setting_down",
    "sitting",
    "sitting_down",
    "standing",
    "standing_up",
    "talking",
    "talking_on_phone",
    "throwing",
    "transferring_object",
    "using_pc",
    "using_phone",
    "walking",
    "waving_hand",
)

# Sensor -> where it was worn. The watch was on the right hand; of the phone it is not known.
SENSOR_PLACES = {"watch": "right_wrist", "phone": "phone"}
NUM_CAMERAS = 4
SKELETON_LAYOUT = "coco_17"
TEST_SUBJECTS = ("17", "18", "19", "20")
TEST_SESSION = "5"
TEST_SCENE = "2"
