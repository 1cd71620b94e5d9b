"""The files that a row of a manifest may name, and what their forms tell."""

import os
from pathlib import Path

from data_prep.formats.archives import frame_files
from data_prep.formats.csv_files import CsvRecord
from data_prep.formats.marker_files import MOTION_SUFFIXES, is_vicon_csv
from data_prep.formats.tables import TABLE_SUFFIXES

# What to do with files that only their maker's software reads, or that are no tables.
_EXPORTS = {
    ".cwa": "export raw CSV with OMGUI or cwa-convert",
    ".gt3x": "export raw CSV with ActiLife, or convert with pygt3x",
    ".bin": "export raw CSV with the logger's software",
    ".json": "this logger's app also exports CSV",
    ".xls": "save as CSV",
    ".xlsx": "save as CSV",
    ".ods": "save as CSV",
    ".parquet": "convert with pandas: read_parquet(...).to_csv(..., index=False)",
    ".db": "export a table as CSV",
    ".edf": "convert with pyedflib to CSV",
    ".zip": "unpack it",
    ".gz": "unpack it",
    ".mp4": "estimate a skeleton first, such as by MediaPipe or OpenPose",
    ".avi": "estimate a skeleton first, such as by MediaPipe or OpenPose",
    ".mov": "estimate a skeleton first, such as by MediaPipe or OpenPose",
    ".fbx": "export BVH, TRC or c3d",
    ".mvnx": "export c3d or BVH",
    ".tak": "export c3d, BVH or TRC with Motive",
}


def recording_path(record: CsvRecord, column: str, folder: Path) -> str:
    """Returns the path of a recording, relative to the manifest.

    Args:
        record: The row.
        column: "accelerometer_path" or "skeleton_path", which may be a folder of frames.
        folder: Of the manifest.

    Raises:
        UserError: The file is missing, or of a form that is not read; says what to do with it.
    """
    name = record.text(column).replace("\\", "/")
    is_skeleton = column == "skeleton_path"
    if is_skeleton and (folder / name).is_dir():
        if not frame_files(folder / name):
            raise record.error("A folder as skeleton_path must hold .json frames of OpenPose", name)
        return os.path.normpath(name).replace("\\", "/")
    suffixes = (*TABLE_SUFFIXES, *MOTION_SUFFIXES) if is_skeleton else TABLE_SUFFIXES
    if not name.lower().endswith(suffixes):
        hint = _EXPORTS.get(Path(name).suffix.lower(), "")
        rule = f"{column} must end with {', '.join(suffixes)}"
        raise record.error(rule, f"{name} ({hint})" if hint else name)
    if not (folder / name).is_file():
        raise record.error(f"The file of {column} must exist (relative to the manifest)", name)
    return os.path.normpath(name).replace("\\", "/")


def tells_rate(skeleton_path: str) -> bool:
    """Returns whether a skeleton's form holds its rate; some CSV files of Vicon do, too."""
    return skeleton_path.lower().endswith((".trc", ".c3d", ".bvh"))


def tells_unit(skeleton: Path) -> bool:
    """Returns whether a skeleton's file, which exists, is of a form that may hold its unit."""
    if not skeleton.name.lower().endswith(TABLE_SUFFIXES) or skeleton.is_dir():
        return True
    with open(skeleton, "rb") as stream:
        return is_vicon_csv(stream.read(_HEAD_BYTES))


_HEAD_BYTES = 2**18
