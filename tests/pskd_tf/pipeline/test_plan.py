"""The declared stages: which subjects each may see, and what makes two stages the same."""

import copy
import dataclasses
from collections.abc import Iterator

import pandas as pd
import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.records import record_to_json
from pskd_tf.pipeline.ownership import run_key
from pskd_tf.pipeline.plan import FoldPlan, plan_run, plan_warnings, run_splits
from pskd_tf.pipeline.specs import FitSpec, TeacherOutputsSpec
from pskd_tf.pipeline.stage import Stage
from pskd_tf.settings import RunSettings
from pskd_tf.stream_settings import StreamSettings
from pskd_tf.training_settings import ACSSettings

KINDS = ("cross_fitted", "in_sample", "live")


def stages_of(stage: Stage) -> Iterator[Stage]:
    yield stage
    for one in stage.inputs:
        yield from stages_of(one)


def trained_on(plan: FoldPlan) -> set[str]:
    return {
        subject
        for score in plan.scores.values()
        for stage in stages_of(score)
        if isinstance(stage.spec, FitSpec | TeacherOutputsSpec)
        for subject in stage.spec.part.subjects
    }


@pytest.mark.parametrize("protocol", ["cross_subject", "validation"])
def test_no_stage_trains_on_a_subject_that_it_is_scored_on(prepared, protocol):
    for plan in plan_run(RunSettings(protocol=protocol, teacher_outputs=KINDS), prepared):
        assert not trained_on(plan) & set(plan.split.test_subjects)
        assert trained_on(plan) == set(plan.split.train_subjects)


def test_validation_never_touches_a_test_subject(prepared):
    plans = plan_run(RunSettings(protocol="validation", teacher_outputs=KINDS), prepared)
    assert [plan.split.test_subjects for plan in plans] == [("1",), ("3",), ("5",)]
    subject_of = prepared.manifest.set_index("clip_id")["subject"]
    for plan in plans:
        for score in plan.scores.values():
            held_out = subject_of.loc[list(score.spec.clips)]
            seen = trained_on(plan) | set(held_out)
            assert seen <= {"1", "3", "5"}


def test_recordings_of_none_train_for_the_stream_where_their_subject_does(prepared):
    """Without training for the stream they change no stage."""
    spec = plan_run(RunSettings(), prepared)[0].students["cross_fitted"][1].spec
    own = copy.copy(prepared)
    own.manifest = prepared.manifest.copy()
    rows = own.manifest.groupby("subject").head(1).index
    own.manifest.loc[rows, ["action", "action_name"]] = -2, "none"
    none = dict(zip(own.manifest["subject"][rows], own.manifest["clip_id"][rows], strict=True))
    (plan,) = plan_run(RunSettings(), own)
    assert plan.students["cross_fitted"][1].spec.recorded_none is None
    assert not set(none.values()) & {*plan.split.train_clips, *plan.split.test_clips}
    assert "recorded_none" not in record_to_json(spec)
    settings = RunSettings(
        stream=StreamSettings(enabled=True), teacher_outputs=("live",), protocol="validation"
    )
    for plan, others in zip(plan_run(settings, own), ("35", "15", "13"), strict=True):
        student = plan.students["live"][1].spec
        assert student.recorded_none == tuple(none[subject] for subject in others)
        assert {one.spec.recorded_none for one in plan.students["live"][1].inputs} == {
            student.recorded_none
        }


def test_cross_fitted_outputs_come_from_teachers_that_never_saw_the_subject(prepared):
    (plan,) = plan_run(RunSettings(), prepared)
    stage = plan.teacher_outputs["cross_fitted"][1]
    folds = [one for one in stage.spec.teachers if one.left_out is not None]
    assert len(folds) == 9  # three teachers, three subjects
    assert {one.left_out for one in folds} == {"1", "3", "5"}
    for one in folds:
        for needed in stages_of(stage.input(one.fit)):
            assert one.left_out not in needed.spec.part.subjects


def test_student_and_baseline_differ_in_nothing_but_the_loss(prepared):
    (plan,) = plan_run(RunSettings(seeds=(4,)), prepared)
    student = record_to_json(plan.students["cross_fitted"][4].spec)
    baseline = record_to_json(plan.baselines[4].spec)
    assert {key for key in student if student[key] != baseline[key]} == {
        "loss",
        "teachers",
        "teacher_outputs",
        "cached",
    }


def test_students_take_turns_with_the_teacher_seeds(prepared):
    (plan,) = plan_run(RunSettings(seeds=(1, 2, 3), teacher_seeds=(7, 8)), prepared)
    used = [plan.students["cross_fitted"][seed].inputs[0].spec.seed for seed in (1, 2, 3)]
    assert used == [7, 8, 7]
    (fewer,) = plan_run(RunSettings(seeds=(1,), teacher_seeds=(7, 8)), prepared)
    assert set(fewer.teacher_outputs["cross_fitted"]) == {7}  # nobody needs those of 8


