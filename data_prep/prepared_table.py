"""The short table a command prints about a prepared set."""

from data_prep.prepared_set import PreparedSet


def prepared_table(prepared: PreparedSet) -> str:
    """Returns clips a subject, clips a part of each protocol, sensor places and flags, as text.

    Args:
        prepared: The set.

    Returns:
        Lines without a final newline.
    """
    manifest, description = prepared.manifest, prepared.description
    lines = [f"{description.title}: {len(prepared)} clips, {len(description.class_names)} actions"]
    lines += [f"note: {note}" for note in description.source_notes]
    rows = [(f"subject {name}", manifest["subject"].eq(name)) for name in description.subjects]
    for name, protocol in description.protocols.items():
        for part in ("train", "test"):
            subjects = protocol[f"{part}_subjects"]
            rows.append((f"{name} {part}", manifest["subject"].isin(subjects)))
    for place in sorted(manifest["sensor_place"].unique()):
        rows.append((f"sensor on {place}", manifest["sensor_place"].eq(place)))
    flags = manifest["flags"].str.split(";")
    for flag in sorted({flag for names in flags for flag in names if flag}):
        rows.append((flag, flags.map(lambda names, flag=flag: flag in names)))
    width = max(len(label) for label, _ in rows)
    lines += [f"  {label:<{width}}  {int(chosen.sum()):>6}" for label, chosen in rows]
    return "\n".join(lines)
