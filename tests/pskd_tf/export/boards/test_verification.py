"""A written project against its run and its own ecosystem."""

import json
import os
import re
import shutil

import pytest

from data_prep.errors import UserError
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.export.boards.targets import BOARD_TARGETS
from pskd_tf.export.boards.verification import (
    ECOSYSTEMS,
    build_project,
    changed_files,
    check_tools,
    read_record,
)

MISSING = {
    "arduino": "arduino-cli",
    "platformio": "pio",
    "esp_idf": "idf.py",
    "zephyr": "west",
    "stm32": "arm-none-eabi-gcc",
    "cmake": "cc",
}


def test_every_target_can_be_verified():
    assert set(ECOSYSTEMS) == set(BOARD_TARGETS) == set(MISSING)


@pytest.mark.parametrize("target", MISSING)
def test_a_missing_tool_is_named_with_what_to_install(monkeypatch, target):
    there = set(ECOSYSTEMS[target].tools) - {MISSING[target]}
    monkeypatch.setattr(shutil, "which", lambda name: name if name in there else None)
    with pytest.raises(UserError, match=rf"needs {re.escape(MISSING[target])}; install .*missing"):
        check_tools(target, "plain_c", "board", None)


def test_what_is_missing_besides_tools_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.delenv("ZEPHYR_BASE", raising=False)
    with pytest.raises(UserError, match="needs ZEPHYR_BASE: the folder zephyr"):
        check_tools("zephyr", "plain_c", "qemu_cortex_m3", None)
    monkeypatch.setenv("ZEPHYR_BASE", str(tmp_path))
    with pytest.raises(UserError, match="needs --board"):
        check_tools("zephyr", "plain_c", None, None)
    with pytest.raises(UserError, match="--checkout must be a checkout of tflite-micro"):
        check_tools("cmake", "tflm", None, tmp_path / "none")
    with pytest.raises(UserError, match="--checkout must be the CubeMX project"):
        check_tools("stm32", "plain_c", None, None)
    check_tools("cmake", "plain_c", None, None)


def test_only_a_project_of_the_target_is_verified(make_project, tmp_path):
    with pytest.raises(UserError, match=r"needs a project in --out.*FileNotFoundError"):
        read_record(tmp_path, "cmake")
    with pytest.raises(UserError, match="zephyr, not cmake"):
        read_record(make_project("cmake"), "zephyr")


def test_a_damaged_project_is_found(exported, make_project):
    """What is the user's to change is told apart from what is generated."""
    project = make_project("esp_idf")
    record = read_record(project, "esp_idf")
    compare = lambda: changed_files(exported.parent, project, record, RecognizerSettings())  # noqa: E731
    assert compare() == ([], [])
    for name in ("board.c", "project_settings.h", "plain_model.c"):
        path = project / "main" / name
        path.write_text(path.read_text() + "\n")
    (project / "main" / "sample_queue.c").unlink()
    differing, own = compare()
    assert differing == ["main/plain_model.c", "main/sample_queue.c"]
    assert own == ["main/board.c", "main/project_settings.h"]
    with pytest.raises(UserError, match="must be of the run's export"):
        other = record | {"export_manifest_sha256": "0" * 64}
        changed_files(exported.parent, project, other, RecognizerSettings())


WEST = """\
#!/bin/sh
echo "$@" >> {log}
case "$*" in
  *"-t run"*) echo 'status,0,model_started,0'; echo 'status,0,differing_clips,2'; sleep 30;;
  *) grep -l '#define PSKD_SELF_TEST 1' src/self_test.c >> {log}
     echo "$PWD/src/board.c:7:3: warning: unused 'x'";;
esac
"""


@pytest.mark.parametrize("board", ["qemu_cortex_m3", "nucleo_l476rg"])
def test_zephyr_is_built_with_west_and_run_in_qemu(make_project, monkeypatch, tmp_path, board):
    """A stand-in for west notes what it is given."""
    project, log = make_project("zephyr"), tmp_path / "log"
    (tmp_path / "west").write_text(WEST.format(log=log))
    (tmp_path / "west").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    report = build_project(project, read_record(project, "zephyr"), board, None)
    said = log.read_text().splitlines()
    assert re.fullmatch(rf"build -b {board} -d \S+/build \S+/{project.name}", said[0])
    assert said[1] == "src/self_test.c"
    assert report.warnings == ("/src/board.c:7:3: warning: unused 'x'",)
    if board == "qemu_cortex_m3":
        assert said[2].endswith("-t run") and len(said) == 3
        assert (report.model, report.differing_clips) == ("model_started,0", 2)
    else:
        assert report.model is None and len(said) == 2
    assert report.is_good == (board != "qemu_cortex_m3")
    assert before == {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_the_first_error_of_a_build_is_reported(make_project, monkeypatch, tmp_path):
    (tmp_path / "pio").write_text("#!/bin/sh\necho one; echo 'a.c:1:2: error: no'; exit 3\n")
    (tmp_path / "pio").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    project = make_project("platformio")
    report = build_project(project, read_record(project, "platformio"), None, None)
    assert report.failure == "a.c:1:2: error: no" and not report.is_good


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed")
def test_cmake_is_built_and_its_golden_vectors_run(exported, tmp_path):
    from project import run_command

    out = tmp_path / "mine"
    arguments = (f"--run_dir={exported.parent}", "--target=cmake", f"--out={out}")
    assert run_command("pskd_tf.export", *arguments).returncode == 0
    whole = run_command("pskd_tf.export", *arguments, "--verify")
    assert whole.returncode == 0, whole.stderr
    assert "built; model_started,0, differing golden clips: 0" in whole.stdout
    assert f"result: {out} is as exported and builds" in whole.stdout
    # One weight: it builds, and other outputs tell.
    source = out / "src" / "plain_model.c"
    text = source.read_text()
    head, rest = text.split("weights_0[]", 1)
    weight = re.search(r"-?\d+(?=,)", rest)
    changed = str((int(weight[0]) + 100) % 128)
    source.write_text(
        head + "weights_0[]" + rest[: weight.start()] + changed + rest[weight.end() :]
    )
    damaged = run_command("pskd_tf.export", *arguments, "--verify")
    assert damaged.returncode == 1
    assert f"differs from the export: {source}" in damaged.stdout
    found = re.search(r"differing golden clips: (\d+)", damaged.stdout)
    assert found and int(found[1]) > 0
    # A file of the run's export that is damaged.
    run_dir = tmp_path / "run"
    shutil.copytree(exported, run_dir / "export")
    model = run_dir / "export" / "plain_model.c"
    model.write_text(model.read_text() + "\n")
    refused = run_command("pskd_tf.export", f"--run_dir={run_dir}", *arguments[1:], "--verify")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    record = json.loads((out / "pskd_project.json").read_text())
    assert record["target"] == "cmake"
