"""The cost of a model on a board, and the limits that it must keep.

`BoardCost` is flash, tensor arena and multiply-accumulates, `BoardLimits` their upper bounds;
`SafetyLimits` bounds the difference between the int8 and the float student.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.settings import check_settings, setting


@dataclass(frozen=True)
class BoardCost:
    """The cost of a model on a board.

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
        """Returns how far a cost exceeds each limit; empty where it fits."""
        return {
            name: getattr(cost, name) - limit
            for name, limit in asdict(self).items()
            if limit is not None and getattr(cost, name) > limit
        }


_MULTIPLYING = (
    *("Conv1D", "Conv2D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D"),
)


def count_macs(model: Any) -> int:
    """Counts the multiply-accumulates of a model's convolutions and dense layers.

    Conv1D, Conv2D: output positions x kernel area x input channels x filters. DepthwiseConv1D and
    2D: output positions x kernel area x output channels; SeparableConv1D: both in turn. Dense:
    inputs x units, at each position. Padding counts as work; everything else (pooling, folded
    normalisation, activations) counts nothing.

    Args:
        model: A built functional Keras 3 or tf_keras model.

    Returns:
        Multiply-accumulates of one sample.
    """
    total = 0
    for layer in model.layers:
        if type(layer).__name__ not in _MULTIPLYING:
            continue
        # All axes but the batch and the channels; none for a dense layer on a vector.
        positions = math.prod(layer.output.shape[1:-1])
        # The depthwise kernel (height, width, channels, multiplier) counts in full as well.
        shapes = [one.shape for one in layer.get_weights() if one.ndim > 1]
        total += positions * sum(math.prod(shape) for shape in shapes)
    return int(total)


def planned_bytes(sizes: Sequence[int]) -> int:
    """Places tensors as TensorFlow Lite Micro's greedy planner does, gaps and all.

    Each tensor is in use while it is written and while the next one is. The largest are placed
    first (of equals the last), each at the lowest offset that is free for as long as it is in use.
    Source: inferred from the planner's results, and equal to them for all tested widths of the
    student.

    Args:
        sizes: Bytes of the input and of each operator's output, in order, as they are aligned.

    Returns:
        The bytes from the start of the first to the end of the last.
    """
    placed: list[tuple[int, int, int]] = []
    for number in sorted(range(len(sizes)), key=lambda one: (-sizes[one], -one)):
        offset = 0
        for begin, end, _ in sorted(one for one in placed if abs(one[2] - number) <= 1):
            if begin - offset >= sizes[number]:
                break
            offset = max(offset, end)
        placed.append((offset, offset + sizes[number], number))
    return max(end for _, end, _ in placed)


@dataclass(frozen=True)
class SafetyLimits:
    """Bounds between an int8 student and the float student of the same weights."""

    conversion_seconds: float = setting(
        600.0, "Time after which a conversion is given up.", unit="s", above=0, flag=False
    )
    least_agreement: float = setting(
        0.97,
        "Least share of clips on which both choose the same class, over all validation folds.",
        minimum=0,
        maximum=1,
        flag=False,
    )
    # At 10 dB the error has a third of the signal's amplitude.
    least_snr_db: float = setting(10.0, "Least signal to noise of any int8 layer.", unit="dB")

    def __post_init__(self) -> None:
        check_settings(self)

    def check_noise(self, noise: Mapping[str, float]) -> None:
        """Refuses a model with a layer below the least signal to noise.

        Args:
            noise: Signal to noise in dB by layer.

        Raises:
            UserError: Names the worst layer.
        """
        worst = min(noise, key=noise.__getitem__)
        if noise[worst] < self.least_snr_db:
            rule = f"Every int8 layer needs a signal to noise of {self.least_snr_db:g} dB"
            raise UserError(rule, f"{noise[worst]:.1f} dB in layer {worst}")

    def check_agreement(self, float_classes: np.ndarray, int8_classes: np.ndarray) -> float:
        """Refuses an int8 model that too often predicts another class than the float model.

        Args:
            float_classes: `(clips,)` classes that the float students predict, all folds together.
            int8_classes: `(clips,)` classes that the int8 students predict.

        Returns:
            The share of clips on which they agree.

        Raises:
            UserError: It is too small.
        """
        share = float(np.mean(np.asarray(float_classes) == np.asarray(int8_classes)))
        if share < self.least_agreement:
            rule = f"Float and int8 must agree on {100 * self.least_agreement:g} % of the clips"
            raise UserError(f"{rule} of all validation folds", f"{100 * share:.1f} %")
        return share
