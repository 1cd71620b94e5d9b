"""Cutting and quantising a student as stages of a run."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pskd_tf.compression.cost import BoardLimits
from pskd_tf.evaluation.tflm import tflm_operators
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.pipeline.runner import run_stage
from pskd_tf.pipeline.search import CompressionPlanner
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.settings import CompressionSearch, RunSettings
from pskd_tf.training_settings import TeacherEpochs, TrainingSettings

LIMITS = BoardLimits(flash_bytes=16 * 1024, arena_bytes=6656)


@pytest.fixture(scope="module")
def done(prepared, tmp_path_factory):
    """A student of one teacher, briefly trained, then cut, quantised and scored."""
    root = tmp_path_factory.mktemp("compression")
    context = RunContext(prepared.folder, root / "stages", root)
    training = TrainingSettings(epochs=8, batch_size=32)
    settings = RunSettings(
        teachers=("accelerometer_teacher",),
        teacher_outputs=("in_sample",),
        teacher_views=1,
        teacher_epochs=TeacherEpochs(accelerometer_teacher=2),
        student_training=training,
    )
    (plan,) = plan_run(settings, prepared)
    student = plan.students["in_sample"][1]
    (taught,) = student.inputs
    search = CompressionSearch(slim_epochs=2, qat_epochs=2, calibration_clips=24, cuts=2)
    planner = CompressionPlanner(search)
    slim = planner.slim(student, LIMITS)
    qat = planner.quantise(student, slim, "qat")
    clips = plan.split.test_clips[:40]
    scores = [
        planner.score(student, stage, clips, form)
        for stage, form in ((slim, "float"), (qat, "float"), (qat, "int8"))
    ]
    stages = [student, slim.input(slim.spec.measured), slim, qat, *scores]
    for stage in [taught.inputs[0], taught, *stages]:
        run_stage(stage, context)
    return context, stages


@pytest.mark.slow
def test_the_cut_fits_and_the_estimate_is_a_close_upper_bound(done):
    context, (_, full, slim, qat, *_) = done
    estimated = context.result(slim)["estimated"]
    before, after = context.result(full), context.result(qat)
    assert before["flatbuffer_bytes"] > 2 * LIMITS.flash_bytes
    assert after["flatbuffer_bytes"] <= LIMITS.flash_bytes
    assert after["arena_bytes"] <= LIMITS.arena_bytes
    assert 0 <= estimated["flash_bytes"] - after["flatbuffer_bytes"] < 400
    assert estimated["macs"] == after["macs"] == context.result(slim)["macs"]


@pytest.mark.slow
def test_every_cut_keeps_fewer_channels_and_is_trained(done):
    context, (_, _, slim, *_) = done
    folder = context.folder(slim)
    first, second = json.loads((folder / "channels.json").read_text())
    widths = context.result(slim)["builder_arguments"]["widths"]
    assert [len(second[name]) for name in list(second)[:4]] == widths
    assert sum(map(len, second.values())) < sum(map(len, first.values())) < 264
    history = pd.read_csv(folder / "history.csv")
    assert history["cut"].tolist() == [1, 1, 2, 2] and np.isfinite(history["loss"]).all()
    assert not list(Path(context.stages_dir).glob("*.record.*"))


@pytest.mark.slow
def test_the_flatbuffer_stands_for_the_float_weights_beside_it(done):
    context, (_, _, _, qat, _, of_float, of_int8) = done
    guesses = []
    for stage in (of_float, of_int8):
        with np.load(context.folder(stage) / "predictions.npz") as arrays:
            guesses.append(arrays["probabilities"].argmax(axis=1))
    assert np.mean(guesses[0] == guesses[1]) > 0.9
    result = context.result(qat)
    assert min(result["snr_db"].values()) > 10
    tflite = (context.folder(qat) / "student_int8.tflite").read_bytes()
    assert list(tflm_operators(tflite)) == result["operators"]
    assert result["gzip_bytes"] < result["flatbuffer_bytes"] == len(tflite)
    assert result["arena"]["head"] + result["arena"]["tail"] == result["arena"]["total"]
    layers = pd.read_csv(context.folder(qat) / "layers.csv")
    assert layers["macs"].sum() == result["macs"]
    assert len(pd.read_csv(context.folder(qat) / "calibration.csv")) == 24


def test_settings_of_a_stage_reach_its_key(done):
    _, (student, *_) = done
    planner = CompressionPlanner(CompressionSearch())
    keys = {
        planner.quantise(student, student, "qat", **changes).key
        for changes in ({}, {"warm": False}, {"distil": False}, {"ranges": "recalibrated"})
    }
    assert len(keys) == 4
    other = CompressionPlanner(dataclasses.replace(planner.search, slim_epochs=7))
    assert planner.slim(student, LIMITS).key != other.slim(student, LIMITS).key
