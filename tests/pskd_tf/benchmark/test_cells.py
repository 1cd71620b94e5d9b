"""Cells: declared, picked by validation, recorded once."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from data_prep.csv_cells import cell_text
from data_prep.errors import UserError
from data_prep.flags import parse_flags
from data_prep.protocols import ClipSplit, protocol_splits, validation_splits
from project import ROOT
from pskd_tf.benchmark.__main__ import BenchmarkArguments
from pskd_tf.benchmark.cells import (
    Cell,
    CellPlanner,
    pick_trial,
    pooled_accuracy,
)
from pskd_tf.benchmark.results import CellRecord
from pskd_tf.benchmark.run import BenchmarkRun
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.label_settings import LabelSettings
from pskd_tf.method import FOREST, Method, Pretraining, Soup, read_methods
from pskd_tf.pipeline import stage as stage_module
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.pipeline.planner import declare_score
from pskd_tf.pipeline.specs import DataSpec, FitSpec, LossSpec, ScoreSpec, TrainingPart
from pskd_tf.pipeline.stage import Stage
from pskd_tf.settings import RunSettings
from pskd_tf.training_settings import ACSSettings, TrainingSettings
from pskd_tf.virtual_settings import VirtualSettings

PARTS = ("train_clips", "test_clips", "train_subjects", "test_subjects")
UTD_MHAD = (
    "b7885f33291b7e87ecf7ce2add66ac69e698f25950611baa6b7e0b60fcc8cd3e"  # of the set as prepared
)

ACS = Method(
    "acs",
    "ACS",
    "adaptive_confidence_semantic",
    ({"selection": "soft"}, {"selection": "hard", "temperature": 2.0}),
    teachers=("skeleton_teacher", "fusion_teacher", "accelerometer_teacher"),
    teacher_outputs="cross_fitted",
    crossed=True,
)
KD = Method(
    "kd",
    "KD",
    "knowledge_distillation",
    ({},),
    teachers=("skeleton_teacher",),
    teacher_outputs="live",
)
PLAIN = Method("plain", "cross-entropy", "cross_entropy", ({"label_smoothing": 0.1},))


TOGETHER = Method(
    "together",
    "ensemble",
    "knowledge_distillation",
    ({},),
    teachers=("skeleton_teacher", "accelerometer_teacher"),
    teacher_outputs="live_ensemble",
    crossed=True,
)


@pytest.fixture(scope="module")
def planners(prepared) -> dict[str, CellPlanner]:
    (split,) = protocol_splits(prepared.description, prepared.manifest, "cross_subject")
    left_out = validation_splits(prepared.description, prepared.manifest, split)
    settings = RunSettings(baseline_label_smoothing=0.1, teacher_seeds=(1, 2))
    return {
        "cross_subject": CellPlanner(settings, prepared, "cross_subject", [split]),
        "validation": CellPlanner(settings, prepared, "validation", left_out),
    }


def stages_of(stage: Stage) -> Iterator[Stage]:
    yield stage
    for one in stage.inputs:
        yield from stages_of(one)


@pytest.mark.parametrize("methods", ["", "_acs_study", "_scarce", "_variance"])
def test_what_trials_and_methods_share_has_one_name(planners, methods):
    """A training shared under two names would be looked for where it was not written."""
    found: dict[str, str] = {}
    for method in read_methods(ROOT / f"configs/benchmark{methods}_methods.json"):
        for trial in range(len(method.trials)):
            if method.model != FOREST:
                for cell in planners["cross_subject"].cells(method, trial, [1], [1]):
                    for stage in stages_of(cell.stage):
                        assert found.setdefault(stage.key, stage.name) == stage.name


def test_crossed_methods_run_all_pairs_and_others_take_turns(planners):
    def pairs(method):
        cells = planners["cross_subject"].cells(method, 0, [1, 2, 3], [7, 8])
        return [(cell.teacher_seed, cell.student_seed) for cell in cells]

    assert pairs(ACS) == [(7, 1), (8, 1), (7, 2), (8, 2), (7, 3), (8, 3)]
    assert pairs(KD) == [(7, 1), (8, 2), (7, 3)]
    assert pairs(PLAIN) == pairs(TOGETHER) == [(-1, 1), (-1, 2), (-1, 3)]


def test_an_ensemble_is_of_all_teacher_seeds_and_sees_the_mixture(planners):
    (cell,) = planners["cross_subject"].cells(TOGETHER, 0, [3], [1])
    spec = cell.fit.spec
    assert {(one.name, one.seed) for one in spec.live} == {
        (name, seed) for name in TOGETHER.teachers for seed in (1, 2)
    }
    fits = [cell.fit.input(one.fit).spec for one in spec.live]
    assert [(fit.model, fit.seed) for fit in fits] == [(one.name, one.seed) for one in spec.live]
    assert spec.teachers == TOGETHER.teachers
    assert spec.teachers_see == "mixture"


def test_every_training_subject_is_left_out_once(planners):
    cells = planners["validation"].cells(PLAIN, 0, [1], [1])
    assert [cell.held_out for cell in cells] == [("1",), ("3",), ("5",)]


@pytest.mark.parametrize("method", [ACS, KD, PLAIN, TOGETHER])
def test_nothing_trains_on_who_is_scored(planners, method):
    for planner in planners.values():
        for cell in planner.cells(method, 0, [1], [1]):
            for stage in stages_of(cell.stage):
                if not isinstance(stage.spec, ScoreSpec):
                    assert not set(stage.spec.part.subjects) & set(cell.held_out)


def test_teachers_are_shared_by_methods_and_student_seeds(planners):
    planner = planners["cross_subject"]
    outputs = {
        cell.fit.spec.cached for trial in (0, 1) for cell in planner.cells(ACS, trial, [1, 2], [1])
    }
    assert len(outputs) == 1
    (cell,) = planner.cells(KD, 0, [1], [1])
    (taught,) = planner.cells(ACS, 0, [1], [1])[0].fit.inputs
    assert cell.fit.inputs[0].key == taught.spec.fit_of("skeleton_teacher")
    assert cell.fit.spec.teachers == ("skeleton_teacher",)


def test_a_run_of_train_shares_its_students(planners, prepared):
    settings = RunSettings(acs=ACSSettings(selection="soft"), baseline_label_smoothing=0.1)
    (plan,) = plan_run(settings, prepared)
    planner = planners["cross_subject"]
    assert planner.cells(ACS, 0, [1], [1])[0].fit.key == plan.students["cross_fitted"][1].key
    assert planner.cells(PLAIN, 0, [1], [1])[0].fit.key == plan.baselines[1].key
    assert planner.cells(ACS, 1, [1], [1])[0].fit.key != plan.students["cross_fitted"][1].key


def test_a_forest_is_one_stage(planners):
    forest = Method("forest", "forest", "", ({"n_estimators": 3},), model=FOREST)
    (cell,) = planners["cross_subject"].cells(forest, 0, [4], [1])
    assert cell.fit is cell.stage and cell.stage.kind == "forest"
    assert cell.stage.spec.seed == 4


def test_cells_of_different_seeds_trials_and_folds_differ(planners):
    planner = planners["validation"]
    cells = [cell for trial in (0, 1) for cell in planner.cells(ACS, trial, [1, 2], [1, 2])]
    assert len({cell.key for cell in cells}) == len(cells) == 24


def test_a_halving_that_is_the_sets_own_split_is_a_cell_of_its_own(planners):
    """The training is made once; each protocol has its line of results and of the ledger."""
    (own,) = planners["cross_subject"].cells(PLAIN, 0, [1], [1])
    half = dataclasses.replace(own, protocol="repeated_subject_halves")
    assert half.stage is own.stage and half.key != own.key


def fit_spec(trial: int, seed: int, fold: str) -> FitSpec:
    data = DataSpec("f", 8, InputSettings(), AugmentationSettings())
    part = TrainingPart((fold,), ("a",))
    return FitSpec(
        "accelerometer_student",
        data,
        part,
        seed,
        TrainingSettings(),
        LossSpec("kd", {"trial": trial}),
    )


def cell(trial: int, seed: int, fold: str) -> Cell:
    fit = Stage(f"fit-{trial}-{seed}-{fold}", fit_spec(trial, seed, fold))
    stage = declare_score("score", fit, fit, ["a"], "float")
    return Cell("kd", trial, "validation", (fold,), "live", 1, seed, stage)


def record(one: Cell, right: int, clips: int) -> CellRecord:
    shares = (right / clips, 0.0, 0.0)
    return CellRecord(
        one.key, "c", "kd", one.trial, "live", "validation", one.held_out[0], 1, one.student_seed,
        1, 1.0, *shares, "00" * clips,
    )  # fmt: skip


def test_folds_are_pooled_by_clips():
    """9 of 10 and 1 of 2 are 10 of 12, not the mean of the two shares."""
    parts = [record(cell(0, 1, "3"), 9, 10), record(cell(0, 1, "5"), 1, 2)]
    assert pooled_accuracy(parts) == pytest.approx(10 / 12)


def test_the_better_mean_over_seeds_is_picked():
    trials = [[cell(trial, seed, "3") for seed in (1, 2)] for trial in (0, 1)]
    right = {(0, 1): 9, (0, 2): 4, (1, 1): 7, (1, 2): 7}
    records = {
        one.key: record(one, right[one.trial, one.student_seed], 10)
        for cells in trials
        for one in cells
    }
    assert pick_trial(trials, records) == 1


def test_the_first_of_equals_is_picked():
    trials = [[cell(trial, 1, "3")] for trial in (0, 1)]
    records = {one.key: record(one, 5, 10) for cells in trials for one in cells}
    assert pick_trial(trials, records) == 0


def test_nothing_is_picked_before_validation_is_done():
    trials = [[cell(0, 1, "3")], [cell(1, 1, "3")]]
    records = {trials[0][0].key: record(trials[0][0], 5, 10)}
    with pytest.raises(UserError, match=r"picked on validation first .* no cell of kd, trial 1"):
        pick_trial(trials, records)


@pytest.fixture(scope="module")
def scarce(prepared) -> CellPlanner:
    (split,) = protocol_splits(prepared.description, prepared.manifest, "cross_subject")
    settings = RunSettings(
        baseline_label_smoothing=0.1,
        teachers=("skeleton_teacher", "fusion_teacher"),
        labels=LabelSettings(labelled_subjects=1),
    )
    return CellPlanner(settings, prepared, "cross_subject", [split])


def _learner(*teachers: str, nets: int = 1) -> Method:
    return Method(
        "-".join(teachers), "", "knowledge_distillation", ({},), teachers=teachers,
        teacher_outputs="in_sample", uses_unlabelled=True, own_nets=nets,
    )  # fmt: skip


def test_each_seed_is_a_draw_of_labels_with_teachers_of_its_own(scarce):
    cells = scarce.cells(_learner("skeleton_teacher"), 0, [1, 2, 3, 4], [1])
    assert [(cell.teacher_seed, cell.student_seed) for cell in cells] == [
        (seed, seed) for seed in (1, 2, 3, 4)
    ]
    people = [stage.spec.part.subjects for cell in cells for stage in cell.fit.inputs[0].inputs[:1]]
    assert sorted(people[:3]) == [("1",), ("3",), ("5",)]
    plain = scarce.cells(PLAIN, 0, [1, 2, 3], [1])
    assert [cell.fit.spec.part.subjects for cell in plain] == people[:3]
    assert plain[0].fit.spec.part.unlabelled is None


def test_own_nets_are_the_cross_entropy_rows_and_know_nothing_of_the_skeleton(scarce):
    own = "accelerometer_student"
    (plain,) = scarce.cells(PLAIN, 0, [2], [1])
    (three,) = scarce.cells(_learner(own, nets=3), 0, [2], [1])
    (outputs,) = three.fit.inputs
    assert outputs.spec.nets == {own: own, f"{own}_2": own, f"{own}_3": own}
    assert three.fit.spec.teachers == tuple(outputs.spec.nets)
    assert outputs.inputs[0] is plain.fit
    assert [one.spec.seed for one in outputs.inputs] == [2, 1002, 2002]
    (mean,) = scarce.cells(_learner("skeleton_teacher", "fusion_teacher", own), 0, [2], [1])
    assert set(mean.fit.inputs[0].spec.nets) == {"skeleton_teacher", "fusion_teacher", own}
    assert all(one.model is None for one in mean.fit.inputs[0].spec.teachers)


def test_each_seed_is_a_draw_of_watches_and_only_virtual_sensors_read_the_others(prepared):
    (split,) = protocol_splits(prepared.description, prepared.manifest, "cross_subject")
    settings = RunSettings(teachers=(), virtual=VirtualSettings(watch_subjects=1))
    planner = CellPlanner(settings, prepared, "cross_subject", [split])
    virtual = dataclasses.replace(PLAIN, name="virtual", virtual_sensors=("rotation",))
    fits = {
        method.name: [cell.fit.spec for cell in planner.cells(method, 0, [1, 2, 3], [1])]
        for method in (PLAIN, virtual)
    }
    people = [fit.part.subjects for fit in fits[PLAIN.name]]
    assert sorted(people) == [("1",), ("3",), ("5",)]
    for plain, more in zip(fits[PLAIN.name], fits["virtual"], strict=True):
        assert plain.part.skeleton_only is None and plain.virtual_sensors is None
        assert more.part.clips == plain.part.clips and more.virtual_sensors == ("rotation",)
        assert set(more.part.clips + more.part.skeleton_only) == set(split.train_clips)


def test_in_a_second_round_teachers_learn_from_all_clips_under_the_first(scarce):
    own = "accelerometer_student"
    method = _learner("skeleton_teacher", "fusion_teacher", own)
    (first,) = scarce.cells(method, 0, [2], [1])
    (again,) = scarce.cells(dataclasses.replace(method, name="again", rounds=2), 0, [2], [1])
    outputs, before = again.fit.inputs[0], first.fit.inputs[0]
    assert outputs.spec.names == before.spec.names and outputs.key != before.key
    for fit in outputs.inputs:
        assert fit.spec.cached == before.key and fit.spec.part == again.fit.spec.part
        assert fit.spec.loss.name == "knowledge_distillation" and fit.spec.seed == 2
    # The own net of the second round is the student of the first, with the settings' own weight.
    trial = {"temperature": 2.0, "distillation_weight": 3.0, "label_smoothing": 0.1}
    settled = dataclasses.replace(method, trials=(trial,))
    (student,) = scarce.cells(settled, 0, [2], [1])
    assert outputs.spec.fit_of(own) == student.fit.key


def test_rounds_need_outputs_of_teachers_trained_once(scarce):
    with pytest.raises(UserError, match=r"several rounds go with in_sample.*Received: live"):
        dataclasses.replace(KD, rounds=2)


def test_pretraining_reads_all_clips_without_a_label_and_fine_tuning_the_labelled(scarce, prepared):
    (split,) = scarce.splits
    settings = dataclasses.replace(
        scarce.settings, student_training=TrainingSettings(steps=240, mixup=0.5)
    )
    planner = CellPlanner(settings, prepared, "cross_subject", [split])
    method = dataclasses.replace(
        PLAIN,
        teachers=("skeleton_teacher",),
        teacher_outputs="in_sample",
        pretraining=Pretraining("contrastive", {"temperature": 0.2}, share=0.75),
    )
    (cell,) = planner.cells(method, 0, [2], [1])
    (plain,) = planner.cells(PLAIN, 0, [2], [1])
    (kd,) = planner.cells(_learner("skeleton_teacher"), 0, [2], [1])
    (before,) = cell.fit.inputs
    assert before.spec.part.unlabelled == before.spec.part.clips == split.train_clips
    assert before.spec.cached == kd.fit.spec.cached and before.spec.seed == 2
    assert before.spec.loss == LossSpec("contrastive", {"temperature": 0.2})
    assert (before.spec.training.steps, before.spec.training.mixup) == (180, 0.0)
    tuned = {
        "pretrained": before.key,
        "training": dataclasses.replace(settings.student_training, steps=60),
    }
    assert cell.fit.spec == dataclasses.replace(plain.fit.spec, **tuned)


def _utd_mhad(results: Path) -> SimpleNamespace:
    """What plans read of UTD-MHAD as prepared, from the committed folder of results."""
    clips = pd.read_csv(results / "clips.csv", dtype={"subject": str})
    return SimpleNamespace(
        manifest=clips.assign(skeleton_length=60, action=clips["label"]),
        has_accelerometer=np.ones(len(clips), bool),
        fingerprint=UTD_MHAD,
        description=SimpleNamespace(class_names=[""] * 27),
    )


def test_a_soup_s_nets_go_on_from_one_training_each_with_draws_of_its_own(planners):
    method = dataclasses.replace(
        KD, soup=Soup(3, common_share=0.25), training={"views": 2}, epochs_factor=2
    )
    (cell,) = planners["cross_subject"].cells(method, 0, [5], [1])
    (teacher, *nets) = cell.fit.inputs
    assert teacher.spec.model == "skeleton_teacher"
    assert cell.fit.spec.soup == tuple(one.key for one in nets)
    assert (cell.fit.spec.seed, cell.fit.spec.epochs) == (5, 0)
    assert [one.spec.seed for one in nets] == [1005, 2005, 3005]
    (common,) = {one.spec.pretrained for one in nets}
    common = nets[0].input(common).spec
    assert (common.seed, common.training.views, common.pretrained) == (5, 2, None)
    assert [common.epochs, *(one.spec.epochs for one in nets)] == [200, 600, 600, 600]
    assert {one.loss.name for one in (common, *(net.spec for net in nets))} == {KD.loss}


def test_every_committed_cell_is_still_planned(monkeypatch):
    """Its key is a hash of all that it depends on: a new field must not change an old training."""
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    versions = dict(re.findall(r"^([\w-]+)==(\S+)", pinned, re.MULTILINE))
    versions["tflite-micro"] = versions.get("tflite-micro") or versions["tflite_micro"]
    monkeypatch.setattr(stage_module, "installed_version", versions.__getitem__)
    monkeypatch.chdir(ROOT)
    arguments = parse_flags(BenchmarkArguments, ["--flagfile=configs/benchmark_utd_mhad.flags"])
    results = ROOT / arguments.results_dir
    cells = pd.read_csv(results / "cells.csv", keep_default_na=False)
    planned = set()
    for protocol, seeds in (("validation", (1,)), ("cross_subject", (1, 2, 3))):
        folds = json.loads((results / f"splits_{protocol}.json").read_text("utf-8"))["splits"]
        splits = [
            ClipSplit(protocol, fold["fold"], *(tuple(fold[one]) for one in PARTS), "accuracy")
            for fold in folds
        ]
        planner = CellPlanner(arguments.settings, _utd_mhad(results), protocol, splits)
        own = cells[cells["protocol"] == protocol]
        for method in read_methods(ROOT / arguments.methods_file, sorted(set(own["method"]))):
            of_method = own[own["method"] == method.name]
            for trial in sorted(set(of_method["trial"])):
                students = sorted(set(of_method["student_seed"]))
                planned |= {one.key for one in planner.cells(method, trial, students, seeds)}
        missing = own[~own["cell"].isin(planned)]
        assert len(own) > 100 and missing.empty, missing["method"].value_counts()


@pytest.mark.parametrize(
    ("flagfile", "amount", "board"),
    [
        ("utd_mhad", None, "utd_mhad"),
        ("stream_utd_mhad", None, "utd_mhad_stream"),
        ("windows_utd_mhad", None, "utd_mhad_windows"),
        ("scarce_utd_mhad", "--labelled_subjects=1", "utd_mhad_labelled_people/1"),
        ("scarce_stream_utd_mhad", None, "utd_mhad_labelled_people_stream"),
        ("clips_utd_mhad", "--labels_per_class=3", "utd_mhad_labelled_clips/3"),
        ("watch_utd_mhad", "--watch_subjects=1", "utd_mhad_watches/1"),
        ("unworn_utd_mhad", None, "utd_mhad_unworn_classes"),
    ],
)
def test_rows_of_committed_boards_have_the_recipe_of_today(monkeypatch, flagfile, amount, board):
    """A new field that changes old recipes would take their rows off the board."""
    monkeypatch.chdir(ROOT)
    flags = [f"--flagfile=configs/benchmark_{flagfile}.flags", *([amount] if amount else [])]
    arguments = parse_flags(BenchmarkArguments, flags)
    results = ROOT / "benchmarks" / "results" / board
    shown = set(pd.read_csv(results / "leaderboard.csv")["method"].map(cell_text))
    cells = pd.read_csv(results / "cells.csv", keep_default_na=False)
    run = SimpleNamespace(settings=arguments.settings, prepared=_utd_mhad(results))
    for method in read_methods(ROOT / arguments.methods_file):
        if method.title in shown:
            own = set(cells["configuration"][cells["method"] == method.name])
            trials = range(len(method.trials))
            today = {BenchmarkRun._configuration(run, method, trial) for trial in trials}
            assert own & today, method.name
