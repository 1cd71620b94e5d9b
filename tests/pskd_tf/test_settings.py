"""Settings: their ranges, and the way back from a run's file."""

import dataclasses
import json

import pytest

from data_prep.errors import UserError
from pskd_tf.settings import (
    FEATURE_CHANNELS,
    AugmentationSettings,
    InputSettings,
    RunSettings,
    TrainingSettings,
    read_run_settings,
)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"mode": "stream"}, "The input mode must be clip or window. Received: stream"),
        ({"steps": 100}, "The input length must be a positive multiple of 24. Received: 100"),
        ({"steps": 0}, "The input length must be a positive multiple of 24. Received: 0"),
        ({"gravity_taps": 16}, "The gravity filter needs an odd number of taps. Received: 16"),
        ({"gravity_taps": -1}, "The gravity filter needs an odd number of taps. Received: -1"),
        (
            {"skeleton_frames": 50},
            "The skeleton length must be a positive multiple of 12. Received: 50",
        ),
        (
            {"window_hop": 0},
            "The window's rate and hop must be positive. Received: 50.0 Hz and 0 samples",
        ),
        ({"window_score": "max"}, "The windows of a clip decide by mean or vote. Received: max"),
    ],
)
def test_wrong_input_settings_are_named(arguments, text):
    with pytest.raises(UserError) as error:
        InputSettings(**arguments)
    assert str(error.value) == text


def test_the_input_shape_follows_the_settings():
    assert InputSettings().accelerometer_shape == (96, 1, 10)
    assert InputSettings(mode="window", steps=120).accelerometer_shape == (120, 1, 10)
    assert len(set(FEATURE_CHANNELS)) == 10


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(AugmentationSettings)])
def test_a_negative_strength_is_refused(name):
    with pytest.raises(UserError) as error:
        AugmentationSettings(**{name: -0.1})
    assert str(error.value) == f"{name} must not be negative. Received: -0.1"


def test_a_shift_that_could_turn_time_round_is_refused():
    with pytest.raises(UserError) as error:
        AugmentationSettings(shift=0.5)
    assert str(error.value) == "shift must be below 0.5. Received: 0.5"


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
