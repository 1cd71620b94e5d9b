"""What every command has in common: its help, its dry run, its last lines, its silence."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from project import ROOT, run_command
from sharing import contents

# Every module that starts as a command.
COMMANDS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for package in ("data_prep", "pskd_tf")
    for path in (ROOT / package).rglob("*.py")
    if re.search(r"^    run_command\(main, \w+\)$", path.read_text("utf-8"), re.MULTILINE)
)


def test_the_commands_are_found():
    known = {"prepare", "download", "inspect"}
    assert {f"data_prep.{name}" for name in known} <= set(COMMANDS)
    assert {"pskd_tf.train", "pskd_tf.evaluate", "pskd_tf.simulate"} <= set(COMMANDS)
    assert "pskd_tf.develop.plain_c" in COMMANDS


@pytest.fixture(scope="module", params=COMMANDS)
def helped(request) -> tuple[str, subprocess.CompletedProcess]:
    return request.param, run_command(request.param, "--help")


def test_help_has_an_example_the_exit_statuses_and_a_dry_run(helped):
    module, finished = helped
    assert (finished.returncode, finished.stderr) == (0, "")
    assert re.search(rf"^ *python -m {re.escape(module)} --", finished.stdout, re.MULTILINE)
    assert "Exit status: 0 if " in finished.stdout and "130 if interrupted" in finished.stdout
    assert "--[no]dry_run " in finished.stdout
    examples, _, flags = finished.stdout.partition("Exit status:")
    lines = re.findall(rf"python -m {re.escape(module)} .*", examples.replace("\\\n", " "))
    used = set(re.findall(r"--(\w+)", " ".join(lines))) - {"flagfile"}
    assert used <= set(re.findall(r"^ +--(?:\[no\])?(\w+)", flags, re.MULTILINE))


def last_lines(finished: subprocess.CompletedProcess) -> tuple[str, str]:
    assert finished.returncode == 0, finished.stderr
    result, following = finished.stdout.splitlines()[-2:]
    assert result.startswith("result: ") and following.startswith("next: python -m ")
    return result.removeprefix("result: "), following.removeprefix("next: ")


def test_train_ends_with_its_folder_and_the_next_command(tiny_run):
    screen = (tiny_run.parent / "screen.txt").read_text("utf-8")
    assert screen.splitlines()[-2:] == [
        f"result: {tiny_run}",
        f"next: python -m pskd_tf.evaluate --run_dir={tiny_run}",
    ]


def test_the_log_has_the_command_and_how_it_ended(tiny_run):
    lines = (tiny_run / "log.txt").read_text("utf-8").splitlines()
    assert lines[0] == (
        f"command: python -m pskd_tf.train --flagfile=configs/tiny.flags --run_dir={tiny_run}"
    )
    assert lines[-1] == f"result: {tiny_run}"


def test_evaluate_repeats_every_figure_of_the_run(tiny_run):
    """The float, the pruned and the int8 student, and nothing in the run changes."""
    before = contents(tiny_run)
    finished = run_command("pskd_tf.evaluate", f"--run_dir={tiny_run}")
    result, following = last_lines(finished)
    assert finished.stderr == ""
    rows = [line for line in finished.stdout.splitlines() if "Keras)" in line or "int8," in line]
    assert len(rows) == 3 and all(line.endswith("  the same") for line in rows)
    assert result == str(tiny_run / "metrics.json")
    assert following.startswith("python -m pskd_tf.export --run_dir=")
    assert contents(tiny_run) == before


def test_evaluate_without_stages_scores_the_int8_model(tiny_run, tmp_path):
    """As with a run whose folder was copied without them; a changed figure is exit status 1."""
    run_dir = tmp_path / "run"
    # Without run.json, which has the hash of the figures.
    ignored = shutil.ignore_patterns("stages", "prepared", "tensorboard", "run.json")
    shutil.copytree(tiny_run, run_dir, ignore=ignored)
    metrics = (run_dir / "metrics.json").read_text("utf-8")
    changed = re.sub(
        r'("int8": \{\s+"accuracy": .*?"values": \[\s+)[\d.]+', r"\g<1>0.0", metrics, flags=re.S
    )
    assert changed != metrics
    (run_dir / "metrics.json").write_text(changed, "utf-8")
    prepared = f"--prepared_dir={tiny_run / 'prepared'}"
    finished = run_command("pskd_tf.evaluate", f"--run_dir={run_dir}", prepared)
    assert finished.returncode == 1
    assert "stages are not at hand" in finished.stdout and "Keras)" not in finished.stdout
    assert "differs: {'accuracy': 0.0" in finished.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run_dir: (run_dir / "metrics.json").unlink(), "metrics.json must be as written"),
        (
            lambda run_dir: (run_dir / "export" / "student_int8.tflite").write_bytes(b"x"),
            "must be unchanged",
        ),
        (lambda run_dir: None, "needs a dataset.json"),
    ],
    ids=["unfinished", "changed", "no-data"],
)
def test_evaluate_refuses_in_one_line(tiny_run, tmp_path, change, message):
    run_dir = tmp_path / "run"
    ignored = shutil.ignore_patterns("stages", "prepared", "tensorboard")
    shutil.copytree(tiny_run, run_dir, ignore=ignored)
    change(run_dir)
    finished = run_command("pskd_tf.evaluate", f"--run_dir={run_dir}")
    assert finished.returncode == 2 and message in finished.stderr
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1


def test_dry_runs_say_what_they_would_do_and_write_nothing(tiny_run, tmp_path):
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(
        "subject,action,accelerometer_path,accelerometer_unit,accelerometer_rate_hz\n"
        "anna,wave,anna.csv,g,50\n"
    )
    (tmp_path / "anna.csv").write_text("x,y,z\n" + "0,0,1\n" * 100)
    out = tmp_path / "out"
    tiny = ("--flagfile=configs/tiny.flags", "--dry_run")
    shared = (f"--stages_dir={tiny_run / 'stages'}", f"--prepared_dir={tiny_run / 'prepared'}")
    cases = [
        (
            ("data_prep.prepare", "--dataset=synthetic", f"--out_dir={out}", "--dry_run"),
            ["192 clips found", f"would write the prepared set: {out} (new)"],
        ),
        (
            ("data_prep.download", "--dataset=utd_mhad", f"--out_dir={out}", "--dry_run"),
            ["Inertial.zip", "Skeleton.zip"],
        ),
        (
            ("data_prep.inspect", f"--manifest={manifest}", "--dry_run"),
            ["would read anna.csv (anna, wave)", "would inspect 1 clips; 0 errors"],
        ),
        (
            ("pskd_tf.train", *tiny, f"--run_dir={out}"),
            ["train on 96 clips", "fit: 5 stages, 0 there", "score: 7 stages", "to go"],
        ),
        (("pskd_tf.train", *tiny, f"--run_dir={tiny_run}"), ["would show a finished run"]),
        (
            ("pskd_tf.train", *tiny, f"--run_dir={out}", "--epochs=30", *shared),
            ["fit: 5 stages, 3 there already"],
        ),
        (("pskd_tf.verify", f"--run_dir={tiny_run}", "--dry_run"), ["would read: "]),
        (
            ("pskd_tf.evaluate", f"--run_dir={tiny_run}", "--dry_run"),
            ["would score: float, pruned, int8"],
        ),
        (
            ("pskd_tf.develop.plain_c", f"--run_dir={tiny_run}", f"--out={out}", "--dry_run"),
            ["vectors of 96 test clips and 10000 random ones", str(out)],
        ),
    ]
    before = contents(tmp_path) | contents(tiny_run)
    for command, texts in cases:
        finished = run_command(*command)
        assert finished.returncode == 0, finished.stderr
        assert finished.stderr == ""
        for text in texts:
            assert text in finished.stdout, (command, finished.stdout)
    assert contents(tmp_path) | contents(tiny_run) == before


def test_prepare_hands_its_options_on(tmp_path):
    """The next command carries what train would otherwise take from its own flags; it parses."""
    out = tmp_path / "a set"
    flags = ("--num_trials=1", "--num_subjects=4", "--seed=3")
    finished = run_command("data_prep.prepare", "--dataset=synthetic", f"--out_dir={out}", *flags)
    result, following = last_lines(finished)
    assert result == str(out)
    assert "--num_subjects=4 --num_trials=1 --data_seed=3" in following
    words = [word.replace("RUN", str(tmp_path / "run")) for word in _split(following)]
    dry = run_command(words[2], *words[3:], "--dry_run")
    assert dry.returncode == 0, dry.stderr
    assert f"would read the prepared set, or renew it: {out}" in dry.stdout
    assert not (tmp_path / "run").exists()


def _split(command: str) -> list[str]:
    import shlex

    return shlex.split(command)


def test_flagfiles_of_the_package_are_found_from_any_folder(tmp_path):
    flags = ("--flagfile=configs/demo.flags", "--dry_run", f"--run_dir={tmp_path / 'run'}")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    finished = run_command("pskd_tf.train", *flags, cwd=tmp_path, env=environment)
    assert finished.returncode == 0, finished.stderr
    assert "fit: 7 stages" in finished.stdout
    # One's own file of that name comes first.
    (tmp_path / "configs").mkdir()
    shutil.copy(ROOT / "configs" / "tiny.flags", tmp_path / "configs" / "demo.flags")
    finished = run_command("pskd_tf.train", *flags, cwd=tmp_path, env=environment)
    assert "fit: 5 stages" in finished.stdout


def test_an_interrupted_run_ends_with_130_and_says_so_in_its_log(tmp_path):
    run_dir = tmp_path / "run"
    command = [sys.executable, "-m", "pskd_tf.train", "--flagfile=configs/tiny.flags"]
    process = subprocess.Popen(
        [*command, f"--run_dir={run_dir}", "--epochs=2000"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A job that a shell put in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    log = run_dir / "log.txt"
    deadline = time.monotonic() + 120
    while not (log.exists() and "started skeleton_teacher" in log.read_text("utf-8")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    try:
        _, messages = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    # No terminal, so plain lines tell how far it is.
    assert messages.splitlines()[0].startswith("started skeleton_teacher-s1-on-1-3-5-")
    assert messages.splitlines()[-1] == "interrupted; the same command resumes"
    assert "Traceback" not in messages
    assert log.read_text("utf-8").splitlines()[-1] == "stopped: KeyboardInterrupt: "
