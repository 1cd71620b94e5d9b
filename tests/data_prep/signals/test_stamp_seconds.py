"""Time stamps in every form that the sets use."""

import pytest

from data_prep.signals import stamp_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20181016_13:37:28.612000", 1539697048.612),
        ("20181016_13:37:28", 1539697048.0),
        ("2018-10-16 13:37:28.612", 1539697048.612),
        ("2018-10-16T14:37:28.612+01:00", 1539697048.612),
        (" 1539697048612.0 ", 1539697048.612),
        ("1539697048.612", 1539697048.612),
    ],
)
def test_one_moment_in_all_forms(text: str, seconds: float):
    assert stamp_seconds(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("text", ["", "time", "nan", "9.81", "20181016", "1e300", "13:37:28", "-1"])
def test_what_is_no_stamp(text: str):
    assert stamp_seconds(text) is None
