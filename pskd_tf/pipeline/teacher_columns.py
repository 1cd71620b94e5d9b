"""Columns of a training's batches that hold what teachers put out.

Each has one row per row of the training: a clip, in a stream a cut of a clip or of "none".
"""

from collections.abc import Collection, Mapping

import keras
import numpy as np

from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import plain_views
from pskd_tf.input_settings import InputSettings
from pskd_tf.models.registry import model_outputs
from pskd_tf.settings import STREAMS_READ

# A logit beside zeros that leaves the other 27 classes a probability of 1e-3 at temperature 2.
_SURE = 20.0


def given_columns(
    arrays: Mapping[str, np.ndarray], clips: PairedClips, teachers: Collection[str]
) -> dict[str, np.ndarray]:
    """Picks teachers' cached outputs for clips, by the clips' names.

    A cut of a clip has the outputs of its whole clip. For a cut of the class "none", which is the
    last one, all teachers are sure of it: so it counts in the loss as much as a movement does.

    Args:
        arrays: `clip_ids` and columns of one row per clip, as `teacher_outputs_stage` wrote them.
        clips: The clips to pick for; each is among the cached ones, or a cut of one.
        teachers: Names of the teachers.

    Returns:
        The columns, in the order of `clips`.
    """
    place = {clip_id: row for row, clip_id in enumerate(arrays["clip_ids"])}
    clip_of_row = clips.clip_of_row
    is_none = clip_of_row < 0
    rows = [place[clips.clip_ids[row]] for row in clip_of_row[~is_none]]
    wanted = {f"{one}_{kind}" for one in teachers for kind in ("logits", "embedding", "available")}
    columns = {name: column[rows] for name, column in arrays.items() if name in wanted}
    return _sure_of_none(columns, is_none)


def cut_columns(
    teachers: Mapping[str, keras.Model],
    nets: Mapping[str, str],
    clips: PairedClips,
    inputs: InputSettings,
) -> dict[str, np.ndarray]:
    """Computes teachers' outputs on each clip and each cut, read once without random changes.

    The class "none" is not distilled: for its cuts all teachers are sure of it, and for the others
    their logit of it is far below the rest. Source: ours.

    Args:
        teachers: Models by name; the last of their classes is "none".
        nets: Name of each teacher's model, by the teacher's name.
        clips: The clips with their cuts.
        inputs: The preprocessing.

    Returns:
        `<name>_logits` `(rows, classes)` and `<name>_embedding` `(rows, width)`, float32; where a
        teacher reads skeletons that some rows lack, `<name>_available` `(rows,)`.
    """
    is_none = clips.clip_of_row < 0
    movements = clips.subset(~is_none)
    streams = {tensor.name for teacher in teachers.values() for tensor in teacher.inputs}
    views = plain_views(movements, streams, inputs)
    columns: dict[str, np.ndarray] = {}
    for name, teacher in teachers.items():
        outputs = model_outputs(teacher, views)
        logits = outputs["logits"]
        logits[:, -1] = logits[:, :-1].min(axis=1) - _SURE
        columns[f"{name}_logits"] = logits
        columns[f"{name}_embedding"] = outputs["embedding"]
        columns |= availability_column(name, nets[name], movements)
    return _sure_of_none(columns, is_none)


def availability_column(teacher: str, net: str, clips: PairedClips) -> dict[str, np.ndarray]:
    """Returns the availability of teachers that are not available for every clip.

    Args:
        teacher: Name of the teacher.
        net: Name of its model.
        clips: The clips.

    Returns:
        `{"<teacher>_available": (clips,) float32}`, or nothing.
    """
    if "skeleton" not in STREAMS_READ[net] or clips.has_skeleton.all():
        return {}
    return {f"{teacher}_available": clips.has_skeleton.astype(np.float32)}


def _sure_of_none(columns: Mapping[str, np.ndarray], is_none: np.ndarray) -> dict[str, np.ndarray]:
    """Adds rows for cuts of "none", of which every teacher is sure."""
    if not is_none.any():
        return dict(columns)
    spread = {}
    for name, column in columns.items():
        spread[name] = np.zeros((len(is_none), *column.shape[1:]), column.dtype)
        spread[name][~is_none] = column
        if name.endswith("_available"):
            spread[name][is_none] = 1
        elif name.endswith("_logits"):
            spread[name][is_none, -1] = _SURE
    return spread
