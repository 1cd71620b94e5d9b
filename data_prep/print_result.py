"""The last two lines of every command."""

import shlex
from pathlib import Path


def print_result(result: str | Path, *next_command: str | Path) -> None:
    """Prints where the result lies and what to run next.

    Args:
        result: A file, a folder, or what was found where nothing is written.
        next_command: Words of the next command, quoted here as a shell needs it; capital letters
            stand for what the user has to fill in.
    """
    print(f"result: {result}")
    print(f"next: {shlex.join(str(word) for word in next_command)}")
