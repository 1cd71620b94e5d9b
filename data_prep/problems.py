"""Errors and warnings about recordings, and the lines that list them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

_NAMED = 3  # clips that a counted line names


@dataclass(frozen=True)
class Problem:
    """An error in a recording or in the manifest, or a warning.

    Args:
        kind: One word to group by: "error", "unit", "rate", "alignment", "length", "skeleton",
            "frozen", "labels", "overlap", "balance", "subjects", "gravity", "turn", "body", "copy",
            "sign", "sides", "dropped" or "lost".
        where: The clip, subject, file or row.
        text: What is wrong, and how to correct it where that is known.
    """

    kind: str
    where: str
    text: str

    @property
    def is_error(self) -> bool:
        """Whether preparing the data would stop at it; other problems are warnings."""
        return self.kind == "error"


def problem_lines(problems: Iterable[Problem], most: int = 20, hint: str = "") -> list[str]:
    """Returns one line for each problem, errors first; equal warnings are counted in one line.

    Args:
        problems: In the order found.
        most: How many lines of a kind; 0 gives all.
        hint: How to list all.
    """
    by_kind: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for problem in problems:
        by_kind[problem.kind][problem.text].append(problem.where)
    lines = []
    for kind in sorted(by_kind, key=lambda kind: kind != "error"):
        word = "error" if kind == "error" else f"warning ({kind})"
        all_lines = [
            f"{word}: {place}: {text}"
            for text, places in by_kind[kind].items()
            for place in (places if kind == "error" else [_places(places)])
        ]
        shown = all_lines[: most or None]
        lines += shown
        if len(all_lines) > len(shown):
            lines.append(f"{word}: {len(all_lines) - len(shown)} more{hint}")
    return lines


def _places(places: list[str]) -> str:
    if len(places) == 1:
        return places[0]
    more = ", ..." if len(places) > _NAMED else ""
    return f"{len(places)} times ({', '.join(places[:_NAMED])}{more})"
