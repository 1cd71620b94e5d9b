"""Reading the methods of a board from its JSON file."""

import json
from collections.abc import Sequence
from pathlib import Path

from data_prep.user_error import UserError
from pskd_tf.benchmark.method import Method


def read_methods(path: str | Path, names: Sequence[str] = ()) -> list[Method]:
    """Reads methods.

    Args:
        path: A JSON file `{"methods": [{...}, ...]}`; each entry has the fields of `Method`.
        names: Which to keep, in this order; all if empty.

    Returns:
        The methods.

    Raises:
        UserError: The file cannot be read, an entry has a wrong field, or a name is unknown or
            twice.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))["methods"]
        methods = {}
        for entry in entries:
            fields = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in entry.items()
            }
            method = Method(**fields)
            if method.name in methods:
                raise UserError("Methods must have different names", method.name, path)
            methods[method.name] = method
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            "A file of methods must be JSON as docs/benchmark.md says", error, path
        ) from error
    unknown = [name for name in names if name not in methods]
    if unknown:
        raise UserError(f"A method is one of {', '.join(methods)}", unknown[0], path)
    return [methods[name] for name in names or methods]
