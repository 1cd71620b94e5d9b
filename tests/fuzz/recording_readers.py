"""Readers of recordings, tables and data sets, each with whole files to start from."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io
from absl import flags

import czu_mhad_files
import mm_fit_files
import mmact_files
import motion_files
import openpack_files
import smartfallmm_files
from data_prep.commands import CommandArguments
from data_prep.dataset_description import DatasetDescription
from data_prep.downloading import unpack_archive
from data_prep.errors import UserError
from data_prep.files import file_sha256
from data_prep.flags import parse_flags
from data_prep.formats.archives import find_raw_files
from data_prep.formats.body_files import read_ntu_skeleton, read_openpose
from data_prep.formats.bvh import BvhFile
from data_prep.formats.csv_files import read_sensor_csv
from data_prep.formats.marker_files import is_vicon_csv, read_c3d, read_trc, read_vicon_csv
from data_prep.formats.mat import read_mat_array, read_mat_cells
from data_prep.formats.plain_tables import read_plain_table
from data_prep.formats.tables import read_columns, read_npy_array, read_number_table
from data_prep.formats.text_tables import read_text_table
from data_prep.loader import DatasetOptions
from data_prep.loaders.custom.accelerometer import CustomAccelerometer
from data_prep.loaders.custom.annotations import cut_by_annotations
from data_prep.loaders.custom.label_tracks import read_annotations
from data_prep.loaders.custom.manifest import add_manifest_row, read_custom_manifest
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.loaders.custom.skeleton_files import read_custom_skeleton
from data_prep.loaders.czu_mhad import read_czu_sensor, read_czu_skeleton
from data_prep.loaders.mm_fit.loader import read_mm_fit_labels
from data_prep.loaders.mm_fit.streams import PoseRecording, WatchRecording
from data_prep.loaders.mmact import read_mmact_pose
from data_prep.loaders.openpack import streams as openpack
from data_prep.loaders.openpack.loader import read_openpack_operations
from data_prep.loaders.smartfallmm import read_smartfallmm_skeleton
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set import PreparedSet
from data_prep.prepared_set_tables import prepared_table
from data_prep.protocols import protocol_splits
from data_prep.recording_guess import guess_recording
from data_prep.skeletons import SkeletonLayout


@dataclass(frozen=True)
class Reader:
    """What reads a kind of file.

    Attributes:
        name: For people.
        seeds: Whole files.
        read: Takes the bytes of a file; raises `UserError` for one that it refuses.
    """

    name: str
    seeds: Sequence[bytes]
    read: Callable[[bytes], object]


def recording_readers(folder: Path) -> list[Reader]:
    """Returns the readers of recordings.

    Args:
        folder: Takes the file that a reader opens by its path.
    """
    return [
        *_table_readers(folder),
        *_motion_readers(),
        *_set_readers(),
        *_custom_readers(folder),
        *_prepared_readers(folder),
    ]


def at(path: Path, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Returns a reader of bytes for one that takes a path."""

    def read_bytes(content: bytes) -> object:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return read(path)

    return read_bytes


def _encoded(save: Callable[..., None], *arguments: object, **arrays: object) -> bytes:
    stream = io.BytesIO()
    save(stream, *arguments, **arrays)
    return stream.getvalue()


_TABLE = "t,ax,ay,az\ns,g,g,g\n" + "".join(f"{n / 50},{n % 3}.5,-1,0.25\n" for n in range(12))
_TABLES = [
    text.encode()
    for text in (
        _TABLE,
        _TABLE.replace(",", ";").replace(".", ","),
        "1 2 3\n4 5 6\n7 8 9\n",
        "x;y;z\n1,5;2;3\n4;5,5;6\n",
        "# logger\n# rate 50\ntime\tx\ty\tz\n" + "10:00:00.5\t1\t2\t3\n" * 4,
        "a,b,c\r\n1.7e12,nan,3\r\n,,\r\n1,2,3",
    )
]
_BVH = (
    b"HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition Zrotation "
    b"Xrotation Yrotation\nJOINT Spine\n{\nOFFSET 0 50 0\nCHANNELS 3 Zrotation Xrotation "
    b"Yrotation\nEnd Site\n{\nOFFSET 0 20 0\n}\n}\n}\nMOTION\nFrames: 3\nFrame Time: 0.01\n"
    b"0 90 0 0 0 0 0 0 0\n0 91 0 0 5 0 0 0 0\n0 92 0 0 9 0 7 0 0\n"
)


