"""The example of the documentation, from files of a logger and a camera to a prepared set."""

from pathlib import Path

import numpy as np
import pytest

from data_prep.prepared_set import PreparedSet
from data_prep.protocols import cross_subject
from project import run_command

# As in the documentation: raw counts of a 16-bit sensor (+-8 g: 1/4096 g per LSB) with stamps in
# milliseconds, and 20 joints of a Kinect in millimetres.
HEADER = (
    "subject,action,accelerometer_path,accelerometer_unit,accelerometer_scale,"
    "accelerometer_columns,accelerometer_stamp_column,accelerometer_stamp_unit,"
    "skeleton_path,skeleton_rate_hz,skeleton_unit,skeleton_offset"
)
ROW = (
    "{subject},{action},{subject}_{action}.csv,lsb,0.000244140625,ax;ay;az,t,ms,"
    "{subject}_{action}_joints.csv,30,mm,{offset}"
)


def write_recording(folder: Path, subject: str, action: str, seed: int) -> None:
    """Writes 8 s of one hand going to and fro ("wave") or up and down ("lift") four times.

    The camera was started 0.5 s after the sensor.
    """
    random = np.random.default_rng(seed)
    middles = np.array([1.5, 3.0, 4.7, 6.2]) + random.uniform(-0.2, 0.2, 4)

    def bells(seconds: np.ndarray, power: int) -> np.ndarray:
        place = (seconds[:, None] - middles) / 0.15
        factor = (place**2 - 1) / 0.15**2 if power else 1.0
        return (0.3 * np.exp(-(place**2) / 2) * factor).sum(axis=1)

    axis = 0 if action == "wave" else 1
    stamps = np.arange(401) / 50 + random.uniform(-0.003, 0.003, 401)
    values = np.tile([0.0, 1.0, 0.0], (401, 1)) + random.normal(0, 0.002, (401, 3))
    values[:, axis] += bells(stamps, 2) / 9.80665
    lines = ["t,ax,ay,az"]
    for stamp, counts in zip(stamps, np.rint(values * 4096).astype(int), strict=True):
        lines.append(",".join([f"{1000 * stamp + 86_400_000:.1f}", *map(str, counts)]))
    (folder / f"{subject}_{action}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    joints = np.zeros((226, 20, 3))
    joints[:, :, 1] = np.linspace(0.1, 1.8, 20)
    joints[:, :, 2] = 2.5
    joints[:, 10, axis] += bells(np.arange(226) / 30 + 0.5, 0)  # the right wrist
    joints += random.normal(0, 0.002, joints.shape)
    table = np.rint(1000 * joints.reshape(226, 60)).astype(int)
    np.savetxt(folder / f"{subject}_{action}_joints.csv", table, fmt="%d", delimiter=",")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recordings of two subjects and two actions, without a manifest."""
    people = [(subject, action) for subject in ("anna", "berta") for action in ("wave", "lift")]
    for seed, (subject, action) in enumerate(people):
        write_recording(tmp_path, subject, action, seed)
    return tmp_path


def write_manifest(folder: Path, offset: str) -> Path:
    rows = [
        ROW.format(subject=subject, action=action, offset=offset)
        for subject in ("anna", "berta")
        for action in ("wave", "lift")
    ]
    (folder / "manifest.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return folder / "manifest.csv"


def test_inspect_finds_the_offset_and_prepare_uses_it(folder: Path, tmp_path: Path):
    layout = "--skeleton_layout=kinect_v1_20"
    result = run_command("data_prep.inspect", f"--manifest={write_manifest(folder, '0')}", layout)
    assert (result.returncode, result.stderr) == (1, "")
    warnings = [line for line in result.stdout.splitlines() if "(alignment)" in line]
    offsets = [float(line.split("skeleton_offset of ")[1].split()[0]) for line in warnings]
    assert len(offsets) == 4
    assert offsets == pytest.approx([0.5] * 4, abs=0.041)

    manifest = write_manifest(folder, "0.5")
    result = run_command("data_prep.inspect", f"--manifest={manifest}", layout)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert result.stdout.splitlines()[-2:] == [
        "result: 4 clips, 0 errors, 0 warnings",
        f"next: python -m data_prep.prepare --dataset=custom --manifest={manifest} {layout} "
        "--out_dir=DIR",
    ]

    result = run_command(
        "data_prep.prepare",
        "--dataset=custom",
        f"--manifest={manifest}",
        layout,
        f"--out_dir={tmp_path / 'own'}",
    )
    assert (result.returncode, result.stderr) == (0, "")
    prepared = PreparedSet.load(tmp_path / "own")
    assert len(prepared) == 4
    assert prepared.description.class_names == ["lift", "wave"]
    split = cross_subject(prepared.description)
    assert (split.train_subjects, split.test_subjects) == (("anna",), ("berta",))
    for clip in range(4):
        # Both streams cover what the camera saw: 0.5 s to 8 s of the sensor's clock.
        assert prepared.accelerometer(clip).shape == pytest.approx((375, 3), abs=2)
        assert prepared.skeleton(clip).shape == pytest.approx((225, 20, 3), abs=2)
        assert np.median(np.linalg.norm(prepared.accelerometer(clip), axis=1)) == pytest.approx(
            1.0, abs=0.05
        )


def test_errors_end_with_status_2(folder: Path):
    """Each kind of exit is told apart: 2 for what preparing would refuse."""
    manifest = write_manifest(folder, "soon")
    result = run_command(
        "data_prep.inspect", f"--manifest={manifest}", "--skeleton_layout=kinect_v1_20"
    )
    assert result.returncode == 2
    assert f"error: {manifest}, row 2: skeleton_offset must be a number. Received: soon" in (
        result.stdout
    )
    assert result.stdout.splitlines()[-2:] == [
        "result: 0 clips, 5 errors, 0 warnings",
        f"next: python -m data_prep.inspect --manifest={manifest} --skeleton_layout=kinect_v1_20",
    ]


def test_no_manifest(folder: Path):
    result = run_command("data_prep.inspect", f"--manifest={folder / 'none.csv'}")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: A table must be readable. Received: No such file")
    assert result.stderr.count("\n") == 1
