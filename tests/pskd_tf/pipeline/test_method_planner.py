"""Every method of the board as a run's: its student, its teachers, and what is refused."""

import dataclasses
import json
from pathlib import Path

import pytest

from data_prep.errors import UserError
from data_prep.protocols import protocol_splits
from project import ROOT, run_command
from pskd_tf.benchmark.cells import CellPlanner
from pskd_tf.method import FOREST, METHODS_FILE, Method, read_methods
from pskd_tf.pipeline.ownership import check_owner, run_key
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.settings import RunSettings, read_run_settings
from pskd_tf.student_settings import StudentSettings
from pskd_tf.training_settings import TrainingSettings

METHODS = {one.name: one for one in read_methods(ROOT / METHODS_FILE)}


def run_of(name: str, trial: int = 0, **changes) -> RunSettings:
    return RunSettings(**changes).with_method(METHODS[name].with_trial(trial))


def test_every_method_of_the_board_plans_its_student(prepared):
    for name, method in METHODS.items():
        if method.model == FOREST:
            continue
        (plan,) = plan_run(run_of(name), prepared)
        ((kind, students),) = plan.students.items()
        spec = students[1].spec
        assert (spec.model, spec.loss.name) == (method.model, method.loss), name
        assert method.trials[0].items() <= spec.loss.arguments.items(), name
        taught = spec if method.pretraining is None else students[1].input(spec.pretrained).spec
        assert set(method.teachers) <= set(taught.teachers) or taught.live, name
        assert taught.teacher_outputs == method.teacher_outputs, name
        assert kind == (method.teacher_outputs or "cross_fitted"), name
        assert plan.compressed[1].input(students[1].key) is students[1], name
        assert plan.baselines[1].spec.model == method.model, name
        assert f"int8/{1}" in plan.scores, name


def test_the_chain_ends_with_the_last_teacher_of_the_student():
    assert run_of("knowledge_distillation").teachers == ("skeleton_teacher",)
    assert run_of("feature_kd").teachers == ("skeleton_teacher", "fusion_teacher")
    assert run_of("tda_kd").teachers == RunSettings().teachers
    assert run_of("lhar").teachers == ("accelerometer_student",)
    assert run_of("cross_entropy").teachers == ()


def test_a_run_and_a_benchmark_share_the_training(prepared):
    (split,) = protocol_splits(prepared.description, prepared.manifest, "cross_subject")
    cells = CellPlanner(RunSettings(), prepared, "cross_subject", [split])
    for name in ("acs_soft", "tgd", "lhar", "knowledge_distillation_live", "ign_net"):
        (cell,) = cells.cells(METHODS[name], 1, [1], [1])
        (plan,) = plan_run(run_of(name, 1), prepared)
        ((student,),) = (one.values() for one in plan.students.values())
        assert student.key == cell.fit.key, name


def test_acs_as_a_method_is_the_run_without_one(prepared):
    acs = METHODS["acs_soft"].with_trial(1)  # T = 2, weight 3, as the flags have it
    (plan,), (default,) = (
        plan_run(one, prepared) for one in (RunSettings().with_method(acs), RunSettings())
    )
    assert plan.scores["int8/1"].key == default.scores["int8/1"].key


def test_a_method_s_training_is_its_student_s_alone(prepared):
    variance = read_methods(ROOT / "configs/benchmark_variance_methods.json")
    methods = {one.name: one for one in variance}
    (plan,) = plan_run(RunSettings().with_method(methods["swa_50_x4"]), prepared)
    student, baseline = plan.students["cross_fitted"][1].spec, plan.baselines[1].spec
    assert (student.training.epochs, student.training.averaged_share) == (1600, 0.5)
    assert baseline.training == RunSettings().student_training
    (plan,) = plan_run(RunSettings().with_method(methods["ten_nets_matched_x4"]), prepared)
    student = plan.students["live_mixture"][1]
    assert student.spec.training.epochs == 1600 and len(student.spec.live) == 10
    assert {one.spec.training.epochs for one in student.inputs} == {400}
    assert student.spec.teachers == ("accelerometer_student",)
    assert student.spec.teachers_see == "mixture"


