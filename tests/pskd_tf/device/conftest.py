"""A run in window mode, and the recording that clips joined by stillness make."""

import dataclasses
import json
import shutil
from functools import partial

import numpy as np
import pytest

from project import run_command
from pskd_tf.device.recognizer import ExportedModel


@pytest.fixture(scope="session")
def window_run(export_arguments, tmp_path_factory):
    """A folder with the export of the fixture's student, as if it had been trained on windows."""
    from pskd_tf.export.student import export_student
    from pskd_tf.input_settings import InputSettings

    run_dir = tmp_path_factory.mktemp("window") / "run"
    settings = InputSettings(mode="window")
    export_student(run_dir / "export", **(export_arguments | {"input_settings": settings}))
    return run_dir


@pytest.fixture
def window_model(window_run):
    return ExportedModel.read(window_run)


@pytest.fixture(scope="session")
def joined_clips(tiny_run):
    """(samples, 3) in g of held-out clips with two seconds of noise on either side; their spans."""
    from data_prep.prepared_set import PreparedSet

    prepared = PreparedSet.load(tiny_run / "prepared")
    generator = np.random.default_rng(0)
    parts, spans, count = [], [], 0
    for row in range(0, len(prepared), len(prepared) // 12):
        clip = prepared.accelerometer(row)
        before, after = (
            generator.normal(end, 0.01, (100, 3)).astype(np.float32) for end in clip[[0, -1]]
        )
        parts += [before, clip, after]
        name = prepared.manifest["action_name"].iloc[row]
        spans.append((count + 100, count + 100 + len(clip), name))
        count += 200 + len(clip)
    return np.concatenate(parts), spans


@pytest.fixture(scope="session")
def make_validation_run(tiny_run, tmp_path_factory):
    """Makes the folder of a validation run in a mode, each fold with the tiny run's student."""
    from data_prep.prepared_set import PreparedSet
    from pskd_tf.pipeline.plan import plan_run
    from pskd_tf.run_records import keep_stage_hashes
    from pskd_tf.settings import read_run_settings

    def make(mode):
        run_dir = tmp_path_factory.mktemp("validation") / mode
        settings = read_run_settings(tiny_run)
        inputs = dataclasses.replace(settings.inputs, mode=mode)
        settings = dataclasses.replace(settings, protocol="validation", inputs=inputs)
        run_dir.mkdir()
        (run_dir / "settings.json").write_text(json.dumps(settings.to_json()))
        for plan in plan_run(settings, PreparedSet.load(tiny_run / "prepared")):
            folder = plan.compressed[settings.seeds[0]].folder(run_dir / "stages")
            folder.mkdir(parents=True)
            shutil.copy(tiny_run / "export" / "student_int8.tflite", folder)
            keep_stage_hashes(folder)
        return run_dir

    return make


@pytest.fixture
def write_csv(tmp_path):
    """Writes a recording at 50 Hz; returns its path."""

    def write(samples, times=None):
        path = tmp_path / "recording.csv"
        times = np.arange(len(samples)) / 50 if times is None else times
        rows = [",".join(map(repr, map(float, row))) for row in np.c_[times, samples]]
        path.write_text("\n".join(["time_seconds,x,y,z", *rows, ""]))
        return path

    return write


@pytest.fixture
def simulate():
    """Runs the command."""
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed")

    return partial(run_command, "pskd_tf.simulate")
