"""A search over made-up results: who is chosen, who is refused, and what is written about it."""

import dataclasses
import json

import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.compression.cost import BoardLimits, SafetyLimits
from pskd_tf.exported import Export
from pskd_tf.pipeline.plan import GOLDEN_CLIPS
from pskd_tf.pipeline.search import CompressionPlan
from pskd_tf.pipeline.search_report import compression_markdown, pareto_rows, write_pareto
from pskd_tf.pipeline.stage import RunContext, all_stages, stages_summary
from pskd_tf.runs import compress as module, export_run
from pskd_tf.runs.compress import compare_candidates, perform_compression
from pskd_tf.settings import CompressionSearch, RunSettings

LAYERS = ("stem", "block1_depth", "block1_point", "block2_depth", "block2_point", "block3_depth")
LAYERS += ("block3_point", "segments", "semantic", "logits")
ALLOWED = BoardLimits(flash_bytes=24 * 1024)
# Of the 32 clips of each fold: how many int8 gets wrong, which float all gets right.
WRONG = {(None, "ptq"): 0, (None, "qat"): 1, (24 * 1024, "ptq"): 2, (24 * 1024, "qat"): 1}
SAFETY = SafetyLimits(least_agreement=0.95)


@pytest.fixture
def search(prepared, tmp_path, int8_student):
    """A plan whose every stage is there: what a stage holds follows from its settings."""
    settings = RunSettings(teacher_outputs=("in_sample",))
    plan = CompressionPlan.make(settings, prepared, CompressionSearch(), [ALLOWED])
    context = RunContext(prepared.folder, tmp_path / "stages", tmp_path)
    finals = [
        plan.final_candidate(limits, method)
        for limits in (None, ALLOWED)
        for method in ("ptq", "qat")
    ]
    wanted = [one for candidate in (*plan.candidates, *finals) for one in candidate.scores]
    labels = dict(
        zip(prepared.manifest["clip_id"], prepared.manifest["action"].astype(int), strict=True)
    )
    for stage in all_stages(wanted):
        folder = context.folder(stage)
        folder.mkdir(parents=True)
        result = {}
        if stage.kind == "quantise":
            limits, method = describe(stage)
            flash = 40_752 if limits is None else 24_000 + (300 if method == "qat" else 0)
            result = quantised_result(flash)
            (folder / "student_int8.tflite").write_bytes(int8_student.tflite)
        if stage.kind == "score":
            truth = np.array([labels[clip] for clip in stage.spec.clips])
            guesses = truth.copy()
            if stage.spec.form == "int8":
                wrong = WRONG[describe(stage.input(stage.spec.source))]
                guesses[:wrong] = (guesses[:wrong] + 1) % (truth.max() + 1)
            np.savez(
                folder / "predictions.npz",
                labels=truth,
                probabilities=np.eye(truth.max() + 1)[guesses],
            )
        (folder / "result.json").write_text(json.dumps(result))
    return plan, settings, context


def describe(stage):
    slim = stage.input(stage.spec.source)
    limits = slim.spec.limits.flash_bytes if slim.kind == "slim" else None
    return limits, stage.spec.method


def quantised_result(flash: int) -> dict:
    return {
        "builder_arguments": {"widths": [8, 8, 8, 8]},
        "wall_seconds": 1.0,
        "parameters": 1000,
        "macs": 5000,
        "sparsity": {"conv_and_dense": 0.0, "depthwise": 0.0},
        "flatbuffer_bytes": flash,
        "gzip_bytes": flash // 2,
        "arena_bytes": 7000,
        "arena": {"head": 2000, "tail": 4900, "total": 6900},
        "operators": ["CONV_2D"],
        "snr_db": dict.fromkeys(LAYERS, 25.0),
    }


@pytest.fixture
def exports(monkeypatch):
    made = []
    monkeypatch.setattr(module, "export_run", lambda *arguments: made.append(arguments))
    return made


def run(search, prepared, safety=None, allowed=ALLOWED):
    plan, settings, context = search
    return perform_compression(plan, settings, prepared, context, allowed, safety or SAFETY, 1)


def test_the_most_accurate_safe_one_that_fits_ships(search, prepared, exports):
    """Not cut is better but too large; of the two that fit, training for int8 is better."""
    report = run(search, prepared)
    assert report["chosen"] == {"name": "cut to 24 kB flash", "method": "qat"}
    refused = {(row["name"], row["method"]): row["refused"] for row in report["candidates"]}
    assert "flash_bytes by 16176 over" in refused["not cut", "ptq"]
    assert (
        "on 95 % of the clips of all validation folds. Received: 93.8 %"
        in refused["cut to 24 kB flash", "ptq"]
    )
    assert refused["cut to 24 kB flash", "qat"] is None
    validation = report["accuracy"]["validation"]
    assert validation["float"] == validation["pruned"] == 1.0
    assert validation["ptq"] < validation["int8"] < validation["unpruned_int8"] == 1.0
    test = report["accuracy"]["test"]
    assert test["int8"] == pytest.approx(1 - 1 / 96) and test["ptq"] == pytest.approx(1 - 2 / 96)
    # The export gets the stage that was made from all training subjects.
    plan, (_, fold, _, context, _) = search[0], exports[0]
    (shipped,) = fold.compressed.values()
    assert shipped.key == plan.final_candidate(ALLOWED, "qat").quantised[0].key
    assert context.run_dir.name == "compressed"


