"""The time stamps that phones, watches and sensors write."""

import math
import re
from datetime import UTC, datetime

_NUMBER = re.compile(r"\d+(\.\d*)?(e\+?\d+)?", re.IGNORECASE)
# 1973 to 5138 in either unit; the ranges do not touch, so that the unit is never a guess.
_SECONDS = (1e8, 1e11)
_MILLISECONDS = (1e11, 1e14)


def stamp_seconds(text: str) -> float | None:
    """Returns a time stamp in seconds since 1970, or None if the text is none.

    Args:
        text: ISO 8601 with any sign between date and time and with or without a fraction
            ("2022-08-04 11:24:02.384", "20181016_13:37:28"), or a number of seconds or
            milliseconds since 1970. Without a zone it counts as UTC: only differences matter.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        value = float(text)
        if _SECONDS[0] <= value < _SECONDS[1]:
            return value
        return value / 1000 if _MILLISECONDS[0] <= value < _MILLISECONDS[1] else None
    try:
        stamp = datetime.fromisoformat(text)
        seconds = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None