def _table_readers(folder: Path) -> list[Reader]:
    def text_table(content: bytes) -> None:
        table = read_text_table(content, "a.csv")
        table.numbers_or_errors(table.all_columns())

    def plain_table(content: bytes) -> None:
        table = read_plain_table(content, "a.csv")
        if table is not None and table.are_numbers(table.all_columns()):
            table.numbers(table.all_columns())

    def mat(content: bytes) -> None:
        for read in (read_mat_array, read_mat_cells):
            try:
                read(content, "d_iner", "a.mat")
            except UserError:
                read(content, "cells", "a.mat")

    def archive(path: Path) -> None:
        for item in find_raw_files(path.parent, r".*\.txt", (path.name,)):
            item.read()

    numbers = np.arange(12.0).reshape(4, 3)
    arrays = [numbers, numbers.astype(np.float32), np.arange(6), np.zeros((2, 2, 3))]
    npy = [_encoded(np.save, one) for one in arrays]
    npz = [_encoded(save, a=numbers) for save in (np.savez, np.savez_compressed)]
    mats = []
    for is_packed in (False, True):
        stream = io.BytesIO()
        cells = np.empty(2, object)
        cells[:] = [numbers, numbers[:2]]
        scipy.io.savemat(stream, {"d_iner": numbers, "cells": cells}, do_compression=is_packed)
        mats.append(stream.getvalue())
    return [
        Reader("tables of text", _TABLES, text_table),
        Reader("tables of plain numbers", _TABLES, plain_table),
        Reader("chosen columns", _TABLES[:4], lambda c: read_columns(c, ".csv", "a", ["1", "2"])),
        Reader("rows of numbers", [b"1 2 3\n4 5 6\n"], lambda c: read_number_table(c, 3, "a")),
        Reader("watch tables", _watch_seeds(), lambda c: read_sensor_csv(c, "a.csv", 4, 200.0)),
        Reader(".npy", npy, lambda c: read_npy_array(c, "a.npy")),
        Reader(".npz", npz, lambda c: read_columns(c, ".npz", "a.npz", key="a")),
        Reader(".mat", mats, mat),
        Reader("BVH", [_BVH], lambda c: BvhFile.parse(c, "a.bvh")),
        Reader(
            "zip of recordings",
            [_zip(), _zip(zipfile.ZIP_STORED)],
            at(folder / "raw" / "a.zip", archive),
        ),
        Reader(
            "archives to unpack",
            [_zip(), _tar("w"), _tar("w:gz")],
            at(folder / "a.archive", lambda p: unpack_archive(p, folder / "out", 2**20)),
        ),
        Reader(
            "recordings of unknown form",
            [*_TABLES, *_watch_seeds()],
            at(folder / "a.csv", guess_recording),
        ),
    ]


def _watch_seeds() -> list[bytes]:
    stamps = np.arange(0, 1, 0.02)
    values = np.tile([0.5, 9.7, 0.25], (len(stamps), 1))
    watch = smartfallmm_files.watch_csv(1.7e9 + stamps, values)
    return [watch.encode(), mmact_files.sensor_csv(stamps, values).encode()]


