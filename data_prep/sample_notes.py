"""Samples that look wrong beside their neighbours: a spike, a jump, one written twice.

The rules are ours. On the training subjects of UTD-MHAD 4.6 % of the accelerometers and 1.9 % of
the skeletons have a spike, none and 0.9 % a jump, and none repeats a sample.
"""

import numpy as np

_AROUND = 10  # samples on each side
_SPIKE_RATIO = 10.0
_SPIKE_SHAPE = 0.2
_LEAST_SPIKE = 0.05  # g, or m


@np.errstate(over="ignore", invalid="ignore")  # of what `check_clip` refuses
def has_spike(values: np.ndarray) -> bool:
    """Returns whether one sample alone leaves the line through its neighbours.

    A spike bends the line ten times as much as any of the ten samples before and after it, by at
    least 0.05.

    Args:
        values: (samples, ...) in g or metres, finite.
    """
    table = np.asarray(values, np.float64).reshape(len(values), -1)
    bends = table[1:-1] - (table[:-2] + table[2:]) / 2
    if len(bends) < 2 * _AROUND:
        return False
    middle = bends[1:-1]
    # A single sample that is off bends its neighbours half as much the other way.
    is_alone = (np.abs(bends[:-2] + middle / 2) < _SPIKE_SHAPE * np.abs(middle)) & (
        np.abs(bends[2:] + middle / 2) < _SPIKE_SHAPE * np.abs(middle)
    )
    for place, column in zip(*np.nonzero(is_alone & (np.abs(middle) > _LEAST_SPIKE)), strict=True):
        around = np.abs(bends[max(0, place + 1 - _AROUND) : place + 2 + _AROUND, column])
        own = min(place + 1, _AROUND)
        around[own - 1 : own + 2] = 0.0
        if abs(middle[place, column]) > _SPIKE_RATIO * around.max():
            return True
    return False


@np.errstate(over="ignore", invalid="ignore")  # of what `check_clip` refuses
def has_jump(values: np.ndarray) -> bool:
    """Returns whether one step alone is far larger than those around: lines lost or exchanged.

    It is four times as large as any of the ten steps before and after it, and at least 0.05.

    Args:
        values: (samples, ...) in g or metres, finite.
    """
    table = np.asarray(values, np.float64).reshape(len(values), -1)
    steps = np.abs(np.diff(table, axis=0)).max(axis=1)
    if len(steps) < 2 * _AROUND:
        return False
    for place in np.flatnonzero(steps > _LEAST_SPIKE):
        around = steps[max(0, place - _AROUND) : place + _AROUND + 1]
        if (around > steps[place] / _JUMP_RATIO).sum() == 1:
            return True
    return False


_JUMP_RATIO = 4.0


@np.errstate(over="ignore", invalid="ignore")  # of what `check_clip` refuses
def has_repeated_sample(values: np.ndarray) -> bool:
    """Returns whether a single sample is exactly the one before, in values of fine resolution.

    Fine is a usual step of more than twenty times the smallest one; a longer stretch that stays the
    same is another doubt.

    Args:
        values: (samples, ...) of any unit, finite.
    """
    table = np.asarray(values, np.float64).reshape(len(values), -1)
    steps = np.abs(np.diff(table, axis=0))
    largest = steps.max(axis=1)
    if not steps.any() or np.median(largest) < _FINE * steps[steps > 0].min():
        return False
    same = np.concatenate([[False], largest == 0, [False]])
    return bool((same[1:-1] & ~same[:-2] & ~same[2:]).any())


_FINE = 20.0


@np.errstate(over="ignore", invalid="ignore")
def is_disordered(values: np.ndarray, least: float) -> bool:
    """Returns whether neighbouring samples differ nearly as much as distant ones do.

    The mean squared step over twice the variance is 1 for shuffled samples (von Neumann, 1941).
    On the training subjects of UTD-MHAD it is at most 0.66 of accelerometers and 0.11 of skeletons.

    Args:
        values: (samples, ...), finite.
        least: The variance that a movement has at least, over all axes.
    """
    table = np.asarray(values, np.float64).reshape(len(values), -1)
    variance = float(table.var(axis=0).sum())
    if len(table) < 2 * _AROUND or variance < least:
        return False
    step = float((np.diff(table, axis=0) ** 2).mean(axis=0).sum())
    return step > _DISORDERED * 2 * variance


_DISORDERED = 0.85
