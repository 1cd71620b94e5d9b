"""Pictures of what ACS selects and of the teachers' calibration."""

import shutil

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from data_prep.errors import UserError
from pskd_tf.reporting.pictures import (
    PICTURES,
    TABLE,
    Picture,
    calibration,
    class_accuracies,
    epoch_means,
    teacher_confidences,
    write_pictures,
)
from pskd_tf.run import Run

TEACHERS = ("skeleton_teacher", "fusion_teacher", "accelerometer_teacher")


@pytest.fixture(scope="module")
def run(tiny_run) -> Run:
    return Run.load(tiny_run)


def test_epochs_are_those_of_the_student_s_history(run, tiny_run):
    columns = [f"followed_{one}" for one in (*TEACHERS, "ground_truth")]
    means = epoch_means(run, "in_sample", [*columns, "no_such_column"])
    assert list(means) == columns
    (path,) = (tiny_run / "stages").glob("student-in_sample-*/history.csv")
    table = pd.read_csv(path)
    for one in columns:
        np.testing.assert_allclose(means[one], table[one])
    np.testing.assert_allclose(np.sum(list(means.values()), axis=0), 1, atol=1e-5)
    assert epoch_means(run, "live", columns) == {}


def test_several_histories_are_averaged_over_the_epochs_that_all_have(run, monkeypatch):
    (student,) = (one for one in run.stages if one.name.startswith("student-"))
    tables = (pd.DataFrame({"a": [0.0, 2.0], "b": 1.0}), pd.DataFrame({"a": [1.0, 5.0, 9.0]}))
    histories = [_WithHistory(student, table) for table in tables]
    monkeypatch.setattr(
        "pskd_tf.reporting.pictures.training_group", lambda run, stage: "students/in_sample"
    )
    pair = Run(run.run_dir, run.stages_dir, run.prepared_dir)
    vars(pair)["stages"] = tuple(histories)  # as if read from the folder
    means = epoch_means(pair, "in_sample", ["a", "b"])
    assert list(means) == ["a"]
    np.testing.assert_allclose(means["a"], [0.5, 3.5])


class _WithHistory:
    def __init__(self, stage, history):
        self.kind, self.history = stage.kind, history


def test_confidences_are_the_softmax_of_the_cached_logits(run, tiny_run):
    confidences = teacher_confidences(run, "in_sample")
    assert tuple(confidences) == TEACHERS
    (path,) = (tiny_run / "stages").glob("in_sample-*/outputs.npz")
    manifest = run.prepared.manifest
    label_of = dict(zip(manifest["clip_id"], manifest["action"], strict=True))
    with np.load(path, allow_pickle=False) as arrays:
        labels = np.array([label_of[clip] for clip in arrays["clip_ids"]])
        for name, own in confidences.items():
            logits = arrays[f"{name}_logits"].astype(float)
            shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            truth = shares[np.arange(len(labels)), labels]
            expected = np.where(logits.argmax(axis=1) == labels, truth, 0)
            np.testing.assert_allclose(np.sort(own), np.sort(expected), atol=1e-5)


def test_class_accuracies_average_to_the_run_s_accuracy(run):
    rates = class_accuracies(run, "baseline", [1])
    part = run.predictions("baseline/1")
    assert rates.shape == (len(run.class_names),)
    weights = np.bincount(part.labels, minlength=len(rates))
    overall = np.sum(np.nan_to_num(rates) * weights) / weights.sum()
    assert overall == pytest.approx(run.metrics["baseline"]["cross_entropy"]["accuracy"]["mean"])
    np.testing.assert_array_equal(np.isnan(rates), weights == 0)


def test_every_picture_is_written(run, tmp_path):
    written = write_pictures(run, tmp_path / "pictures")
    names = [*(f"{name}.png" for name in PICTURES), f"{TABLE}.csv"]
    assert [path.name for path in written] == names
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == sorted(
        path.name for path in written
    )
    table = pd.read_csv(written[-1])
    assert list(table["teacher"]) == list(TEACHERS)
    assert set(table["teacher_outputs"]) == {"in_sample"}
    assert (table["calibrated_loss"] <= table["loss"]).all()
    for path in written[:-1]:
        pixels = imread(path)
        assert min(pixels.shape[:2]) > 250
        assert pixels[..., :3].std() > 0.02  # not blank
        assert path.stat().st_size < 150_000


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="out must be a writable folder"):
        Picture(["one"], 2, 2).save(tmp_path / "file" / "one.png")


def test_a_run_without_its_stages_is_refused(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run", ignore=shutil.ignore_patterns("stages"))
    with pytest.raises(UserError, match="Every stage of the run must be in --stages_dir"):
        Run.load(tmp_path / "run").require_all()


@pytest.mark.parametrize("height", [0.5, 2.0, 6.0])
def test_two_classes_at_one_height_are_fitted_exactly(height):
    """Right on 9 of 10 with logits (h, 0): sigmoid(h / T) = 0.9, so T = h / ln 9."""
    labels = np.array([0] * 9 + [1])
    logits = np.tile([height, 0.0], (10, 1))
    found = calibration(logits, labels)
    assert found.accuracy == 0.9
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-height)))
    assert found.temperature == pytest.approx(height / np.log(9), rel=1e-3)
    assert found.calibrated_loss == pytest.approx(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)))
    wrong = 0.1 * height + np.log1p(np.exp(-height))
    assert found.loss == pytest.approx(wrong)


def test_outputs_drawn_from_their_own_probabilities_need_no_change():
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2.0, size=(20_000, 5))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) < generator.uniform(size=(20_000, 1))).sum(axis=1)
    found = calibration(logits, labels)
    assert found.temperature == pytest.approx(1.0, abs=0.03)
    assert found.calibrated_loss <= found.loss
