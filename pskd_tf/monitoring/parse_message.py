"""A line of the serial protocol."""

import csv
import math

from data_prep.user_error import UserError
from pskd_tf.monitoring.board_activity import BoardActivity
from pskd_tf.monitoring.board_header import PROTOCOL_VERSION, BoardHeader
from pskd_tf.monitoring.board_sample import BoardSample
from pskd_tf.monitoring.board_status import BoardStatus


def parse_message(line: str) -> BoardHeader | BoardSample | BoardActivity | BoardStatus | None:
    """Reads a line.

    Args:
        line: Without its end.

    Returns:
        What it says; None for a line that is damaged, or none of the protocol's (boot messages,
        a line whose beginning was missed).

    Raises:
        UserError: The board speaks another version of the protocol.
    """
    try:
        (fields,) = csv.reader([line], strict=True)
        kind, *rest = fields
        if kind == "pskd":
            version = int(rest[0])
            if version != PROTOCOL_VERSION:
                rule = f"The board must speak version {PROTOCOL_VERSION} of the protocol"
                raise UserError(rule, f"version {version}; export its project again")
            _, project, runtime, rate, largest, axes, classes = rest
            rate_hz = _finite(rate)
            return BoardHeader(project, runtime, rate_hz, _finite(largest), axes, int(classes))
        time_us = int(rest[0])
        if kind == "sample":
            x, y, z = map(float, rest[1:])
            return BoardSample(time_us, (x, y, z))
        if kind == "activity":
            _, index, label, confidence = rest
            probability = _finite(confidence) if confidence else None
            return BoardActivity(time_us, int(index), label, probability)
        if kind == "status":
            _, word, number = rest
            return BoardStatus(time_us, word, int(number))
    except UserError:
        raise
    except (ValueError, IndexError, csv.Error):
        return None
    return None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
