"""What the compression costs, and where it is too much."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from data_prep.prepared_set import PreparedSet
from pskd_tf.data.clips import PairedClips
from pskd_tf.evaluation.scores import score_clips
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits
from pskd_tf.pipeline.degradation import calibration_warnings, degradation_warnings
from pskd_tf.run import Run
from pskd_tf.run_records import publish


def student(seed: int, **forms: tuple[float, float]) -> dict:
    scores = {name: {"accuracy": one[0], "macro_f1": one[1]} for name, one in forms.items()}
    return {"fold": 1, "seed": seed, **scores}


GOOD = student(1, float=(1.0, 1.0), pruned=(0.98, 0.985), int8=(0.99, 0.98))
# Of the outlier set: int8 keeps 31.2 of 100 %, and pruning takes macro F1 from 100 to 48.4.
BROKEN = student(2, float=(1.0, 1.0), pruned=(1.0, 0.995), int8=(0.312, 0.25))
CUT = student(3, float=(1.0, 1.0), pruned=(0.99, 0.484), int8=(0.99, 0.484))


def test_a_loss_up_to_the_bound_is_allowed():
    assert degradation_warnings([GOOD], 2.0) == []
    (warning,) = degradation_warnings([GOOD], 1.9)
    assert warning.startswith("pruned loses 2.0 points of accuracy and 1.5 points of macro F1")


def test_the_step_the_points_and_the_bound_are_named():
    (warning,) = degradation_warnings([BROKEN], 2.0)
    assert warning.startswith(
        "int8 loses 68.8 points of accuracy and 74.5 points of macro F1 against pruned on training "
        "clips; at most 2 are allowed (--most_points_lost)."
    )
    assert "--calibration" in warning
    (warning,) = degradation_warnings([CUT], 2.0)
    assert "pruned loses 1.0 points of accuracy and 51.6 points of macro F1" in warning
    assert "--prune_epochs" in warning


def test_of_several_students_the_worst_and_their_number_are_named():
    steps = degradation_warnings([GOOD, BROKEN, CUT], 2.0)
    assert [text.split(" loses ")[0] for text in steps] == ["pruned", "int8"]
    assert all(", in 1 of 3 students;" in text for text in steps)


def test_the_scores_of_a_run_are_those_of_its_models_on_the_training_clips(tiny_run):
    run = Run.load(tiny_run)
    check = run.metrics["compression_check"]
    (found,) = check["students"]
    train = [one for fold in run.metrics["folds"] for one in fold["train_subjects"]]
    clips = PairedClips.load(PreparedSet.load(tiny_run / "prepared"), train)
    assert not set(clips.clip_ids) & set(run.export.test_clips)
    interface = Int8Interface.read(run.export.tflite)

    def logits_of(views: np.ndarray) -> np.ndarray:
        inputs = quantise_input(views, interface.input_scale, interface.input_zero_point)
        return tflm_logits(run.export.tflite, inputs)[1]

    expected = score_clips(logits_of, clips, run.settings.inputs)
    assert found["int8"] == {name: expected[name] for name in ("accuracy", "macro_f1")}
    assert set(found) == {"fold", "seed", "float", "pruned", "int8"}
    assert check["warnings"] == degradation_warnings(check["students"], 2.0)


@pytest.fixture
def degraded(tiny_run, tmp_path):
    """A finished run in whose records int8 has lost much."""
    folder = tmp_path / "run"
    folder.mkdir()
    for one in tiny_run.iterdir():
        own = {"metrics.json", "report.html", "model_card.md", "log.txt", ".lock", "run.json"}
        if one.name not in own:
            (folder / one.name).symlink_to(one)
    metrics = json.loads((tiny_run / "metrics.json").read_text(encoding="utf-8"))
    check = metrics["compression_check"]
    check["students"][0]["int8"] = {"accuracy": 0.2, "macro_f1": 0.1}
    check["warnings"] = degradation_warnings(check["students"], 2.0)
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    shutil.copy(tiny_run / "run.json", folder)
    publish(folder, ["metrics.json"])
    return folder


@pytest.mark.slow
def test_a_run_that_lost_much_says_so_everywhere_and_fails_under_strict(degraded, run_train):
    flags = ["--flagfile=configs/tiny.flags", f"--run_dir={degraded}"]
    finished = run_train(*flags)
    assert finished.returncode == 0
    (line,) = [one for one in finished.stderr.splitlines() if "int8 loses" in one]
    assert line.startswith("WARNING: int8 loses ")
    for name in ("report.html", "model_card.md"):
        assert "Warning: int8 loses " in (degraded / name).read_text(encoding="utf-8")
    strict = run_train(*flags, "--strict")
    assert strict.returncode == 2
    last = strict.stderr.strip().splitlines()[-1]
    assert last.startswith("error: With --strict no step of the compression may lose more.")
    assert run_train(*flags, "--strict", "--most_points_lost=100").returncode == 0


def test_values_that_the_ranges_leave_out_are_a_warning():
    """Of two students one was calibrated without the outermost 0.1 %."""
    plan = SimpleNamespace(compressed={1: 100.0, 2: 99.9})
    context = SimpleNamespace(result=lambda kept: {"calibration_kept_percent": kept})
    (warning,) = calibration_warnings([plan], context)
    assert "the outermost 0.1 % of the values" in warning and "in 1 of 2 students" in warning
    assert calibration_warnings([SimpleNamespace(compressed={1: 100.0})], context) == []
