"""The lines, read back by Python's own CSV reader."""

import csv
import ctypes
import math

import numpy as np
import pytest

from pskd_tf.monitoring.protocol import BoardActivity, BoardSample, parse_message


class _Responder(ctypes.Structure):
    write_type = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_char), ctypes.c_int32)
    _fields_ = (
        ("write", write_type),
        ("project", ctypes.c_char_p),
        ("accelerometer", ctypes.c_void_p),
        ("rate_hz", ctypes.c_float),
    )


@pytest.fixture
def send(core_library):
    """Calls a function of the responder; returns the line without its end."""
    lines = []
    write = _Responder.write_type(lambda text, length: lines.append(text[:length]))
    responder = _Responder(write, b"0123456789ab", None, 50.0)

    def call(name, *arguments):
        getattr(core_library, name)(ctypes.byref(responder), *arguments)
        assert lines[-1].endswith(b"\r\n") and len(lines[-1]) <= 160
        return lines[-1][:-2].decode()

    return call


def test_samples_are_right_to_half_of_the_last_digit(send):
    generator = np.random.default_rng(0)
    values = (
        generator.normal(0, 1, (300, 3)) * 10.0 ** generator.integers(-5, 4, (300, 1))
    ).astype(np.float32)
    values[0] = (0.999996, -0.000004, 7.999999)
    values = np.clip(values, -100, 100)
    for index, sample in enumerate(values):
        line = send("pskd_respond_sample", ctypes.c_uint32(index), (ctypes.c_float * 3)(*sample))
        message = parse_message(line)
        assert isinstance(message, BoardSample) and message.time_us == index
        np.testing.assert_allclose(message.values, sample, rtol=1e-6, atol=0.51e-5)


def test_the_largest_time_and_what_is_no_number(send):
    values = (ctypes.c_float * 3)(math.nan, -math.inf, 1e30)
    line = send("pskd_respond_sample", ctypes.c_uint32((1 << 32) - 1), values)
    assert line == "sample,4294967295,nan,nan,nan"
    line = send("pskd_respond_status", ctypes.c_uint32(0), b"word", ctypes.c_int32(-(1 << 31)))
    assert line == "status,0,word,-2147483648"


def test_a_label_with_quotes_and_the_longest_one_come_through(send):
    """The last class of the fixture has quotes, an umlaut, a backslash and a trigraph."""
    line = send(
        "pskd_respond_activity", ctypes.c_uint32(7), ctypes.c_int32(26), ctypes.c_float(0.98765)
    )
    assert parse_message(line) == BoardActivity(7, 26, 'say "ä" \\ ??/1', 0.988)
    line = send(
        *("pskd_respond_activity", ctypes.c_uint32((1 << 32) - 1), ctypes.c_int32(25)),
        ctypes.c_float(1.0),
    )
    assert parse_message(line) == BoardActivity((1 << 32) - 1, 25, '"' * 20 + "ö" * 40, 1.0)
    for index, label in ((-1, "unknown"), (-2, "no signal")):
        line = send(
            *("pskd_respond_activity", ctypes.c_uint32(7), ctypes.c_int32(index)),
            ctypes.c_float(math.nan),
        )
        assert next(csv.reader([line])) == ["activity", "7", str(index), label, ""]
