"""Guides a person through the poses."""

from collections import deque
from collections.abc import Iterable

import numpy as np

from data_prep.user_error import UserError
from pskd_tf.monitoring.board_activity import BoardActivity
from pskd_tf.monitoring.board_clock import BoardClock
from pskd_tf.monitoring.board_header import BoardHeader
from pskd_tf.monitoring.board_sample import BoardSample
from pskd_tf.monitoring.board_status import BoardStatus
from pskd_tf.monitoring.wrist_poses import WRIST_POSES

_STILL_SECONDS = 1.0
_STILL_G = 0.03  # standard deviation; a hand that is held still has about 0.01
_SAME_POSE_COSINE = 0.7  # 45 degrees


def hold_poses(
    messages: Iterable[BoardHeader | BoardSample | BoardActivity | BoardStatus],
    patience_seconds: float = 60.0,
) -> tuple[BoardHeader, dict[str, np.ndarray]]:
    """Asks for each pose and waits until the board was still in it for a second.

    Args:
        messages: From a `BoardPort`.
        patience_seconds: Of the board's clock, for each pose.

    Returns:
        The board's header, and for each of `WRIST_POSES` the mean `(3,)` in g.

    Raises:
        UserError: A pose was not held in time, or no header came.
    """
    waiting = list(WRIST_POSES)
    means: dict[str, np.ndarray] = {}
    held: deque[tuple[float, tuple[float, float, float]]] = deque()
    clock = BoardClock()
    header, asked = None, 0.0
    _ask(waiting[0])
    for message in messages:
        if isinstance(message, BoardHeader):
            header = message
        if not isinstance(message, BoardSample):
            continue
        now = clock.seconds(message.time_us)
        held.append((now, message.values))
        while held[-1][0] - held[0][0] > _STILL_SECONDS:
            held.popleft()
        mean = _still_mean(held)
        if mean is not None and header is not None and not _is_near(mean, list(means.values())):
            means[waiting[0]] = mean
            print("  " + ", ".join(f"{value:+.2f}" for value in mean), flush=True)
            waiting, asked = waiting[1:], now
            held.clear()
            if not waiting:
                return header, means
            _ask(waiting[0])
        elif now - asked > patience_seconds:
            rule = f"Each pose must be held still within {patience_seconds:g} s"
            raise UserError(rule, f"not so: {waiting[0]}")
    raise UserError("The poses need a board that sends samples", "the end")


def _ask(pose: str) -> None:
    print(f"hold still: {pose}", flush=True)


def _still_mean(held: deque[tuple[float, tuple[float, float, float]]]) -> np.ndarray | None:
    """Returns the mean of a second of stillness, None if it was none."""
    if held[-1][0] - held[0][0] < 0.9 * _STILL_SECONDS:
        return None
    values = np.array([sample for _, sample in held])
    # NaN is not still.
    return values.mean(axis=0) if (values.std(axis=0) < _STILL_G).all() else None


def _is_near(mean: np.ndarray, others: list[np.ndarray]) -> bool:
    """Returns whether it is the last pose still."""
    if not others:
        return False
    lengths = np.linalg.norm(mean) * np.linalg.norm(others[-1])
    return bool(mean @ others[-1] > _SAME_POSE_COSINE * lengths)
