"""Lines of the protocol, whole and damaged."""

import pytest

from data_prep.errors import UserError
from pskd_tf.monitoring.protocol import (
    BoardActivity,
    BoardClock,
    BoardHeader,
    BoardSample,
    BoardStatus,
    parse_message,
    with_samples,
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "pskd,1,0123456789ab,tflm,50.000,8.0,-y+z-x,27",
            BoardHeader("0123456789ab", "tflm", 50.0, 8.0, "-y+z-x", 27),
        ),
        ("sample,4294967295,-0.00001,1.00000,0.5", BoardSample(4294967295, (-0.00001, 1.0, 0.5))),
        ('activity,5,3,"push, ""pull""",0.875', BoardActivity(5, 3, 'push, "pull"', 0.875)),
        ('activity,5,-2,"no signal",', BoardActivity(5, -2, "no signal", None)),
        ("status,7,sensor_failed,2", BoardStatus(7, "sensor_failed", 2)),
    ],
)
def test_every_kind_of_line_is_read(line, message):
    assert parse_message(line) == message


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ets Jul 29 2019 12:21:46",
        "rst:0x1 (POWERON_RESET),boot:0x13",
        "ple,4294967295,0,1,0",
        "sample,12,0.1,0.2",
        "sample,12,0.1,0.2,0.3,0.4",
        "sample,x,0.1,0.2,0.3",
        'activity,5,3,"push,0.875',
        "activity,5,3",
        "status,7,word",
        "pskd,1,abc",
        "pskd,,",
        "pskd,1,a,tflm,nan,8.0,+x+y+z,27",
    ],
)
def test_damaged_lines_are_left_out(line):
    assert parse_message(line) is None


def test_another_version_is_an_error():
    with pytest.raises(UserError, match=r"version 1 of the protocol.*version 2"):
        parse_message("pskd,2,whatever")


def test_the_clock_wraps_around_and_may_go_back_a_little():
    clock = BoardClock()
    stamps = [4294967000, 4294967295, 4, 1_000_004, 1_000_000]
    seconds = [clock.seconds(stamp) for stamp in stamps]
    assert seconds == [0.0, 295e-6, 300e-6, 1.0003, 1.000296]


HEADER = BoardHeader("0", "tflm", 50.0, 8.0, "+x+y+z", 8)
STARTED = [HEADER, BoardStatus(0, "model_started", 0), BoardStatus(0, "sensor_started", 0), HEADER]
SAMPLE = BoardSample(0, (0.0, 0.0, 1.0))


def test_a_board_without_samples_is_refused_at_its_second_header():
    activity = BoardActivity(5, 1, "wave", 0.9)
    for messages in ([*STARTED, activity, HEADER], [HEADER, HEADER]):
        seen = with_samples(messages)
        with pytest.raises(UserError, match=r"-DPSKD_SENDS_SAMPLES=1.*headers without samples"):
            assert list(seen) == messages
    good = [*STARTED, *[SAMPLE] * 250, HEADER, SAMPLE, *STARTED, SAMPLE, HEADER]
    assert list(with_samples(good)) == good
