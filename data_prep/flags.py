"""Command-line flags, made from settings: definition, parsing, help, and the way back."""

import dataclasses
import textwrap
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from absl import flags

from data_prep.errors import UserError
from data_prep.settings import SettingField, setting_fields

Record = TypeVar("Record")

_WIDTH = 100
_KINDS = {bool: "", int: "NUMBER", float: "NUMBER", str: "TEXT", Path: "PATH"}


def define_flags(kind: type) -> flags.FlagValues:
    """Makes the flags of a record, without a value yet.

    Args:
        kind: A dataclass of settings.

    Returns:
        Flags of their own; those of the process (`absl.flags.FLAGS`) stay as they are. The parser
        knows `--flagfile`.
    """
    values = flags.FlagValues()
    values.set_gnu_getopt(True)
    for one in _flagged(kind):
        default = None if one.is_given else one.default
        if isinstance(default, Path):
            default = str(default)
        arguments = (one.flag, default, one.info.help)
        if one.info.words:
            flags.DEFINE_multi_string(*arguments, flag_values=values)
        elif one.is_tuple:
            listed = [str(item) for item in default or ()]
            flags.DEFINE_list(one.flag, listed, one.info.help, flag_values=values)
        else:
            define = {
                bool: flags.DEFINE_bool,
                int: flags.DEFINE_integer,
                float: flags.DEFINE_float,
            }.get(one.kind, flags.DEFINE_string)
            define(*arguments, flag_values=values)
    return values


def parse_flags(kind: type[Record], arguments: Sequence[str]) -> Record:
    """Makes a record from the words of a command line.

    Args:
        kind: A dataclass of settings.
        arguments: The words, without the command's name.

    Returns:
        The record.

    Raises:
        UserError: A value breaks a rule, a required one is missing, or a word is no flag.
        absl.flags.Error: A flag is unknown or its value has another type.
    """
    values = define_flags(kind)
    try:
        words = values(["", *arguments])[1:]
    except UnicodeDecodeError as error:
        raise UserError("A flagfile must be in UTF-8", error) from error
    takers = [one for one in _flagged(kind) if one.info.words]
    if words and not (takers and values[takers[0].flag].present):
        raise UserError("A command takes only --flags", " ".join(words))
    for word in words:
        values[takers[0].flag].parse(word)
    return _record(kind, values)


def _record(kind: type[Record], values: flags.FlagValues) -> Record:
    found: dict[str, Any] = {}
    fields = {one.place[0]: one for one in setting_fields(kind)}
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if "given" in field.metadata:
            read = {one.place[-1]: _value(one, values) for one in _flagged(field.metadata["given"])}
            found[field.name] = {name: value for name, value in read.items() if value is not None}
        elif "group" in field.metadata:
            found[field.name] = _record(hints[field.name], values)
        elif "setting" in field.metadata and field.metadata["setting"].flag:
            found[field.name] = _value(fields[field.name], values)
            if found[field.name] is None and field.default is dataclasses.MISSING:
                raise UserError(f"--{fields[field.name].flag} must be given", "nothing")
    return kind(**found)


def _value(one: SettingField, values: flags.FlagValues) -> Any:
    value = values[one.flag].value
    if one.is_tuple:
        try:
            return tuple(one.kind(item) for item in value or ())
        except ValueError:
            raise UserError(f"{one.flag} takes whole numbers", ",".join(value)) from None
    if one.kind is Path:
        return Path(value) if value else None
    return value


def flags_of(record: Any) -> list[str]:
    """Returns every setting of a record as a flag, whatever the defaults are.

    Args:
        record: A dataclass of settings.

    Returns:
        `--name=value`, from which `parse_flags` makes an equal record; settings that are not given
        (None, or an empty tuple) are left out.
    """
    found = []
    for one in _flagged(type(record)):
        value = one.of(record)
        if isinstance(value, bool):
            found.append(f"--{one.flag}" if value else f"--no{one.flag}")
        elif isinstance(value, tuple):
            found += [f"--{one.flag}={','.join(map(str, value))}"] if value else []
        elif value is not None:
            found.append(f"--{one.flag}={value}")
    return found


def flags_help(kind: type) -> str:
    """Returns the flags with defaults, units and ranges, grouped, as `--help` prints them."""
    lines = []
    for group, fields in _groups(kind).items():
        lines += ["", f"{group}:"]
        # Long ones stand on a line of their own.
        column = min(30, max(len(_left(one)) for one in fields)) + 4
        for one in fields:
            notes = _notes(one)
            text = one.info.help + (f" [{notes}]" if notes else "")
            indent = " " * column
            wrapped = textwrap.wrap(text, _WIDTH - column, break_on_hyphens=False)
            left = f"  {_left(one)}"
            if len(left) + 2 > column:
                lines.append(left)
                left = ""
            lines.append(f"{left:{column}}{wrapped[0]}")
            lines += [indent + line for line in wrapped[1:]]
    return "\n".join(lines[1:])


def flags_table(kind: type) -> str:
    """Returns the flags as Markdown, a table for each group."""
    lines = []
    for group, fields in _groups(kind).items():
        lines += ["", f"### {group[0].upper()}{group[1:]}", "", "| flag | default | values | |"]
        lines.append("| --- | --- | --- | --- |")
        for one in fields:
            default = _default_text(one)
            cells = [f"`--{one.flag}`", f"`{default}`" if default else "", _notes(one)]
            lines.append(f"| {' | '.join(cells)} | {one.info.help} |")
    return "\n".join(lines[1:]) + "\n"


def _flagged(kind: type) -> list[SettingField]:
    return [one for one in setting_fields(kind) if one.flag]


def _groups(kind: type) -> dict[str, list[SettingField]]:
    groups: dict[str, list[SettingField]] = {}
    for one in _flagged(kind):
        groups.setdefault(one.group, []).append(one)
    # What every command has comes last.
    groups["run"] = groups.pop("run")
    return groups


def _default_text(one: SettingField) -> str:
    if one.is_tuple:
        return ",".join(str(item) for item in one.default)
    if one.default is None:
        return ""
    return str(one.default).lower() if isinstance(one.default, bool) else str(one.default)


def _left(one: SettingField) -> str:
    if one.kind is bool:
        return f"--[no]{one.flag}"
    return f"--{one.flag}={_default_text(one) or _KINDS[one.kind]}"


def _notes(one: SettingField) -> str:
    is_required = one.default is None and not one.is_optional
    values = one.info.range_text
    if one.is_tuple:
        values = values.replace("one of", "any of")
    notes = ["required" if is_required else "", one.info.unit or "", values]
    if one.kind is bool and one.default:
        notes.append("on by default")
    return "; ".join(note for note in notes if note)
