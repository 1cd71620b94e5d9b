"""Forms of files as people have them, a miniature of each.

A form has its row of a manifest, the truth, and what a guess of it must be. The table of
docs/recordings.md has a row for each.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path

import numpy as np
import scipy.io

import motion_files
from logger_files import (
    FILES,
    ISO,
    MILLISECONDS,
    MOMENTS,
    NANOSECONDS,
    SECONDS,
    TRUTH,
    G,
    axes,
    numbers,
    rows,
)

# The accelerometer beside a skeleton: it moves, as long as the 90 frames.
WRIST = "t,x,y,z\n" + rows(NANOSECONDS, *axes(TRUTH))
_BESIDE = {"accelerometer_path": "wrist.csv", "accelerometer_unit": "g",
           "accelerometer_columns": "x;y;z", "accelerometer_rate_hz": "50"}  # fmt: skip
_COUNTS = np.round(4096 * TRUTH).astype(int)
_HALVES = np.round(64 * TRUTH).astype(int)
_ARRAY = TRUTH.astype(np.float64)


@dataclass(frozen=True)
class Form:
    """A form of file.

    Args:
        name: As in the table of the documentation.
        file: Name of the file, or of the folder if `content` is a list of frames.
        content: Its text, bytes or frames.
        cells: Of the manifest's row, besides the path.
        truth: float64 (samples, 3) in g, or (frames, joints, 3) in metres; None where the file is
            refused.
        refusal: What the message must hold, "" where the file is read.
        layout: Of a skeleton: a name, or what a layout's JSON file holds.
        guessed: Cells that a guess of the file must have, besides leading to the truth; None where
            the files of a folder are not guessed.
        rate_hz: The rate that a guess must tell, None if the file does not tell it.
        tolerance: By which the values may differ from the truth.
    """

    name: str
    file: str
    content: str | bytes | list[str]
    cells: Mapping[str, str] = field(default_factory=dict)
    truth: np.ndarray | None = None
    refusal: str = ""
    layout: str | dict[str, object] | None = None
    guessed: Mapping[str, str] | None = None
    rate_hz: float | None = 50.0
    tolerance: float = 1e-6

    @property
    def is_skeleton(self) -> bool:
        """Whether it is a skeleton's file."""
        return self.layout is not None

    def write(self, folder: Path) -> Path:
        """Writes the file, or the folder of frames, and returns its path."""
        path = folder / self.file
        if isinstance(self.content, list):
            path.mkdir()
            for number, text in enumerate(self.content):
                (path / f"{number}_keypoints.json").write_text(text)
        elif isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            path.write_bytes(self.content.encode())
        return path

    def row(self, cells: Mapping[str, str] | None = None) -> dict[str, str]:
        """Returns its row of a manifest, with its own cells or with others.

        Args:
            cells: In the place of its own.
        """
        told = {"accelerometer_path": self.file}
        if self.is_skeleton:
            told = {**_BESIDE, "skeleton_path": self.file}
        row = {"subject": "a", "action": "wave", **told, **(self.cells if cells is None else cells)}
        if row.get("accelerometer_format") in ("wisdm", "pamap2"):
            row["action"] = ""  # the file tells it
        return row

    def write_manifest(
        self, folder: Path, rows: list[dict[str, str]]
    ) -> tuple[Path, str | Path | None]:
        """Writes a manifest, and what it needs besides the form's file.

        Args:
            folder: Of the file.
            rows: Cells by column.

        Returns:
            The manifest and the layout.
        """
        columns = list(dict.fromkeys(column for row in rows for column in row))
        lines = [",".join(row.get(column, "") for column in columns) for row in rows]
        path = folder / "manifest.csv"
        path.write_text("\n".join([",".join(columns), *lines]) + "\n")
        if self.is_skeleton:
            (folder / "wrist.csv").write_text(WRIST)
        if not isinstance(self.layout, dict):
            return path, self.layout
        (folder / "layout.json").write_text(json.dumps(self.layout))
        return path, folder / "layout.json"


def _logger(name: str, title: str, suffix: str = ".csv", content: str = "", **more: str) -> Form:
    format_cells = {"accelerometer_format": name}
    guessed = {**format_cells, **more}
    return Form(title, f"x{suffix}", content or FILES[name], guessed, TRUTH, guessed=guessed)


