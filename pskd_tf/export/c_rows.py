"""The body of a C array initialiser."""

from collections.abc import Iterable


def c_rows(items: Iterable[str], width: int = 96) -> str:
    """Lays items out in indented lines.

    Args:
        items: The initialiser's items, already written as C.
        width: Longest line, in characters.

    Returns:
        Lines of comma-separated items, two spaces in, without a last line break.
    """
    lines, line = [], " "
    for item in items:
        if len(line) + len(item) + 2 > width:
            lines.append(line)
            line = " "
        line += f" {item},"
    return "\n".join([*lines, line])
