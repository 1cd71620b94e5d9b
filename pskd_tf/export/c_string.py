"""Text as C string literals."""


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