def _plain(name: str, file: str, content: str | bytes, guessed: Mapping[str, str] | None = None,
           **cells: str) -> Form:  # fmt: skip
    named = {f"accelerometer_{column}": value for column, value in cells.items()}
    told = None if guessed is None else {f"accelerometer_{k}": v for k, v in guessed.items()}
    rate_hz = None if "rate_hz" in cells else 50.0
    return Form(name, file, content, named, TRUTH, guessed=told, rate_hz=rate_hz)


def _refused(name: str, file: str, content: str, refusal: str, **cells: str) -> Form:
    named = {f"accelerometer_{column}": value for column, value in cells.items()}
    # A guess may know better: with its format, an Empatica E4 is read.
    guessed = None if content == _E4 else {}
    return Form(name, file, content, named, None, refusal, guessed=guessed)


def _saved(save, *arguments, **named) -> bytes:
    stream = io.BytesIO()
    save(stream, *arguments, **named)
    return stream.getvalue()


_TURNED = TRUTH[:, [2, 0, 1]] * [1, -1, 1]
_XYZ = {"unit": "g", "columns": "x;y;z"}
_STAMPED = {**_XYZ, "stamp_column": "t", "stamp_unit": "s"}
_WRITTEN = rows(numbers(SECONDS), *axes(TRUTH))
_ZONE = [moment.astimezone(timezone(timedelta(hours=2))).isoformat() for moment in MOMENTS]
_CLOCK = [stamp.split()[1] for stamp in ISO]
_E4 = "1659657598.0, 1659657598.0, 1659657598.0\n50.0, 50.0, 50.0\n" + rows(*_HALVES.T)
_WEAR_OS = "sensor,timestamp,x,y,z\n" + "".join(
    f"ACC,{stamp},{x},{y},{z}\nGYR,{stamp},90.0,{y},7.5\n"
    for stamp, (x, y, z) in zip(NANOSECONDS, (G * TRUTH).tolist(), strict=True)
)
_EPOCH_MS = [stamp.split(".")[0] for stamp in MILLISECONDS]

LOGGERS = [
    _logger("phyphox", "phyphox, decimal comma and semicolon"),
    _logger("phyphox", "phyphox, decimal point, BOM and CRLF",
            content="\ufeff" + FILES["phyphox"].replace(";", "\t").replace(",", ".")
            .replace("\t", ",").replace("\n", "\r\n")),
    _logger("sensor_logger", "Sensor Logger, TotalAcceleration.csv"),
    _logger("sensorlog", "SensorLog (iOS)"),
    Form("Empatica E4, ACC.csv", "ACC.csv", _E4, {"accelerometer_format": "empatica_e4"},
         _HALVES / 64, guessed={"accelerometer_format": "empatica_e4"}),
    _logger("axivity", "Axivity AX3, CSV of OMGUI"),
    _logger("actigraph", "ActiGraph, ten lines of header"),
    _logger("geneactiv", "GENEActiv, a hundred lines of header"),
    _logger("shimmer", "Shimmer Consensys, `sep=` and a row of units"),
    _logger("movesense", "Movesense CSV"),
    _logger("metabase", "MetaBase (MbientLab)"),
    _logger("physics_toolbox", "Physics Toolbox, seconds"),
    _logger("physics_toolbox", "Physics Toolbox, clock times", content="time,gFx,gFy,gFz,TgF\n"
            + rows(_CLOCK, *axes(TRUTH), numbers(SECONDS)), accelerometer_stamp_unit="clock"),
    _logger("wear_os", "Wear OS, rows of two sensors", content=_WEAR_OS),
    _logger("wisdm", "WISDM raw, trailing `;`", ".txt"),
    _logger("pamap2", "PAMAP2", ".dat"),
    _logger("uci_har", "UCI HAR, raw", ".txt"),
]  # fmt: skip

