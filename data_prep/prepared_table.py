"""The short table a command prints about a prepared set."""

import pandas as pd

from data_prep.prepared_set import PreparedSet
from data_prep.protocols.protocol_splits import protocol_splits


def prepared_table(prepared: PreparedSet) -> str:
    """Returns what was read, flagged and dropped, and clips a subject, place and protocol part.

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
    rows.append(("clips flagged", int(manifest["flags"].ne("").sum())))
    flags = manifest["flags"].str.split(";").explode().value_counts()
    rows += [(f"flag {name}", flags[name]) for name in sorted(flags.index) if name]
    rows.append(("clips dropped", len(quarantine)))
    # A reason is the broken rule and what was received; the rule alone tells the kinds apart.
    rules = quarantine["reason"].str.split(" Received:").str[0].value_counts()
    return rows + [(f"dropped: {rule}", rules[rule]) for rule in sorted(rules.index)]
