"""Which labels, and whose accelerometers, of a training part a study keeps."""

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from data_prep.errors import UserError
from pskd_tf.data.views import draw_generator
from pskd_tf.label_settings import LabelSettings


def kept_labels(clips: pd.DataFrame, settings: LabelSettings, draw: int) -> set[str]:
    """Draws the clips that keep their labels.

    Of n subjects, draws 1 to n take each equally often, and so do the next n, in another order.
    The draw depends on nothing but its number, the settings, and the clips' names and subjects;
    where clips are drawn by class, on the classes of the subjects' clips as well.

    Args:
        clips: The training clips with labels, with the columns `clip_id`, `subject` and `action`.
        settings: How many labels are kept.
        draw: Number of the draw, from 1.

    Returns:
        Names of the clips.

    Raises:
        UserError: There are fewer subjects than are to keep their labels.
    """
    kept = clips
    if settings.labelled_subjects:
        chosen = drawn_subjects(clips["subject"], settings.labelled_subjects, draw)
        kept = clips[clips["subject"].isin(chosen)]
    if not settings.labels_per_class and settings.labelled_fraction == 1:
        return set(kept["clip_id"])
    names: set[str] = set()
    for action in sorted(set(kept["action"])):
        of_class = kept[kept["action"] == action]
        count = settings.labels_per_class or max(
            1, round(settings.labelled_fraction * len(of_class))
        )
        order = draw_generator(draw, "labels/clips", int(action)).permutation(len(of_class))
        names |= set(of_class["clip_id"].to_numpy()[order[:count]])
    return names


def drawn_subjects(
    movers: Iterable[str], count: int, draw: int, setting: str = "labelled_subjects"
) -> Collection[str]:
    """Draws the subjects that keep their labels or accelerometers; see `kept_labels`.

    Args:
        movers: Subject of each clip.
        count: How many subjects are drawn.
        draw: Number of the draw, from 1.
        setting: The setting that gives the count, for errors.

    Returns:
        The subjects.

    Raises:
        UserError: There are fewer subjects.
    """
    subjects = list(dict.fromkeys(movers))
    if count > len(subjects):
        rule = f"{setting} must be at most the {len(subjects)} training subjects"
        raise UserError(rule, count)
    block, place = divmod(draw - 1, len(subjects))
    order = draw_generator(block, "labels/subjects").permutation(len(subjects))
    turned = np.roll(order, -place)[:count]
    return [subjects[number] for number in turned]


def drawn_classes(actions: Iterable[int], count: int, draw: int) -> set[int]:
    """Draws classes that no watch has recorded.

    Args:
        actions: Class of each clip.
        count: How many classes are drawn.
        draw: Number of the draw, from 1.

    Returns:
        The classes.

    Raises:
        UserError: No class would be left.
    """
    classes = sorted(set(actions))
    if count >= len(classes):
        raise UserError(f"unworn_classes must be under the {len(classes)} classes", count)
    order = draw_generator(draw, "watches/classes").permutation(len(classes))
    return {classes[place] for place in order[:count]}