def _zip(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("a/b.txt", "1 2 3\n" * 20)
        archive.writestr("c.txt", "")
    return stream.getvalue()


def _tar(mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        item = tarfile.TarInfo("a/b.txt")
        item.size = 120
        archive.addfile(item, io.BytesIO(b"1 2 3\n" * 20))
    return stream.getvalue()


def _motion_readers() -> list[Reader]:
    body = motion_files.joints(frames=4)
    kinect = np.concatenate([body, body, body, body[:, :1]], axis=1)  # 25 joints
    person = np.concatenate([100 * kinect[0, :17, :2], np.ones((17, 1))], axis=1)
    frames = motion_files.openpose([[person], [], [person]])
    return [
        Reader("TRC", [motion_files.trc(body * 1000).encode()], lambda c: read_trc(c, "a.trc")),
        Reader(
            "Vicon",
            [motion_files.vicon(body).encode()],
            lambda c: is_vicon_csv(c) and read_vicon_csv(c, "a"),
        ),
        Reader("c3d", [motion_files.c3d_bytes(body * 1000)], lambda c: read_c3d(c, "a.c3d")),
        Reader(
            "NTU skeletons",
            [motion_files.ntu({"7": kinect, "9": kinect}).encode()],
            lambda c: read_ntu_skeleton(c, "1", "a.skeleton"),
        ),
        Reader("OpenPose", ["\n".join(frames).encode()], lambda c: read_openpose(c, "folder")),
    ]


def _set_readers() -> list[Reader]:
    poses = json.dumps(mmact_files.pose_json(4)).encode()
    packed = io.BytesIO()
    tables = [czu_mhad_files.sensor_table(0.4)] * 10
    cells = czu_mhad_files.sensor_cells(tables)
    scipy.io.savemat(packed, {"sensor": cells}, do_compression=True)
    czu_text = _encoded(np.savetxt, czu_mhad_files.sensor_table(0.4), fmt="%.15g")
    czu_skeleton = _encoded(np.savetxt, czu_mhad_files.skeleton_table(0.4), fmt="%.15g")
    labels = b"100,190,10,squats\n250,400,12,lunges\n"
    watch = _encoded(np.save, mm_fit_files.watch_array(20))
    pose = _encoded(np.save, mm_fit_files.pose_array(20))
    skeleton = smartfallmm_files.skeleton_csv(6).encode()
    work = openpack_files.operations_csv("U0101", "S0100", [(1, 3, "Picking"), (3, 5, "Null")])
    sensor = openpack_files.sensor_frame(0.5).to_csv(index=False).encode()
    frames = openpack_files.pose_frame(0.3).to_csv(index=False).encode()
    annotations = json.dumps({"annotations": openpack_files.pose_annotations(0.3)}).encode()
    return [
        Reader(
            "OpenPack operations",
            [work.encode()],
            lambda c: read_openpack_operations(c, "a.csv", "U0101", "S0100"),
        ),
        Reader("OpenPack sensors", [sensor], lambda c: openpack.SensorRecording.read(c, "a.csv")),
        Reader(
            "OpenPack poses in 3-D",
            [frames],
            lambda c: openpack.PoseRecording.read(c, "a.csv", "kinect_3d"),
        ),
        Reader(
            "OpenPack poses in 2-D",
            [annotations],
            lambda c: openpack.PoseRecording.read(c, "a.json", "kinect_2d"),
        ),
        Reader("MMAct poses", [poses], lambda c: read_mmact_pose(c, "a.json")),
        Reader("CZU-MHAD .mat", [packed.getvalue()], lambda c: read_czu_sensor(c, "a.mat", 5)),
        Reader("CZU-MHAD text", [czu_text], lambda c: read_czu_sensor(c, "a.txt", 5)),
        Reader("CZU-MHAD skeletons", [czu_skeleton], lambda c: read_czu_skeleton(c, "a.txt")),
        Reader("MM-Fit labels", [labels], lambda c: read_mm_fit_labels(c, "a.csv")),
        Reader("MM-Fit watches", [watch], lambda c: WatchRecording.read(c, "a.npy")),
        Reader("MM-Fit poses", [pose], lambda c: PoseRecording.read(c, "a.npy")),
        Reader("SmartFallMM skeletons", [skeleton], lambda c: read_smartfallmm_skeleton(c, "a")),
    ]


_MANIFEST = (
    b"subject,action,accelerometer_path,accelerometer_unit,accelerometer_rate_hz,"
    b"accelerometer_columns,accelerometer_stamp_column,accelerometer_stamp_unit,clip_id,start,end\n"
    b"s1,wave,a.csv,g,50,x;y;z,t,ms,one,0,1.5\ns2,clap,a.csv,m/s^2,,2;3;-4,1,iso,two,,\n"
)
_RECORDINGS = (
    b"accelerometer_path;accelerometer_unit;accelerometer_rate_hz\na.csv;g;50\nb.csv;mg;25,5\n"
)
_ANNOTATIONS = b"recording,start,end,label\na.csv,0.5,1:02.5,wave\nb.csv,10,12,clap\n"
_LABEL_STUDIO = [
    {
        "data": {"csv": "a.csv"},
        "annotations": [
            {"result": [{"value": {"start": 0.5, "end": 2, "timeserieslabels": ["wave"]}}]}
        ],
    },
    {"csv": "b.csv", "label": [{"start": 1, "end": 2, "timeserieslabels": ["clap"]}]},
]
_LAYOUT = {"joint_names": ["hip", "chest"], "parents": [-1, 0], "up_axis": "y", "dimensions": 3}


def _custom_readers(folder: Path) -> list[Reader]:
    own = folder / "own"
    own.mkdir(parents=True, exist_ok=True)
    for name in ("a.csv", "b.csv"):
        (own / name).write_text(_TABLE)
    given = own / "given.csv"
    given.write_bytes(_RECORDINGS.replace(b"25,5", b"25"))
    recordings, errors = read_custom_manifest(given, for_annotations=True)
    assert len(recordings) == 2 and not errors
    clips = _sample_clips(own)
    layout = SkeletonLayout(("hip",), (-1,))
    frames = b"".join(b"%d,0.5,-1\n" % n for n in range(8))

    def manifest(path: Path) -> None:
        read_custom_manifest(path)
        add_manifest_row(path, {"subject": "s9", "action": "x"})
        read_custom_manifest(path)

    def listed(path: Path) -> None:
        read_custom_manifest(path, for_annotations=True)

    def annotations(path: Path) -> None:
        read_annotations(path, lambda name: "a.csv")
        cut_by_annotations(path, recordings)

    def samples(content: bytes) -> None:
        for clip in clips:
            try:
                CustomAccelerometer.read(content, clip, ".csv", "a.csv")
            except UserError:
                continue

    return [
        Reader("manifests", [_MANIFEST], at(own / "manifest.csv", manifest)),
        Reader("manifests with annotations", [_RECORDINGS], at(own / "manifest.csv", listed)),
        Reader("annotations in a table", [_ANNOTATIONS], at(own / "notes.csv", annotations)),
        Reader(
            "label tracks",
            [b"0.5\t2\twave\n3\t4\tclap\n", b"tier\t\t0.5\t2.5\t2\twave\n"],
            at(own / "a.txt", annotations),
        ),
        Reader(
            "Label Studio",
            [json.dumps(_LABEL_STUDIO).encode()],
            at(own / "notes.json", annotations),
        ),
        Reader(
            "skeleton layouts",
            [json.dumps(_LAYOUT).encode()],
            at(own / "layout.json", SkeletonLayout.load),
        ),
        Reader("own accelerometers", _TABLES, samples),
        Reader(
            "own skeletons",
            [frames],
            lambda c: read_custom_skeleton(c, clips[0], layout, ".csv", "a.csv"),
        ),
    ]


def _sample_clips(own: Path) -> list[CustomClip]:
    forms = ("x;y;z,t,ms", "2;3;4,1,iso", "2;3;-4,1,clock", ",,")
    rows = [f"s1,wave,a.csv,g,50,{form}" for form in forms]
    header = (
        "subject,action,accelerometer_path,accelerometer_unit,accelerometer_rate_hz,"
        "accelerometer_columns,accelerometer_stamp_column,accelerometer_stamp_unit"
    )
    (own / "rows.csv").write_text("\n".join([header, *rows]) + "\n")
    found, errors = read_custom_manifest(own / "rows.csv")
    assert len(found) >= 2, errors
    return found


def _prepared_readers(folder: Path) -> list[Reader]:
    made = folder / "prepared"
    options = DatasetOptions(num_subjects=2, num_trials=1)
    prepare_dataset("synthetic", None, made, options=options)
    whole = {path.name: path.read_bytes() for path in made.iterdir() if path.is_file()}

    def described(path: Path) -> None:
        description = DatasetDescription.load(path)
        manifest = PreparedSet.load(path.parent).manifest
        for protocol in ("cross_subject", "leave_one_subject_out", "subject_folds"):
            protocol_splits(description, manifest, protocol, num_folds=2)

    def tabled(path: Path) -> None:
        content = json.loads(whole["dataset.json"])
        content["array_sha256"]["manifest.csv"] = file_sha256(path)
        (made / "dataset.json").write_text(json.dumps(content))
        try:
            prepared_table(PreparedSet.load(made))
        finally:
            (made / "dataset.json").write_bytes(whole["dataset.json"])

    def again(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
        read_bytes = at(made / name, read)

        def read_and_restore(content: bytes) -> object:
            try:
                return read_bytes(content)
            finally:
                (made / name).write_bytes(whole[name])

        return read_and_restore

    def flagfile(path: Path) -> None:
        try:
            parse_flags(CommandArguments, [f"--flagfile={path}"])
        except flags.Error as error:  # one line for a command, too
            raise UserError(str(error)) from error

    return [
        Reader("dataset.json", [whole["dataset.json"]], again("dataset.json", described)),
        Reader("manifest.csv of a set", [whole["manifest.csv"]], again("manifest.csv", tabled)),
        Reader(
            "arrays of a set",
            [whole["accelerometer.npy"]],
            again("accelerometer.npy", lambda path: PreparedSet.load(path.parent)),
        ),
        Reader(
            "flagfiles", [b"--dry_run\n# words\n--nodry_run\n"], at(folder / "a.flags", flagfile)
        ),
    ]
