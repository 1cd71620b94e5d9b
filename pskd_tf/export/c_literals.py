"""Literals and initialisers of C, as text."""

import math
from collections.abc import Iterable

import numpy as np


def c_float(value: float) -> str:
    """Writes a float32 value as a C literal.

    Args:
        value: A finite value; it is rounded to float32 first.

    Returns:
        Nine significant digits, which single out every float32, and the suffix `f`.

    Raises:
        ValueError: The value is not finite as a float32.
    """
    with np.errstate(over="ignore"):
        single = float(np.float32(value))
    if not math.isfinite(single):
        raise ValueError(f"A C literal must be finite. Received: {value}")
    digits = f"{single:.9g}"
    # `1f` is no C; `1.0f` and `1e-05f` are.
    return f"{digits}f" if set(digits) & set(".e") else f"{digits}.0f"


def c_string(text: str) -> str:
    """Writes text as a C string literal in plain ASCII.

    Args:
        text: Any text without a null character; it is encoded as UTF-8.

    Returns:
        The literal with its quotes. Bytes outside printable ASCII become octal escapes of three
        digits, which a following digit cannot prolong; so do `?`, which could form a trigraph,
        `"` and the backslash.

    Raises:
        ValueError: The text holds a null character.
    """
    if "\0" in text:
        raise ValueError(f"A C string must not hold a null character. Received: {text!r}")
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    body = "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode())
    return f'"{body}"'


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
