"""Readers of runs, benchmarks and boards, each with whole files to start from."""

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data_prep.downloading import unpack_archive
from data_prep.protocols import ClipSplit
from data_prep.records import read_arrays, read_json_object
from data_prep.split_file import kept_splits
from pskd_tf.benchmark.results import CellRecord, ResultsFile, TestLedger
from pskd_tf.benchmark.stream import StreamRecord, read_streams, write_streams
from pskd_tf.device.recognizer import ChosenSettings, ExportedModel
from pskd_tf.device.recordings import LabelledSpan, Recording
from pskd_tf.evaluation.tflm import Int8Interface, check_fixed_shapes, tflm_operators
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.headers import model_data_source, parse_c_array
from pskd_tf.export.plain_c.graph import read_graph
from pskd_tf.exported import Export
from pskd_tf.method import read_methods
from pskd_tf.metrics_record import read_metrics
from pskd_tf.models.architecture import read_architecture
from pskd_tf.models.own_students import own_architecture
from pskd_tf.monitoring.protocol import BoardClock, BoardHeader, parse_message
from pskd_tf.pipeline.specs import FitSpec
from pskd_tf.run import Run
from pskd_tf.run_records import check_stage, keep_stage_hashes, read_result, read_run_record
from pskd_tf.settings import read_run_settings
from pskd_tf.stage_record import Predictions, StageRecord
from pskd_tf.student_settings import StudentSettings
from pskd_tf.verify import verify_run
from recording_readers import Reader, at
from store_run import FOLDER

ROOT = Path(__file__).resolve().parents[2]


def run_readers(folder: Path) -> list[Reader]:
    """Returns the readers of a run's files, of benchmarks, serial lines and flatbuffers.

    Args:
        folder: Takes the file that a reader opens by its path.
    """
    run_dir = folder / "stored"
    unpack_archive(FOLDER / "run.tar.xz", run_dir)
    return [
        *_record_readers(folder / "records", run_dir),
        *_benchmark_readers(folder / "records"),
        *_board_readers(folder / "records", run_dir),
        *_student_readers(folder / "records"),
    ]


def _record_readers(folder: Path, run_dir: Path) -> list[Reader]:
    (stage,) = run_dir.glob("stages/student-*")
    export = run_dir / "export"

    def reader(path: Path, read: Callable[[Path], object], *others: bytes) -> Reader:
        return Reader(path.name, [path.read_bytes(), *others], at(folder / path.name, read))

    def stage_record(path: Path) -> None:
        (path.parent / "files.json").unlink(missing_ok=True)
        (path.parent / "result.json").write_text("{}")
        StageRecord.load(path.parent).spec(FitSpec)

    def stage_content(path: Path) -> None:
        # Any specification under its own key, as from another version.
        StageRecord(path.parent, "fit", "0" * 64, dict(read_json_object(path))).spec(FitSpec)

    def manifest(path: Path) -> None:
        exported = Export.read(path.parent)
        _ = exported.test_clips, exported.dataset_fingerprint, exported.made_from

    def files(path: Path) -> None:
        check_stage(path.parent)

    def history(path: Path) -> None:
        _ = StageRecord(path.parent, "fit", "0" * 64, {}).history

    chosen = b'{"settings": {"threshold": 0.5}, "made_by": {"hours": 1.0}}'
    compression = (
        b'{"candidates": [{"name": "a", "method": "ptq", "flash_bytes": 9, "int8_accuracy": 0.5}]}'
    )
    predictions = io.BytesIO()
    flags, probabilities = np.ones(3, bool), np.full((3, 2), 0.5)
    np.savez(
        predictions,
        clip_ids=["a"] * 3,
        labels=np.arange(3),
        on_wrist=flags,
        probabilities=probabilities,
    )
    specification = json.dumps(json.loads((stage / "stage.json").read_text())["spec"]).encode()
    split = ClipSplit("cross_subject", "", ("a",), ("b",), ("1",), ("2",), "accuracy")
    kept = folder / "splits.json"
    (folder / "stage").mkdir(parents=True, exist_ok=True)
    (folder / "stage" / "result.json").write_text("{}")
    keep_stage_hashes(folder / "stage")
    hashes = folder / "stage" / "files.json"
    kept_splits(kept, [split])

    def whole_run(path: Path) -> None:
        verify_run(Run.load(path.parent))

    verified = run_dir / "run.json"
    return [
        reader(run_dir / "run.json", lambda path: read_run_record(path.parent)),
        reader(run_dir / "metrics.json", read_metrics),
        reader(run_dir / "settings.json", lambda path: read_run_settings(path.parent)),
        reader(export / "manifest.json", manifest),
        reader(stage / "stage.json", stage_record),
        Reader("specifications", [specification], at(folder / "spec.json", stage_content)),
        reader(stage / "result.json", lambda path: read_result(path.parent, "fit")),
        Reader("files.json", [hashes.read_bytes()], at(hashes, files)),
        reader(stage / "history.csv", history),
        Reader(
            "recognizer.json",
            [chosen],
            at(
                folder / "chosen" / "recognizer.json", lambda path: ChosenSettings.read(path.parent)
            ),
        ),
        Reader(
            "compression.json",
            [compression],
            at(
                folder / "searched" / "compression.json",
                lambda path: Run.load(path.parent).compression,
            ),
        ),
        Reader(
            "predictions.npz",
            [predictions.getvalue()],
            at(folder / "predictions.npz", lambda path: Predictions.load([path.parent])),
        ),
        Reader(
            "weights.npz",
            [_arrays(np.zeros((2, 3), np.float32))],
            at(folder / "weights.npz", read_arrays),
        ),
        Reader("splits", [kept.read_bytes()], at(kept, lambda path: kept_splits(path, [split]))),
        Reader("verify: run.json", [verified.read_bytes()], at(verified, whole_run)),
    ]


