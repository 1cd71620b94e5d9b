"""Reading the motion capture of one Berkeley MHAD clip, from whichever files it has."""

import hashlib

import numpy as np

from data_prep.loader import ClipSource
from data_prep.loaders.berkeley_mhad.bvh import read_berkeley_mhad_bvh
from data_prep.loaders.berkeley_mhad.optical import read_berkeley_mhad_optical

_LONGEST_FRAME_GAP_SECONDS = 0.1

Provenance = dict[str, tuple[str, str]]  # what -> (file name, SHA-256), as in `Clip.sources`


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
    contents = {
        name: source.files[name].read() for name in ("bvh", "optical") if name in source.files
    }
    sources = {
        name: (source.files[name].name, hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    }
    if "bvh" in contents:
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
