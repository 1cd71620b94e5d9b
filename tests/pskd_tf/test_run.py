"""A finished run, read from its folder: what it says, and what is refused."""

import dataclasses
import json
import shutil

import pytest

from data_prep.errors import UserError
from data_prep.files import file_sha256
from pskd_tf.run import Run
from pskd_tf.run_records import publish


@pytest.fixture(scope="module")
def run(tiny_run) -> Run:
    return Run.load(tiny_run)


def test_the_figures_and_the_export_are_those_of_the_files(run, tiny_run):
    assert run.first_seed == 1 and run.first_kind == "in_sample"
    assert run.metrics["dataset"] == "synthetic"
    assert len(run.stages) == len(run.metrics["wall_seconds"])
    export = run.export
    assert export.tflite == (tiny_run / "export" / "student_int8.tflite").read_bytes()
    assert export.sha256 == file_sha256(tiny_run / "export" / "manifest.json")
    assert export.manifest.inputs == run.settings.inputs
    assert export.manifest.clip_rate_hz == 50.0
    assert export.dataset_fingerprint == run.prepared.fingerprint
    assert set(export.test_clips) == set(run.predictions("int8/1").clip_ids)


def test_the_recorded_scores_are_those_of_the_predictions(run):
    for form, what in (
        ("float", "students/in_sample/1"),
        ("pruned", "pruned/1"),
        ("int8", "int8/1"),
    ):
        accuracy = run.predictions(what).right.mean()
        assert run.recorded_scores(form)["accuracy"] == pytest.approx(accuracy)


def test_the_exported_stages_hold_the_weights(run, tmp_path):
    assert [stage.kind for stage in run.exported_stages.values()] == ["fit", "compress"]
    for stage in run.exported_stages.values():
        assert (stage.folder / "weights.npz").is_file()
    assert Run.load(run.run_dir, stages_dir=tmp_path).exported_stages == {}


def test_nothing_is_read_before_it_is_needed(tmp_path):
    run = Run.load(tmp_path / "no" / "run")
    for name, message in (
        ("metrics", r"has metrics\.json and export/.*metrics\.json\)$"),
        ("settings", r"run_dir must be the folder of a run.*settings\.json\)$"),
        ("export", r"A finished run has an export.*no manifest\.json"),
        ("prepared", r"needs a dataset\.json"),
        ("stages", r"has metrics\.json and export/"),
    ):
        with pytest.raises(UserError, match=message):
            getattr(run, name)


def test_metrics_without_a_part_are_refused(tiny_run, tmp_path):
    metrics = json.loads((tiny_run / "metrics.json").read_text())
    del metrics["folds"]
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"as pskd_tf\.train wrote it.* folds: Field req"):
        _ = Run.load(tmp_path).metrics


def test_a_missing_stage_names_the_folder_to_give(run, tmp_path):
    other = dataclasses.replace(run, stages_dir=tmp_path)
    with pytest.raises(UserError, match=r"must be in --stages_dir.*stage\.json\)$"):
        other.require_all()
    with pytest.raises(UserError, match=r"stages of the same run\. Received: 12ab"):
        run.stage("12ab")


def test_a_folder_with_files_of_two_runs_is_refused(tiny_run, tmp_path):
    """As after a kill between two runs' exports by a version that let them share a folder."""
    shutil.copytree(tiny_run, tmp_path / "run", ignore=shutil.ignore_patterns("run.json"))
    path = tmp_path / "run" / "export" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["provenance"]["run_key"] = "0" * 64
    path.write_text(json.dumps(manifest))
    message = (
        r"must be of one run; .*Received: the run 0{12} beside [0-9a-f]{12} \(file: .*manifest"
    )
    with pytest.raises(UserError, match=message):
        _ = Run.load(tmp_path / "run").export
    # The figures are those of another key than the folder's.
    (tmp_path / "run" / "run.json").write_text(json.dumps({"run_key": "1" * 64, "files": {}}))
    with pytest.raises(UserError, match=r"must be finished.*Received: no metrics\.json in run"):
        _ = Run.load(tmp_path / "run").metrics
    publish(tmp_path / "run", ["metrics.json"])
    with pytest.raises(UserError, match=r"beside 111111111111 \(file: .*metrics\.json"):
        _ = Run.load(tmp_path / "run").metrics
