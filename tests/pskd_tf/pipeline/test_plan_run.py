"""The declared stages: which subjects each may see, and what makes two stages the same."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_prep.prepare_dataset import prepare_dataset
from data_prep.prepared_set import PreparedSet
from data_prep.user_error import UserError
from pskd_tf.distillation.acs_settings import ACSSettings
from pskd_tf.pipeline.plan_run import FoldPlan, plan_run
from pskd_tf.pipeline.run_record import run_key
from pskd_tf.pipeline.run_settings import RunSettings
from pskd_tf.pipeline.stage import Stage

KINDS = ("cross_fitted", "in_sample", "live")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return prepare_dataset("synthetic", None, tmp_path_factory.mktemp("prepared") / "set")


def stages_of(stage: Stage) -> Iterator[Stage]:
    yield stage
    for one in stage.inputs.values():
        yield from stages_of(one)


def trained_on(plan: FoldPlan) -> set[str]:
    return {
        subject
        for score in plan.scores.values()
        for stage in stages_of(score)
        for subject in stage.settings.get("train_subjects", [])
    }


@pytest.mark.parametrize("protocol", ["cross_subject", "validation"])
def test_no_stage_trains_on_a_subject_that_it_is_scored_on(prepared, protocol):
    for plan in plan_run(RunSettings(protocol=protocol, teacher_outputs=KINDS), prepared):
        assert not trained_on(plan) & set(plan.split.test_subjects)
        assert trained_on(plan) == set(plan.split.train_subjects)


def test_validation_never_touches_a_test_subject(prepared):
    plans = plan_run(RunSettings(protocol="validation", teacher_outputs=KINDS), prepared)
    assert [plan.split.test_subjects for plan in plans] == [("1",), ("3",), ("5",)]
    for plan in plans:
        for score in plan.scores.values():
            seen = trained_on(plan) | set(score.settings["subjects"])
            assert seen <= {"1", "3", "5"}


def test_cross_fitted_outputs_come_from_teachers_that_never_saw_the_subject(prepared):
    (plan,) = plan_run(RunSettings(), prepared)
    stage = plan.teacher_outputs["cross_fitted"][1]
    folds = [role for role in stage.inputs if "/" in role]
    assert len(folds) == 9  # three teachers, three subjects
    for role in folds:
        subject = role.split("/")[1]
        for needed in stages_of(stage.inputs[role]):
            assert subject not in needed.settings["train_subjects"]


def test_student_and_baseline_differ_in_nothing_but_the_loss(prepared):
    (plan,) = plan_run(RunSettings(seeds=(4,)), prepared)
    student = plan.students["cross_fitted"][4].settings
    baseline = plan.baselines[4].settings
    assert {key for key in student if student[key] != baseline[key]} == {"loss", "teachers"}


def test_students_take_turns_with_the_teacher_seeds(prepared):
    (plan,) = plan_run(RunSettings(seeds=(1, 2, 3), teacher_seeds=(7, 8)), prepared)
    used = [
        plan.students["cross_fitted"][seed].inputs["teacher_outputs"].settings["seed"]
        for seed in (1, 2, 3)
    ]
    assert used == [7, 8, 7]


def test_folds_share_the_chains_that_are_the_same(prepared):
    plans = plan_run(RunSettings(protocol="validation"), prepared)
    keys = {
        stage.key
        for plan in plans
        for score in plan.scores.values()
        for stage in stages_of(score)
        if stage.settings.get("model") == "skeleton_teacher"
    }
    # Three chains on two subjects, three on one: each subject pair's second fold is shared.
    assert len(keys) == 6


@pytest.mark.parametrize(
    ("teachers", "first_inputs"),
    [
        (("skeleton_teacher",), []),
        (("fusion_teacher", "accelerometer_teacher"), ["fusion_teacher"]),
        (("skeleton_teacher", "accelerometer_teacher"), ["skeleton_teacher"]),
    ],
)
def test_any_teacher_can_be_left_out(prepared, teachers, first_inputs):
    (plan,) = plan_run(RunSettings(teachers=teachers, teacher_outputs=("live",)), prepared)
    student = plan.students["live"][1]
    assert list(student.inputs) == list(teachers) == student.settings["teachers"]
    assert list(student.inputs[teachers[-1]].inputs) == first_inputs


def test_a_key_names_all_that_a_result_depends_on_and_nothing_else():
    first = Stage("fit", "a", {"seed": 1})
    assert first.key == Stage("fit", "another name", {"seed": 1}).key
    others = [
        Stage("score", "a", {"seed": 1}),
        Stage("fit", "a", {"seed": 2}),
        Stage("fit", "a", {"seed": 1}, {"teacher": first}),
        Stage("fit", "a", {"seed": 1}, {"student": first}),
    ]
    assert len({first.key, *(one.key for one in others)}) == 5
    assert first.folder(Path("stages")) == Path("stages") / f"a-{first.key[:12]}"


def test_run_key_changes_with_any_setting(prepared):
    settings = RunSettings()
    changed = [
        dataclasses.replace(settings, acs=ACSSettings(selection="soft")),
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
        ({"protocol": "random"}, "protocol takes each of cross_subject, validation .* random"),
        ({"teachers": ("nobody",)}, "teachers takes each of skeleton_teacher.* nobody"),
        (
            {"teachers": ("fusion_teacher", "skeleton_teacher")},
            "teachers must keep the order .* Received: fusion_teacher,skeleton_teacher",
        ),
        ({"teacher_outputs": ("honest",)}, "teacher_outputs takes each of .* honest"),
        ({"seeds": (1, 1)}, "seeds must be different whole numbers.* Received: 1,1"),
        ({"teacher_seeds": (-1,)}, "teacher_seeds must be .* Received: -1"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        RunSettings(**arguments)
