"""A sensor mounted another way round, through the compiled project."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from firmware import in_window_mode
from pskd_tf.device.firmware import compile_core, run_core
from pskd_tf.device.recognizer import ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import Recording
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.monitoring.protocol import parse_message


def _without_header(lines):
    return [line for line in lines if not line.startswith("pskd,")]


@pytest.fixture(scope="module")
def upright(run_host, recording):
    """What a project with the training's axes sends."""
    return run_host(recording)


def test_the_project_decides_as_simulate_does(upright, exported, recording, tmp_path):
    """Every sample once, and the same decisions at the same times."""
    model = ExportedModel.read(exported.parent)
    program = compile_core(model, tmp_path / "cache")
    times = np.arange(len(recording)) / 50
    settings = RecognizerSettings(threshold=0.3)
    decisions = run_core(program, model, Recording(times, recording), settings)
    expected = [
        f"activity,{20_000 * decision.index},{decision.activity},{decision.confidence:.3f}"
        for decision in decisions
    ]
    said = [re.sub(r'".*",', "", line) for line in upright if line.startswith("activity")]
    assert len(expected) >= 4 and {decision.activity for decision in decisions} - {-1}
    assert said == [*expected, said[-1]] and said[-1].endswith(",-2,")
    sent = [line.split(",") for line in upright if line.startswith("sample")]
    assert [int(fields[1]) for fields in sent] == list(range(0, 20_000 * len(recording), 20_000))
    values = np.array([fields[2:] for fields in sent], np.float64)
    np.testing.assert_allclose(values, recording, atol=0.6e-5)
    assert all(parse_message(line) is not None for line in upright)


@pytest.mark.parametrize("axes", ["-y,+x,+z", "+z,-x,-y", "-x,-y,+z"])
def test_permuted_recordings_give_the_same_lines(upright, run_host, recording, axes):
    """Samples, labels and probabilities, to the last digit."""
    mounted = AxisMap.parse(axes).inverse().apply(recording)
    assert not np.array_equal(mounted, recording)
    lines = run_host(mounted, axes)
    assert lines[0].split(",")[6] == axes.replace(",", "")
    assert _without_header(lines) == _without_header(upright)
    # And without the map they would not be.
    assert _without_header(run_host(mounted)) != _without_header(upright)


def test_the_clock_may_wrap(upright, run_host, recording):
    start_us = (1 << 32) - 7_000_000
    lines = run_host(recording, start_us=start_us)
    assert any(line.startswith("sample,0,") or ",4294980000," in line for line in lines)
    strip = lambda line: re.sub(r"^(\w+),\d+", r"\1", line)  # noqa: E731
    assert list(map(strip, lines)) == list(map(strip, upright))


def test_nonsense_is_sent_as_no_number_and_not_recognized(run_host):
    samples = np.full((60, 3), np.nan, np.float32)
    samples[:, 2] = np.inf
    samples[:5] = 1e9
    lines = run_host(samples)
    assert sum(line.endswith(",nan,nan,nan") for line in lines) == 60
    assert [line.split(",")[2] for line in lines if line.startswith("activity")] == ["-2"]


def test_a_model_in_window_mode_decides_at_every_hop(
    make_project, compile_with, recording, tmp_path
):
    """The same sources with the other mode's settings; 96 samples at 50 Hz, a hop of 24."""
    sources = make_project("cmake") / "src"
    settings = sources / "model_settings.h"
    settings.write_text(in_window_mode(settings.read_text(), hop=24))
    program = tmp_path / "host"
    compile_with("gcc", "-std=c99", *sources.glob("*.c"), "-o", program, "-lm")
    text = "".join(f"{20_000 * n},{x},{y},{z}\n" for n, (x, y, z) in enumerate(recording))
    finished = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    # By default no board sends samples.
    assert "\nsample," not in finished.stdout
    said = [line.split(",") for line in finished.stdout.splitlines() if line[0] == "a"]
    times = [int(fields[1]) for fields in said[:-1]]
    assert times == [20_000 * index for index in range(95, len(recording), 24)]
    assert said[-1][2] == "-2" and all(int(fields[2]) >= -1 for fields in said[:-1])


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="no arm-none-eabi-gcc")
def test_no_float_is_fused_on_a_cortex_m(make_project, tmp_path):
    """Without -ffp-contract=off, which Arduino cannot pass; the core's own files would be."""
    sources = make_project("arduino", "plain_c") / "src"
    settings = sources / "model_settings.h"
    # The window buffer is empty in clip mode.
    (tmp_path / "window.h").write_text(in_window_mode(settings.read_text(), hop=24))
    flags = ["-std=gnu11", "-O2", "-mthumb", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-S"]
    flags += ["-mfloat-abi=hard", f"-I{sources}", "-o", "-"]
    fused_alone = set()
    for path in sorted(sources.glob("*.c")):
        is_of_window = path.name == "window_buffer.c"
        first = ["-include", tmp_path / "window.h"] if is_of_window else []
        fused = []
        text = path.read_text()
        for body in (text, text.replace('#include "strict_float.h"', "")):
            (tmp_path / path.name).write_text(body)
            command = ["arm-none-eabi-gcc", *first, *flags, tmp_path / path.name]
            finished = subprocess.run(command, capture_output=True, text=True, check=True)
            fused.append(len(re.findall(r"\tvfn?m[as]\w*\.f32", finished.stdout)))
        assert fused[0] == 0, path.name
        if fused[1]:
            fused_alone.add(path.name)
    assert fused_alone >= {
        *("accelerometer_features.c", "activity_filter.c", "activity_recognizer.c"),
        *("segment_detector.c", "window_buffer.c"),
    }
