"""A clip that cannot be used, and why."""

from dataclasses import dataclass

from data_prep.user_error import UserError


@dataclass(frozen=True)
class Refusal:
    """Stands in a clip's place when its recording is bad.

    Args:
        clip_id: The clip's name.
        error: The broken rule, what was received and the file.
    """

    clip_id: str
    error: UserError
