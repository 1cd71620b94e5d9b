"""Studies of missing watches: who keeps an accelerometer, and who learns from skeletons."""

import dataclasses

import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import protocol_splits
from pskd_tf.input_settings import InputSettings
from pskd_tf.pipeline.metrics import virtual_figures, virtual_sentence
from pskd_tf.pipeline.plan import FoldPlan, plan_run, plan_summary
from pskd_tf.pipeline.planner import StagePlanner
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.specs import LossSpec
from pskd_tf.pipeline.stage import RunContext, all_stages
from pskd_tf.settings import RunSettings
from pskd_tf.stream_settings import StreamSettings
from pskd_tf.training_settings import TrainingSettings
from pskd_tf.virtual_settings import VirtualSettings

BOTH = ("rotation", "regression")


def settings(draw: int = 1, sensors: tuple[str, ...] = BOTH, **changes) -> RunSettings:
    watch = VirtualSettings(watch_subjects=1, watch_draw=draw, virtual_sensors=sensors)
    return RunSettings(**{"teachers": (), "virtual": watch, **changes})


def planned(prepared: PreparedSet, **arguments) -> FoldPlan:
    (plan,) = plan_run(settings(**arguments), prepared)
    return plan


def test_one_person_keeps_the_watch_and_the_others_their_skeletons(prepared, tmp_path):
    plans = [planned(prepared, draw=draw) for draw in (1, 2, 3)]
    worn = [plan.baselines[1].spec.part.subjects for plan in plans]
    assert sorted(worn) == [("1",), ("3",), ("5",)]
    subject_of = prepared.manifest.set_index("clip_id")["subject"]
    for plan, subjects in zip(plans, worn, strict=True):
        spec = plan.baselines[1].spec
        assert spec.virtual_sensors == BOTH and plan.students["cross_fitted"][1].spec == spec
        assert {subject_of[clip] for clip in spec.part.clips} == set(subjects)
        others = {"1", "3", "5"} - set(subjects)
        assert {subject_of[clip] for clip in spec.part.skeleton_only} == others
        assert len(spec.part.clips + spec.part.skeleton_only) == len(plan.split.train_clips)
        assert plan.measured_clips == spec.part.clips == plan.compared[1].spec.clips
        assert plan.scores["int8/1"].spec.clips == plan.split.test_clips
    assert "train on 32 clips and 64 skeletons, score 96" in plan_summary(plans[:1], tmp_path)


def test_classes_that_no_watch_has_recorded_are_read_from_skeletons(prepared):
    action_of = prepared.manifest.set_index("clip_id")["action"]
    drawn = []
    for draw in (1, 2):
        watch = VirtualSettings(unworn_classes=3, watch_draw=draw, virtual_sensors=BOTH)
        (plan,) = plan_run(RunSettings(teachers=(), virtual=watch), prepared)
        part = plan.baselines[1].spec.part
        worn, unworn = (
            {action_of[one] for one in clips} for clips in (part.clips, part.skeleton_only)
        )
        assert len(unworn) == 3 and worn == set(range(8)) - unworn
        assert part.subjects == ("1", "3", "5")
        assert {action_of[one] for one in plan.split.test_clips} == set(range(8))
        drawn.append(unworn)
    assert drawn[0] != drawn[1]
    with pytest.raises(UserError, match=r"unworn_classes must be under the 8 .* Received: 8"):
        plan_run(RunSettings(virtual=VirtualSettings(unworn_classes=8)), prepared)


def test_the_figures_say_what_is_virtual(prepared):
    both = settings()
    found = virtual_figures(plan_run(both, prepared), both)
    assert found == {"measured": 32, "skeletons": 64, "sensors": list(BOTH), "only": False}
    assert virtual_sentence(found) == (
        "The accelerometer of 32 training clips is read; that of 64 others is computed from their "
        "skeletons (rotation, regression)."
    )
    none = settings(sensors=())
    found = virtual_figures(plan_run(none, prepared), none)
    assert virtual_sentence(found) == "The accelerometer of 32 training clips is read."
    assert virtual_sentence({**found, "only": True}).endswith("to fit virtual sensors alone.")
    assert virtual_sentence({**found, "first": 0.25}).endswith(
        "; the first 25% of the training read these alone."
    )
    assert virtual_figures(plan_run(RunSettings(), prepared), RunSettings()) is None


def test_virtual_pretraining_is_a_training_before_that_of_real_clips(prepared):
    watch = VirtualSettings(watch_subjects=1, virtual_sensors=BOTH, virtual_pretraining=0.25)
    student = planned(prepared, virtual=watch).baselines[1]
    joint = planned(prepared).baselines[1]
    first = student.input(student.spec.pretrained).spec
    assert (first.virtual_sensors, first.virtual_only) == (BOTH, True)
    assert (student.spec.virtual_sensors, student.spec.virtual_only) == (None, None)
    assert first.part == student.spec.part == joint.spec.part
    epochs = joint.spec.training.epochs
    assert first.training.epochs == round(0.25 * epochs)
    assert student.spec.training.epochs == epochs - first.training.epochs
    with pytest.raises(UserError, match="virtual_pretraining needs virtual_sensors"):
        VirtualSettings(virtual_pretraining=0.5)
    with pytest.raises(UserError, match="come real clips: without virtual_only"):
        dataclasses.replace(watch, virtual_only=True)
    with pytest.raises(UserError, match=r"virtual_pretraining must lie in 0\.\.1, 1 excluded"):
        dataclasses.replace(watch, virtual_pretraining=1.0)


