"""What a board recognizes, as it comes."""

from collections.abc import Iterable

from pskd_tf.monitoring.board_activity import BoardActivity
from pskd_tf.monitoring.board_clock import BoardClock
from pskd_tf.monitoring.board_header import BoardHeader
from pskd_tf.monitoring.board_sample import BoardSample
from pskd_tf.monitoring.board_status import BoardStatus


def show_live(
    messages: Iterable[BoardHeader | BoardSample | BoardActivity | BoardStatus], seconds: float
) -> int:
    """Prints header, activities and statuses.

    Args:
        messages: From a `BoardPort`.
        seconds: Of the board's clock, after which it ends; 0 for never.

    Returns:
        How many activities were shown.
    """
    clock = BoardClock()
    shown, header = 0, None
    for message in messages:
        if isinstance(message, BoardHeader):
            if message != header:
                header = message
                print(
                    f"project {header.project}, {header.runtime}, {header.num_classes} classes, "
                    f"{header.rate_hz:g} Hz, +-{header.range_g:g} g, axes {header.axes}",
                    flush=True,
                )
            continue
        now = clock.seconds(message.time_us)
        if isinstance(message, BoardActivity):
            shown += 1
            sure = "" if message.confidence is None else f"{message.confidence:.3f}"
            print(f"{now:10.2f} s  {sure:>5}  {message.label}", flush=True)
        elif isinstance(message, BoardStatus):
            print(f"{now:10.2f} s  status {message.word} {message.number}", flush=True)
        if seconds and now >= seconds:
            break
    return shown