TABLES = [
    _plain("EmbracePlus (microseconds)", "x.csv", "unix_timestamp,x,y,z\n"
           + rows([f"{int(n) // 1000}" for n in NANOSECONDS], *axes(TRUTH)), {"stamp_unit": "us"},
           unit="g", columns="x;y;z", stamp_column="unix_timestamp", stamp_unit="us"),
    _plain("HHAR", "x.csv", "Index,Arrival_Time,Creation_Time,x,y,z,User,Model,Device,gt\n"
           + rows(range(150), _EPOCH_MS, NANOSECONDS, *axes(G * TRUTH), ["a"] * 150,
                  ["nexus4"] * 150, ["nexus4_1"] * 150, ["stand"] * 150),
           {"unit": "m/s^2"},
           unit="m/s^2", columns="x;y;z", stamp_column="Creation_Time", stamp_unit="ns"),
    _plain("RealWorld", "x.csv", "id,attr_time,attr_x,attr_y,attr_z\n"
           + rows(range(1, 151), _EPOCH_MS, *axes(G * TRUTH)), {"unit": "m/s^2"},
           unit="m/s^2", columns="attr_x;attr_y;attr_z", stamp_column="attr_time", stamp_unit="ms"),
    _plain("OpenPack, atr CSV", "x.csv", "unixtime,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z\n"
           + rows(_EPOCH_MS, *axes(TRUTH), *axes(50 * TRUTH)), {"columns": "acc_x;acc_y;acc_z"},
           unit="g", columns="acc_x;acc_y;acc_z", stamp_column="unixtime", stamp_unit="ms"),
    _plain("WEAR, one file a person", "x.csv",
           "sbj_id,right_arm_acc_x,right_arm_acc_y,right_arm_acc_z,label\n"
           + rows(["0"] * 150, *axes(TRUTH), ["jogging"] * 150), {"unit": "g"}, unit="g",
           columns="right_arm_acc_x;right_arm_acc_y;right_arm_acc_z", rate_hz="50"),
    _plain("Capture-24", "x.csv", "time,x,y,z,annotation\n"
           + rows(ISO, *axes(TRUTH), ["sleep"] * 150), {"stamp_unit": "iso"},
           unit="g", columns="x;y;z", stamp_column="time", stamp_unit="iso"),
    _plain("decimal comma, semicolons", "x.csv", "t;x;y;z\n" + _WRITTEN.replace(",", ";")
           .replace(".", ","), _STAMPED, **_STAMPED),
    _plain("decimal comma, tabs", "x.csv", "t\tx\ty\tz\n" + _WRITTEN.replace(",", "\t")
           .replace(".", ","), _STAMPED, **_STAMPED),
    _plain("`.tsv`", "x.tsv", "t\tx\ty\tz\n" + _WRITTEN.replace(",", "\t"), _STAMPED, **_STAMPED),
    _plain("white space, `.dat`", "x.dat", _WRITTEN.replace(",", "   "), None, unit="g",
           columns="1;2;3", stamp_column="0", stamp_unit="s"),
    _plain("white space below a boot text, `.log`", "x.log", "ets Jun 8\nrst:0x1\n"
           + _WRITTEN.replace(",", " "), None, unit="g", columns="1;2;3", stamp_column="0",
           stamp_unit="s", skip_rows="2"),
    _plain("`#` comments above the header", "x.csv", "# a logger\n# of mine\nt,x,y,z\n" + _WRITTEN,
           _STAMPED, **_STAMPED),
    _plain("a header block of any lines", "x.csv", "Logger 3\nStarted, at noon\n\nt,x,y,z\n"
           + _WRITTEN, {"skip_rows": "3", **_STAMPED}, skip_rows="3", **_STAMPED),
    _plain("a row of units", "x.csv", "t,x,y,z\ns,g,g,g\n" + _WRITTEN, _STAMPED, **_STAMPED),
    _plain("trailing separators", "x.csv", "t,x,y,z,\n" + _WRITTEN.replace("\n", ",\n"), _STAMPED,
           **_STAMPED),
    _plain("an index column without a name (pandas)", "x.csv", ",t,x,y,z\n" + "".join(
           f"{n},{line}\n" for n, line in enumerate(_WRITTEN.splitlines())), _STAMPED, **_STAMPED),
    _plain("stamps with a zone (ISO 8601)", "x.csv", "t,x,y,z\n" + rows(_ZONE, *axes(TRUTH)),
           {"stamp_unit": "iso"}, **{**_STAMPED, "stamp_unit": "iso"}),
    _plain("clock times over midnight", "x.csv", "t,x,y,z\n" + rows(_CLOCK, *axes(TRUTH)),
           {"stamp_unit": "clock"}, **{**_STAMPED, "stamp_unit": "clock"}),
    _plain("a UTF-16 file", "x.csv", ("t,x,y,z\n" + _WRITTEN).encode("utf-16"), _STAMPED,
           **_STAMPED),
    _plain("axes turned and exchanged", "x.csv", "t,a,b,c\n"
           + rows(numbers(SECONDS), *axes(_TURNED)), None, unit="g", columns="-b;c;a",
           stamp_column="t", stamp_unit="s"),
    _plain("counts of a converter", "x.csv", "ms,ax,ay,az\n" + rows(
           numbers(1000 * SECONDS, 1), *_COUNTS.T), {"unit": "lsb", "scale": "0.000244140625"},
           unit="lsb", scale="0.000244140625", columns="ax;ay;az", stamp_column="ms",
           stamp_unit="ms"),
    _plain("milli-g", "x.csv", "ms,ax,ay,az\n" + rows(numbers(1000 * SECONDS, 1),
           *axes(1000 * TRUTH)), {"unit": "mg"}, unit="mg", columns="ax;ay;az", stamp_column="ms",
           stamp_unit="ms"),
    _plain("`.npy`", "x.npy", _saved(np.save, _ARRAY), {"unit": "g"}, unit="g", rate_hz="50"),
    _plain("`.npz`", "x.npz", _saved(np.savez, acc=_ARRAY), None, unit="g", rate_hz="50",
           key="acc"),
    _plain("`.mat`", "x.mat", _saved(scipy.io.savemat, {"acc": _ARRAY}), None, unit="g",
           rate_hz="50", key="acc"),
]  # fmt: skip
TABLES = [
    form if form.name != "counts of a converter"
    else Form(form.name, form.file, form.content, form.cells, _COUNTS / 4096, guessed=form.guessed)
    for form in TABLES
]  # fmt: skip

