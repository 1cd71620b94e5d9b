"""The train command: its numbers, its export, and how it refuses."""

import json
import shutil

import numpy as np
import pytest

from custom_files import CustomFiles
from damage import FILE_DAMAGE
from data_prep.files import file_sha256
from data_prep.prepared_set import PreparedSet
from project import run_command
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import plain_views
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits
from pskd_tf.export.headers import parse_c_array
from pskd_tf.input_settings import InputSettings
from pskd_tf.runs import load_run
from sharing import contents, result_hashes


@pytest.fixture(scope="module")
def metrics(tiny_run):
    return json.loads((tiny_run / "metrics.json").read_text(encoding="utf-8"))


def test_metrics_have_their_stable_keys(metrics):
    assert {
        "dataset",
        "protocol",
        "train_subjects",
        "test_subjects",
        "seeds",
        "teachers",
        "student",
        "baseline",
        "paired_difference",
        "model",
        "acs",
        "wall_seconds",
    } <= set(metrics)
    assert metrics["dataset_is_synthetic"] is True
    assert metrics["train_subjects"] == ["1", "3", "5"]
    assert metrics["test_subjects"] == ["2", "4", "6"]
    for part in (*metrics["student"].values(), metrics["baseline"]["cross_entropy"]):
        for score in ("accuracy", "macro_f1", "wrist_actions_accuracy"):
            assert set(part[score]) == {"mean", "std", "values"}
            assert all(0 <= value <= 1 for value in part[score]["values"])
    student = metrics["student"]["float"]["accuracy"]["values"][0]
    baseline = metrics["baseline"]["cross_entropy"]["accuracy"]["values"][0]
    assert metrics["paired_difference"]["values"] == [student - baseline]


def test_selection_shares_sum_to_one(metrics):
    shares = metrics["acs"]["selection"]["in_sample"]
    assert list(shares) == [
        "skeleton_teacher",
        "fusion_teacher",
        "accelerometer_teacher",
        "ground_truth",
    ]
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)


def test_model_figures(metrics, tiny_run):
    model = metrics["model"]
    assert model["parameters"] == 25360
    assert model["sparsity"]["conv_and_dense"] == pytest.approx(0.5, abs=0.002)
    assert model["sparsity"]["depthwise"] == 0.0
    flatbuffer = tiny_run / "export" / "student_int8.tflite"
    assert model["flatbuffer_bytes"] == flatbuffer.stat().st_size < 48_000


def test_the_c_array_gives_the_accuracy_of_the_metrics(metrics, tiny_run):
    """Parses model_data.cc back and runs it in TensorFlow Lite Micro over the whole test part."""
    tflite = parse_c_array((tiny_run / "export" / "model_data.cc").read_text(encoding="utf-8"))
    prepared = PreparedSet.load(tiny_run / "prepared")
    clips = PairedClips.load(prepared, metrics["test_subjects"])
    views = plain_views(clips, {"accelerometer"}, InputSettings())["accelerometer"]
    interface = Int8Interface.read(tflite)
    quantised = quantise_input(views, interface.input_scale, interface.input_zero_point)
    outputs, _ = tflm_logits(tflite, quantised)
    accuracy = np.mean(outputs.argmax(axis=1) == clips.labels)
    assert accuracy == metrics["student"]["int8"]["accuracy"]["values"][0]


