"""The streams of Berkeley MHAD: accelerometer, optical markers and BVH skeleton.

Each reader returns epoch seconds, values in our units, and notes on what it repaired. A skeleton
is either the 43 optical markers, which carry time stamps, or the joints of a BVH file, which does
not.
"""

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.bvh import BvhFile
from data_prep.formats.tables import read_number_table
from data_prep.loader import ClipSource
from data_prep.signals import fill_lost_markers
from data_prep.stamps import sort_stamps

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
# Body part and parent marker of each of the 43 optical markers, in the order of the columns. The
# files name no marker. Body parts, sides and this tree are ours, from the mean positions in
# moc_s01_a01_r01.txt: y is up (head 1.64 m, feet 0.12 m), toes and forehead lie at larger z than
# heels and back, so the subject faces +z; +x is then the left side if the axes are right-handed,
# which that clip, a jump with both sides alike, cannot show.
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
Provenance = dict[str, tuple[str, str]]  # what -> (file name, SHA-256), as in `Clip.sources`
# The sensors saturate at 2 g less their uncalibrated offset; spikes of a damaged packet reach
# 20 to 60 (13 files of the full set hold one or two).
_SATURATED_G = 1.98
_SPIKE_G = 6.0
_LARGEST_G = 100.0
_MOST_SPIKES = (2, 0.01)  # two, or this share of the samples
_EPOCH_SECONDS = (1e9, 2e9)  # 2001 to 2033


