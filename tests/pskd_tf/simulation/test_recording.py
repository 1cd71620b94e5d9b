"""What a recording's file may hold."""

import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.device.recordings import Recording


def _read(tmp_path, body, header="time_seconds,x,y,z"):
    path = tmp_path / "recording.csv"
    path.write_text(f"{header}\n{body}")
    return Recording.read(path)


def test_values_and_faults_are_read_as_they_are(tmp_path):
    body = "5,0,0,1\n5,0,0,1\n5.02,nan,-inf,1\n5.04,1e39,0.5,-1\n"
    recording = _read(tmp_path, body, "time_seconds, x, y, z")
    np.testing.assert_array_equal(recording.times, [5, 5, 5.02, 5.04])
    assert recording.samples.dtype == np.float32
    expected = [[0, 0, 1], [0, 0, 1], [np.nan, -np.inf, 1], [np.inf, 0.5, -1]]
    np.testing.assert_array_equal(recording.samples, np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("header", "body", "message"),
    [
        ("x,y,z", "0,0,1\n", "header"),
        ("time_seconds,x,y,z", "", "must hold samples"),
        ("time_seconds,x,y,z", "0,0,1\n", "four numbers"),
        ("time_seconds,x,y,z", "0,0,0,1\n1,a,0,1\n", "four numbers"),
        ("time_seconds,x,y,z", "0,0,0,1\n0.04,0,0,1\n0.02,0,0,1\n", r"must not go back.*sample 2"),
        ("time_seconds,x,y,z", "0,0,0,1\nnan,0,0,1\n", "finite"),
        ("time_seconds,x,y,z", "0,0,0,9.8\n1,0.1,0,9.7\n", r"in g, not m/s\^2.*9\.75"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, header, body, message):
    with pytest.raises(UserError, match=message):
        _read(tmp_path, body, header)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.csv"):
        Recording.read(tmp_path / "absent.csv")
