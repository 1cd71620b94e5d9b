"""Which subjects of a user's own recordings test."""

import re
from collections.abc import Iterable, Sequence

from data_prep.loaders.custom.clip import CustomClip
from data_prep.user_error import UserError


def split_subjects(clips: Sequence[CustomClip], path: str) -> tuple[list[str], list[str], str]:
    """Returns training subjects, test subjects and a note that says who chose them.

    The column `part` of the manifest decides. Without it the last third (rounded down, at least
    one) of the subjects in natural order tests; ours.

    Args:
        clips: All clips, each with its subject.
        path: The manifest, for errors.

    Returns:
        The training subjects, the test subjects, the note.

    Raises:
        UserError: There are fewer than 2 subjects, only some rows have a part, a subject is in
            both parts, or a part has no subject.
    """
    subjects = natural_order({clip.subject for clip in clips})
    if len(subjects) < 2:
        rule = "A data set needs at least 2 subjects, one to train and one to test"
        raise UserError(rule, ", ".join(subjects) or "none", path)
    parts: dict[str, CustomClip] = {}
    if not any(clip.part for clip in clips):
        count = max(1, len(subjects) // 3)
        note = f"split (ours): the last {count} of {len(subjects)} subjects test"
        return subjects[:-count], subjects[-count:], note
    for clip in clips:
        if not clip.part:
            rule = "part must be train or test in every row, or in none"
            raise UserError(rule, "an empty cell", clip.place)
        other = parts.setdefault(clip.subject, clip)
        if other.part != clip.part:
            rule = "All clips of a subject must be in the same part"
            received = f"{clip.part} for {clip.subject}, who is {other.part} in {other.place}"
            raise UserError(rule, received, clip.place)
    train, test = (
        [name for name in subjects if parts[name].part == part] for part in ("train", "test")
    )
    if not train or not test:
        rule = "Both parts, train and test, need a subject"
        raise UserError(rule, f"none in {'train' if not train else 'test'}", path)
    return train, test, "split: as the manifest's column part says"


def natural_order(names: Iterable[str]) -> list[str]:
    """Returns names sorted with their numbers by value, so that "s2" comes before "s10"."""

    def key(name: str) -> list[tuple[int, int, str]]:
        pieces = re.findall(r"[0-9]+|[^0-9]+", name)
        return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]

    return sorted(names, key=lambda name: (key(name), name))