def test_folds_share_the_chains_that_are_the_same(prepared):
    plans = plan_run(RunSettings(protocol="validation"), prepared)
    keys = {
        stage.key
        for plan in plans
        for score in plan.scores.values()
        for stage in stages_of(score)
        if isinstance(stage.spec, FitSpec) and stage.spec.model == "skeleton_teacher"
    }
    # Three chains on two subjects, three on one: each subject pair's second fold is shared.
    assert len(keys) == 6


@pytest.mark.parametrize(
    ("teachers", "first_inputs"),
    [
        (("skeleton_teacher",), []),
        (("fusion_teacher", "accelerometer_teacher"), ["fusion_teacher"]),
        (("skeleton_teacher", "accelerometer_teacher"), ["skeleton_teacher"]),
        (
            ("accelerometer_teacher", "fusion_teacher", "skeleton_teacher"),
            ["accelerometer_teacher", "fusion_teacher"],
        ),
    ],
)
def test_any_teacher_can_be_left_out_and_any_order_is_a_chain(prepared, teachers, first_inputs):
    (plan,) = plan_run(RunSettings(teachers=teachers, teacher_outputs=("live",)), prepared)
    student = plan.students["live"][1]
    assert student.spec.teachers == teachers == tuple(one.name for one in student.spec.live)
    last = student.input(student.spec.live[-1].fit)
    assert [one.name for one in last.spec.live] == first_inputs


def test_what_teachers_see_is_in_the_specification(prepared):
    kinds = ("live", "live_mixture", "live_ensemble")
    settings = RunSettings(seeds=(1, 2), teacher_seeds=(7, 8), teacher_outputs=kinds)
    (plan,) = plan_run(settings, prepared)
    live, mixture, ensemble = [plan.students[kind][2] for kind in kinds]
    assert (live.spec.teachers_see, mixture.spec.teachers_see) == ("sources", "mixture")
    assert mixture.spec == dataclasses.replace(live.spec, teacher_outputs="live_mixture")
    assert mixture.spec.inputs == live.spec.inputs and mixture.key != live.key
    assert len(ensemble.inputs) == 6 and ensemble.spec.teachers == live.spec.teachers
    for one in ensemble.spec.live:
        fit = ensemble.input(one.fit).spec
        assert (fit.model, fit.seed) == (one.name, one.seed)


