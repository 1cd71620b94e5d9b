"""Errors that a user can correct: a rule, what was received instead, and the file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


class UserError(ValueError):
    """A broken rule about the user's input, with what was received and the file it came from.

    Args:
        rule: The rule, as a sentence without its full stop ("A clip needs at least 2 samples").
        received: What was found instead.
        path: The file or folder it came from, where there is one.
    """

    def __init__(self, rule: str, received: object = None, path: str | Path | None = None):
        self.rule = " ".join(rule.split())
        self.received = None if received is None else _shortened(" ".join(str(received).split()))
        self.path = None if path is None else str(path)
        message = self.reason if self.path is None else f"{self.reason} (file: {self.path})"
        super().__init__(" ".join(message.split()))

    @property
    def reason(self) -> str:
        """The rule and what was received, without the file."""
        rule = self.rule if self.rule.endswith(".") else f"{self.rule}."
        return rule if self.received is None else f"{rule} Received: {self.received}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Without this, unpickling would pass the whole message as the rule.
        return type(self), (self.rule, self.received, self.path)


@dataclass(frozen=True)
class Refusal:
    """Takes the place of a clip when its recording is bad.

    Args:
        clip_id: The clip's name.
        error: The broken rule, what was received and the file.
        subject: Who moved.
        action: Class index, None if it is not known.
    """

    clip_id: str
    error: UserError
    subject: str = ""
    action: int | None = None


_LONGEST_RECEIVED = 600


def _shortened(text: str) -> str:
    # A message is one line that fits a screen, however large what a file holds is.
    return text if len(text) <= _LONGEST_RECEIVED else f"{text[:_LONGEST_RECEIVED]}..."
