"""Typed records: values are equal after a round trip, errors name their place."""

from dataclasses import dataclass, field

import pytest

from data_prep.errors import UserError
from data_prep.records import read_record, record_from_json, record_to_json, write_record


@dataclass(frozen=True)
class Inner:
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UserError("share must lie in 0..1", self.share)


@dataclass(frozen=True)
class Outer:
    name: str
    seeds: tuple[int, ...] = (1,)
    inner: Inner = field(default_factory=Inner)
    by_name: dict[str, Inner] = field(default_factory=dict)


def test_a_record_comes_back_from_its_file(tmp_path):
    record = Outer("a", (1, 2), Inner(1), {"b": Inner(0.25)})
    write_record(tmp_path / "record.json", record)
    assert read_record(Outer, tmp_path / "record.json") == record


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": ["1"]}, r"seeds\.0: .*integer.*Received: 1"),
        ({"seeds": [1.5]}, r"seeds\.0: .*integer.*Received: 1\.5"),
        ({"inner": {"share": 2}}, r"share must lie in 0\.\.1\. Received: 2"),
        ({"inner": {"shares": 1}}, r"no field inner\.shares"),
        ({"by_name": {"b": {"x": 1}}}, r"no field by_name\.b\.x"),
        ({"name": None}, r"name: .*string"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_place(change, message):
    values = record_to_json(Outer("a")) | change
    with pytest.raises(UserError, match=message):
        record_from_json(Outer, values, "file.json")


def test_a_missing_field_and_a_damaged_file_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"name: .*required.*Received: nothing"):
        record_from_json(Outer, {})
    (tmp_path / "cut.json").write_text('{"name": ')
    with pytest.raises(UserError, match=r"readable JSON file.*cut\.json"):
        read_record(Outer, tmp_path / "cut.json")
