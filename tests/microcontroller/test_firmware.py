"""The firmware rules: the same clips on the host, under sanitizers and on emulated cores."""

import re
import shutil
import subprocess
from runpy import run_path

import numpy as np
import pytest

from firmware import CORES, make_reports
from project import MICROCONTROLLER, ROOT, run_command
from pskd_tf.export.plain_c.vectors import write_firmware_inputs
from pskd_tf.input_settings import InputSettings


@pytest.fixture(scope="module")
def model(exported, int8_student, tmp_path_factory):
    """Plain C of the fixture's student, 36 of its clips, 10,000 random inputs."""
    folder = tmp_path_factory.mktemp("firmware") / "model"
    clips = int8_student.clips[::6]
    write_firmware_inputs(folder, exported, InputSettings(), clips, 10_000)
    return folder


def _reports(path, first="vectors"):
    """The reports in a file, one for each run of the driver."""
    reports = []
    for line in path.read_text().splitlines():
        name, value = line.split()
        if name == first:
            reports.append({})
        reports[-1][name] = int(value)
    return reports


def _check_report(report, vectors, clips):
    assert (report["vectors"], report["clips"]) == (vectors, clips)
    assert report["differing_input_bytes"] == report["differing_output_bytes"] == 0


@pytest.mark.parametrize("kernel", ["portable", "dsp", "helium"])
def test_host_and_sanitizers(model, tmp_path, kernel):
    plain, sanitized = (tmp_path / f"host-gcc-{kernel}{end}.txt" for end in ("", "-sanitized"))
    finished = make_reports(plain, sanitized, FIRMWARE_MODEL=model)
    assert finished.returncode == 0, finished.stderr
    clips, random = _reports(plain)
    _check_report(clips, 36, 36)
    _check_report(random, 10_000, 0)
    _check_report(_reports(sanitized)[0], 36, 36)


@pytest.fixture(scope="module")
def on_core(model, tmp_path_factory):
    """The report of a core and kernel, and the folder of its build."""

    def run(core, kernel):
        build = tmp_path_factory.mktemp("qemu")
        finished = make_reports(build / f"{core}-{kernel}.txt", FIRMWARE_MODEL=model)
        assert finished.returncode == 0, finished.stderr
        return _reports(build / f"{core}-{kernel}.txt")[0], build / f"{core}-{kernel}"

    return run


@pytest.fixture(scope="module")
def section_sizes():
    """Of the table's script."""
    return run_path(str(MICROCONTROLLER / "firmware/on_device_table.py"))["section_sizes"]


# Bounds of the instructions of an inference, and of its stack.
BOARDS = {
    "m0-portable": (2_500_000, 200),
    "m3-portable": (950_000, 200),
    "m4-portable": (900_000, 200),
    "m4-dsp": (410_000, 200),
    "m7-dsp": (410_000, 200),
    "m33-portable": (900_000, 200),
    "m33-dsp": (410_000, 200),
    "m55-portable": (900_000, 200),
    "m55-dsp": (410_000, 210),
    "m55-helium": (190_000, 260),
    "rv32imac-portable": (1_250_000, 200),
    "rv32imafc-portable": (1_250_000, 200),
}
# With a floating point unit.
WITH_FPU = (*CORES, "m7", "rv32imafc")


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_each_family_on_a_core(on_core, section_sizes, board):
    """0 differing bytes; what the aims allow in instructions, RAM and code without tables."""
    instructions, stack = BOARDS[board]
    report, build = on_core(*board.split("-"))
    _check_report(report, 36, 36)
    assert 0.7 * instructions < report["model_instructions"] < instructions
    if board.startswith(WITH_FPU):
        assert 20_000 < report["features_instructions"] < 60_000
    # Without it the library's functions for floats add to the features' stack.
    bounds = {"model": ("plain_invoke", stack), "features": ("prepare_clip", 250)}
    for part, (function, most) in bounds.items():
        bound = report[f"pskd_{function}_stack_bound"]
        assert 0 < report[f"{part}_stack_bytes"] <= bound < most
    assert report["heap_functions"] == 0
    sizes = section_sizes((build / "firmware.map").read_text())
    assert sizes["plain", ".bss"] == report["model_buffer_bytes"] == 3320
    assert sizes["plain", ".bss"] + report["model_stack_bytes"] < 8000
    if board.startswith(WITH_FPU):
        code = sizes["plain", ".text"] + sizes["features", ".text"] + sizes["library", ".text"]
        assert 1000 < code < 12_000
    assert 262_656 // 10 < sizes["plain", ".rodata"] < 40_000


