"""The table that the inspection of a user's own recordings prints."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from data_prep.inspection.inspection import InspectedClip, Inspection
from data_prep.loaders.custom.split import natural_order


def inspection_table(inspection: Inspection, most: int = 20) -> str:
    """Returns clips by subject and action, what was measured, and the problems, as text.

    Args:
        inspection: What was found.
        most: How many problems of a kind are listed; 0 lists all.

    Returns:
        Lines without a final newline.
    """
    clips = inspection.clips
    subjects = natural_order({clip.subject for clip in clips})
    actions = sorted({clip.action for clip in clips})
    counts = Counter((clip.subject, clip.action) for clip in clips)
    rows = [["clips", *subjects, "all"]]
    for action in actions:
        own = [counts[subject, action] for subject in subjects]
        rows.append([action, *map(str, own), str(sum(own))])
    by_subject = [[clip for clip in clips if clip.subject == subject] for subject in subjects]
    groups = [*by_subject, clips]
    rows.append(["all", *(str(len(group)) for group in groups)])
    rows.append(["read", *(str(sum(clip.seconds is not None for clip in g)) for g in groups)])
    rows.append(["with skeleton", *(str(sum(clip.has_skeleton for clip in g)) for g in groups)])
    for label, field, digits in (
        ("seconds, median", "seconds", 2),
        ("stated rate, Hz", "stated_rate_hz", 2),
        ("rate by stamps, Hz", "stamp_rate_hz", 2),
        ("|a| at rest, g", "gravity", 3),
    ):
        rows.append([label, *(_median(group, field, digits) for group in groups)])
    lags = [inspection.lags.get(subject) for subject in subjects]
    for label, field, form in (
        ("skeleton late by, s", "seconds", "+.2f"),
        ("correlation there", "best_correlation", ".2f"),
        ("correlation as it is", "zero_correlation", ".2f"),
    ):
        cells = ["-" if lag is None else format(getattr(lag, field), form) for lag in lags]
        rows.append([label, *cells, ""])
    lines = _aligned(rows)
    flags = Counter(flag for clip in clips for flag in clip.flags)
    lines += [f"note {flag}: {count} clips" for flag, count in sorted(flags.items())]
    return "\n".join(lines + _problem_lines(inspection, most))


def _median(clips: Sequence[InspectedClip], field: str, digits: int) -> str:
    values = [getattr(clip, field) for clip in clips]
    values = [value for value in values if value is not None]
    return f"{np.median(values):.{digits}f}" if values else "-"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]


def _problem_lines(inspection: Inspection, most: int) -> list[str]:
    by_kind = defaultdict(list)
    for problem in inspection.problems:
        by_kind[problem.kind].append(problem)
    lines = []
    for kind in sorted(by_kind, key=lambda kind: kind != "error"):
        problems = by_kind[kind]
        shown = problems[: most or None]
        word = "error" if kind == "error" else f"warning ({kind})"
        lines += [f"{word}: {problem.where}: {problem.text}" for problem in shown]
        if len(problems) > len(shown):
            lines.append(f"{word}: {len(problems) - len(shown)} more; --most=0 lists all")
    return lines
