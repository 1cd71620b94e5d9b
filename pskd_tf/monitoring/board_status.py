"""What happened on a board."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoardStatus:
    """`status,TIME,WORD,NUMBER`; docs/serial_protocol.md lists the words.

    Attributes:
        time_us: The board's clock.
        word: What happened.
        number: What goes with it.
    """

    time_us: int
    word: str
    number: int
