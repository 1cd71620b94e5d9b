"""Recordings with a gyroscope: units, and mistakes that are named."""

import numpy as np
import pytest

from custom_files import samples, stamped
from data_prep.clip import check_clip
from data_prep.errors import UserError
from data_prep.loader import DatasetOptions
from data_prep.preparation import prepare_dataset

SECONDS = np.arange(101) / 50.0


def with_gyroscope(recordings, unit: str, rates: np.ndarray, header: str = "wx,wy,wz") -> None:
    """Makes the first recording one with turn rates in the same table."""
    values = np.column_stack([samples(1, SECONDS), rates])
    stamped(recordings, SECONDS, values)
    recordings.write_table("stamps.csv", np.column_stack([SECONDS, values]), f"t,ax,ay,az,{header}")
    recordings.rows[0].update(gyroscope_columns="wz;-wx;wy", gyroscope_unit=unit)


@pytest.mark.parametrize(("unit", "per_degree"), [("deg/s", 1.0), ("rad/s", np.pi / 180)])
def test_a_gyroscope_is_read_with_the_accelerometer(recordings, tmp_path, unit, per_degree):
    """In degrees per second, along axes that may be exchanged and turned round."""
    rates = np.stack([10 + SECONDS, -200 + 0 * SECONDS, 30 * SECONDS], axis=1)
    with_gyroscope(recordings, unit, rates * per_degree)
    clip = recordings.clips()[0]
    check_clip(clip)
    np.testing.assert_allclose(clip.accelerometer, samples(1, SECONDS), atol=1e-6)
    expected = np.stack([rates[:, 2], -rates[:, 0], rates[:, 1]], axis=1)
    np.testing.assert_allclose(clip.gyroscope, expected, atol=1e-4)
    assert clip.sources["gyroscope"] == clip.sources["accelerometer"]
    description = recordings.loader().discover().description
    assert description.streams["gyroscope"]["unit"] == "deg/s"
    options = DatasetOptions(
        manifest=str(recordings.write_manifest()),
        skeleton_layout=str(recordings.folder / "layout.json"),
    )
    prepared = prepare_dataset("custom", None, tmp_path / "prepared", options=options)
    assert prepared.gyroscope(0) is not None and prepared.gyroscope(1) is None
    with pytest.raises(UserError, match=r"--sensors=.* Received: 3 of 4 clips without"):
        prepare_dataset(
            *("custom", None, tmp_path / "prepared"),
            options=options,
            sensors=("accelerometer", "gyroscope"),
        )


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"gyroscope_unit": "dps"}, r"gyroscope_unit must be one of deg/s, rad/s\. Received: dps"),
        ({"gyroscope_columns": "wx;wy"}, "gyroscope_columns must name 3 columns"),
        ({"gyroscope_columns": ""}, r"gyroscope_unit needs gyroscope_columns\. Received: none"),
        ({"gyroscope_columns": "wx;wy;-ax"}, r"none of the accelerometer's\. Received: -ax"),
        ({"accelerometer_columns": "", "accelerometer_stamp_column": ""}, "need accelerometer_col"),
    ],
)
def test_mistakes_of_a_gyroscope_are_named(recordings, cells, rule):
    with_gyroscope(recordings, "deg/s", np.zeros((len(SECONDS), 3)))
    recordings.rows[0].update(accelerometer_columns="ax;ay;az", accelerometer_rate_hz="50")
    recordings.rows[0].update(cells)
    if not recordings.rows[0]["accelerometer_stamp_column"]:
        recordings.rows[0]["accelerometer_stamp_unit"] = ""
    with pytest.raises(UserError, match=rule):
        recordings.loader().discover()


def test_a_header_that_names_another_unit_of_the_turn_rate_is_refused(recordings):
    rates = np.zeros((len(SECONDS), 3))
    with_gyroscope(recordings, "deg/s", rates, "wx (rad/s),wy (rad/s),wz (rad/s)")
    recordings.rows[0]["gyroscope_columns"] = "wx (rad/s);wy (rad/s);wz (rad/s)"
    with pytest.raises(UserError, match=r"must be a turn rate in deg/s\. Received: wx"):
        recordings.clips()