_JOINTS = motion_files.joints()
_ANGLES = 40 * np.sin(np.arange(len(_JOINTS)) / 9)
_ARM = np.stack([-np.sin(np.radians(_ANGLES)), np.cos(np.radians(_ANGLES)), 0 * _ANGLES], axis=1)
_BVH_TRUTH = np.stack([_JOINTS[:, 0], _JOINTS[:, 0] + 0.5 * _ARM], axis=1)
_BODY_25 = np.array([0, 0, 2.5]) + np.tile(_JOINTS, (1, 4, 1))[:, :25]
_BODY_25 = _BODY_25 + 0.01 * np.arange(25)[None, :, None]
_IN_PIXELS = _JOINTS * [100, -100, 0] + [300, 400, 0.9]


def _body(joints: int) -> np.ndarray:
    """Returns (frames, joints, 3) in metres: a swaying body of any number of joints."""
    random = np.random.default_rng(joints)
    rest = random.uniform([-0.4, 0.0, -0.1], [0.4, 1.7, 0.1], (joints, 3))
    sway = np.sin(np.arange(motion_files.FRAMES) / 9 + 1)
    return np.asarray(rest + 0.05 * sway[:, None, None])


def _table(values: np.ndarray, header: str = "", stamps: list[str] | None = None) -> str:
    columns = axes(values.reshape(len(values), -1))
    return header + rows(*([stamps] if stamps else []), *columns)


def _scaled(values: np.ndarray) -> np.ndarray:
    """Returns what pixels with a torso of 50 become: x, y in body-scaled metres, the confidence."""
    hips = _IN_PIXELS[:, [5, 6], :2].mean(axis=1)
    metres = (values[:, :, :2] - np.median(hips, axis=0)) * [1, -1] * 0.288 * 1.7 / 50
    return np.concatenate([metres, values[:, :, 2:]], axis=2)


def _openpose() -> tuple[list[str], np.ndarray]:
    """Returns frames of a body of 25 key points and the truth."""
    names = ["nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder"]
    pose = np.tile(np.array([[100.0 + 3 * n, 200.0 + 2 * n, 0.9] for n in range(25)]), (90, 1, 1))
    pose[:, names.index("left_shoulder"), :2] = [240, 100]
    pose[:, names.index("right_shoulder"), :2] = [200, 100]
    pose[:, 12, :2], pose[:, 9, :2] = [240, 244], [200, 244]
    pose[:, :, 0] += 9 * np.sin(np.arange(90) / 9)[:, None]
    hips = (pose[:, 12, :2] + pose[:, 9, :2]) / 2
    metres = (pose[:, :, :2] - np.median(hips, axis=0)) * [1, -1] * 0.288 * 1.7 / 144
    truth = np.concatenate([metres, pose[:, :, 2:]], axis=2)
    return motion_files.openpose([[person] for person in pose]), truth


_FRAMES, _OPENPOSE_TRUTH = _openpose()
_RATE = {"skeleton_rate_hz": "30"}
_CAMERA = [f"{1659657598.5 + n / 30:.6f}" for n in range(motion_files.FRAMES)]

