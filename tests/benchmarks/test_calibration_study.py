"""The study of calibration rules: the outliers that it plants, and its table."""

import importlib

import numpy as np
import pandas as pd
import pytest

from pskd_tf.data.clips import PairedClips


@pytest.fixture(scope="module")
def study():
    return importlib.import_module("calibration_study")


@pytest.mark.parametrize("count", [0, 1, 5])
def test_each_outlier_is_one_axis_of_one_sample_of_another_clip(study, prepared, count):
    clips = PairedClips.load(prepared, {"1"})
    before = clips.accelerometer.copy()
    spoilt = study.with_outliers(clips, count, np.random.default_rng(1)).accelerometer
    np.testing.assert_array_equal(clips.accelerometer, before)
    rows, samples, _ = np.nonzero(spoilt != before)
    assert len(rows) == len(set(rows)) == count
    assert (samples < clips.accelerometer_lengths[rows]).all()
    values = np.abs(spoilt[spoilt != before])
    assert ((values >= study.LEAST_G) & (values <= study.MOST_G)).all()


def test_the_table_pools_the_clips_of_all_folds(study):
    """75 of 100 and 150 of 300 clips are 225 of 400."""
    folds = [("1", 100, 0.80, 0.75, 0.01), ("3", 300, 0.60, 0.50, 0.03)]
    table = pd.DataFrame(
        {
            "subject": subject,
            "clips": clips,
            "outliers": 5,
            "rule": rule,
            "float_accuracy": of_float,
            "int8_accuracy": of_int8,
            "variation": variation,
        }
        for subject, clips, of_float, of_int8, variation in folds
        for rule in study.CALIBRATIONS
    )
    assert study.summary_lines(table)[-1] == "| 5 | 65.0 |" + " 56.2 (0.0200) |" * 4
