"""Settings come back from a run's folder as they were written."""

import dataclasses
import json

import pytest

from data_prep.errors import UserError
from pskd_tf.settings import RunSettings, TrainingSettings, read_run_settings


def test_settings_come_back_equal(tmp_path):
    settings = RunSettings(
        seeds=(3, 4),
        teacher_training={"fusion_teacher": TrainingSettings(epochs=7)},
        student_training=TrainingSettings(mixup=0.5),
    )
    (tmp_path / "settings.json").write_text(json.dumps(settings.to_json()))
    assert read_run_settings(tmp_path) == settings


@pytest.mark.parametrize("change", [{"acs": {"colour": 1}}, {"nobody": 2}])
def test_settings_of_another_version_are_refused(tmp_path, change):
    values = {**dataclasses.asdict(RunSettings()), **change}
    (tmp_path / "settings.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"of this version .* TypeError"):
        read_run_settings(tmp_path)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"must be the folder of a run.*FileNotFoundError"):
        read_run_settings(tmp_path)