SKELETONS = [
    Form("MediaPipe world landmarks, CSV", "x.csv", _table(_body(33)), _RATE, _body(33),
         layout="mediapipe_33", guessed={"skeleton_unit": "m"}),
    Form("Azure Kinect, CSV in mm", "x.csv", _table(1000 * _body(32)),
         {**_RATE, "skeleton_unit": "mm"}, _body(32), layout="azure_kinect_32",
         guessed={"skeleton_unit": "mm"}),
    Form("Kinect v1, `.npy`", "x.npy", _saved(np.save, _body(20)), _RATE, _body(20),
         layout="kinect_v1_20", guessed={"skeleton_unit": "m"}),
    Form("frames with stamps of the logger's clock", "x.csv", _table(_body(20), stamps=_CAMERA),
         {"skeleton_stamp_column": "0", "skeleton_stamp_unit": "s", "skeleton_columns": "1-60",
          "accelerometer_stamp_column": "t", "accelerometer_stamp_unit": "ns"}, _body(20),
         layout="kinect_v1_20", guessed={"skeleton_columns": "1-60"}, tolerance=1e-5),
    Form("TRC", "x.trc", motion_files.trc(1000 * _JOINTS), {}, _JOINTS,
         layout=motion_files.LAYOUT, guessed={}),
    Form("Vicon Nexus CSV, two header rows", "x.csv", motion_files.vicon(1000 * _JOINTS), {},
         _JOINTS, layout=motion_files.LAYOUT, guessed={}),
    Form("c3d", "x.c3d", motion_files.c3d_bytes(1000 * _JOINTS), {}, _JOINTS,
         layout=motion_files.LAYOUT, tolerance=2e-6, guessed={}),
    Form("BVH", "x.bvh", motion_files.bvh(_JOINTS[:, 0], _ANGLES), {"skeleton_unit": "m"},
         _BVH_TRUTH, layout={"joint_names": ["hip", "right_wrist"], "parents": [-1, 0]},
         guessed={"skeleton_unit": "m"}),
    Form("NTU RGB+D `.skeleton`", "x.skeleton", motion_files.ntu({"72057": _BODY_25}), _RATE,
         _BODY_25, layout="kinect_v2_25", guessed={}),
    Form("OpenPose, a JSON file each frame", "poses", _FRAMES, _RATE, _OPENPOSE_TRUTH,
         layout="openpose_25", guessed={}),
    Form("pixels of a layout of your own", "x.csv", _table(_IN_PIXELS),
         {**_RATE, "skeleton_unit": "px"}, _scaled(_IN_PIXELS),
         layout={**motion_files.LAYOUT, "dimensions": 2}, tolerance=2e-6),
]  # fmt: skip

_USER = TRUTH - TRUTH.mean(axis=0)
REFUSED = [
    _refused("decimal commas between commas", "x.csv", "t,x,y,z\n"
             + _WRITTEN.replace(".", ","),
             "Decimal commas need cells separated by semicolons or tabs", **_STAMPED),
    _refused("Movesense or Sensor Logger, JSON", "x.json", "{}", "app also exports CSV",
             **_STAMPED),
    _refused("Axivity, `.cwa`", "x.cwa", "MD", "export raw CSV with OMGUI", **_STAMPED),
    _refused("ActiGraph, `.gt3x`", "x.gt3x", "PK", "export raw CSV with ActiLife", **_STAMPED),
    _refused("a spreadsheet, `.xlsx`", "x.xlsx", "PK", "save as CSV", **_STAMPED),
    _refused("user acceleration (iOS), without gravity", "x.csv", "t,x,y,z\n"
             + rows(numbers(SECONDS), *axes(0.1 * _USER)), "unit of the accelerometer must be g",
             **_STAMPED),
    _refused("a gyroscope with its unit in the header", "x.csv", "t,x (rad/s),y (rad/s),z (rad/s)\n"
             + _WRITTEN, "must be an acceleration in g", unit="g", columns="1;2;3",
             stamp_column="t", stamp_unit="s"),
    _refused("Empatica E4 without its format", "x.csv", _E4, "unless accelerometer_format is "
             "empatica_e4", unit="g", rate_hz="32"),
    _refused("a clock that is set back", "x.csv", "t,x,y,z\n"
             + rows(numbers(SECONDS % 1.5), *axes(TRUTH)), "The clock may not step back",
             **_STAMPED),
    _refused("one value in three columns", "x.csv", "t,x,y,z\n" + rows(numbers(SECONDS),
             *[numbers(TRUTH[:, 1])] * 3), "The three axes must differ", **_STAMPED),
]  # fmt: skip
FORMS = {form.name: form for form in (*LOGGERS, *TABLES, *SKELETONS, *REFUSED)}