@pytest.mark.slow
def test_optimised_for_size(on_core):
    """-Os on an M4F: what ecosystems choose by default."""
    report, _ = on_core("m4", "dsp-small")
    _check_report(report, 36, 36)
    assert 262_656 < report["model_instructions"] < 440_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "board", [*(f"{core}-dsp" for core in CORES), "rv32imac-portable", "s390x"]
)
def test_golden_vectors_compiled_into_a_core(model, exported, tmp_path, board):
    """The header itself: raw samples to int8 input to int8 output."""
    report = tmp_path / f"{board}-golden.txt"
    finished = make_reports(report, FIRMWARE_MODEL=model, FIRMWARE_EXPORT=exported)
    assert finished.returncode == 0, finished.stderr
    (values,) = _reports(report, first="golden_vectors")
    assert values["golden_vectors"] == 32
    assert values["differing_input_bytes"] == values["differing_output_bytes"] == 0


@pytest.mark.slow
def test_a_big_endian_machine_gives_the_same_bytes(model, tmp_path):
    """Clips and 10,000 random inputs from the same little-endian files."""
    finished = make_reports(tmp_path / "s390x.txt", FIRMWARE_MODEL=model)
    assert finished.returncode == 0, finished.stderr
    clips, random = _reports(tmp_path / "s390x.txt")
    _check_report(clips, 36, 36)
    _check_report(random, 10_000, 0)


