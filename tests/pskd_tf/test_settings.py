"""Settings: their ranges, and the way back from a run's file."""

import dataclasses
import json
import math

import pytest

from data_prep.errors import UserError
from data_prep.flags import flags_of, parse_flags
from data_prep.records import record_from_json, record_to_json
from pskd_tf.arguments import TrainingArguments
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.input_settings import FEATURE_CHANNELS, AugmentationSettings, InputSettings
from pskd_tf.label_settings import LabelSettings
from pskd_tf.settings import TEACHERS, CompressionSettings, RunSettings, read_run_settings
from pskd_tf.training_settings import ACSSettings, TeacherEpochs, TrainingSettings


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"mode": "stream"}, "input_mode must be one of clip, window. Received: stream"),
        ({"steps": 100}, "steps must be a multiple of 24. Received: 100"),
        ({"steps": 0}, "steps must be at least 24. Received: 0"),
        ({"gravity_taps": 16}, "gravity_taps must be odd. Received: 16"),
        ({"gravity_taps": -1}, "gravity_taps must be positive. Received: -1"),
        ({"skeleton_frames": 50}, "skeleton_frames must be a multiple of 12. Received: 50"),
        ({"window_hop": 0}, "window_hop must be positive. Received: 0"),
        ({"window_rate_hz": 0.0}, "window_rate must be positive. Received: 0.0"),
        ({"window_rate_hz": math.nan}, "window_rate must be a finite number. Received: nan"),
        ({"window_score": "max"}, "window_score must be one of mean, vote. Received: max"),
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


@pytest.mark.parametrize(
    "field", dataclasses.fields(AugmentationSettings), ids=lambda one: one.name
)
def test_a_negative_strength_is_refused(field):
    with pytest.raises(UserError) as error:
        AugmentationSettings(**{field.name: -0.1})
    name = field.metadata["setting"].name(field.name)
    rule = "lie in 0..0.5, 0.5 excluded" if name == "shift" else "not be negative"
    assert str(error.value) == f"{name} must {rule}. Received: -0.1"


def test_a_shift_that_could_turn_time_round_is_refused():
    with pytest.raises(UserError) as error:
        AugmentationSettings(shift=0.5)
    assert str(error.value) == "shift must lie in 0..0.5, 0.5 excluded. Received: 0.5"


def test_settings_come_back_equal(tmp_path):
    settings = RunSettings(
        seeds=(3, 4),
        teacher_epochs=TeacherEpochs(fusion_teacher=7),
        student_training=TrainingSettings(mixup=0.25),
        acs=ACSSettings(selection="near"),
    )
    (tmp_path / "settings.json").write_text(json.dumps(settings.to_json()))
    assert read_run_settings(tmp_path) == settings


@pytest.mark.parametrize(
    "change", [{"acs": {**dataclasses.asdict(ACSSettings()), "colour": 1}}, {"nobody": 2}]
)
def test_settings_of_another_version_are_refused(tmp_path, change):
    values = {**dataclasses.asdict(RunSettings()), **change}
    (tmp_path / "settings.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"of this version .* has no field (acs\.colour|nobody)"):
        read_run_settings(tmp_path)


def of_another_type(value):
    """Values that JSON could hold in a value's place, none of its own type."""
    return [
        None,
        [] if not isinstance(value, (list, tuple)) else {},
        {"a": 1} if not isinstance(value, dict) else [1],
        "text" if not isinstance(value, str) else 1,
        [value],
        True,
    ]


def damaged(values, place=()):
    """Yields (place, JSON values) with one field of the settings replaced by another type."""
    for name, value in values.items():
        for other in of_another_type(value):
            yield (*place, name), {**values, name: other}
        if isinstance(value, dict):
            for deeper, changed in damaged(value, (*place, name)):
                yield deeper, {**values, name: changed}


def test_damaged_settings_are_refused_in_one_line(tmp_path):
    """Every field in turn replaced by another type: always a UserError that names the file."""
    cases = list(damaged(json.loads(json.dumps(RunSettings().to_json()))))
    assert len(cases) > 250
    path = tmp_path / "settings.json"
    for place, values in cases:
        path.write_text(json.dumps(values))
        with pytest.raises(UserError) as error:
            read_run_settings(tmp_path)
        assert str(path) in str(error.value) and "\n" not in str(error.value), place


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '"a"', '{"acs": NaN}', "\udce4"])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "settings.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(UserError, match="of this version"):
        read_run_settings(tmp_path)


