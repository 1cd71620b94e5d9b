"""A clip recorded from a board."""

from collections.abc import Iterable
from dataclasses import dataclass

from data_prep.user_error import UserError
from pskd_tf.monitoring.board_activity import BoardActivity
from pskd_tf.monitoring.board_clock import BoardClock
from pskd_tf.monitoring.board_header import BoardHeader
from pskd_tf.monitoring.board_sample import BoardSample
from pskd_tf.monitoring.board_status import BoardStatus

_LONGEST_GAP_SECONDS = 1.0


@dataclass(frozen=True)
class RecordedClip:
    """Samples of one action.

    Attributes:
        header: What the board said of itself.
        rows: Time in microseconds since the first sample, x, y, z in g.
    """

    header: BoardHeader
    rows: tuple[tuple[int, float, float, float], ...]

    @classmethod
    def record(
        cls,
        messages: Iterable[BoardHeader | BoardSample | BoardActivity | BoardStatus],
        seconds: float,
    ) -> "RecordedClip":
        """Records from the next sample on; an interrupt from the keyboard ends it, too.

        Args:
            messages: From a `BoardPort`.
            seconds: Of the board's clock; 0 until interrupted.

        Returns:
            The clip. Of samples with the same stamp the first is kept.

        Raises:
            UserError: The board restarted or fell silent meanwhile, no header came (they are
                repeated each 5 s), or there are fewer than two samples.
        """
        clock = BoardClock()
        header: BoardHeader | None = None
        rows: list[tuple[int, float, float, float]] = []
        before = 0.0
        try:
            for message in messages:
                if isinstance(message, BoardHeader):
                    header = message
                if not isinstance(message, BoardSample):
                    continue
                now = clock.seconds(message.time_us)
                if not 0 <= now - before <= _LONGEST_GAP_SECONDS:
                    rule = "A recording needs a board that goes on without a break"
                    raise UserError(rule, f"{now - before:.3g} s between two samples")
                is_new = not rows or now > before
                before = now
                if is_new and not (seconds and now > seconds):
                    rows.append((round(now * 1e6), *message.values))
                # The header may come after the last sample that is wanted.
                if seconds and now >= seconds and header is not None:
                    break
        except KeyboardInterrupt:
            pass
        if header is None:
            raise UserError("A recording needs the board's header line", "none came")
        if len(rows) < 2:
            raise UserError("A recording needs at least 2 samples", len(rows))
        return cls(header, tuple(rows))