def test_export_manifest_hashes_its_files(tiny_run):
    manifest = json.loads((tiny_run / "export" / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {
        "student_int8.tflite",
        "model_data.h",
        "model_data.cc",
        "model_settings.h",
        "op_resolver.h",
        "golden_vectors.h",
        "plain_model.h",
        "plain_model.c",
    }
    for name, digest in manifest["files"].items():
        assert file_sha256(tiny_run / "export" / name) == digest
    assert len(manifest["golden_clips"]) >= 32
    prepared = PreparedSet.load(tiny_run / "prepared").manifest.set_index("clip_id")
    subjects = prepared.loc[manifest["golden_clips"], "subject"]
    assert set(subjects) <= {"2", "4", "6"}


def test_calibration_clips_are_listed_and_from_training_subjects(tiny_run):
    (path,) = tiny_run.glob("stages/compressed*/calibration.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "clip_id,subject,action"
    assert len(lines) == 1 + 32
    assert {line.split(",")[1] for line in lines[1:]} == {"1", "3", "5"}
    actions = [line.split(",")[2] for line in lines[1:]]
    assert {actions.count(action) for action in actions} == {4}  # eight actions, four each


def test_a_finished_run_is_shown_without_training(run_train, tiny_run):
    before = (tiny_run / "log.txt").read_text(encoding="utf-8")
    again = run_train("--flagfile=configs/tiny.flags", f"--run_dir={tiny_run}")
    assert again.returncode == 0
    assert again.stdout == (tiny_run.parent / "screen.txt").read_text(encoding="utf-8")
    assert (tiny_run / "log.txt").read_text(encoding="utf-8") == before


def test_the_screen_shows_the_table_and_no_noise(tiny_run):
    screen = (tiny_run.parent / "screen.txt").read_text(encoding="utf-8")
    assert "synthetic (generated data, not recordings), cross_subject" in screen
    assert f"model for the board: {tiny_run / 'export'}" in screen
    assert "oneDNN" not in screen


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--run_dir must be given"),
        (["--dataset=nobody"], "nobody"),
        (["--teacher_outputs=honest"], "teacher_outputs takes each of cross_fitted"),
        (
            ["--acs_selection=best"],
            "acs_selection must be one of hard, gap, near, right, soft. Received: best",
        ),
        (["--teachers=skeleton_teacher,nobody"], "teachers takes each of"),
        (["--epochs=0"], "epochs must be positive. Received: 0"),
        (["--epochs=many"], "many"),
        (["--seeds=1,x"], "seeds takes whole numbers. Received: 1,x"),
        (["--sparsity=1.5"], "sparsity must lie in 0..1, 1 excluded. Received: 1.5"),
        (["--steps=100"], "multiple of 24. Received: 100"),
        (["--workers=0"], "must be positive"),
        (["--no_such_flag=1"], "no_such_flag"),
        (["--flagfile=no_such_file.flags"], "no_such_file.flags"),
        (["stray"], "A command takes only --flags. Received: stray"),
        (["--dataset=utd_mhad", "--raw_dir=no/such/folder"], "no/such/folder"),
    ],
)
def test_a_users_error_is_one_line_and_exit_status_2(run_train, tmp_path, flags, message):
    run_dir = tmp_path / "run"
    where = [] if "run_dir" in message else [f"--run_dir={run_dir}"]
    refused = run_train(*where, *flags)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not list(run_dir.glob("stages")) and not list(run_dir.glob("prepared"))


def test_what_preparing_drops_or_doubts_is_said(run_train, tmp_path):
    recordings = CustomFiles(tmp_path / "own")
    for seed in range(8):
        subject, action = "abcd"[seed % 4], ("wave", "clap")[seed // 4]
        recordings.add(f"{subject}_{action}", subject, action, seed)
    recordings.write_layout()
    manifest = recordings.write_manifest()
    (recordings.folder / "sensor/a_wave.csv").write_text("t,ax,ay,az\n0,0,1,0\n")
    (recordings.folder / "sensor/c_clap.csv").write_bytes(
        (recordings.folder / "sensor/b_wave.csv").read_bytes()
    )
    flags = ["--flagfile=configs/custom.flags", f"--manifest={manifest}", "--quarantine"]
    flags += [f"--skeleton_layout={recordings.folder / 'layout.json'}", "--dry_run"]
    finished = run_train(*flags, f"--run_dir={tmp_path / 'run'}")
    assert finished.returncode == 0, finished.stderr
    lines = finished.stderr.splitlines()
    rule = "A recording needs at least 2 samples."
    assert f"warning (dropped): 1 clips (1 of wave): {rule}" in lines
    assert any(line.startswith("warning (lost): wave: 1 of 4 clips are dropped") for line in lines)
    text = "the same samples as b_wave_1, whose action is wave and whose subject is b"
    assert f"warning (copy): c_clap_1: {text}" in lines


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--epochs=30"], "Received: --epochs=30, where the folder's run has --epochs=20"),
        (["--seeds=1,2", "--dry_run"], "--seeds=1,2, where the folder's run has --seeds=1"),
        (["--data_seed=1"], "is of its own data; other data need another --run_dir"),
    ],
)
def test_a_folder_belongs_to_one_run(run_train, tiny_run, tmp_path, flags, message):
    run_dir = tmp_path / "run"
    shutil.copytree(tiny_run, run_dir)
    before = contents(run_dir)
    refused = run_train("--flagfile=configs/tiny.flags", f"--run_dir={run_dir}", *flags)
    assert refused.returncode == 2 and message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert contents(run_dir) == before


