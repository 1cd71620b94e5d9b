"""The error for what a user can mend: shown as one line, exit status 2."""

from pathlib import Path


class UserError(ValueError):
    """A broken rule about the user's input, with what was received and the file it came from.

    Args:
        rule: The rule, as a sentence without its full stop ("A clip needs at least 2 samples").
        received: What was found instead.
        path: The file or folder it came from, where there is one.
    """

    def __init__(self, rule: str, received: object = None, path: str | Path | None = None):
        message = rule if rule.endswith(".") else f"{rule}."
        if received is not None:
            message += f" Received: {received}"
        if path is not None:
            message += f" (file: {path})"
        super().__init__(" ".join(message.split()))
