"""A user's own student: from its file to C, and what is refused before anything is trained."""

import json
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.records import record_to_json
from project import ROOT, run_command
from pskd_tf.benchmark.__main__ import BenchmarkArguments, main as benchmark
from pskd_tf.models.own_students import own_architecture
from pskd_tf.runs import load_run
from pskd_tf.settings import RunSettings, read_run_settings
from pskd_tf.student_settings import StudentSettings

MODULE = ROOT / "tests" / "support" / "my_students.py"
SHAPE = {"input_shape": (48, 1, 10), "num_classes": 4}


def _architecture(**settings):
    return own_architecture(StudentSettings(**settings), **SHAPE)


@pytest.mark.slow
def test_a_registered_student_goes_to_c(run_train, tiny_run, tmp_path):
    """The file may go once the run is done; another net is refused in the run's folder."""
    module, run_dir = tmp_path / "nets.py", tmp_path / "run"
    shutil.copy(MODULE, module)
    flags = ["--flagfile=configs/tiny.flags", f"--run_dir={run_dir}", "--teachers=skeleton_teacher"]
    flags += [f"--prepared_dir={tiny_run / 'prepared'}", f"--student_module={module}"]
    finished = run_train(*flags, "--student=residual")
    assert finished.returncode == 0, finished.stderr
    text = (run_dir / "export" / "plain_model.c").read_text(encoding="ascii")
    assert "pskd_plain_mean" in text and "pskd_plain_add" in text
    other = run_train(*flags, "--student=dilated")
    assert other.returncode == 2 and "--student=dilated, where the folder's run has" in other.stderr
    narrow = run_command("pskd_tf.compress", f"--run_dir={run_dir}", "--max_flash_kb=24")
    assert narrow.returncode == 2 and "give an own student fewer channels" in narrow.stderr
    module.unlink()
    run = load_run(run_dir, prepared_dir=tiny_run / "prepared")
    assert [layer.name for layer in run.student.layers][-2:] == ["features", "logits"]
    kernels = [one.get_weights()[0] for one in run.pruned_student.layers if "conv" in one.name]
    assert 0.4 < np.mean([np.mean(kernel == 0) for kernel in kernels]) < 0.6
    assert run.settings.student.architecture is not None
    assert run.predict(np.zeros((80, 3))).probabilities.sum() == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_recurrent_student_is_refused_before_its_training(run_train, tiny_run, tmp_path, name):
    finished = run_train(
        "--flagfile=configs/tiny.flags",
        f"--run_dir={tmp_path / 'run'}",
        f"--prepared_dir={tiny_run / 'prepared'}",
        f"--student_module={MODULE}",
        f"--student={name}",
    )
    assert finished.returncode == 2 and f"Received: {name.upper()} in the layer" in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1
    assert not list((tmp_path / "run").glob("stages/*"))


def test_a_saved_model_gives_its_layers_and_not_its_weights(tmp_path):
    module = {"student_module": str(MODULE), "student": "residual"}
    architecture = _architecture(**module)
    import my_students

    path = tmp_path / "net.keras"
    my_students.residual(keras, **SHAPE).save(path)
    assert _architecture(student=str(path)) == architecture
    assert "weights" not in json.dumps(record_to_json(architecture))


def test_wrong_files_and_functions_are_named(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(
        "from pskd_tf import register_student\n"
        "@register_student\n"
        "def broken(keras, *, input_shape, num_classes):\n"
        "    return keras.layers.Nothing()\n"
        "@register_student\n"
        "def other(keras, *, input_shape, num_classes):\n"
        "    return 3\n"
    )
    for name, message in (
        ("absent", "under @register_student. Received: absent; there are: broken, other"),
        ("broken", "broken must build the student. Received: AttributeError in line 4"),
        ("other", "other must return a model of the Keras that it is given. Received: int"),
    ):
        with pytest.raises(UserError, match=message):
            _architecture(student=name, student_module=str(path))
    path.write_text("import nothing_of_this_name\n")
    with pytest.raises(UserError, match=r"must run\. Received: ModuleNotFoundError in line 1"):
        _architecture(student="broken", student_module=str(path))
    saved = tmp_path / "net.keras"
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", '{"config": 1}' * 9)
    content = bytearray(saved.read_bytes())
    content[41] ^= 0xFF  # the first byte of the packed configuration
    saved.write_bytes(content)
    with pytest.raises(UserError, match=r"Keras 3 saved \(.keras\). Received: (error|BadZip)"):
        _architecture(student=str(saved))
    saved.write_bytes(b"PK")
    with pytest.raises(UserError, match=r"Keras 3 saved \(.keras\). Received: BadZipFile"):
        _architecture(student=str(saved))


def test_a_benchmark_names_its_nets_by_its_methods():
    arguments = BenchmarkArguments(
        run_dir=Path("run"),
        results_dir=Path("results"),
        settings=RunSettings(student=StudentSettings(student="ign_student")),
    )
    with pytest.raises(UserError, match=r"not --student\. Received: ign_student"):
        benchmark(arguments)


def test_settings_name_a_net_in_one_way():
    with pytest.raises(UserError, match=r"\(--student_module\). Received: --student=mine$"):
        StudentSettings(student="mine")
    with pytest.raises(UserError, match=r"Received: --student=net\.keras, --student_module=a.py"):
        StudentSettings(student="net.keras", student_module="a.py")


def test_settings_and_keys_of_other_runs_stay(tmp_path):
    assert "student" not in RunSettings().to_json()
    student = StudentSettings(student="residual", student_module=str(MODULE))
    resolved = StudentSettings(**vars(student) | {"architecture": _architecture(**_named(student))})
    settings = RunSettings(student=resolved)
    (tmp_path / "settings.json").write_text(json.dumps(settings.to_json()), encoding="utf-8")
    assert read_run_settings(tmp_path) == settings


def _named(student):
    return {"student": student.student, "student_module": student.student_module}