def test_a_virtual_pretraining_that_two_methods_share_is_one_stage(prepared):
    """Under two names the second method would look for it where nobody writes it."""
    planner = StagePlanner(settings(), prepared)
    (split,) = protocol_splits(prepared.description, prepared.manifest, "cross_subject")
    part = planner.parts.of_split(split)
    students = [
        planner.fit(
            *("accelerometer_student", name, part, 1, TrainingSettings(epochs=epochs)),
            LossSpec.cross_entropy(0.1),
            virtual_sensors=BOTH,
            virtual_pretraining=2 / epochs,
            skeleton_only=part.skeleton_only,
        )
        for name, epochs in (("four", 4), ("eight", 8))
    ]
    firsts = [one.input(one.spec.pretrained) for one in students]
    assert firsts[0] is firsts[1] and len(all_stages(students)) == 3


def test_virtual_only_is_in_the_specification(prepared):
    watch = VirtualSettings(watch_subjects=1, virtual_sensors=BOTH, virtual_only=True)
    (plan,) = plan_run(RunSettings(teachers=(), virtual=watch), prepared)
    assert plan.baselines[1].spec.virtual_only is True
    assert planned(prepared).baselines[1].spec.virtual_only is None
    with pytest.raises(UserError, match="virtual_only needs virtual_sensors"):
        VirtualSettings(virtual_only=True)


def test_without_virtual_sensors_skeletons_are_left_out(prepared):
    spec = planned(prepared, sensors=()).baselines[1].spec
    assert spec.virtual_sensors is None and spec.part.skeleton_only is None
    assert len(spec.part.clips) == 32


def test_teachers_learn_from_those_with_a_watch(prepared):
    virtual = VirtualSettings(watch_subjects=2)
    (plan,) = plan_run(RunSettings(teacher_outputs=("in_sample",), virtual=virtual), prepared)
    part = plan.baselines[1].spec.part
    assert len(part.subjects) == 2 and part.skeleton_only is None
    outputs = plan.teacher_outputs["in_sample"][1]
    assert outputs.spec.part == part == plan.students["in_sample"][1].spec.part
    assert all(teacher.spec.part == part for teacher in outputs.inputs)


def test_clips_that_were_recorded_with_a_skeleton_alone_are_copied_too(prepared):
    manifest = prepared.manifest.copy()
    manifest.loc[manifest["subject"].isin(["3", "4"]), "accelerometer_length"] = 0
    manifest.loc[manifest["clip_id"] == "a1_s3_t1", "action"] = -1
    partly = PreparedSet(
        prepared.folder, prepared.description, manifest, prepared._arrays, prepared.quarantine
    )
    everyone = RunSettings(teachers=(), virtual=VirtualSettings(virtual_sensors=BOTH))
    (plan,) = plan_run(everyone, partly)
    part = plan.baselines[1].spec.part
    names = set(manifest["clip_id"][(manifest["subject"] == "3") & (manifest["action"] >= 0)])
    assert set(part.skeleton_only) == names and part.subjects == ("1", "5")
    # Subject 4 tests, but has nothing to be scored on.
    assert len(plan.split.test_clips) == 64


def test_with_every_watch_nothing_changes(prepared):
    (plan,) = plan_run(RunSettings(), prepared)
    other = VirtualSettings(watch_draw=3)
    (same,) = plan_run(RunSettings(virtual=other), prepared)
    assert same.students["cross_fitted"][1].key == plan.students["cross_fitted"][1].key
    assert "virtual" not in RunSettings().to_json()
    assert settings().to_json()["virtual"]["watch_subjects"] == 1


def test_settings_that_do_not_fit_are_refused(prepared):
    with pytest.raises(UserError, match=r"but without accelerometer .*--watch_subjects"):
        plan_run(RunSettings(teachers=(), virtual=VirtualSettings(virtual_sensors=BOTH)), prepared)
    with pytest.raises(UserError, match=r"watch_subjects must be at most the 3 .* Received: 4"):
        plan_run(RunSettings(virtual=VirtualSettings(watch_subjects=4)), prepared)
    with pytest.raises(UserError, match=r"without teachers \(--teachers=\)"):
        settings(teachers=("skeleton_teacher",))
    labels = dataclasses.replace(RunSettings().labels, labelled_subjects=1)
    with pytest.raises(UserError, match="labels or accelerometers, not both"):
        settings(labels=labels)


SHORT_STREAM = StreamSettings(enabled=True, cuts=2, negative_cuts=20)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [StreamSettings(), SHORT_STREAM], ids=["clips", "stream"])
def test_a_hidden_accelerometer_changes_no_byte_of_the_student(
    prepared, tmp_path, monkeypatch, stream
):
    short = settings(
        stream=stream,
        student_training=TrainingSettings(steps=12, batch_size=8),
        inputs=InputSettings(steps=24, skeleton_frames=12, gravity_taps=5),
    )
    (plan,) = plan_run(short, prepared)
    stage = plan.baselines[1]
    hidden = set(stage.spec.part.skeleton_only)
    names = list(prepared.manifest["clip_id"])
    own = PreparedSet.accelerometer

    found = []
    for number, spoilt in enumerate((set(), hidden, {stage.spec.part.clips[0]})):

        def read(self: PreparedSet, row: int, spoilt=spoilt):
            values = own(self, row)
            return values[::-1] * 0.5 if names[row] in spoilt else values

        monkeypatch.setattr(PreparedSet, "accelerometer", read)
        folder = tmp_path / str(number)
        run_stages([stage], RunContext(prepared.folder, folder / "stages", folder), workers=1)
        (weights,) = (folder / "stages").glob("*/weights.npz")
        found.append(weights.read_bytes())
    assert found[0] == found[1] != found[2]
