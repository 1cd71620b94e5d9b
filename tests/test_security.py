"""Files and names that are meant to do harm; docs/reliability.md lists all attacks and tests."""

import csv
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from custom_files import CustomFiles
from data_prep import files
from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.downloading import unpack_archive
from data_prep.errors import Refusal, UserError
from data_prep.folder_inspection import write_manifest
from data_prep.formats.csv_files import read_csv_records
from data_prep.loaders.custom.manifest import add_manifest_row, read_custom_manifest
from data_prep.prepared_set import PreparedSet
from data_prep.prepared_set_writer import write_prepared_set
from data_prep.recording_guess import guess_recording
from data_prep.records import read_arrays, read_record
from project import ROOT
from pskd_tf.benchmark.results import CellRecord, ResultsFile, TestLedger, guesses_text
from pskd_tf.benchmark.stream import StreamRecord, read_streams, write_streams
from pskd_tf.export.c_literals import c_string
from pskd_tf.exported import Export
from pskd_tf.pipeline.planner import subjects_label
from pskd_tf.reporting.score_charts import confusion_matrix_chart
from pskd_tf.reporting.training_charts import selection_by_class
from pskd_tf.run_records import StageFiles, read_run_record
from store_run import FOLDER

OUTSIDE = ["/etc/passwd", "../x", "a/../../x", "a/./b", "a\\..\\x", ""]
# Names that a shell, C, HTML, a spreadsheet, printf or a path would take for more than a name.
NAMES = [
    *(
        "$(touch x)",
        "`id`",
        '"; system("id"); "',
        "*/ #error x /*",
        "a\\",
        "??/",
        "%n%s",
        "\r\n#if",
    ),
    *("<img src=x onerror=alert(1)>", "=1+1", "@SUM(A1)", "../../evil", "größer \u202e x"),
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_record_names_only_files_of_its_own_folder(tmp_path, prepared, name):
    kept = {name: "0" * 64}
    (tmp_path / "run.json").write_text(json.dumps({"run_key": "0" * 64, "files": kept}))
    with pytest.raises(UserError, match=r"files.*pattern.*run\.json"):
        read_run_record(tmp_path)
    (tmp_path / "files.json").write_text(json.dumps({"files": kept}))
    with pytest.raises(UserError, match=r"files.*pattern.*files\.json"):
        read_record(StageFiles, tmp_path / "files.json")
    described = json.loads((prepared.folder / "dataset.json").read_text())
    (tmp_path / "dataset.json").write_text(json.dumps(described | {"array_sha256": kept}))
    with pytest.raises(UserError, match=r"array_sha256.*pattern.*dataset\.json"):
        DatasetDescription.load(tmp_path / "dataset.json")


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_export_names_only_files_of_its_own_folder(tmp_path, name):
    unpack_archive(FOLDER / "run.tar.xz", tmp_path / "run")
    content = json.loads((tmp_path / "run" / "export" / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(content | {"files": {name: "0" * 64}}))
    with pytest.raises(UserError, match=r"files.*pattern.*manifest\.json"):
        Export.read(tmp_path)


def test_a_manifest_of_the_user_reads_tables_anywhere_and_nothing_else(tmp_path):
    """It is a command of the user's own: paths may lead out of its folder, but only to tables."""
    own = CustomFiles(tmp_path / "own")
    own.add("one", "s1", "wave", 1, skeleton=False)
    table = tmp_path / "own" / "sensor" / "one.csv"
    os.mkfifo(tmp_path / "pipe.csv")
    for path, is_read in (
        (table, True),
        ("../own/sensor/one.csv", True),
        ("/etc/passwd", False),
        ("/dev/zero", False),
        (tmp_path / "pipe.csv", False),
    ):
        own.rows[0]["accelerometer_path"] = path
        clips, errors = read_custom_manifest(own.write_manifest())
        assert (len(clips), len(errors)) == (is_read, not is_read), path


class _Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def test_no_file_is_unpickled(tmp_path, monkeypatch, prepared):
    monkeypatch.chdir(tmp_path)
    harmful = np.array([_Harmful()], object)
    np.save("a.npy", harmful)
    np.savez("a.npz", a=harmful)
    assert guess_recording(tmp_path / "a.npy").kind == "other"
    with pytest.raises(UserError, match=r"readable \.npz file.*allow_pickle"):
        read_arrays(tmp_path / "a.npz")
    for path in prepared.folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    np.save("accelerometer.npy", harmful)
    with pytest.raises(UserError, match=r"must be a \.npy file of shape.*Python objects"):
        PreparedSet.load(tmp_path)
    assert not (tmp_path / "harmed").exists()


def test_keras_runs_no_code_of_a_saved_model(tmp_path):
    layers = [keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)]
    keras.Sequential(layers).save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match="safe_mode"):
        keras.saving.load_model(tmp_path / "a.keras")


def test_no_source_turns_a_protection_off():
    """What bandit does not look for stands here."""
    forbidden = re.compile(
        r"safe_mode\s*=\s*False|enable_unsafe|allow_pickle\s*=\s*True|shell\s*=\s*True|"
        r"verify\s*=\s*False|^\s*import pickle|\bpickle\.load|yaml\.load\(|\bos\.system\("
    )
    sources = [*(ROOT / "pskd_tf").rglob("*.py"), *(ROOT / "data_prep").rglob("*.py")]
    assert len(sources) > 200
    for path in sources:
        assert not forbidden.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_one_string_in_c(tmp_path, name):
    text = f"#include <stdio.h>\nint main(void) {{ fputs({c_string(name)}, stdout); return 0; }}\n"
    (tmp_path / "a.c").write_text(text, encoding="ascii")
    program = tmp_path / "a"
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, tmp_path / "a.c", "-o", program], check=True)
    assert subprocess.run([program], capture_output=True, check=True).stdout == name.encode()