def test_run_key_changes_with_any_setting(prepared):
    settings = RunSettings()
    changed = [
        dataclasses.replace(settings, acs=ACSSettings(selection="hard")),
        dataclasses.replace(settings, seeds=(1, 2)),
        dataclasses.replace(settings, protocol="validation"),
        dataclasses.replace(settings, teacher_views=4),
    ]
    keys = {run_key(one, plan_run(one, prepared)) for one in (settings, *changed)}
    assert len(keys) == 5
    assert run_key(settings, plan_run(settings, prepared)) in keys


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"teachers": ("nobody",)}, "teachers takes each of skeleton_teacher.* nobody"),
        ({"teachers": ("fusion_teacher",) * 2}, "at most once. Received: fusion_teacher,fusion"),
        ({"teacher_outputs": ("honest",)}, "teacher_outputs takes each of .* honest"),
        ({"seeds": (1, 1)}, "seeds must be different whole numbers.* Received: 1,1"),
        ({"teacher_seeds": (-1,)}, "teacher_seeds must be .* Received: -1"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        RunSettings(**arguments)


def test_an_unknown_protocol_is_refused(prepared):
    with pytest.raises(UserError, match=r"protocol must be one of .*cross_subject.* random$"):
        plan_run(RunSettings(protocol="random"), prepared)


def test_leave_one_subject_out_scores_every_clip_once(prepared):
    plans = plan_run(RunSettings(protocol="leave_one_subject_out"), prepared)
    scored = [clip for plan in plans for clip in plan.scores["int8/1"].spec.clips]
    assert len(plans) == 6
    assert sorted(scored) == sorted(prepared.manifest["clip_id"])


def test_the_clips_of_a_stage_are_those_of_its_subjects(prepared):
    subject_of = prepared.manifest.set_index("clip_id")["subject"]
    (plan,) = plan_run(RunSettings(), prepared)
    for stage in stages_of(plan.students["cross_fitted"][1]):
        subjects = stage.spec.part.subjects
        expected = subject_of[subject_of.isin(subjects)].index
        assert list(stage.spec.part.clips) == list(expected)


@pytest.mark.parametrize(
    ("blind", "kinds", "received"),
    [
        (("2", "4", "6"), ("live",), "none of 2, 4, 6"),
        (("1", "3", "5"), ("live",), "none of 1, 3, 5"),
        (("1", "3"), ("cross_fitted",), "none of 1, 3"),  # who teach about subject 5
        (("1", "3"), ("in_sample",), None),
    ],
)
def test_a_teacher_of_the_skeleton_needs_one_in_each_part(prepared, blind, kinds, received):
    partly = copy.copy(prepared)
    seen = ~prepared.manifest["subject"].isin(blind)
    partly.manifest = prepared.manifest.assign(
        skeleton_length=prepared.manifest["skeleton_length"] * seen
    )
    settings = RunSettings(teacher_outputs=kinds)
    if received:
        with pytest.raises(UserError, match=f"skeleton_teacher needs clips .* {received}$"):
            plan_run(settings, partly)
    else:
        assert len(plan_run(settings, partly)) == 1
    plan_run(dataclasses.replace(settings, teachers=("accelerometer_teacher",)), partly)


def test_folder_names_are_safe_and_short(prepared):
    (plan,) = plan_run(RunSettings(protocol="cross_subject", teacher_outputs=("live",)), prepared)
    assert plan.students["live"][1].name == "student-live-s1-on-1-3-5"
    assert plan.scores["int8/1"].name == "score-int8-1-of-2-4-6"
    names = {"1": "A/1", "3": "../B 2", "5": "\u00e9" * 90, "2": "../" + "C" * 80}
    renamed = copy.copy(prepared)
    renamed.manifest = prepared.manifest.replace({"subject": names})
    every = [names.get(subject, subject) for subject in prepared.description.subjects]
    parts = {"train_subjects": every[0::2], "test_subjects": every[1::2]}
    renamed.description = dataclasses.replace(
        prepared.description, subjects=every, protocols={"cross_subject": parts}
    )
    (plan,) = plan_run(RunSettings(teacher_outputs=("live",)), renamed)
    assert plan.students["live"][1].name == "student-live-s1-on-A_1-.._B_2-_"
    assert plan.scores["int8/1"].name == "score-int8-1-of-3_subjects"


def test_subjects_may_be_left_out_in_groups(prepared):
    def left_out(count: int) -> dict[str, str]:
        (plan,) = plan_run(RunSettings(cross_fitting_folds=count), prepared)
        (outputs,) = plan.teacher_outputs["cross_fitted"].values()
        teachers = [one for one in outputs.spec.teachers if one.name == "skeleton_teacher"]
        return {one.left_out: one.fit for one in teachers if one.left_out}

    one_by_one, in_two = left_out(0), left_out(2)
    assert one_by_one == left_out(3)  # one group a subject are the same trainings
    assert set(one_by_one) == set(in_two) == {"1", "3", "5"}
    assert len(set(one_by_one.values())) == 3 and len(set(in_two.values())) == 2
    with pytest.raises(UserError, match=r"0, or 2 to 3 training subjects\. Received: 4"):
        left_out(4)


def test_many_subjects_left_out_one_by_one_are_a_warning(prepared, monkeypatch):
    plans = plan_run(RunSettings(), prepared)
    assert plan_warnings(plans, prepared) == []
    monkeypatch.setattr("pskd_tf.pipeline.plan._MANY_LEFT_OUT", 2)
    (warning,) = plan_warnings(plans, prepared)
    assert "without each training subject: 9 trainings. --cross_fitting_folds=5" in warning


def test_few_clips_and_a_class_without_training_clips_are_warnings(prepared):
    settings = RunSettings(teacher_outputs=("live",))
    assert plan_warnings(plan_run(settings, prepared), prepared) == []
    small = copy.copy(prepared)
    manifest = prepared.manifest
    first, second = prepared.description.class_names[:2]
    trains = manifest["subject"].isin(["1", "3", "5"])
    kept = ~(trains & manifest["action_name"].isin([first, second]))
    small.manifest = manifest[kept].groupby("action_name").head(3).reset_index(drop=True)
    small.manifest = pd.concat([small.manifest, manifest[trains & kept].head(3)]).drop_duplicates()
    plans = plan_run(settings, small)
    few, missing = plan_warnings(plans, small)
    assert few.startswith(f"The set has {len(small.manifest)} clips: the export has ")
    assert missing == (
        f"No clip in the training part shows {first}, {second}: what it lacks is not learnt."
    )


def test_the_comparison_reads_training_clips_alone(prepared):
    for protocol in ("cross_subject", "validation"):
        for plan in plan_run(RunSettings(protocol=protocol), prepared):
            (compared,) = plan.compared.values()
            assert compared.spec.clips == plan.split.train_clips
            assert compared.spec.compressed == plan.compressed[1].key


def test_clips_with_a_skeleton_alone_are_neither_learned_from_nor_scored(prepared):
    silent = prepared.manifest["clip_id"].iloc[[0, -1]]
    manifest = prepared.manifest.copy()
    manifest.loc[manifest["clip_id"].isin(silent), "accelerometer_length"] = 0
    partly = PreparedSet(
        prepared.folder, prepared.description, manifest, prepared._arrays, prepared.quarantine
    )
    for protocol in ("cross_subject", "validation", "leave_one_subject_out"):
        for before, after in zip(
            run_splits(prepared, protocol), run_splits(partly, protocol), strict=True
        ):
            for part in ("train_clips", "test_clips"):
                lost = set(getattr(before, part)) - set(getattr(after, part))
                assert lost == set(getattr(before, part)) & set(silent)
    nobody = manifest.copy()
    nobody.loc[nobody["subject"] == "3", "accelerometer_length"] = 0
    without = PreparedSet(
        prepared.folder, prepared.description, nobody, prepared._arrays, prepared.quarantine
    )
    tested = [split.test_subjects for split in run_splits(without, "validation")]
    assert tested == [("1",), ("5",)]
