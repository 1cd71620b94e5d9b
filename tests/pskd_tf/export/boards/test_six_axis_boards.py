"""Projects for models with a gyroscope: every board file, and the host's decisions."""

import subprocess

import numpy as np
import pytest

from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.data.features import resample_clip, sensor_features
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import Recording
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import board_project, write_board_project
from pskd_tf.export.boards.targets import BOARD_TARGETS
from pskd_tf.export.student import export_student
from pskd_tf.exported import Export
from pskd_tf.input_settings import InputSettings

pytestmark = pytest.mark.slow
SIX = InputSettings(sensors=("accelerometer", "gyroscope"))
STUBS = {"platformio": "arduino_esp32", "arduino": "arduino_mbed"}


@pytest.fixture(scope="module")
def clips():
    generator = np.random.default_rng(0)
    spread = [1, 1, 1, 200, 200, 200]
    return [generator.normal(0, spread, (length, 6)).astype(np.float32) for length in (80, 120)]


@pytest.fixture(scope="module")
def six_run(clips, tmp_path_factory):
    """A run's folder with the export of a student of six axes, untrained."""
    import keras

    from pskd_tf.models.students import accelerometer_student

    keras.utils.set_random_seed(0)
    arguments = {"input_shape": SIX.accelerometer_shape, "num_classes": 3}
    weights = accelerometer_student(keras, **arguments).get_weights()
    views = np.stack([resample_clip(clip, 96) for clip in clips])
    features = sensor_features(views, SIX.gravity_taps)[:, :, None]
    folder = tmp_path_factory.mktemp("six")
    export_student(
        folder / "export",
        convert_to_int8(weights, arguments, features),
        input_settings=SIX,
        class_names=["a", "b", "c"],
        segment_limits=(40, 200),
        clip_rate_hz=50.0,
        golden_clips=[(f"clip_{number}", clip) for number, clip in enumerate(clips)],
        provenance={"dataset_fingerprint": "f", "test_clips": []},
    )
    return folder


@pytest.fixture(scope="module")
def project(six_run, tmp_path_factory):
    def make(target, **settings):
        out = tmp_path_factory.mktemp("projects") / target
        files = board_project(
            six_run,
            BOARD_TARGETS[target],
            out.name,
            runtime="plain_c",
            axes=AxisMap.parse("-y,+x,+z"),
            settings=RecognizerSettings(threshold=0.0),
            **settings,
        )
        write_board_project(out, files)
        return out

    return make


@pytest.mark.parametrize("target", BOARD_TARGETS)
def test_board_files_compile(project, compile_with, stubs, target):
    (board,) = (path for path in project(target).rglob("board.c*"))
    text = board.read_text()
    assert "BOARD_UNITS_PER_DPS" in text and "_axes@" not in text
    is_cpp = target in STUBS
    compile_with(
        *(("g++", "-std=c++14") if is_cpp else ("gcc", "-std=gnu99")),
        *("-fsyntax-only", "-isystem", stubs / STUBS.get(target, target)),
        *(f"-I{board.parent}", board),
    )


def _host(project, compile_with, tmp_path, **settings):
    folder = project("cmake", **settings)
    assert not (folder / "simulated").exists()
    sources = sorted((folder / "src").glob("*.c"))
    program = tmp_path / "host"
    compile_with("gcc", "-std=c99", "-O2", "-DPSKD_SELF_TEST=1", *sources, "-o", program, "-lm")
    return program


@pytest.mark.parametrize("features", ["float", "fixed"])
def test_the_host_decides_as_the_simulator(
    six_run, project, compile_with, clips, tmp_path, features
):
    """The golden vectors agree, and decisions on a stream are those of the C core under Python."""
    generator = np.random.default_rng(1)
    noise = [0.004] * 3 + [0.5] * 3
    rest = lambda: generator.normal([0, 0, 1, 0, 0, 0], noise, (100, 6))  # noqa: E731
    parts = [part for clip in clips for part in (rest(), clip, rest())]
    samples = np.concatenate(parts).astype(np.float32)
    program = _host(project, compile_with, tmp_path, features=features)
    # What the sensor reads under the map -y,+x,+z, so that the wrist has the samples.
    back = AxisMap.parse("-y,+x,+z").inverse()
    raw = np.concatenate([back.apply(samples[:, :3]), back.apply(samples[:, 3:])], axis=1)
    rows = zip(20_000 * np.arange(len(raw)), raw, strict=True)
    text = "".join(f"{us},{','.join(f'{value:.9g}' for value in row)}\n" for us, row in rows)
    finished = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    lines = finished.stdout.splitlines()
    assert any(line.endswith("differing_clips,0") for line in lines)
    said = [line.split(",")[2] for line in lines if line.startswith("activity")]
    model = ExportedModel.of(Export.read(six_run / "export"))
    core = compile_core(model, tmp_path / "core")
    recording = Recording(np.arange(len(samples)) / 50, samples)
    decisions = run_core(core, model, recording, RecognizerSettings(threshold=0.0))
    expected = [str(one.activity) for one in decisions]
    assert len(expected) >= 2
    if features == "float":
        assert said[: len(expected)] == expected
