"""What a Berkeley MHAD download holds and lacks, said for dataset.json."""

from data_prep.loaders.berkeley_mhad.files import BerkeleyMHADFiles, ClipKey
from data_prep.loaders.berkeley_mhad.layout import (
    ACTION_NAMES,
    KNOWN_MISSING,
    NUM_REPETITIONS,
    SUBJECTS,
    TRAIN_SUBJECTS,
)

_MOST_NAMED = 5
_KINDS = {
    "optical": "43 optical markers; their names, sides and tree are pskd_tf's own, read off one "
    "clip's geometry",
    "bvh": "joints of the fitted BVH skeletons",
}


def berkeley_mhad_notes(files: BerkeleyMHADFiles, kind: str) -> list[str]:
    """Returns remarks on the files found.

    Args:
        files: The files.
        kind: "optical" or "bvh", the skeleton in use.

    Returns:
        One sentence each, without full stop.
    """
    clips = files.accelerometer
    skeletons = files.bvh if kind == "bvh" else files.optical
    subjects = sorted({key[0] for key in clips})
    notes = [
        "the accelerometers are uncalibrated: still hip and ankle sensors read 0.75 to 0.87 g",
        f"skeleton: {_KINDS[kind]}",
    ]
    if len(subjects) < len(SUBJECTS):
        listed = ", ".join(map(str, subjects))
        notes.append(f"incomplete: subjects {listed} of 1 to {len(SUBJECTS)} are present")
    test = {int(subject) for subject in SUBJECTS if subject not in TRAIN_SUBJECTS}
    for part, members in (("test", test), ("train", {int(name) for name in TRAIN_SUBJECTS})):
        if not members & set(subjects):
            notes.append(f"cross_subject has no {part} part: none of its subjects is present")
    expected = {
        (subject, action, repetition)
        for subject in subjects
        for action in range(1, len(ACTION_NAMES) + 1)
        for repetition in range(1, NUM_REPETITIONS + 1)
    }
    for key, reason in KNOWN_MISSING.items():
        if key in expected and key not in clips:
            notes.append(f"known: {files.clip_name(key)} {reason}")
    missing = sorted(expected - set(clips) - set(KNOWN_MISSING))
    if missing:
        notes.append(f"incomplete: {_listed(missing)} of the subjects present missing")
    lacking = sorted(set(clips) - set(skeletons))
    if lacking:
        notes.append(f"no_skeleton: {_listed(lacking)} without motion capture")
    return notes


def _listed(keys: list[ClipKey]) -> str:
    names = ", ".join(BerkeleyMHADFiles.clip_name(key) for key in keys[:_MOST_NAMED])
    more = ", ..." if len(keys) > _MOST_NAMED else ""
    return f"{len(keys)} clips ({names}{more})"