def read_berkeley_mhad_accelerometer(
    content: bytes, name: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Reads lines of `x y z epoch_seconds`, repairs spikes and notes what was found.

    A sample with an axis beyond +-6 g becomes the median of itself and its neighbours on all
    axes, because a damaged packet damages its other axes too; what is still beyond is clipped.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.

    Returns:
        Epoch seconds float64 (samples,) ascending; float64 (samples, 3) in g, uncalibrated as
        recorded; and notes: "stamps_sorted", "duplicates_merged", "spikes_clipped",
        "accelerometer_saturated".

    Raises:
        UserError: The file is damaged, or its values cannot be in g or its stamps in seconds.
    """
    table = read_number_table(content, 4, name)
    low, high = _EPOCH_SECONDS
    if not ((table[:, 3] > low) & (table[:, 3] < high)).all():
        received = f"{table[:, 3].min():.10g} to {table[:, 3].max():.10g}"
        raise UserError("The fourth column must hold seconds since 1970", received, name)
    stamps, values, notes = sort_stamps(table[:, 3], table[:, :3], name)
    flags = list(notes)
    largest = np.abs(values).max(axis=1)
    spikes = np.flatnonzero(largest > _SPIKE_G)
    if len(spikes) > max(_MOST_SPIKES[0], _MOST_SPIKES[1] * len(values)):
        rule = f"Only single samples may be beyond {_SPIKE_G:g} g"
        raise UserError(rule, f"{len(spikes)} of {len(values)}", name)
    if largest.max() > _LARGEST_G:
        rule = f"The accelerometer must be in g, its spikes up to {_LARGEST_G:g}"
        raise UserError(rule, f"{largest.max():.4g}", name)
    if (np.delete(largest, spikes) >= _SATURATED_G).any():
        flags.append("accelerometer_saturated")
    if len(spikes):
        last = len(values) - 1
        near = np.stack([values[np.clip(spikes + step, 0, last)] for step in (-1, 0, 1)])
        values[spikes] = np.clip(np.median(near, axis=0), -_SPIKE_G, _SPIKE_G)
        flags.append("spikes_clipped")
    return stamps, values, tuple(flags)


_LONGEST_FRAME_GAP_SECONDS = 0.1


def read_berkeley_mhad_skeleton(
    source: ClipSource, accelerometer_start: float, longest_marker_gap_seconds: float
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...], Provenance]:
    """Reads the BVH file if `source` has one, else the optical file, if any.

    Args:
        source: The clip, with files "bvh" (and "optical" for its clock) or "optical" or neither.
        accelerometer_start: Epoch seconds of the accelerometer's first sample.
        longest_marker_gap_seconds: A marker may be lost for this long.

    Returns:
        Epoch seconds float64 (frames,) ascending; float64 (frames, joints, 3) in metres, y up, or
        None if there is none to use; the notes of the reader, "frames_missing" for a gap over
        0.1 s between frames, and "no_skeleton" where it is None; and the files used.

    Raises:
        UserError: A file is damaged.
    """
    contents: dict[str, bytes] = {}
    sources: Provenance = {}
    for name in ("bvh", "optical"):
        if name in source.files:
            contents[name], sources[name] = source.files[name].read_with_source()
    if "bvh" in contents:
        joints: np.ndarray | None
        stamps, joints, flags = read_berkeley_mhad_bvh(
            contents["bvh"],
            sources["bvh"][0],
            source.details["joint_names"],
            source.details["joint_parents"],
            contents.get("optical"),
            accelerometer_start,
        )
        used = {"skeleton": sources["bvh"]}
        if "optical" in sources:
            used["skeleton_clock"] = sources["optical"]
        return stamps, joints, flags, used
    if "optical" not in contents:
        return np.zeros(0), None, ("no_skeleton",), {}
    stamps, joints, flags = read_berkeley_mhad_optical(
        contents["optical"], sources["optical"][0], longest_marker_gap_seconds
    )
    if joints is not None and np.diff(stamps).max(initial=0.0) > _LONGEST_FRAME_GAP_SECONDS:
        joints, flags = None, (*flags, "frames_missing")
    if joints is None:
        return stamps, None, (*flags, "no_skeleton"), {}
    return stamps, joints, flags, {"skeleton": sources["optical"]}


_NUM_MARKERS = len(MARKER_NAMES)
_COLUMNS = 3 * _NUM_MARKERS + 2  # x, y, z of each marker in mm, frame index, epoch seconds
_LARGEST_MM = 20_000.0


def read_berkeley_mhad_optical(
    content: bytes, name: str, longest_gap_seconds: float
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Reads the markers and fills the lost ones.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.
        longest_gap_seconds: A marker may be lost for this long; see `fill_lost_markers`.

    Returns:
        Epoch seconds float64 (frames,) ascending; float64 (frames, 43, 3) in metres, y up, or
        None if a marker is lost for too long; and notes: "stamps_sorted", "duplicates_merged",
        "markers_interpolated", "markers_lost".

    Raises:
        UserError: The file is damaged.
    """
    table = read_number_table(content, _COLUMNS, name)
    largest = float(np.abs(table[:, : 3 * _NUM_MARKERS]).max())
    if largest > _LARGEST_MM:
        rule = f"Marker positions must be in millimetres, up to {_LARGEST_MM:g}"
        raise UserError(rule, f"{largest:.4g}", name)
    if not (np.diff(table[:, -2]) > 0).all():
        raise UserError("The frame index must ascend", "others", name)
    markers = table[:, : 3 * _NUM_MARKERS].reshape(-1, _NUM_MARKERS, 3) / 1000.0
    markers[(markers == 0).all(axis=2)] = np.nan
    stamps, markers, flags = sort_stamps(table[:, -1], markers, name)
    if not np.isnan(markers).any():
        return stamps, markers, flags
    filled = fill_lost_markers(stamps, markers, longest_gap_seconds)
    return stamps, filled, (*flags, "markers_lost" if filled is None else "markers_interpolated")


_RATE_HZ = 480.0  # the files print the frame time as 0.00208, which alone would be 0.16 % off
_RATE_TOLERANCE = 0.01
_START_AFTER_ACCELEROMETER = 0.05  # measured: 30 to 70 ms
_LARGEST_CM = 2000.0


def read_berkeley_mhad_bvh(
    content: bytes,
    name: str,
    joint_names: list[str],
    joint_parents: list[int],
    optical: bytes | None,
    accelerometer_start: float,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Reads the joints and puts the frames on the accelerometer's clock.

    A BVH file has no time stamps. We assume that it starts with the optical file of the same clip;
    without that file, 50 ms after the accelerometer's first sample, the middle of the delays
    measured in optical files (30 to 70 ms).

    Args:
        content: The file's bytes.
        name: The file's name, for errors.
        joint_names: The joints that all clips must have.
        joint_parents: Their parents.
        optical: The bytes of the clip's optical file, whose first line holds the start.
        accelerometer_start: Epoch seconds of the accelerometer's first sample.

    Returns:
        Epoch seconds float64 (frames,); float64 (frames, joints, 3) in metres, y up; and notes:
        "skeleton_clock_assumed" without the optical file.

    Raises:
        UserError: The file is damaged, or its joints differ.
    """
    motion = BvhFile.parse(content, name)
    if motion.joint_names != joint_names or motion.joint_parents != joint_parents:
        rule = "The joints of all BVH files must be the same"
        raise UserError(rule, f"{len(motion.joint_names)} joints, other names or order", name)
    positions = motion.positions
    assert positions is not None  # the frames were read
    largest = float(np.abs(positions).max())
    if largest > _LARGEST_CM:
        rule = f"Joint positions must be in centimetres, up to {_LARGEST_CM:g}"
        raise UserError(rule, f"{largest:.4g}", name)
    rate = 1.0 / motion.frame_seconds
    if abs(rate / _RATE_HZ - 1.0) < _RATE_TOLERANCE:
        rate = _RATE_HZ
    start = accelerometer_start + _START_AFTER_ACCELEROMETER
    flags: tuple[str, ...] = ("skeleton_clock_assumed",)
    if optical is not None:
        start, flags = _first_stamp(optical, name), ()
    return start + np.arange(len(positions)) / rate, positions / 100.0, flags


def _first_stamp(optical: bytes, name: str) -> float:
    line = optical[:10_000].partition(b"\n")[0].split()
    try:
        stamp = float(line[-1])
        if not 1e9 < stamp < 2e9:
            raise ValueError(f"{stamp:g}")
    except (ValueError, IndexError) as error:
        rule = "The optical file beside a BVH file must start with a line that ends in its stamp"
        raise UserError(rule, error, name) from error
    return stamp
