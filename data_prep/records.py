"""Typed records in JSON files: frozen dataclasses, written plainly and read strictly."""

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from data_prep.errors import UserError
from data_prep.files import whole_file

Record = TypeVar("Record")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def later_field() -> Any:
    """Declares a field of a record that is None where records of before did not have it.

    `record_to_json` leaves it out while it is None, and a later `setting` while it has its default,
    so that hashes of those records stay.
    """
    return dataclasses.field(default=None, metadata={"later": True})


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
    try:
        record: Record = _adapter(cast("Any", kind)).validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, UserError):
            raise UserError(cause.rule, cause.received, path) from error
        where = ".".join(str(part) for part in first["loc"]) or kind.__name__
        received = first["input"] if first["type"] != "missing" else "nothing"
        raise UserError(f"{where}: {first['msg']}", received, path) from error
    unknown = _unknown(values, record_to_json(record, whole=True))
    if unknown:
        raise UserError(f"{kind.__name__} has no field {unknown}", unknown, path)
    return record


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


def read_json(path: str | Path, rule: str = "A record must be a readable JSON file") -> Any:
    """Reads a JSON file.

    Args:
        path: The file.
        rule: What the error says of a damaged one.

    Returns:
        Its value.

    Raises:
        UserError: The file is missing, a folder, or no JSON in UTF-8.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(rule, error, path) from error


def read_json_object(path: str | Path, rule: str = "A record must be a readable JSON file") -> Any:
    """Reads a JSON file that holds an object, as `read_json` does."""
    values = read_json(path, rule)
    if not isinstance(values, dict):
        raise UserError(rule, f"a {type(values).__name__}, no object", path)
    return values


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
