"""Settings: fields of frozen dataclasses that carry their help, unit and range."""

import dataclasses
import math
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.errors import UserError

# The default of a setting that has none: it must be given.
REQUIRED: Any = object()


@dataclass(frozen=True)
class SettingInfo:
    """What stands beside a setting's default; the arguments of `setting`."""

    help: str
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] | None = None
    flag: str | bool = True
    group: str | None = None
    words: bool = False
    may_be_empty: bool = False

    def name(self, field_name: str) -> str:
        """The name that a user reads: the flag's, or the field's where there is no flag."""
        return self.flag if isinstance(self.flag, str) else field_name

    @property
    def range_text(self) -> str:
        """The values that are taken, such as `at least 1` or `0..1, 1 excluded`."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        low = self.minimum if self.minimum is not None else self.above
        high = self.maximum if self.maximum is not None else self.below
        if low is not None and high is not None:
            excluded = [f", {end} excluded" for end in (self.above, self.below) if end is not None]
            return f"{low}..{high}{''.join(excluded)}"
        if low is not None:
            return f"at least {low}" if self.above is None else f"above {low}"
        if high is not None:
            return f"at most {high}" if self.below is None else f"below {high}"
        return ""

    def check(self, name: str, value: Any) -> None:
        """Refuses a value out of range; None stands for "not given" and passes."""
        if value is None:
            return
        if self.choices and isinstance(value, tuple):
            wrong = [one for one in value if one not in self.choices]
            empty = not value and not self.may_be_empty
            if wrong or empty or len(set(value)) != len(value):
                rule = f"{name} takes each of {', '.join(self.choices)} at most once"
                raise UserError(rule, ",".join(map(str, wrong or value)) or "nothing")
        elif self.choices:
            if value not in self.choices:
                raise UserError(f"{name} must be one of {', '.join(self.choices)}", value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{name} must be a finite number", value)
        elif isinstance(value, int | float) and not self._holds(value):
            raise UserError(f"{name} must {self._rule}", value)

    def _holds(self, value: float) -> bool:
        return (
            (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    @property
    def _rule(self) -> str:
        if self.range_text in ("at least 1", "above 0"):
            return "be positive"
        if self.range_text == "at least 0":
            return "not be negative"
        return f"{'lie in' if '..' in self.range_text else 'be'} {self.range_text}"


def setting(
    default: Any,
    help: str,
    *,
    unit: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] | None = None,
    flag: str | bool = True,
    group: str | None = None,
    words: bool = False,
    may_be_empty: bool = False,
    later: bool = False,
) -> Any:
    """Declares a setting: a dataclass field with all that a user reads about it.

    Flags, their help, the table of the documentation, the JSON file of a run and the checks of its
    values come from here.

    Args:
        default: The default, or `REQUIRED`.
        help: One sentence.
        unit: Unit of the value.
        minimum: Least value.
        maximum: Largest value.
        above: The value must be larger.
        below: The value must be smaller.
        choices: The values that are taken; of a tuple, each at most once.
        flag: True for a flag of the field's name, a text for another name, False for none.
        group: Heading in `--help`; by default that of the part it stands in.
        words: Whether words of the command line that belong to no flag belong to this one.
        may_be_empty: Whether a tuple of choices may hold none of them.
        later: Whether records of before did not have it; `record_to_json` then leaves its default
            out, so that their hashes stay.

    Returns:
        The field.

    Example:
        @dataclass(frozen=True)
        class Training:
            epochs: int = setting(400, "Passes over the clips.", minimum=1)

            def __post_init__(self) -> None:
                check_settings(self)
    """
    info = SettingInfo(
        *(help, unit, minimum, maximum, above, below, choices, flag, group, words, may_be_empty)
    )
    metadata = {"setting": info, "later": later}
    if default is REQUIRED:
        return dataclasses.field(kw_only=True, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def setting_like(kind: type, name: str, default: Any) -> Any:
    """Declares a setting of a base class again, with another default.

    Args:
        kind: The dataclass that has the setting.
        name: Its field.
        default: The default.

    Returns:
        The field.
    """
    (field,) = (field for field in dataclasses.fields(kind) if field.name == name)
    return dataclasses.field(default=default, metadata=field.metadata)


def part(kind: type, group: str | None = None) -> Any:
    """Declares a field that holds further settings.

    Args:
        kind: Their dataclass; its defaults are the field's.
        group: Heading of its settings in `--help`.
    """
    return dataclasses.field(default_factory=kind, metadata={"group": group})


def given_settings(kind: type, group: str | None = None) -> Any:
    """Declares a mapping that holds the settings of a dataclass that were given as flags.

    Args:
        kind: The dataclass; its defaults are only shown.
        group: Heading in `--help`.
    """
    return dataclasses.field(default_factory=dict, metadata={"group": group, "given": kind})


def check_settings(record: Any) -> None:
    """Refuses the first setting of a record that is out of its range.

    Args:
        record: A dataclass with `setting` fields; its parts check themselves.

    Raises:
        UserError: A value is out of range; the rule names the setting.
    """
    for field in dataclasses.fields(record):
        info = field.metadata.get("setting")
        if info is not None:
            info.check(info.name(field.name), getattr(record, field.name))


class CheckedSettings:
    """A record of settings that refuses values out of range when it is made.

    Raises:
        UserError: A value is out of range; the rule names the setting.
    """

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class SettingField:
    """One setting of a tree of dataclasses.

    Attributes:
        place: Names of the fields from the tree's root to it.
        kind: `bool`, `int`, `float`, `str` or `Path`; of a tuple, of its items.
        is_tuple: Whether it holds several.
        default: The default; None where there is none.
        info: Help, unit, range, flag.
        group: Heading in `--help`.
        is_given: Whether it belongs to `given_settings`: the default is only shown.
        is_optional: Whether None is a value of it.
    """

    place: tuple[str, ...]
    kind: type
    is_tuple: bool
    default: Any
    info: SettingInfo
    group: str
    is_given: bool = False
    is_optional: bool = False

    @property
    def flag(self) -> str | None:
        """The flag's name without dashes, or None."""
        return self.info.name(self.place[-1]) if self.info.flag else None

    def of(self, record: Any) -> Any:
        """Returns the setting's value in a record of the tree."""
        for name in self.place:
            record = record.get(name) if isinstance(record, dict) else getattr(record, name)
        return record