def test_the_defaults_of_flags_python_and_json_agree():
    """One set of defaults wherever a user starts: those that validation chose on UTD-MHAD."""
    by_flags = parse_flags(TrainingArguments, ["--run_dir=RUN"]).settings
    assert by_flags == RunSettings() == record_from_json(RunSettings, {})
    measured = parse_flags(
        TrainingArguments, ["--flagfile=configs/utd_mhad.flags", "--run_dir=RUN"]
    ).settings
    only_once = {"seeds": (1,), "teacher_outputs": ("cross_fitted",)}
    assert dataclasses.replace(measured, **only_once) == RunSettings()


def test_every_default_of_the_tree_is_that_of_its_part():
    """What a notebook makes by itself is what a run makes."""
    run = RunSettings()
    for part in (run.acs, run.student_training, run.inputs, run.augmentation, run.compression):
        assert part == type(part)()
    loss = AdaptiveConfidenceSemantic().get_config()
    assert {name: loss[name] for name in dataclasses.asdict(run.acs)} == dataclasses.asdict(run.acs)


def test_flags_of_settings_give_the_settings_back():
    given = ["--sparsity=0.25", "--seeds=3,4", "--mixup=0.125", "--teacher_outputs=live"]
    settings = parse_flags(TrainingArguments, ["--run_dir=RUN", *given]).settings
    written = flags_of(settings)
    assert set(given) <= set(written)
    assert parse_flags(TrainingArguments, ["--run_dir=RUN", *written]).settings == settings


def test_teachers_that_read_the_skeleton_have_no_mixup_and_epochs_of_their_own():
    settings = RunSettings(acs=ACSSettings(label_smoothing=0.2), teacher_label_smoothing=0.05)
    trainings = {name: settings.training_of(name) for name in TEACHERS}
    assert [one.epochs for one in trainings.values()] == [60, 60, 200]
    assert [one.mixup for one in trainings.values()] == [0.0, 0.0, 0.5]
    assert settings.training_of("ign_student") == settings.student_training
    assert settings.teacher_acs == ACSSettings(label_smoothing=0.05)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"must be the folder of a run.*No such file"):
        read_run_settings(tmp_path)


def test_a_later_setting_changes_no_record_while_it_has_its_default():
    assert "calibration" not in record_to_json(CompressionSettings())
    changed = CompressionSettings(calibration="error")
    assert record_to_json(changed)["calibration"] == "error"
    for written in ({"calibration": "range"}, {"calibration": "error"}, {}):
        read = record_from_json(
            CompressionSettings, record_to_json(CompressionSettings()) | written
        )
        assert read.calibration == written.get("calibration", "auto")


def test_a_length_in_steps_does_not_depend_on_the_number_of_clips():
    by_steps = TrainingSettings(steps=36, batch_size=48)
    for clips in (5, 48, 500):
        assert by_steps.num_epochs * by_steps.steps_of_an_epoch(clips) == 36
        assert by_steps.batch_of(clips) == 48
    by_epochs = TrainingSettings(epochs=7, batch_size=48)
    assert (by_epochs.num_epochs, by_epochs.steps_of_an_epoch(431)) == (7, 8)
    assert (by_epochs.batch_of(5), by_epochs.steps_of_an_epoch(5)) == (5, 1)
    rule = "training_steps and teacher_steps must be multiples of 12"
    with pytest.raises(UserError, match=f"{rule}. Received: 100"):
        TrainingSettings(steps=100)
    settings = RunSettings(student_training=by_steps, teacher_steps=24)
    assert settings.training_of("skeleton_teacher").steps == 24
    assert settings.training_of("accelerometer_student").steps == 36


def test_labels_that_are_all_there_are_no_part_of_the_settings_file():
    assert "labels" not in RunSettings().to_json()
    settings = RunSettings(labels=LabelSettings(labelled_subjects=2))
    assert settings.to_json()["labels"]["labelled_subjects"] == 2
    assert record_from_json(RunSettings, settings.to_json()) == settings
