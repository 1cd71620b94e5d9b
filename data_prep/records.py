"""Typed records in JSON files: frozen dataclasses, written plainly and read strictly."""

import dataclasses
import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from data_prep.errors import UserError
from data_prep.files import check_unpacked_size, whole_file

Record = TypeVar("Record")
# The path of a file in a record's own folder: never an absolute one, and none with "..".
FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def later_field(default: Any = None) -> Any:
    """Declares a field of a record that records of before did not have.

    `record_to_json` leaves it out while it has its default, as it does with a later `setting`, so
    that hashes of those records stay.

    Args:
        default: The default.
    """
    return dataclasses.field(default=default, metadata={"later": True})


def record_to_json(record: Any, *, whole: bool = False) -> Any:
    """Returns a record as JSON values.

    Args:
        record: A dataclass of JSON values, tuples, dictionaries and further dataclasses, or a
            tuple, list or dictionary of such.
        whole: Whether later fields that have their defaults are there, too.

    Returns:
        Dictionaries, lists, text, numbers, booleans and None.
    """
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {
            field.name: record_to_json(getattr(record, field.name), whole=whole)
            for field in dataclasses.fields(record)
            if whole
            or not (field.metadata.get("later") and getattr(record, field.name) == field.default)
        }
    if isinstance(record, dict):
        return {key: record_to_json(value, whole=whole) for key, value in record.items()}
    if isinstance(record, (tuple, list)):
        return [record_to_json(value, whole=whole) for value in record]
    return record


def record_from_json(kind: type[Record], values: Any, path: str | Path | None = None) -> Record:
    """Makes a record from JSON values.

    Types are strict: text is not a number, and 1.5 is not a whole number. Fields that the record
    does not have are refused, so that a misspelt one cannot pass for a default.

    Args:
        kind: The dataclass.
        values: What `record_to_json` gave.
        path: The file that they came from, for errors.

    Returns:
        The record.

    Raises:
        UserError: A field is missing, unknown, of another type, or breaks a rule of the record.
    """
    record = _validated(kind, values, path)
    unknown = _unknown(values, record_to_json(record, whole=True))
    if unknown:
        raise UserError(f"{kind.__name__} has no field {unknown}", unknown, path)
    return record


def check_fields(kind: type, values: Any, path: str | Path | None = None) -> None:
    """Refuses JSON values in which a field of a record is missing or breaks a rule.

    Fields that the record does not have pass: a reader that relies on some values alone leaves the
    others to later versions.

    Args:
        kind: The dataclass.
        values: JSON values.
        path: The file that they came from, for errors.

    Raises:
        UserError: A field is missing, of another type, or breaks a rule of the record.
    """
    _validated(kind, values, path)


def _validated(kind: type[Record], values: Any, path: str | Path | None) -> Record:
    try:
        text = json.dumps(values)
        return cast("Record", _adapter(cast("Any", kind)).validate_json(text, strict=True))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, UserError):
            raise UserError(cause.rule, cause.received, path) from error
        where = ".".join(str(part) for part in first["loc"]) or kind.__name__
        received = _shortened(first["input"]) if first["type"] != "missing" else "nothing"
        raise UserError(f"{where}: {first['msg']}", received, path) from error
    except RecursionError as error:
        raise UserError("A record must not be nested deeply", error, path) from error


_LONGEST_RECEIVED = 100


def _shortened(value: Any) -> str:
    # All that a user sees is one line, however large the file is.
    text = str(value)
    return text if len(text) <= _LONGEST_RECEIVED else f"{text[:_LONGEST_RECEIVED]}..."


def read_record(kind: type[Record], path: Path) -> Record:
    """Reads a record from a JSON file.

    Args:
        kind: The dataclass.
        path: The file.

    Returns:
        The record.

    Raises:
        UserError: The file is missing or no JSON, or a field breaks a rule.
    """
    return record_from_json(kind, read_json(path), path)


_READABLE = "A record must be a readable JSON file"


def read_json(path: str | Path, rule: str = _READABLE, *, finite: bool = True) -> Any:
    """Reads a JSON file.

    Args:
        path: The file.
        rule: What the error says of a damaged one.
        finite: Whether NaN, infinities and numbers that float64 cannot hold are refused.

    Returns:
        Its value.

    Raises:
        UserError: The file is missing, a folder, or no JSON in UTF-8.
    """
    number = _finite if finite else float
    try:
        text = Path(path).read_text(encoding="utf-8")
        return json.loads(text, parse_float=number, parse_constant=number)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(rule, error, path) from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def read_json_object(path: str | Path, rule: str = _READABLE, *, finite: bool = True) -> Any:
    """Reads a JSON file that holds an object, as `read_json` does."""
    values = read_json(path, rule, finite=finite)
    if not isinstance(values, dict):
        raise UserError(rule, f"a {type(values).__name__}, no object", path)
    return values


def read_arrays(path: str | Path, names: Sequence[str] = (), rule: str = "") -> dict[str, Any]:
    """Reads arrays from an `.npz` file.

    Args:
        path: The file.
        names: The arrays to read; all of them if empty.
        rule: What the error says of a damaged file.

    Returns:
        Arrays by name.

    Raises:
        UserError: The file is missing or damaged, has no such array, or claims far more than it
            holds.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            _check_claims(arrays)
            return {name: arrays[name] for name in names or arrays.files}
    except Exception as error:  # a damaged file raises nearly anything: zlib.error, KeyError, ...
        received = f"{type(error).__name__}: {error}"
        raise UserError(rule or "Arrays must be a readable .npz file", received, path) from error


def _check_claims(arrays: Any) -> None:
    # Ours are not compressed, whatever their size is; a few kilobytes can claim gigabytes of zeros.
    for member in arrays.zip.infolist():
        if member.file_size > 10 * member.compress_size:
            check_unpacked_size(member.file_size)


def write_record(path: Path, record: Any) -> None:
    """Writes a record as JSON, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(record_to_json(record), indent=2), encoding="utf-8")


def _unknown(values: Any, known: Any, where: str = "") -> str:
    if isinstance(values, dict) and isinstance(known, dict):
        for key, value in values.items():
            if key not in known:
                return f"{where}{key}"
            found = _unknown(value, known[key], f"{where}{key}.")
            if found:
                return found
    if isinstance(values, list) and isinstance(known, list):
        for position, (value, one) in enumerate(zip(values, known, strict=False)):
            found = _unknown(value, one, f"{where}{position}.")
            if found:
                return found
    return ""
