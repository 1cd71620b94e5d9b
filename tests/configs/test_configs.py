"""Every flagfile parses; those of recordings run from raw files to an exported model."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from berkeley_mhad_files import (
    mocap_path,
    mocap_table,
    sensor_path,
    sensor_table,
    write_mocap,
    write_sensor,
)
from custom_files import CustomFiles
from data_prep.files import file_sha256
from data_prep.flags import parse_flags
from data_prep.prepared_set import PreparedSet
from data_prep.registry import load_dataset
from mmact_files import (
    POSE,
    pose_json,
    sensor_csv as mmact_csv,
    turning_gravity,
    write as write_mmact,
)
from project import ROOT
from pskd_tf.arguments import TrainArguments
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.settings import TEACHERS, RunSettings
from smartfallmm_files import gravity_turning, skeleton_csv, watch_csv, write as write_smartfallmm

CONFIGS = ROOT / "configs"
RECORDINGS = ("berkeley_mhad", "mmact", "smartfallmm", "custom")


@dataclass(frozen=True)
class Case:
    """A miniature set and what its run must come to.

    Attributes:
        flags: Where the files are.
        train: Training subjects.
        test: Test subjects.
        blind: Clips without a skeleton, one of the training and one of the test part.
        class_names: Some of the names that the board prints.
        teachers: The chain.
        kind: How the teachers teach.
        leaking: The set's protocols in which someone both trains and tests.
    """

    flags: list[str]
    train: list[str]
    test: list[str]
    blind: tuple[str, str]
    class_names: tuple[str, ...]
    teachers: str = "skeleton_teacher"
    kind: str = "in_sample"
    leaking: frozenset[str] = frozenset()


def berkeley_mhad(folder: Path) -> Case:
    """3 + 2 subjects, 3 actions, 3 repetitions."""
    blind = ("s02_a01_r01", "s09_a03_r03")
    optical = folder / "optical.txt"
    write_mocap(optical, mocap_table())
    for subject in (1, 2, 3, 8, 9):
        for action in (1, 2, 3):
            for trial in (1, 2, 3):
                name = f"s{subject:02d}_a{action:02d}_r{trial:02d}"
                table = sensor_table(100 * subject + 10 * action + trial)
                table[:, :3] = np.roll(table[:, :3], action, axis=1)
                write_sensor(sensor_path(folder / "raw", name), table)
                if name not in blind:
                    path = mocap_path(folder / "raw", name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.hardlink_to(optical)
    names = ("jumping_in_place", "jumping_jacks", "stand_up")
    chain = "skeleton_teacher,accelerometer_teacher"
    return Case([f"--raw_dir={folder / 'raw'}"], ["1", "2", "3"], ["8", "9"], blind, names, chain)


def mmact(folder: Path) -> Case:
    """3 + 2 subjects, 3 actions, sessions 1, 2 (in scene 2) and 5."""
    blind = ("subject2_scene1_session1_fall", "subject18_scene1_session5_walking")
    seconds = np.arange(200) / 100
    for subject in (1, 2, 3, 17, 18):
        for session in (1, 2, 5):
            for speed, action in enumerate(("fall", "standing", "walking"), start=1):
                place = f"scene{2 if session == 2 else 1}/session{session}/{action}"
                text = mmact_csv(seconds, turning_gravity(seconds * (speed + 0.01 * subject)))
                write_mmact(folder, f"acc_watch_clip/subject{subject}/{place}.csv", text)
                if f"subject{subject}_{place.replace('/', '_')}" not in blind:
                    pose = pose_json(40 + session)
                    write_mmact(folder, f"{POSE}/subject{subject}/cam1/{place}.json", pose)
    names = ("carrying_light", "fall", "walking")
    return Case(
        [f"--raw_dir={folder}"], ["1", "2", "3"], ["17", "18"], blind, names,
        leaking=frozenset({"cross_session", "cross_scene"}),
    )  # fmt: skip


def smartfallmm(folder: Path) -> Case:
    """6 subjects, of whom every third tests, 2 actions, 3 trials; teachers teach live."""
    blind = ("young_S29A01T01", "young_S33A10T03")
    for subject in range(28, 34):
        for action in (1, 10):
            for trial in (1, 2, 3):
                name = f"S{subject}A{action:02d}T{trial:02d}"
                seconds = np.arange(90 + trial) / 32
                text = watch_csv(seconds, gravity_turning(seconds * (1 + 0.1 * action)))
                write_smartfallmm(folder, f"young/accelerometer/watch/{name}.csv", text)
                if f"young_{name}" not in blind:
                    write_smartfallmm(folder, f"young/skeleton/{name}.csv", skeleton_csv())
    train, test = ["28", "29", "31", "32"], ["30", "33"]
    names = ("falling_backwards",)
    chain = "skeleton_teacher,fusion_teacher"
    return Case([f"--raw_dir={folder}"], train, test, blind, names, chain, "live")


def custom(folder: Path) -> Case:
    """3 + 2 subjects with names that no file could have, 2 actions, 4 trials; cross-fitted."""
    made = CustomFiles(folder)
    train, test = [["A/1", "A/2", "A/3"], ["../B 1", "B" * 200]]
    for number, subject in enumerate([*train, *test]):
        for seed, action in enumerate(("clap", "wave")):
            for trial in range(4):
                seen = (number, action, trial) not in ((1, "clap", 0), (3, "wave", 3))
                name = f"{number}_{action}_{trial}"
                made.add(name, subject, action, seed + 1, skeleton=seen)
                part = "train" if subject in train else "test"
                made.rows[-1] |= {"part": part, "clip_id": name}
    places = [f"--manifest={made.write_manifest()}", f"--skeleton_layout={made.write_layout()}"]
    blind = ("1_clap_0", "3_wave_3")
    return Case(places, train, test, blind, ("clap", "wave"), kind="cross_fitted")


# Those of a benchmark have flags of their own; tests/pskd_tf/benchmark reads them.
FLAGFILES = sorted(path for path in CONFIGS.glob("*.flags") if "benchmark" not in path.stem)


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_every_flagfile_makes_settings_of_a_known_set(path: Path, tmp_path):
    arguments = parse_flags(TrainArguments, ["--run_dir=RUN", f"--flagfile={path}"])
    assert arguments.settings.protocol == "cross_subject"
    generated, given = path.stem in ("demo", "tiny"), arguments.dataset
    of_data = path.stem
    for study in ("_stream", "_windows", "_one_person", "_six_axes", "_ten_nets"):
        of_data = of_data.removesuffix(study)
    assert given.dataset == ("synthetic" if generated else of_data)
    assert arguments.settings.stream.enabled == path.stem.endswith(("_stream", "_windows", "demo"))
    if given.dataset == "custom":
        assert not given.raw_dir and given.options.manifest is None  # the user's own
    else:  # a loader refuses options that are not its own
        load_dataset(given.dataset, None if generated else tmp_path, options=given.options)
    text = path.read_text(encoding="utf-8")
    assert f"--flagfile=configs/{path.name}" in text or path.stem == "demo"


@pytest.fixture(scope="module", params=RECORDINGS)
def run(
    request: pytest.FixtureRequest, run_train: Callable, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Case, Path]:
    """A miniature set and the folder of its finished run of two epochs a model."""
    makers = {maker.__name__: maker for maker in (berkeley_mhad, mmact, smartfallmm, custom)}
    folder = tmp_path_factory.mktemp(request.param)
    case = makers[request.param](folder / "files")
    finished = run_train(
        "--flagfile=configs/tiny.flags",
        f"--flagfile=configs/{request.param}.flags",
        *case.flags,
        f"--run_dir={folder / 'run'}",
        "--workers=1",
        "--seeds=1",
        f"--teachers={case.teachers}",
        f"--teacher_outputs={case.kind}",
        *(f"--{name}_epochs=2" for name in ("prune", *TEACHERS)),
        "--epochs=2",
        "--batch_size=8",
        "--calibration_clips=16",
    )
    assert finished.returncode == 0, finished.stderr
    return case, folder / "run"


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_metrics_name_the_set_and_its_subjects(run):
    case, run_dir = run
    metrics = read_json(run_dir / "metrics.json")
    assert metrics["dataset"] in run_dir.parent.name
    assert not metrics["dataset_is_synthetic"]
    assert (metrics["protocol"], metrics["leaks_subjects"]) == ("cross_subject", False)
    assert (metrics["train_subjects"], metrics["test_subjects"]) == (case.train, case.test)
    assert list(metrics["teachers"]) == case.teachers.split(",")
    (shares,) = metrics["acs"]["selection"].values()
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.slow
def test_export_is_whole_and_prints_the_sets_classes(run):
    case, run_dir = run
    manifest = read_json(run_dir / "export" / "manifest.json")
    assert {"student_int8.tflite", "model_data.cc", "golden_vectors.h"} < set(manifest["files"])
    for name, digest in manifest["files"].items():
        assert file_sha256(run_dir / "export" / name) == digest
    assert manifest["provenance"]["train_subjects"] == case.train
    header = (run_dir / "export" / "model_settings.h").read_text(encoding="ascii")
    for name in case.class_names:
        assert f'"{name}"' in header


@pytest.mark.slow
def test_every_stage_has_one_folder_whatever_the_subjects_are_called(run):
    _, run_dir = run
    folders = [path for path in (run_dir / "stages").iterdir() if path.is_dir()]
    assert len(folders) == len(read_json(run_dir / "metrics.json")["wall_seconds"])
    assert all((folder / "result.json").is_file() for folder in folders)


@pytest.mark.slow
def test_clips_without_a_skeleton_train_and_test_the_student_alone(run):
    case, run_dir = run
    manifest = PreparedSet.load(run_dir / "prepared").manifest
    is_blind = manifest["flags"].str.contains("no_skeleton").to_numpy()
    assert set(manifest["clip_id"][is_blind]) == set(case.blind)
    (split,) = read_json(run_dir / "splits_cross_subject.json")["splits"]
    assert len(split["train_clips"]) + len(split["test_clips"]) == len(manifest) >= 32
    (student,) = run_dir.glob("stages/student-*/stage.json")
    assert read_json(student)["spec"]["part"]["clips"] == split["train_clips"]
    assert case.blind[0] in split["train_clips"]
    assert case.blind[1] in split["test_clips"]
    for name, left_out in (("students", set()), ("teachers-skeleton_teacher", {case.blind[1]})):
        (predictions,) = run_dir.glob(f"stages/score-{name}-*/predictions.npz")
        with np.load(predictions, allow_pickle=False) as arrays:
            assert set(arrays["clip_ids"]) == set(split["test_clips"]) - left_out
            assert np.isfinite(arrays["probabilities"]).all()
    caches = list(run_dir.glob("stages/*/outputs.npz"))
    assert len(caches) == (case.kind != "live")
    for cached in caches:
        with np.load(cached, allow_pickle=False) as arrays:
            unseen = arrays["clip_ids"][arrays["skeleton_teacher_available"] == 0]
        assert list(unseen) == [case.blind[0]]


@pytest.mark.slow
def test_every_declared_protocol_is_planned_and_says_whether_it_leaks(run):
    case, run_dir = run
    prepared = PreparedSet.load(run_dir / "prepared")
    plans = {
        name: plan_run(RunSettings(protocol=name), prepared)
        for name in prepared.description.protocols
    }
    assert {name for name, (plan,) in plans.items() if plan.split.leaks_subjects} == case.leaking
    assert set(plans) == {"cross_subject", *case.leaking}
    for name in case.leaking:
        (plan,) = plans[name]
        assert (len(plan.split.train_clips), len(plan.split.test_clips)) == (30, 15)


@pytest.mark.slow
def test_with_the_labels_of_one_person_every_set_trains_and_exports(run, run_train, tmp_path):
    case, run_dir = run
    finished = run_train(
        "--flagfile=configs/tiny.flags",
        f"--flagfile=configs/{run_dir.parent.name.rstrip('0123456789')}.flags",
        *case.flags,
        f"--run_dir={tmp_path}",
        f"--prepared_dir={run_dir / 'prepared'}",
        "--workers=1",
        "--seeds=1",
        "--labelled_subjects=1",
        "--teachers=skeleton_teacher,accelerometer_student",
        "--teacher_outputs=in_sample",
        "--training_steps=24",
        "--teacher_steps=24",
        "--prune_epochs=1",
        "--calibration_clips=16",
    )
    assert finished.returncode == 0, finished.stderr
    labels = read_json(tmp_path / "metrics.json")["labels"]
    assert len(case.train) > 1 and labels["labelled"] < labels["clips"]
    guesses = labels["guesses"]["in_sample"]
    assert set(guesses) == {"skeleton_teacher", "accelerometer_student", "mean of teachers"}
    assert (tmp_path / "export" / "student_int8.tflite").stat().st_size > 10_000
