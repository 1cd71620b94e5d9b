"""The wrist's axes in training, as poses that a person can take."""

from types import MappingProxyType

# For a board on the right wrist: the axis of UTD-MHAD's sensor that then points up (reads +1 g),
# and the sign. The forearm's axis (x) was fitted to the skeletons; palm and thumb were inferred
# from gestures. docs/boards.md has the numbers; the data set's authors do not document it.
WRIST_POSES = MappingProxyType(
    {
        "fingers up": (0, 1),
        "fingers down": (0, -1),
        "palm up": (2, 1),
        "palm down": (2, -1),
        "thumb down": (1, 1),
        "thumb up": (1, -1),
    }
)
