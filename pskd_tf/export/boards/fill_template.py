"""Templates of a project's files."""

import re
from collections.abc import Mapping

RUNTIMES = ("tflm", "plain_c")


def fill_template(text: str, values: Mapping[str, str], runtime: str) -> str:
    """Fills in a template.

    Args:
        text: `@NAME@` stands for a value; a line that begins with `@tflm@` or `@plain_c@` is kept,
            without that, for this runtime alone.
        values: By name, in capitals.
        runtime: One of `RUNTIMES`.

    Returns:
        The text.

    Raises:
        KeyError: A name has no value.
    """
    lines = []
    for line in text.splitlines(keepends=True):
        mark = next((name for name in RUNTIMES if line.startswith(f"@{name}@")), None)
        if mark in (None, runtime):
            lines.append(line if mark is None else line[len(mark) + 2 :])
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], "".join(lines))