def test_flags_of_the_student_s_training_leave_teachers_as_they_are(prepared):
    flags = TrainingSettings(averaged_share=0.5, views=2, consistency_weight=1.0)
    plans = [
        plan_run(RunSettings(student_training=one), prepared)[0]
        for one in (flags, TrainingSettings())
    ]
    outputs = [plan.teacher_outputs["cross_fitted"][1].key for plan in plans]
    assert outputs[0] == outputs[1]
    assert plans[0].students["cross_fitted"][1].spec.training == flags
    assert plans[0].baselines[1].spec.training == flags


def test_a_method_comes_back_from_the_settings_of_a_run(tmp_path):
    settings = run_of("imu2clip", 1)
    (tmp_path / "settings.json").write_text(json.dumps(settings.to_json()))
    assert read_run_settings(tmp_path) == settings
    assert "method" not in RunSettings().to_json()


def test_a_folder_of_another_method_is_refused(tmp_path, prepared):
    (tmp_path / "settings.json").write_text(json.dumps(run_of("rrkd").to_json()))
    with pytest.raises(UserError, match=r"belongs to one run.*: --method=rrkd {.*2.0}, where"):
        check_owner(tmp_path, run_of("rrkd", 1))
    keys = {run_key(run_of("rrkd", trial), []) for trial in (0, 1)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: run_of("random_forest"), r"trains a net .*\. Received: random_forest"),
        (
            lambda: run_of("lhar", student=StudentSettings("ign_student")),
            r"lhar has own nets as teachers, .*\. Received: ign_student",
        ),
        (lambda: run_of("rrkd", 2), r"The trials of rrkd are 0 to 1 \(--trial\)\. Received: 2"),
        (
            lambda: run_of("tgd", teachers=("skeleton_teacher",)),
            r"tgd needs accelerometer_teacher, skeleton_teacher among --teachers\. Received: skel",
        ),
        (
            lambda: RunSettings(teachers=()).with_method(METHODS["feature_kd"].with_trial(0)),
            r"feature_kd needs fusion_teacher among --teachers\. Received: none",
        ),
    ],
)
def test_what_no_run_can_train_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_own_nets_teach_apart_where_their_outputs_are_cached(prepared):
    own = dataclasses.replace(METHODS["lhar"].with_trial(0), teacher_outputs="in_sample")
    (plan,) = plan_run(RunSettings().with_method(own), prepared)
    spec = plan.students["in_sample"][1].spec
    names = ("accelerometer_student", "accelerometer_student_2", "accelerometer_student_3")
    assert spec.teachers == names
    assert plan.teacher_outputs["in_sample"][1].spec.names == names


@pytest.mark.slow
def test_methods_train_compress_and_export_through_the_main_command(tmp_path):
    names = ("cross_entropy", "feature_kd", "tgd", "lhar", "imu2clip", "ign_net")
    for name in names:
        run = tmp_path / name
        done = run_command(
            "pskd_tf.train",
            "--flagfile=configs/tiny.flags",
            f"--run_dir={run}",
            f"--stages_dir={tmp_path / 'stages'}",
            f"--prepared_dir={tmp_path / 'prepared'}",
            "--epochs=4",
            f"--method={name}",
        )
        assert done.returncode == 0, done.stderr
        title = METHODS[name].title
        assert f"student, {title}" in done.stdout
        metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
        assert metrics["method"]["arguments"] == METHODS[name].trials[0]
        assert sum(metrics["acs"]["selection"][_kind(METHODS[name])].values()) == pytest.approx(1)
        assert (run / "export" / "model_data.cc").stat().st_size > 10_000
        manifest = json.loads((run / "export" / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["provenance"]["method"]["name"] == name
        for file in ("report.html", "model_card.md"):
            text = (run / file).read_text(encoding="utf-8")
            assert f"The student's method is {title}" in text.replace("&#39;", "'"), (name, file)
            assert f"{title} minus cross-entropy alone" in text
        drawn = "Teacher selection by epoch" in text_of_report(run)
        assert drawn == bool(METHODS[name].teachers and METHODS[name].pretraining is None), name
        if METHODS[name].pretraining is not None:
            assert "after pre-training without labels by contrastive" in text
        assert f"--method={name}" in text_of_report(run)


def text_of_report(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


def _kind(method: Method) -> str:
    return method.teacher_outputs or "in_sample"  # the first of the flagfile's