@pytest.mark.parametrize(
    ("target", "packages"),
    [
        ("host", "gcc libc6-dev"),
        ("s390x", "gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user"),
        ("live", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    ],
)
def test_missing_tools_are_named_before_anything_is_built(tmp_path, target, packages):
    for tool in ("sh", "sort", "tr", "sed"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    command = [shutil.which("make"), "-f", "microcontroller/firmware.mk", f"firmware-{target}"]
    build = f"FIRMWARE_BUILD={tmp_path / 'build'}"
    finished = subprocess.run(
        [*command, build], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert finished.returncode == 2 and not (tmp_path / "build").exists()
    assert "Debian packages that are not installed. Received: none of " in finished.stderr
    assert packages in finished.stderr and "python" not in finished.stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="not installed: make")
def test_every_prerequisite_has_a_rule(tmp_path):
    """A file that another rule leaves beside its own does not exist yet when two jobs run."""
    command = ["make", "-f", "microcontroller/firmware.mk", "--dry-run", "firmware"]
    settings = [f"FIRMWARE_BUILD={tmp_path / 'build'}", f"RUN={tmp_path / 'run'}"]
    (tmp_path / "run" / "export").mkdir(parents=True)
    (tmp_path / "run" / "export" / "manifest.json").touch()
    finished = subprocess.run([*command, *settings], cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("pskd_tf.develop.plain_c") == 4
    assert not (tmp_path / "build").exists()


@pytest.mark.slow
def test_a_wrong_golden_byte_fails_the_build(model, exported, tmp_path):
    damaged = tmp_path / "export"
    shutil.copytree(exported, damaged)
    text = (damaged / "golden_vectors.h").read_text()
    start = text.index("{", text.index("pskd_golden_output_31[]")) + 1
    value = re.match(r"\s*(-?\d+)", text[start:])
    changed = str(int(value[1]) ^ 1)
    text = text[: start + value.start(1)] + changed + text[start + value.end(1) :]
    (damaged / "golden_vectors.h").write_text(text)
    report = tmp_path / "m4-dsp-golden.txt"
    finished = make_reports(report, FIRMWARE_MODEL=model, FIRMWARE_EXPORT=damaged)
    assert finished.returncode == 2 and "Error 1" in finished.stderr and not report.exists()


def test_a_wrong_byte_is_counted_and_fails_the_build(model, tmp_path):
    """One byte of an expected input and one of an expected output."""
    damaged = tmp_path / "model"
    shutil.copytree(model, damaged)
    vectors = bytearray((damaged / "clips.vectors").read_bytes())
    length = int(np.frombuffer(vectors[16:20], "<i4")[0])
    vectors[20 + 12 * length] ^= 1
    vectors[20 + 12 * length + 960] ^= 1
    (damaged / "clips.vectors").write_bytes(vectors)
    report = tmp_path / "host-gcc-portable.txt"
    finished = make_reports(report, FIRMWARE_MODEL=damaged)
    assert finished.returncode == 2 and not report.exists()
    program = [tmp_path / "host-gcc-portable", damaged / "clips.vectors"]
    finished = subprocess.run(program, capture_output=True, text=True)
    assert finished.returncode == 1
    assert "differing_input_bytes 1\ndiffering_output_bytes 1\n" in finished.stdout
    for content, message in ((vectors[:-1], "cut short"), (b"PSKW" + vectors[4:], "this model")):
        (damaged / "clips.vectors").write_bytes(content)
        finished = subprocess.run(program, capture_output=True, text=True)
        assert finished.returncode == 2 and message in finished.stdout


@pytest.mark.slow
def test_a_fault_on_the_core_fails_the_build(model, tmp_path):
    """The model jumps to nowhere: the fault handler ends the emulator with status 3."""
    damaged = tmp_path / "model"
    shutil.copytree(model, damaged)
    source = damaged / "plain_model.c"
    text = source.read_text()
    broken = text.replace("  memcpy(output", "  ((void (*)(void))0xE0000000u)();\n  memcpy(output")
    assert broken != text
    source.write_text(broken)
    finished = make_reports(tmp_path / "m4-dsp.txt", FIRMWARE_MODEL=damaged)
    assert finished.returncode == 2 and "Error 3" in finished.stderr
    assert not (tmp_path / "m4-dsp.txt").exists()


def test_command_writes_the_test_clips_of_a_run(tiny_run, tmp_path):
    """`python -m pskd_tf.develop.plain_c` on a whole run: held-out clips and no others."""
    out = tmp_path / "model"
    finished = run_command(
        "pskd_tf.develop.plain_c", f"--run_dir={tiny_run}", f"--out={out}", "--random_inputs=50"
    )
    assert finished.returncode == 0, finished.stderr
    count = int(re.search(r"vectors of (\d+) test clips", finished.stdout).group(1))
    assert sorted(path.name for path in out.iterdir()) == [
        *("clips.vectors", "model_settings.h", "plain_model.c", "plain_model.h"),
        "random.vectors",
    ]
    report = tmp_path / "host-gcc-dsp.txt"
    finished = make_reports(report, FIRMWARE_MODEL=out)
    assert finished.returncode == 0, finished.stderr
    clips, random = _reports(report)
    _check_report(clips, count, count)
    _check_report(random, 50, 0)
    assert count >= 32


@pytest.mark.slow
def test_a_model_slot_on_a_core(model, exported, int8_student, tmp_path):
    """An M4F takes the good one, with the golden outputs, and refuses one with a flipped bit."""
    slot = tmp_path / "slot"
    write_firmware_inputs(slot, exported, InputSettings(), int8_student.clips[:1], 1, in_slot=True)
    report = tmp_path / "m4-dsp-slot.txt"
    finished = make_reports(
        report, FIRMWARE_MODEL=model, FIRMWARE_SLOT=slot, FIRMWARE_EXPORT=exported
    )
    assert finished.returncode == 0, finished.stderr
    found = _reports(report, "damaged_slots")[0]
    size = (slot / "model_slot.bin").stat().st_size
    assert found["damaged_slots"] == found["refused_slots"] == 8 * 32 + -(-(size - 32) // 97) + 1
    assert (found["good_slot_status"], found["golden_vectors"]) == (0, 32)
    assert found["differing_output_bytes"] == 0


@pytest.mark.slow
def test_every_test_clip_of_utd_mhad(exported, data_folder, tmp_path):
    """430 real recordings from raw samples to logits, on the host and on every core."""
    from data_prep.preparation import prepare_dataset
    from data_prep.protocols import clip_indices

    prepared = prepare_dataset("utd_mhad", data_folder / "utd-mhad", tmp_path / "prepared")
    split = prepared.description.protocols["cross_subject"]
    rows = clip_indices(prepared.manifest, split["test_subjects"])
    assert len(rows) == 430
    clips = [prepared.accelerometer(row) for row in rows]
    model = tmp_path / "model"
    write_firmware_inputs(model, exported, InputSettings(), clips, 1)
    names = [f"host-gcc-{kernel}-sanitized" for kernel in ("portable", "dsp", "helium")]
    names += list(BOARDS)
    for name in names:
        finished = make_reports(tmp_path / f"{name}.txt", FIRMWARE_MODEL=model)
        assert finished.returncode == 0, finished.stderr
        _check_report(_reports(tmp_path / f"{name}.txt")[0], 430, 430)
