"""What a prepared set holds and what was left out of it, as text and as warnings."""

import pandas as pd

from data_prep.clip import NO_LABEL, NULL_ACTION
from data_prep.prepared_set import PreparedSet
from data_prep.problems import Problem
from data_prep.protocols import protocol_splits


def prepared_table(prepared: PreparedSet) -> str:
    """Returns counts of clips by subject, place, protocol part and flag, as text.

    Args:
        prepared: The set.

    Returns:
        Lines without a final newline.
    """
    manifest, description = prepared.manifest, prepared.description
    lines = [f"{description.title}: {len(prepared)} clips, {len(description.class_names)} actions"]
    lines += [f"note: {note}" for note in description.source_notes]
    subjects = manifest["subject"].value_counts()
    rows = [(f"subject {name}", subjects.get(name, 0)) for name in description.subjects]
    for name in description.protocols:
        (split,) = protocol_splits(description, manifest, name)
        remark = " (leaks subjects)" if split.leaks_subjects else ""
        for part, clips in (("train", split.train_clips), ("test", split.test_clips)):
            empty = " (empty: no score)" if not clips else ""
            rows.append((f"{name} {part}{remark}{empty}", len(clips)))
    places = manifest["sensor_place"].value_counts()
    rows += [(f"sensor on {place}", places[place]) for place in sorted(places.index)]
    rows += _quality(manifest, prepared.quarantine)
    width = max(len(label) for label, _ in rows)
    lines += [f"  {label:<{width}}  {int(count):>6}" for label, count in rows]
    return "\n".join(lines)


def _quality(manifest: pd.DataFrame, quarantine: pd.DataFrame) -> list[tuple[str, int]]:
    rows = [("clips read", len(manifest) + len(quarantine))]
    counted = {"clips without a label": NO_LABEL, "clips of no action": NULL_ACTION}
    for label, action in counted.items():
        count = int((manifest["action"] == action).sum())
        if count:
            rows.append((label, count))
    silent = int((manifest["accelerometer_length"] == 0).sum())
    if silent:
        rows.append(("clips without accelerometer", silent))
    rows.append(("clips flagged", int(manifest["flags"].ne("").sum())))
    flags = manifest["flags"].str.split(";").explode().value_counts()
    rows += [(f"flag {name}", flags[name]) for name in sorted(flags.index) if name]
    rows.append(("clips dropped", len(quarantine)))
    # A reason is the broken rule and what was received; the rule alone tells the kinds apart.
    rules = quarantine["reason"].str.split(" Received:").str[0].value_counts()
    rows += [(f"dropped: {rule}", rules[rule]) for rule in sorted(rules.index)]
    actions = quarantine["action_name"].value_counts()
    return rows + [(f"dropped of {name}", actions[name]) for name in sorted(actions.index) if name]


def dropped_clips(prepared: PreparedSet) -> list[Problem]:
    """Returns a warning for each rule by which clips were left out, with their number by class.

    Args:
        prepared: The set.

    Returns:
        Warnings of the kind "dropped", the most frequent rule first.
    """
    rules = prepared.quarantine["reason"].str.split(" Received:").str[0]
    found = []
    for rule, count in rules.value_counts().items():
        actions = prepared.quarantine["action_name"][rules == rule].value_counts()
        classes = ", ".join(f"{number} of {name or 'no label'}" for name, number in actions.items())
        found.append(Problem("dropped", f"{count} clips ({classes})", str(rule)))
    return found


_MOST_LOST = 0.2


def lost_classes(prepared: PreparedSet) -> list[Problem]:
    """Returns a warning for each class that lost more than a fifth of its clips.

    Args:
        prepared: The set.

    Returns:
        Warnings of the kind "lost", in the order of the classes.
    """
    kept = prepared.manifest["action_name"].value_counts()
    dropped = prepared.quarantine["action_name"].value_counts()
    found = []
    for name in prepared.description.class_names:
        lost = int(dropped.get(name, 0))
        total = lost + int(kept.get(name, 0))
        if lost > _MOST_LOST * total:
            text = f"{lost} of {total} clips are dropped; a score of this class is of the others"
            found.append(Problem("lost", name, text))
    return found