def _arrays(*arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, *arrays)
    return stream.getvalue()


def _benchmark_readers(folder: Path) -> list[Reader]:
    cell = CellRecord(
        "a", "c0", "kd", 1, "live", "validation", "3|5", 1, 2, 26595, 35.2, 0.5, 0.4, 0.3, "000aff"
    )
    results, ledger = ResultsFile(folder / "cells.csv"), TestLedger(folder / "ledger.csv")
    streams = folder / "stream.csv"
    for one in (cell, dataclasses.replace(cell, cell="b", teacher_outputs="", teacher_seed=-1)):
        results.add(one)
        ledger.add(one)
    kinds = {"hours": 1.5, "distinct_hours": 1.0, "scores": "0001ffff"}
    record = StreamRecord("a", "kd", 1, "validation", "3|5", 1, 2, kind="movements", **kinds)
    write_streams(streams, [record, dataclasses.replace(record, kind="wrong", scores="")])
    methods = (ROOT / "configs" / "benchmark_short_methods.json").read_bytes()

    def values(path: Path) -> None:
        for one in read_streams(path):
            _ = one.values

    def guesses(path: Path) -> None:
        for one in ResultsFile(path).records.values():
            _ = one.predicted

    return [
        Reader("cells.csv", [results.path.read_bytes()], at(folder / "cells.csv", guesses)),
        Reader("test_ledger.csv", [ledger.path.read_bytes()], at(ledger.path, TestLedger)),
        Reader("stream.csv", [streams.read_bytes()], at(streams, values)),
        Reader("methods of a benchmark", [methods], at(folder / "methods.json", read_methods)),
    ]


_LINES = [
    b"pskd,1,0123456789ab,plain_c,50,16,+x-z+y,8",
    b"sample,4294967295,0.5,-1,0.25",
    b'activity,1000,3,"say ""hi""",0.875',
    b"activity,1000,-2,no signal,",
    b"status,5,model_failed,8",
]


def _board_readers(folder: Path, run_dir: Path) -> list[Reader]:
    tflite = (run_dir / "export" / "student_int8.tflite").read_bytes()
    model = ExportedModel(folder, ("wave", "clap"), True, 0.0)
    recording = b"time_seconds,x,y,z\n0,0,0,1\n0.02,0.5,-1,1\n0.04,nan,0,1\n"
    micros = b"time_us,x,y,z\n0,0,0,1\n20000,0.5,-1,1\n"

    def line(content: bytes) -> None:
        clock = BoardClock()
        for part in content.split(b"\n"):
            message = parse_message(part.decode("utf-8", "replace"))
            if isinstance(message, BoardHeader):
                AxisMap.parse(message.axes)
            elif message is not None:
                clock.seconds(message.time_us)

    def flatbuffer(content: bytes) -> None:
        check_fixed_shapes(content)
        tflm_operators(content)
        Int8Interface.read(content)
        read_graph(content)

    source = model_data_source(tflite[:200]).encode()
    return [
        Reader("serial lines", [*_LINES, b"\n".join(_LINES)], line),
        Reader(
            "recordings of simulate",
            [recording, micros],
            at(folder / "recording.csv", Recording.read),
        ),
        Reader(
            "labels of simulate",
            [b"start,end,label\n0,1.5,wave\n2,3,clap\n"],
            at(folder / "labels.csv", lambda path: LabelledSpan.read_all(path, model)),
        ),
        Reader("C arrays", [source], lambda c: parse_c_array(c.decode("latin1"))),
        Reader("flatbuffers", [tflite], flatbuffer),
    ]


def _student_readers(folder: Path) -> list[Reader]:
    # As `json.loads(model.to_json())` of Keras 3 gives it: Conv1D, GlobalAveragePooling1D, Dense.
    configuration = Path(__file__).with_name("net.json").read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", configuration)
    shape = (32, 1, 3)

    def saved(path: Path) -> None:
        own_architecture(StudentSettings(str(path)), input_shape=shape, num_classes=4)

    def configured(path: Path) -> None:
        read_architecture(read_json_object(path), shape, path)

    return [
        Reader("saved Keras models", [packed.getvalue()], at(folder / "net.keras", saved)),
        Reader("Keras configurations", [configuration], at(folder / "net.json", configured)),
    ]
