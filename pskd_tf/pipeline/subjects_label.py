"""Subjects as a part of a folder's name."""

import re
from collections.abc import Sequence

# Characters of subjects in a stage's folder name, which a file system limits to 255 bytes.
_LONGEST_LABEL = 80


def subjects_label(subjects: Sequence[str]) -> str:
    """Returns the subjects as a part of a folder's name, whatever a user called them."""
    label = "-".join(re.sub(r"[^\w.]+", "_", name, flags=re.ASCII) for name in subjects)
    return label if len(label) <= _LONGEST_LABEL else f"{len(subjects)}_subjects"
