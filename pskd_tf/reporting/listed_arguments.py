"""A flag that takes every word up to the next flag."""

from collections.abc import Sequence


def listed_arguments(arguments: Sequence[str], name: str) -> list[str]:
    """Rewrites `--name A B C` as `--name=A --name=B --name=C`, which absl understands.

    Args:
        arguments: The words of the command line.
        name: Name of the flag.

    Returns:
        The words, everything else as it was.
    """
    rewritten, is_listed = [], False
    for word in arguments:
        if word.lstrip("-") == name and word.startswith("-"):
            is_listed = True
        elif word.startswith("-"):
            is_listed = False
            rewritten.append(word)
        else:
            rewritten.append(f"--{name}={word}" if is_listed else word)
    return rewritten
