"""The channels that a student may keep under a board's limits."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from data_prep.user_error import UserError
from pskd_tf.compression.board_limits import BoardCost, BoardLimits
from pskd_tf.compression.estimated_cost import estimated_cost

# A layer keeps at least this share of its channels, and as many channels.
_LEAST_SHARE = 0.125
_LEAST_CHANNELS = 4


def choose_channels(
    model: keras.Model,
    importance: Mapping[str, np.ndarray],
    limits: BoardLimits,
    measured: BoardCost,
    *,
    step: int = 2,
) -> dict[str, np.ndarray]:
    """Removes the least important channels until the estimated cost fits.

    Greedy: each turn takes the `step` least important channels of the one layer where the share of
    the layer's remaining importance that goes is least per unit of excess that they save, so that
    no layer is emptied before the others. The excess is the sum over the broken limits, each as a
    share of the limit. Source: ours.

    Args:
        model: The built functional Keras 3 model.
        importance: `(channels,)` of every layer that may lose channels, by name.
        limits: What the board allows.
        measured: What the model costs now.
        step: Channels removed at a time.

    Returns:
        `(channels,)` bool of each of these layers; all true where the model fits as it is.

    Raises:
        UserError: The limits cannot be met even with as few channels as layers may keep.
    """
    kept = {name: np.ones(len(scores), bool) for name, scores in importance.items()}
    # A model that fits as measured stays whole; else all costs are estimates, reserve included.
    cost = estimated_cost(model, kept, measured) if limits.excess(measured) else measured
    while limits.excess(cost):
        before = _pressure(limits, cost)
        best: tuple[float, str, Sequence[int], BoardCost] | None = None
        for name, scores in importance.items():
            rows = np.flatnonzero(kept[name])
            least = max(_LEAST_CHANNELS, round(_LEAST_SHARE * len(scores)))
            count = min(step, len(rows) - least)
            if count < 1:
                continue
            weakest = rows[np.argsort(scores[rows], kind="stable")[:count]]
            trial = kept | {name: _without(kept[name], weakest)}
            cheaper = estimated_cost(model, trial, measured)
            saved = before - _pressure(limits, cheaper)
            if saved <= 0:
                continue
            price = float(scores[weakest].sum() / scores[rows].sum()) / saved
            if best is None or price < best[0]:
                best = (price, name, weakest, cheaper)
        if best is None:
            short = ", ".join(f"{name} by {over}" for name, over in limits.excess(cost).items())
            raise UserError("The limits must leave room for the smallest student", f"{short} over")
        _, name, weakest, cost = best
        kept[name] = _without(kept[name], weakest)
    return kept


def _pressure(limits: BoardLimits, cost: BoardCost) -> float:
    return sum(over / getattr(limits, name) for name, over in limits.excess(cost).items())


def _without(mask: np.ndarray, rows: Sequence[int]) -> np.ndarray:
    mask = mask.copy()
    mask[rows] = False
    return mask
