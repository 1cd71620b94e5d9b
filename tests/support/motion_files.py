"""Skeletons in the forms of motion capture and cameras, of a known truth; a package writes c3d."""

import io
import json
import warnings

import numpy as np

FRAMES, RATE = 90, 30.0
NAMES = ("hip", "chest", "neck", "left_shoulder", "right_shoulder", "left_hip", "right_hip",
         "right_wrist")  # fmt: skip
LAYOUT = {"joint_names": list(NAMES), "parents": [-1, 0, 1, 2, 2, 0, 0, 4]}
_REST = np.array([[0, 0.9, 0], [0, 1.2, 0], [0, 1.5, 0], [-0.2, 1.4, 0], [0.2, 1.4, 0],
                  [-0.1, 0.9, 0], [0.1, 0.9, 0], [0.5, 1.2, 0.1]])  # fmt: skip


def joints(seed: int = 0, frames: int = FRAMES) -> np.ndarray:
    """Returns (frames, joints, 3) in metres: a body that sways and waves."""
    seconds = np.arange(frames)[:, None] / RATE
    moved = np.tile(_REST, (frames, 1, 1))
    moved[:, :, 0] += 0.05 * np.sin(2 * seconds + seed)
    moved[:, -1, 1:] += 0.2 * np.concatenate([np.sin(5 * seconds), np.cos(5 * seconds)], axis=1)
    return moved


def _cells(frame: np.ndarray, separator: str) -> str:
    return separator.join("" if np.isnan(value) else f"{value:.9f}" for value in frame.ravel())


def trc(values: np.ndarray, names=NAMES, rate: float = RATE, unit: str = "mm") -> str:
    count, points = values.shape[:2]
    lines = [
        "PathFileType\t4\t(X/Y/Z)\tclip.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\t"
        "OrigNumFrames",
        f"{rate:.2f}\t{rate:.2f}\t{count}\t{points}\t{unit}\t{rate:.2f}\t1\t{count}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{n + 1}" for n in range(points) for axis in "XYZ"),
        "",
    ]
    lines += [f"{n + 1}\t{n / rate:.6f}\t{_cells(frame, chr(9))}" for n, frame in enumerate(values)]
    return "\n".join(lines) + "\n"


def vicon(values: np.ndarray, names=NAMES, rate: float = RATE, unit: str = "mm") -> str:
    points = values.shape[1]
    lines = ["Trajectories", f"{rate:g}", ",," + ",,,".join(f"Anna:{name}" for name in names)]
    lines += [
        "Frame,Sub Frame," + ",".join(["X,Y,Z"] * points),
        ",," + ",".join([unit] * 3 * points),
    ]
    lines += [f"{n + 1},0,{_cells(frame, ',')}" for n, frame in enumerate(values)]
    return "\n".join(lines) + "\n\n"


def c3d_bytes(values: np.ndarray, names=NAMES, rate: float = RATE, unit: str = "mm") -> bytes:
    import c3d

    writer = c3d.Writer(point_rate=rate, analog_rate=rate, point_units=f"{unit:<4}")
    writer.set_point_labels(list(names))
    for frame in values:
        lost = np.isnan(frame).any(axis=1)
        points = np.zeros((len(names), 5), np.float32)
        points[:, :3] = np.nan_to_num(frame)
        points[lost, 3:] = -1
        writer.add_frames((points, np.zeros((0, 1))))
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):
        writer.write(stream)
    return stream.getvalue()


def ntu(bodies: dict[str, np.ndarray]) -> str:
    """Returns a .skeleton file; a body is absent where it is NaN."""
    count = len(next(iter(bodies.values())))
    lines = [str(count)]
    for frame in range(count):
        there = {
            name: body[frame] for name, body in bodies.items() if not np.isnan(body[frame, 0, 0])
        }
        lines.append(str(len(there)))
        for name, body in there.items():
            lines += [f"{name} 0 1 1 1 1 0 0.02 -0.1 2", str(len(body))]
            lines += [f"{_cells(joint, ' ')} 250.1 190.2 1000.3 500.4 0 0 0 1 2" for joint in body]
    return "\n".join(lines) + "\n"


def bvh(root: np.ndarray, degrees: np.ndarray, rate: float = RATE) -> str:
    """Returns a hip that moves, and an arm of 0.5 that turns about z; end sites are left out."""
    lines = ["HIERARCHY", "ROOT hip", "{", "OFFSET 0 0 0"]
    lines += ["CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"]
    lines += [
        "JOINT right_wrist",
        "{",
        "OFFSET 0 0.5 0",
        "CHANNELS 3 Zrotation Xrotation Yrotation",
    ]
    lines += ["End Site", "{", "OFFSET 0 0.1 0", "}", "}", "}", "MOTION"]
    lines += [f"Frames: {len(root)}", f"Frame Time: {1 / rate:.8f}"]
    lines += [f"{_cells(place, ' ')} {angle:.9f} 0 0 0 0 0" for place, angle in
              zip(root, degrees, strict=True)]  # fmt: skip
    return "\n".join(lines) + "\n"


def openpose(people: list[list[np.ndarray]]) -> list[str]:
    """Returns the text of each frame; a person is (points, 3): x, y in pixels, confidence."""
    return [
        json.dumps({"version": 1.3, "people": [
            {"person_id": [-1], "pose_keypoints_2d": [round(float(v), 9) for v in person.ravel()]}
            for person in frame
        ]})
        for frame in people
    ]  # fmt: skip
