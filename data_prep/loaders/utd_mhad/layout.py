"""Names of UTD-MHAD's actions and joints, and where its sensor was worn."""

ACTION_NAMES = [
    "swipe_left",
    "swipe_right",
    "wave",
    "clap",
    "throw",
    "arm_cross",
    "basketball_shoot",
    "draw_x",
    "draw_circle_clockwise",
    "draw_circle_counter_clockwise",
    "draw_triangle",
    "bowling",
    "boxing",
    "baseball_swing",
    "tennis_swing",
    "arm_curl",
    "tennis_serve",
    "push",
    "knock",
    "catch",
    "pickup_and_throw",
    "jog",
    "walk",
    "sit_to_stand",
    "stand_to_sit",
    "lunge",
    "squat",
]

# Joint and the joint it hangs on (Kinect v1); the files keep this order.
JOINTS = [
    ("head", "shoulder_center"),
    ("shoulder_center", "spine"),
    ("spine", "hip_center"),
    ("hip_center", None),
    ("left_shoulder", "shoulder_center"),
    ("left_elbow", "left_shoulder"),
    ("left_wrist", "left_elbow"),
    ("left_hand", "left_wrist"),
    ("right_shoulder", "shoulder_center"),
    ("right_elbow", "right_shoulder"),
    ("right_wrist", "right_elbow"),
    ("right_hand", "right_wrist"),
    ("left_hip", "hip_center"),
    ("left_knee", "left_hip"),
    ("left_ankle", "left_knee"),
    ("left_foot", "left_ankle"),
    ("right_hip", "hip_center"),
    ("right_knee", "right_hip"),
    ("right_ankle", "right_knee"),
    ("right_foot", "right_ankle"),
]

SUBJECTS = [str(subject) for subject in range(1, 9)]
NUM_WRIST_ACTIONS = 21  # actions 22 to 27 wore the sensor on the right thigh
NUM_CLIPS = 861  # of 27 x 8 x 4; three are missing from the official archives


def sensor_place(action: int) -> str:
    """Returns where the sensor was worn in an action (index from 0)."""
    return "right_wrist" if action < NUM_WRIST_ACTIONS else "right_thigh"
