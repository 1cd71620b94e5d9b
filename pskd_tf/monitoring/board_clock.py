"""The board's clock without its wraps."""

_WRAP = 1 << 32


class BoardClock:
    """Turns stamps of 32 bits into seconds since the first one."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._elapsed_us = 0

    def seconds(self, time_us: int) -> float:
        """Returns the seconds from the first stamp given to this one.

        Args:
            time_us: A stamp, less than 2^31 us from the one given before; an earlier one gives
                fewer seconds.
        """
        if self._newest is None:
            self._newest = time_us
        step = (time_us - self._newest) % _WRAP
        self._elapsed_us += step - _WRAP if step >= _WRAP // 2 else step
        self._newest = time_us
        return self._elapsed_us / 1e6
