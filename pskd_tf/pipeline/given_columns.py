"""The columns that cached or missing teacher outputs add to a training's batches."""

from collections.abc import Collection, Mapping

import numpy as np

from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.models.streams_read import STREAMS_READ


def given_columns(
    arrays: Mapping[str, np.ndarray], clips: PairedClips, teachers: Collection[str]
) -> dict[str, np.ndarray]:
    """Picks teachers' cached outputs for clips, by the clips' names.

    Args:
        arrays: `clip_ids` and columns of one row per clip, as `teacher_outputs_stage` wrote them.
        clips: The clips to pick for; each is among the cached ones.
        teachers: Whose columns are wanted.

    Returns:
        The columns, in the order of `clips`.
    """
    place = {clip_id: row for row, clip_id in enumerate(arrays["clip_ids"])}
    rows = [place[clip_id] for clip_id in clips.clip_ids]
    wanted = {f"{one}_{kind}" for one in teachers for kind in ("logits", "embedding", "available")}
    return {name: column[rows] for name, column in arrays.items() if name in wanted}


def availability_column(teacher: str, clips: PairedClips) -> dict[str, np.ndarray]:
    """Says which clips a teacher can see, where it cannot see them all.

    Args:
        teacher: Name of the teacher's model.
        clips: The clips.

    Returns:
        `{"<teacher>_available": (clips,) float32}`, or nothing.
    """
    if "skeleton" not in STREAMS_READ[teacher] or clips.has_skeleton.all():
        return {}
    return {f"{teacher}_available": clips.has_skeleton.astype(np.float32)}