def setting_fields(
    root: type, group: str = "run", place: tuple[str, ...] = (), is_given: bool = False
) -> Iterator[SettingField]:
    """Yields every setting of a tree, parts in the order of their fields.

    Args:
        root: A dataclass with `setting`, `part` and `given_settings` fields.
        group: Heading of settings that name none.
        place: Where the tree hangs in a larger one.
        is_given: Whether it hangs in `given_settings`.
    """
    hints = typing.get_type_hints(root)
    for field in dataclasses.fields(root):
        info, own = field.metadata.get("setting"), (*place, field.name)
        if info is not None:
            kind, is_tuple, is_optional = _kind(hints[field.name])
            default = None if field.default is dataclasses.MISSING else field.default
            heading = info.group or group
            yield SettingField(own, kind, is_tuple, default, info, heading, is_given, is_optional)
        elif "group" in field.metadata:
            given = field.metadata.get("given")
            heading = field.metadata["group"] or group
            yield from setting_fields(
                given or hints[field.name], heading, own, is_given or given is not None
            )


def _kind(hint: Any) -> tuple[type, bool, bool]:
    """Returns the plain type behind a hint, whether it is in a tuple, and whether None is taken."""
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True, False
    is_optional = isinstance(hint, types.UnionType)
    if is_optional:
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
    if hint not in (bool, int, float, str, Path):
        raise TypeError(f"A setting is a bool, int, float, str, Path or tuple of them: {hint}")
    return hint, False, is_optional