def test_the_report_is_kept_and_reads_well(search, prepared, exports):
    report = run(search, prepared)
    context = search[2]
    kept = json.loads((context.run_dir / "compression.json").read_text())
    assert kept == json.loads(json.dumps(report))
    text = compression_markdown(report)
    assert "cut to 24 kB flash, QAT: 24,300 bytes of flash (12,150 gzipped)" in text
    assert "head 2,000, tail 4,900" in text
    assert "| logits | FULLY_CONNECTED | 27 |" in text
    assert "| 25.0 |  |" in text and "nan" not in text and "None" not in text
    assert "Test subjects (" in text and "chose nothing" in text
    assert [len(report["layers"]), len(report["candidates"])] == [11, 4]


def test_a_kill_in_the_export_leaves_no_report_of_another_one(
    search, prepared, exports, monkeypatch
):
    """Else the report of the search before would stand beside the new export."""
    run(search, prepared)
    run_dir = search[2].run_dir
    (run_dir / "compression.md").write_text("of before")

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "export_run", killed)
    with pytest.raises(KeyboardInterrupt):
        run(search, prepared)
    assert not list(run_dir.glob("compression.*"))


def test_the_chosen_student_is_exported(search, prepared, monkeypatch):
    plan, _, context = search
    # The converted student of the fixture has outputs for more classes than the set.
    monkeypatch.setattr(export_run, "model_labels", lambda *_: [f"class {n}" for n in range(27)])
    run(search, prepared)
    made = Export.read(context.run_dir / "compressed" / "export").manifest
    chosen = plan.final_candidate(ALLOWED, "qat").quantised[0]
    assert made.provenance["stage_key"] == chosen.key
    assert made.provenance["test_subjects"] == list(plan.final.split.test_subjects)
    assert len(made.golden_clips) == GOLDEN_CLIPS


def test_nothing_ships_where_nobody_is_safe(search, prepared, exports):
    safety = SafetyLimits(least_snr_db=30.0)
    with pytest.raises(UserError, match=r"No student passes \(not cut, ptq\).*fit the board"):
        run(search, prepared, safety)
    with pytest.raises(UserError, match=r"signal to noise of 30 dB.*25\.0 dB in layer stem"):
        run(search, prepared, safety, BoardLimits(flash_bytes=50_000))
    assert not exports and not (search[2].run_dir / "compression.json").exists()


def test_a_final_student_over_the_limit_is_refused(search, prepared, exports):
    plan, _, context = search
    final = plan.final_candidate(ALLOWED, "qat").quantised[0]
    larger = quantised_result(24 * 1024 + 1)
    (context.folder(final) / "result.json").write_text(json.dumps(larger))
    with pytest.raises(UserError, match=r"flash_bytes at most 24576\. Received: 24577"):
        run(search, prepared)
    assert not exports


def test_the_front_keeps_what_nothing_beats(search, tmp_path):
    plan, _, context = search
    rows = compare_candidates(plan, context, BoardLimits(), SAFETY, 1)
    points = pareto_rows(rows)
    assert [(row["name"], row["method"]) for row in points] == [
        ("not cut", "ptq"),
        ("cut to 24 kB flash", "qat"),
    ]
    assert all(row["on_front"] for row in points)
    worse = [*rows, {**rows[0], "name": "worse", "int8_accuracy": 0.5, "refused": None}]
    assert {row["name"]: row["on_front"] for row in pareto_rows(worse)}["worse"] is False
    lines = write_pareto(tmp_path, pareto_rows(worse))
    assert any(line.startswith("| not cut * | ptq | 40,752 |") for line in lines)
    assert (tmp_path / "pareto.png").read_bytes()[:4] == b"\x89PNG"
    assert len((tmp_path / "pareto.csv").read_text().splitlines()) == 4


def test_the_summary_counts_what_is_left(search):
    plan, _, context = search
    scores = plan.candidates[0].scores
    assert "about 0 core minutes to go" in stages_summary(scores, context.stages_dir)
    nowhere = stages_summary(scores, context.run_dir / "other")
    assert "quantise: 3 stages, 0 there already" in nowhere


def test_a_run_without_training_subjects_to_leave_out_is_refused(prepared):
    settings = RunSettings(protocol="leave_one_subject_out")
    with pytest.raises(UserError, match=r"cross_subject or validation\. Received: leave_one"):
        CompressionPlan.make(settings, prepared, CompressionSearch(), [ALLOWED])


@pytest.mark.parametrize(("name", "value"), [("cuts", 0), ("slim_learning_rate", 0.0)])
def test_settings_of_the_search_are_checked(name, value):
    with pytest.raises(UserError, match=f"{name} must be positive. Received: {value}"):
        dataclasses.replace(CompressionSearch(), **{name: value})
