"""Changed copies of a file: damage to its bytes, and other values in a JSON value."""

import json
from typing import Any

import numpy as np

from damage import (
    cut,
    drop_column,
    drop_fields,
    drop_lines,
    flip_bytes,
    nothing_left,
    other_digits,
    repeat_lines,
    replace_numbers,
    shuffle_lines,
)

_DAMAGES = (flip_bytes, flip_bytes, cut, drop_lines, repeat_lines, shuffle_lines, nothing_left)
_TABLE_DAMAGES = (drop_fields, replace_numbers, drop_column)
_WORDS = ("", "a", "NaN", "1e999", "-1", "0", "\x00", "ö", "../x", "9" * 400, "[", "{}", "true")
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2, 2**31, -(2**63), 10**30, 0.5, 1e308, -0.0, float("nan")),
    *(
        float("inf"),
        "",
        "x",
        "0.5",
        "\ud800",
        "a" * 300,
        [],
        {},
        [[]],
        [None],
        {"": None},
        [1, "x"],
    ),
)


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Returns a copy with one to three changes.

    Args:
        content: The whole file.
        random: Draws the changes.
    """
    for _ in range(random.integers(1, 4)):
        content = _changed(content, random)
    return content


def _changed(content: bytes, random: np.random.Generator) -> bytes:
    if not content:
        return bytes(random.integers(256, size=random.integers(20), dtype=np.uint8))
    if content[:1] in b"{[" and random.integers(4):
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict | list):
            return json.dumps(_with_other_part(value, random)).encode()
    choice = random.integers(12)
    if choice < len(_DAMAGES):
        return _DAMAGES[choice](content, random)
    if choice < len(_DAMAGES) + len(_TABLE_DAMAGES):
        separator = bytes([b",;\t "[random.integers(4)]])
        return _TABLE_DAMAGES[choice - len(_DAMAGES)](content, random, separator)
    if choice == 10 and any(48 <= byte < 58 for byte in content):
        return other_digits(content, random)
    place = random.integers(len(content))
    word = _WORDS[random.integers(len(_WORDS))].encode()
    return content[:place] + word + content[place + int(random.integers(3)) :]


def _with_other_part(value: Any, random: np.random.Generator) -> Any:
    """Returns a JSON value in which one part is another, is gone, or has another name."""
    parts = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    if not parts:
        return _VALUES[random.integers(len(_VALUES))]
    place = int(random.integers(len(parts)))
    key, part = parts[place]
    if isinstance(part, dict | list) and random.integers(4):
        parts[place] = (key, _with_other_part(part, random))
    elif random.integers(4):
        parts[place] = (key, _VALUES[random.integers(len(_VALUES))])
    elif random.integers(2):
        del parts[place]
    else:
        parts[place] = (f"{key}x", part)
    return dict(parts) if isinstance(value, dict) else [part for _, part in parts]
