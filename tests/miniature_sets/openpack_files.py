"""Files of a miniature OpenPack in the authors' layout (release 1.0.0)."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd

START_MS = 1_634_178_335_000
MODEL = "mmpose-hrnet-w48-posetrack18-384x288-posewarper-stage2"
IDS = {"Picking": 100, "Assemble Box": 300, "Close Box": 500, "Null": 8100}
Operation = tuple[float, float, str]  # start and end in seconds of the session, name


def sensor_frame(seconds: float, speed: float = 0.5) -> pd.DataFrame:
    """Gravity as a hand feels it that turns about x, about 30 samples a second."""
    stamps = np.arange(0, 1000 * seconds, 33)
    phase = 2 * np.pi * speed * stamps / 1000
    angle = 1.1 * np.sin(phase)
    columns = {
        "unixtime": START_MS + stamps,
        "acc_x": 0 * angle,
        "acc_y": np.cos(angle),
        "acc_z": np.sin(angle),
        "gyro_x": np.degrees(1.1 * 2 * np.pi * speed * np.cos(phase)),
    }
    rest = ("gyro_y", "gyro_z", "quat_w", "quat_x", "quat_y", "quat_z")
    return pd.DataFrame(columns | dict.fromkeys(rest, 0.0)).astype({"unixtime": np.int64})


def standing_body() -> np.ndarray:
    """Joints in mm of a body that faces the camera: (32, 3), x right, y down, z away from it."""
    left = {"shoulder": (180, -60), "elbow": (220, 200), "wrist": (230, 430), "hip": (90, 410),
            "knee": (90, 800), "ankle": (90, 1150)}  # fmt: skip
    body = np.zeros((32, 3))
    body[:4, 1] = 415, 237, 94, -121
    body[26:, 1] = -200
    for side, shift in ((1, 0), (-1, 7)):
        for joint, name in ((5, "shoulder"), (6, "elbow"), (7, "wrist")):
            body[joint + shift, :2] = side * left[name][0], left[name][1]
        body[4 + shift, :2] = 40 * side, -86
        body[[8 + shift, 9 + shift, 10 + shift]] = body[7 + shift] + [0, 90, 0]
    for side, first in ((1, 18), (-1, 22)):
        for joint, name in ((0, "hip"), (1, "knee"), (2, "ankle")):
            body[first + joint, :2] = side * left[name][0], left[name][1]
        body[first + 3] = body[first + 2] + [0, 50, -150]
    body[27, 2] = -150
    body[:, 2] += 1950
    return body


def pose_frame(seconds: float, speed: float = 0.5) -> pd.DataFrame:
    """A body that lifts its right wrist, 15 frames a second: the columns of the 3-D pose."""
    stamps = np.round(np.arange(int(seconds * 15)) * 1000 / 15).astype(np.int64)
    joints = np.repeat(standing_body()[None], len(stamps), axis=0)
    joints[:, 14:18, 1] -= 300 * (1 + np.sin(2 * np.pi * speed * stamps / 1000))[:, None]
    turns = np.zeros((len(stamps), 32, 4))
    cells = np.concatenate([joints, turns, np.full((len(stamps), 32, 1), 2)], axis=2)
    parts = ("P0", "P1", "P2", "O0", "O1", "O2", "O3", "CONF")
    names = [f"J{joint:02d}_{part}" for joint in range(32) for part in parts]
    table = pd.DataFrame(cells.reshape(len(stamps), -1).round(3), columns=names)
    return pd.concat(
        [pd.DataFrame({"unixtime": START_MS + stamps, "body_index": 0}), table], axis=1
    )


_COCO = (27, 28, 30, 29, 31, 5, 12, 6, 13, 7, 14, 18, 22, 19, 23, 20, 24)


def pose_annotations(seconds: float, speed: float = 0.5) -> list[dict]:
    """The same body in pixels, as the annotations of the 2-D pose."""
    table = pose_frame(seconds, speed)
    stamps = table["unixtime"].tolist()
    joints = table.iloc[:, 2:].to_numpy().reshape(len(stamps), 32, 8)[:, _COCO, :2]
    pixels = np.round(640 + joints / 4, 1)
    return [
        {
            "id": 1000 * stamp,
            "image_id": stamp,
            "category_id": 1,
            "iscrowd": 0,
            "keypoints": [[x, y, 0.9] for x, y in pixels[row].tolist()],
            "num_keypoints": 17,
            "track_id": 1,
        }
        for row, stamp in enumerate(stamps)
    ]


def moment(seconds: float) -> str:
    """Returns a time of the session as the annotations state it, in Japan's zone."""
    zone = timezone(timedelta(hours=9))
    stamp = datetime.fromtimestamp(START_MS / 1000 + seconds, zone)
    return stamp.isoformat(" ", "microseconds")


def operations_csv(user: str, session: str, operations: Sequence[Operation]) -> str:
    """Returns the text of an annotation."""
    rows = ["uuid,user,session,box,id,operation,start,end,actions"]
    for number, (start, end, name) in enumerate(operations):
        rows.append(
            f"op:{number},{user},{session},1,{IDS[name]},{name},{moment(start)},{moment(end)},"
            "act:1;act:2"
        )
    return "\n".join(rows) + "\n"


def paths(folder: Path, user: str, session: str, sensor: int = 1) -> dict[str, Path]:
    """Returns the files of a session by kind."""
    own = folder / user
    return {
        "sensor": own / f"atr/atr{sensor:02d}/{session}.csv",
        "operations": own / f"annotation/openpack-operations/{session}.csv",
        "kinect_3d": own / f"kinect/3d-kpt/single-ffill-flip-fixed/{session}.csv",
        "kinect_2d": own / f"kinect/2d-kpt/{MODEL}/single/{session}.json",
    }


def write_session(
    folder: Path,
    user: str,
    session: str,
    operations: Sequence[Operation],
    seconds: float,
    sensor: int = 1,
    speed: float = 0.5,
    poses: Sequence[str] = ("kinect_3d",),
) -> None:
    """Writes a sensor, the annotations and the poses of a session."""
    files = paths(folder, user, session, sensor)
    for kind in ("sensor", "operations", *poses):
        files[kind].parent.mkdir(parents=True, exist_ok=True)
    sensor_frame(seconds, speed).round(4).to_csv(files["sensor"], index=False)
    files["operations"].write_text(operations_csv(user, session, operations), encoding="utf-8")
    if "kinect_3d" in poses:
        pose_frame(seconds, speed).to_csv(files["kinect_3d"], index=False)
    if "kinect_2d" in poses:
        content = {"info": {"version": "1.0.0"}, "annotations": pose_annotations(seconds, speed)}
        files["kinect_2d"].write_text(json.dumps(content), encoding="utf-8")
