"""Names of Berkeley MHAD's actions, sensor places and markers, and its known defects."""

ACTION_NAMES = [
    "jumping_in_place",
    "jumping_jacks",
    "bending",
    "punching",
    "waving_two_hands",
    "waving_one_hand",
    "clapping",
    "throwing_a_ball",
    "sit_down_then_stand_up",
    "sit_down",
    "stand_up",
]

SENSOR_PLACES = {
    1: "left_wrist",
    2: "right_wrist",
    3: "left_hip",
    4: "right_hip",
    5: "left_ankle",
    6: "right_ankle",
}

SUBJECTS = [str(subject) for subject in range(1, 13)]
TRAIN_SUBJECTS = SUBJECTS[:7]
NUM_REPETITIONS = 5

# (subject, action, repetition) without an accelerometer in the official archives, and why.
KNOWN_MISSING = {
    (2, 7, 5): "has no accelerometer",
    (4, 8, 5): "is missing in every modality",
}

# The marker each of the 43 optical markers hangs on, in the columns' order. The files name no
# marker. Body parts, sides and this tree are ours, read off the mean positions in
# moc_s01_a01_r01.txt: y is up (head 1.64 m, feet 0.12 m), toes and forehead lie at larger z than
# heels and back, so the subject faces +z; +x is then the left side if the axes are right-handed,
# which that clip, a jump of both sides alike, cannot prove.
_MARKERS = [
    ("head", 5),
    ("head", 0),
    ("head", 0),
    ("torso", 4),
    ("torso", 5),
    ("torso", -1),  # upper back: the root, because it is never lost there
    ("torso", 4),
    ("torso", 6),
    ("torso", 9),
    ("torso", 5),
    ("torso", 3),
    ("left_arm", 5),
    ("left_arm", 11),
    ("left_arm", 12),
    ("left_arm", 13),
    ("left_hand", 14),
    ("left_hand", 15),
    ("left_hand", 15),
    ("left_hand", 15),
    ("right_arm", 5),
    ("right_arm", 19),
    ("right_arm", 20),
    ("right_arm", 21),
    ("right_hand", 22),
    ("right_hand", 23),
    ("right_hand", 23),
    ("right_hand", 23),
    ("left_leg", 6),
    ("left_leg", 27),
    ("left_leg", 27),
    ("left_leg", 29),
    ("left_leg", 30),
    ("left_leg", 31),
    ("left_foot", 32),
    ("left_foot", 33),
    ("right_leg", 3),
    ("right_leg", 35),
    ("right_leg", 35),
    ("right_leg", 37),
    ("right_leg", 38),
    ("right_leg", 39),
    ("right_foot", 40),
    ("right_foot", 41),
]
MARKER_NAMES = [f"{part}_marker_{index:02d}" for index, (part, _) in enumerate(_MARKERS)]
MARKER_PARENTS = [parent for _, parent in _MARKERS]