@pytest.mark.slow
def test_the_same_command_makes_damaged_files_again(run_train, tiny_run, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(tiny_run, run_dir)
    for damage, pattern in (
        ("flipped", "settings.json"),
        ("cut", "metrics.json"),
        ("cut", "splits_*.json"),
        ("folder", "export/plain_model.c"),
        ("flipped", "prepared/accelerometer.npy"),
        ("flipped", "stages/score-int8*/predictions.npz"),
        ("removed", "stages/score-baseline*/stage.json"),
    ):
        (path,) = run_dir.glob(pattern)
        FILE_DAMAGE[damage](path)
    found = run_command("pskd_tf.verify", f"--run_dir={run_dir}")
    assert found.returncode == 1 and "7 damaged" in found.stdout
    finished = run_train("--flagfile=configs/tiny.flags", f"--run_dir={run_dir}")
    assert finished.returncode == 0, finished.stderr
    log = (run_dir / "log.txt").read_text(encoding="utf-8")
    assert log.count("\nmade again score-") == 2
    assert run_command("pskd_tf.verify", f"--run_dir={run_dir}").returncode == 0
    assert result_hashes(run_dir) == result_hashes(tiny_run)


@pytest.mark.slow
def test_cross_fitted_live_and_window_mode_end_in_an_export(run_train, tmp_path):
    """What the tiny run leaves out: honest outputs, live teachers alone and of several seeds
    together, windows, several workers."""
    run_dir = tmp_path / "run"
    finished = run_train(
        "--flagfile=configs/tiny.flags",
        f"--run_dir={run_dir}",
        "--workers=2",
        "--teachers=skeleton_teacher",
        "--teacher_outputs=live_ensemble,live,cross_fitted",
        "--teacher_seeds=1,2",
        "--input_mode=window",
        "--semantic_weight=0.1",
        "--epochs=4",
        "--skeleton_teacher_epochs=4",
    )
    assert finished.returncode == 0, finished.stderr
    metrics = json.loads((run_dir / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["acs"]["selection"]) == {"live_ensemble", "live", "cross_fitted"}
    for shares in metrics["acs"]["selection"].values():
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)
    assert set(metrics["acs"]["cached_teachers"]) == {"cross_fitted"}
    settings = (run_dir / "export" / "model_settings.h").read_text(encoding="utf-8")
    assert "#define PSKD_CLIP_MODE 0" in settings
    assert "#define PSKD_WINDOW_SAMPLES 96" in settings
    (split,) = json.loads((run_dir / "splits_cross_subject.json").read_text())["splits"]
    assert len(split["train_clips"]) == len(split["test_clips"]) == 96


@pytest.mark.slow
def test_a_training_for_streams_ends_in_an_export_with_the_class_none(stream_run):
    manifest = json.loads((stream_run / "export" / "manifest.json").read_text(encoding="utf-8"))
    prepared = PreparedSet.load(stream_run / "prepared")
    assert manifest["class_names"] == [*prepared.description.class_names, "none"]
    assert manifest["stream"]["minimum_samples"] == 50
    header = (stream_run / "export" / "model_settings.h").read_text(encoding="ascii")
    classes = len(prepared.description.class_names)
    assert f"#define PSKD_NUM_CLASSES {classes + 1}\n" in header
    assert f"#define PSKD_NULL_CLASS {classes}\n" in header
    assert "#define PSKD_MINIMUM_SAMPLES 50\n#define PSKD_MAXIMUM_SAMPLES 275\n" in header
    # A clip is a movement: predictions leave "none" out.
    (scores,) = stream_run.glob("stages/score-int8-*/predictions.npz")
    with np.load(scores) as arrays:
        assert arrays["probabilities"].shape == (96, classes)
    run = load_run(stream_run)
    assert run.metrics["student"]["int8"]["accuracy"]["values"][0] > 1 / classes
    assert (stream_run / "report.html").is_file()


@pytest.mark.slow
def test_evaluate_repeats_the_figures_of_a_training_for_streams(stream_run):
    finished = run_command("pskd_tf.evaluate", f"--run_dir={stream_run}")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("the same") == 3


def test_a_clip_student_has_no_class_none(tiny_run):
    header = (tiny_run / "export" / "model_settings.h").read_text(encoding="ascii")
    assert "PSKD_NULL_CLASS" not in header
    manifest = json.loads((tiny_run / "export" / "manifest.json").read_text(encoding="utf-8"))
    assert "stream" not in manifest


@pytest.mark.slow
def test_a_run_without_teachers_is_cross_entropy_alone(run_train, tmp_path):
    flags = ("--flagfile=configs/tiny.flags", "--teachers=", "--epochs=2", "--prune_epochs=1")
    # Without teachers all kinds of their outputs are one; the flagfiles of data sets name three.
    kinds = "--teacher_outputs=cross_fitted,in_sample,live"
    finished = run_train(*flags, kinds, f"--run_dir={tmp_path / 'run'}")
    assert finished.returncode == 0, finished.stderr
    assert "ACS" not in finished.stdout
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["teachers"] == {}
    assert metrics["student"]["float"] == metrics["baseline"]["cross_entropy"]
    assert metrics["paired_difference"]["values"] == [0.0]
    fits = [path.parent.name for path in (tmp_path / "run" / "stages").glob("*/weights.npz")]
    assert sorted(name.split("-")[0] for name in fits) == ["baseline", "compressed"]
    assert (tmp_path / "run" / "report.html").is_file()
