"""The report of a run: what is on it, and that the run wrote it by itself."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.files import file_sha256
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.reporting.compression_section import compression_search
from pskd_tf.reporting.replay import teacher_selection_by_class
from pskd_tf.reporting.report import write_missing_report
from pskd_tf.reporting.score_sections import method_text
from pskd_tf.reporting.scored_models import pooled_confusion, scored_models
from pskd_tf.run import Run
from pskd_tf.run_records import read_result

HEADINGS = {
    "scores": "Scores",
    "stream": "In a stream",
    "training": "Training curves",
    "confusion": "Confusion matrix",
    "groups": "Scores per subject and per class",
    "selection": "Teacher selection",
    "calibration": "Calibration (reliability diagram)",
    "compression": "Compression and cost on the device",
    "embeddings": "Embeddings",
    "clips": "Example clips",
    "reproduce": "Settings and how to reproduce",
}


def test_a_method_s_sentence_names_what_its_training_changes():
    method = {
        "loss": "cross_entropy",
        "arguments": {"label_smoothing": 0.1},
        "teachers": [],
        "teacher_outputs": "",
    }
    text = "the loss cross_entropy (label smoothing 0.1) with no teacher"
    assert method_text(SimpleNamespace(metrics={"method": method})) == text
    changed = {**method, "training": "views 2", "pretraining": "contrastive"}
    assert method_text(SimpleNamespace(metrics={"method": changed})) == (
        "the loss cross_entropy (label smoothing 0.1) after pre-training without labels by "
        "contrastive, with no teacher, trained with views 2"
    )


@pytest.fixture(scope="module")
def run(tiny_run) -> Run:
    return Run.load(tiny_run)


def test_a_run_ends_with_a_report_of_its_numbers(tiny_run):
    text = (tiny_run / "report.html").read_text(encoding="utf-8")
    assert dict(re.findall(r'<section id="(\w+)">\n<h2>(.*?)</h2>', text)) == HEADINGS
    assert len(text.encode()) < 5_000_000
    metrics = json.loads((tiny_run / "metrics.json").read_text(encoding="utf-8"))
    accuracy = f"{100 * metrics['student']['int8']['accuracy']['mean']:.1f} %"
    assert f"reaches an accuracy of {accuracy} (one seed, n = 1;" in text
    assert "Generated data, not recordings" in text
    assert "<td>1, 3, 5</td><td>2, 4, 6</td><td>96 / 96</td>" in text
    assert metrics["run_key"] in text
    assert "ACS is our reconstruction" in text


def test_every_drawing_says_what_it_shows_and_every_figure_how_to_read_it(tiny_run):
    text = (tiny_run / "report.html").read_text(encoding="utf-8")
    drawings = re.findall(r"<svg [^>]*>", text)
    assert len(drawings) > 20
    assert all('role="img"' in one and re.search(r'aria-label="[^"]+"', one) for one in drawings)
    captions = re.findall(r"<figure>\s*<figcaption>(.*?)</figcaption>", text, re.S)
    assert len(captions) == text.count("<figure>")
    assert all(caption.startswith("How to read it: ") for caption in captions)


def test_the_model_card_names_the_model_by_its_hash(tiny_run):
    card = (tiny_run / "model_card.md").read_text(encoding="utf-8")
    digest = file_sha256(tiny_run / "export" / "student_int8.tflite")
    assert f"* student_int8.tflite: `{digest}`" in card
    assert "trained on subjects 1, 3, 5; scored on 2, 4, 6." in card
    assert "reconstruction" in card and "## Intended use" in card and "## Limits" in card


@pytest.mark.slow
def test_a_missing_report_is_written_again_byte_for_byte(tiny_run, tmp_path, run_train):
    copy = tmp_path / "run"
    shutil.copytree(tiny_run, copy, ignore=shutil.ignore_patterns("tensorboard"))
    (copy / "report.html").unlink()
    again = run_train("--flagfile=configs/tiny.flags", f"--run_dir={copy}")
    assert again.returncode == 0, again.stderr
    assert (copy / "report.html").read_bytes() == (tiny_run / "report.html").read_bytes()
    context = RunContext(copy / "prepared", copy / "stages", copy)
    assert write_missing_report(context) is None


def test_a_run_without_its_stages_is_still_shown(tiny_run, tmp_path, run_train):
    copy = tmp_path / "run"
    shutil.copytree(tiny_run, copy, ignore=shutil.ignore_patterns("tensorboard", "stages"))
    (copy / "report.html").unlink()
    again = run_train("--flagfile=configs/tiny.flags", f"--run_dir={copy}")
    assert again.returncode == 0, again.stderr
    assert "no report: Every stage of the run must be in" in (copy / "log.txt").read_text()


def test_confusion_counts_hold_the_accuracy_of_the_metrics(run):
    for model in scored_models(run):
        counts = pooled_confusion(run, model)
        assert counts.sum() == 96
        if model.name == "int8":
            accuracy = run.metrics["student"]["int8"]["accuracy"]["mean"]
            assert np.trace(counts) / 96 == pytest.approx(accuracy)


def test_selected_shares_of_every_class_sum_to_one(run):
    shares = teacher_selection_by_class(run, "in_sample")
    assert list(shares) == [
        "skeleton_teacher",
        "fusion_teacher",
        "accelerometer_teacher",
        "ground_truth",
    ]
    total = sum(shares.values())
    np.testing.assert_allclose(total, np.ones(8), atol=1e-6)
    # Hard selection: the truth is followed alone just where no cached teacher is right.
    (folder,) = [one.folder for one in run.stages if one.kind == "teacher_outputs"]
    result = read_result(folder, "teacher_outputs")
    assert shares["ground_truth"].mean() == pytest.approx(1 - result["any_right"], abs=1e-6)


def test_a_search_under_a_budget_is_shown_whatever_its_fields():
    rows = [
        {"name": "24 kB", "method": "ptq", "flash_bytes": 20480, "int8_accuracy": 0.91234},
        {"name": "16 kB", "method": "qat", "flash_bytes": 15000, "int8_accuracy": 0.9},
    ]
    rows[1]["refused"] = "agreement"
    content = {
        "candidates": rows,
        "chosen": {"name": "24 kB", "method": "ptq"},
        "model": {"arena": {"head": 1024}, "operators": ["A", "B"]},
        "record": ["<b>chosen on validation"],
    }
    search = compression_search(content)
    (table,) = search.tables
    assert list(table.rows[0]) == ["24 kB", "ptq", "20,480", "0.9123"]
    assert search.values.rows == [
        ["chosen: name", "24 kB"],
        ["chosen: method", "ptq"],
        ["model: arena: head", "1,024"],
        ["model: operators", "A, B"],
    ]
    assert search.notes == [["<b>chosen on validation"]]
    assert search.front.svg.count(">exported</text>") == 1
    assert "24 kB, ptq: 20,480 bytes, 91.2 %" in search.front.svg
    for odd in ([], {}, [{}], {"candidates": [1]}, {"candidates": {}}, 3):
        assert compression_search(odd).front is None


def test_what_is_no_finished_run_is_refused(tmp_path, tiny_run):
    with pytest.raises(UserError, match=r"A finished run of pskd_tf.train has .*/metrics\.json"):
        Run.load(tmp_path).require_all()
    with pytest.raises(UserError, match="Every stage of the run must be in --stages_dir"):
        Run.load(tiny_run, stages_dir=tmp_path).require_all()
    with pytest.raises(UserError, match=r"needs a dataset\.json"):
        Run.load(tiny_run, prepared_dir=Path(tmp_path)).require_all()