def test_labels_in_charts_are_escaped():
    harmful = "<img src=x onerror=alert(1)>"
    shares = {harmful: np.array([0.5, 1.0]), "b": np.array([0.5, 0.0])}
    for chart in (
        confusion_matrix_chart(np.eye(2, dtype=int), [harmful, "b"], harmful),
        selection_by_class([harmful, "b"], shares, {harmful: "#0b6fb0", "b": "#c8501e"}, harmful),
    ):
        assert "<img" not in chart.svg and "&lt;img" in chart.svg


def test_a_small_file_of_arrays_that_claims_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_UNPACKED", 2**20)
    zeros, kept = np.zeros(2**18 + 1, np.float32), np.arange(2**18 + 1, dtype=np.float32)
    np.savez_compressed(tmp_path / "a.npz", a=zeros)
    with pytest.raises(UserError, match=r"must be a readable \.npz file.*at most 1 MiB"):
        read_arrays(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", a=kept)  # a large one of ours
    np.testing.assert_array_equal(read_arrays(tmp_path / "b.npz")["a"], kept)


def test_what_a_folder_is_named_after_stays_in_its_folder():
    for name in NAMES:
        label = subjects_label([name])
        assert Path(label).name == label and label not in (".", "..")


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "a;=1", "＝1"]
# The readers of a manifest take white space from both ends and refuse what cannot be printed.
UNPRINTABLE_FORMULAS = ["\t=1", "\r=1", "a\r=1", "a\n=1"]


@pytest.mark.parametrize("name", FORMULAS + UNPRINTABLE_FORMULAS)
def test_no_name_of_a_prepared_set_is_a_formula(tmp_path, prepared, name):
    described = replace(prepared.description, subjects=[name], class_names=[name])
    still = np.tile(np.float32([0, 1, 0]), (4, 1))
    sources = {"accelerometer": (name, "0" * 64)}
    clip = Clip(name, name, 0, name, name, still, sources=sources, attributes={name: name})
    refusal = Refusal(f"{name}2", UserError(name, name, name), name, 0)
    write_prepared_set(tmp_path / "set", described, [clip, refusal])
    loaded = PreparedSet.load(tmp_path / "set")
    columns = ["clip_id", "subject", "action_name", "sensor_place", "accelerometer_source", name]
    assert loaded.manifest[columns].to_numpy().tolist() == [[name] * 6]
    columns = ["file", "subject", "action_name"]
    assert loaded.quarantine[columns].to_numpy().tolist() == [[name] * 3]
    _assert_no_formulas(tmp_path / "set", 2)


@pytest.mark.parametrize("name", FORMULAS + UNPRINTABLE_FORMULAS)
def test_no_name_of_a_benchmark_is_a_formula(tmp_path, name):
    text = guesses_text(np.array([1]))
    cell = CellRecord("a", "c", name, 0, "", "p", name, 1, 1, 9, 0.5, 0.5, 0.5, 0.5, text)
    stream = StreamRecord("a", name, 0, "p", name, 1, 1, "movements", 0.0, 0.0, "")
    paths = [tmp_path / f"{table}.csv" for table in ("cells", "test_ledger", "stream")]
    ResultsFile(paths[0]).add(cell)
    TestLedger(paths[1]).add(cell)
    write_streams(paths[2], [stream])
    assert list(ResultsFile(paths[0]).records.values()) == [cell]
    assert TestLedger(paths[1]).lines["a"]["held_out"] == name
    assert read_streams(paths[2]) == [stream]
    _assert_no_formulas(tmp_path, 3)


@pytest.mark.parametrize("name", FORMULAS)
def test_no_name_of_a_manifest_of_recordings_is_a_formula(tmp_path, name):
    row = {"subject": name, "action": name, "accelerometer_path": "a.csv"}
    row |= {"accelerometer_unit": "g", "accelerometer_rate_hz": "50", "sensor_place": name}
    paths = [tmp_path / f"{table}.csv" for table in ("guessed", "new", "semicolons")]
    write_manifest([row], paths[0])
    add_manifest_row(paths[1], row)
    _assert_no_formulas(tmp_path, 2)
    paths[2].write_text("subject;action;accelerometer_delay_s\nanna;x;-0.5\n")
    add_manifest_row(paths[2], row)
    assert paths[2].read_text(encoding="utf-8").splitlines()[1].startswith("anna;x;-0.5;")
    for path in paths:
        records, errors = read_csv_records(path, row, ["accelerometer_delay_s"])
        assert not errors
        assert [records[-1].cells[column] for column in ("subject", "action")] == [name, name]


def _assert_no_formulas(folder: Path, count: int) -> None:
    paths = list(folder.glob("*.csv"))
    assert len(paths) == count
    for path in paths:
        with open(path, newline="", encoding="utf-8") as stream:
            cells = [cell for row in csv.reader(stream) for cell in row]
        parts = [part for cell in cells for part in re.split("[;\t\r\n]", cell)]
        assert not [one for one in parts if one[:1] in tuple("=+-@＝")], path


def test_csv_is_written_by_one_writer():
    other = re.compile(r"csv\.writer\(|DictWriter\(|savetxt\(")
    # A text names `to_csv(...)`.
    tables = re.compile(r"\.to_csv\((?!\.\.\.)")
    names = ("pskd_tf", "data_prep", "benchmarks")
    sources = {
        path: path.read_text("utf-8") for one in names for path in (ROOT / one).rglob("*.py")
    }
    assert [path.name for path, text in sources.items() if other.search(text)] == ["csv_cells.py"]
    assert [path.name for path, text in sources.items() if tables.search(text)] == ["csv_cells.py"]
