"""Which teachers can see which samples of a batch."""

from collections.abc import Iterable, Mapping
from typing import Any

from keras import ops


def teacher_availability(streams: Mapping[str, Any], teachers: Iterable[str]) -> dict[str, Any]:
    """Collects the batch's `<name>_available` columns.

    Args:
        streams: The batch's columns.
        teachers: Names of the teachers, in order.

    Returns:
        `{"teacher_available": (batch, teachers)}`, or nothing where no teacher has such a column;
        a teacher without one sees every sample.
    """
    names = list(teachers)
    columns = [streams.get(f"{name}_available") for name in names]
    known = [column for column in columns if column is not None]
    if not known:
        return {}
    everywhere = ops.ones_like(known[0])
    return {
        "teacher_available": ops.stack(
            [everywhere if column is None else column for column in columns], axis=1
        )
    }
