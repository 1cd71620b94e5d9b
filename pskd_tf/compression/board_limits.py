"""What a board allows a model to cost, and what a model costs."""

from dataclasses import asdict, dataclass

from data_prep.user_error import UserError


@dataclass(frozen=True)
class BoardCost:
    """What a model takes of a board.

    Attributes:
        flash_bytes: Bytes of the flatbuffer.
        arena_bytes: Bytes of the tensor arena on a 64-bit host, an upper bound for a Cortex-M.
        macs: Multiply-accumulates of one inference.
    """

    flash_bytes: int
    arena_bytes: int
    macs: int


@dataclass(frozen=True)
class BoardLimits:
    """Upper bounds on a model's cost; None sets no bound.

    Attributes:
        flash_bytes: As in `BoardCost`.
        arena_bytes: As in `BoardCost`.
        macs: As in `BoardCost`.
    """

    flash_bytes: int | None = None
    arena_bytes: int | None = None
    macs: int | None = None

    def __post_init__(self) -> None:
        for name, limit in asdict(self).items():
            if limit is not None and limit <= 0:
                raise UserError(f"The limit on {name} must be positive", limit)

    def excess(self, cost: BoardCost) -> dict[str, int]:
        """Returns by how much a cost lies over each limit; empty where it fits."""
        return {
            name: getattr(cost, name) - limit
            for name, limit in asdict(self).items()
            if limit is not None and getattr(cost, name) > limit
        }
