"""A folder without a manifest: from what lies there to a manifest that prepares."""

import csv
from pathlib import Path

import numpy as np
import pytest

import motion_files
from data_prep.clip_reading import read_clips
from data_prep.errors import UserError
from data_prep.folder_inspection import (
    FolderGuess,
    folder_lines,
    inspect_folder,
    manifest_rows,
    sensor_place,
    write_manifest,
)
from data_prep.loaders.custom.loader import CustomLoader
from logger_files import FILES, NANOSECONDS, SECONDS, G, axes, numbers, rows
from project import run_command

PEOPLE = [(subject, action, trial) for subject in ("anna", "berta") for action in ("wave", "clap")
          for trial in ("1", "2")]  # fmt: skip


def truth(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    angle = 0.8 * np.sin(2 * np.pi * SECONDS + random.uniform(0, 6))
    return np.stack([np.sin(angle), np.cos(angle), 0.1 * random.normal(size=150)], axis=1)


def joints(seed: int) -> np.ndarray:
    values = np.zeros((90, 20, 3))
    values[:, :, 1] = np.linspace(0.1, 1.8, 20)
    values[:, :, 0] = 0.3 * np.sin(np.arange(90)[:, None] / 9 + seed)
    return values.reshape(90, 60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two loggers, a camera, what else lies about; eight clips."""
    made = tmp_path / "recordings"
    for kind in ("watch", "camera"):
        (made / kind).mkdir(parents=True)
    for seed, names in enumerate(PEOPLE):
        values = truth(seed)
        text = "time,seconds_elapsed,z,y,x\n"
        text += rows(NANOSECONDS, numbers(SECONDS), *axes(G * values[:, ::-1]))
        if names[0] == "berta":
            text = "t,ax,ay,az\n" + rows(numbers(1000 * SECONDS, 3), *axes(values))
        stem = "_".join(names)
        (made / f"watch/{stem}_acc.csv").write_text(text)
        (made / f"camera/{stem}_joints.csv").write_text(rows(*axes(1000 * joints(seed))))
    (made / "clip.mp4").write_bytes(b"film")
    (made / ".hidden.csv").write_text(FILES["phyphox"])
    (made / "README.txt").write_text("Recorded in May.\n")
    return made


def manifest(guess: FolderGuess, place: Path) -> list[dict[str, str]]:
    write_manifest(manifest_rows(guess, place), place)
    with open(place, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_from_a_folder_to_clips_without_a_correction(folder: Path):
    guess = inspect_folder(folder)
    written = manifest(guess, folder / "manifest.csv")
    assert [(row["subject"], row["action"], row["trial"]) for row in written] == sorted(PEOPLE)
    assert written[0]["accelerometer_format"] == "sensor_logger"
    assert written[4]["accelerometer_columns"] == "ax;ay;az"
    assert written[4]["accelerometer_stamp_unit"] == "ms"
    assert written[0]["skeleton_path"] == "camera/anna_clap_1_joints.csv"
    assert (written[0]["skeleton_unit"], guess.skeleton_layout) == ("mm", "kinect_v1_20")
    loader = CustomLoader(folder / "manifest.csv", skeleton_layout=guess.skeleton_layout)
    clips = {clip.clip_id: clip for clip in read_clips(loader, loader.discover().sources)}
    for seed, names in enumerate(PEOPLE):
        clip = clips["_".join(names)]
        np.testing.assert_allclose(clip.accelerometer, truth(seed), atol=1e-6)
        np.testing.assert_allclose(clip.skeleton.reshape(90, 60), joints(seed), atol=1e-6)


def test_one_line_for_each_kind_of_file(folder: Path):
    lines = folder_lines(inspect_folder(folder))
    assert [line.split(": ")[0] for line in lines] == [
        "accelerometer", "accelerometer", "other", "other", "skeleton", "names",
        "sensor_place", "skeletons",
    ]  # fmt: skip
    assert lines[0].startswith(
        "accelerometer: 4 x watch/berta_clap_1_acc.csv: columns ax;ay;az (g)"
    )
    assert "50 Hz, gravity mostly on +y in 4 (unsure: " in lines[0]
    assert lines[1].startswith(
        "accelerometer: 4 x watch/anna_clap_1_acc.csv: sensor_logger (m/s^2)"
    )
    assert "(sure: its beginning, and the mean vector is 0.8" in lines[1]
    assert lines[4].startswith(
        "skeleton: 8 x camera/anna_clap_1_joints.csv: skeleton of 20 joints (mm)"
    )
    assert lines[5] == (
        "names: subject is word 1 (anna, berta), action is word 2 (clap, wave), "
        "repetition is word 3 (1, 2) (unsure)"
    )


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("anna_wave_1.csv", "right_wrist"),
        ("Left-Wrist/anna.csv", "left_wrist"),
        ("anna_hand_left.csv", "left_wrist"),
        ("hip/anna.csv", "hip"),
        ("anna_right_thigh_2.csv", "right_thigh"),
    ],
)
def test_place_of_the_sensor(path: str, place: str):
    assert sensor_place(path) == place


def test_a_pattern_of_the_user(folder: Path):
    guess = inspect_folder(folder, "{action}_{subject}_{repetition}_acc")
    fields = guess.names.fields["watch/anna_wave_1_acc.csv"]
    assert fields == {"action": "anna", "subject": "wave", "repetition": "1"}


def test_rows_that_need_a_correction_say_so(tmp_path: Path):
    (tmp_path / "walk.csv").write_text(rows(*axes(truth(0))))
    (row,) = manifest(inspect_folder(tmp_path), tmp_path / "manifest.csv")
    assert (row["subject"], row["action"], row["accelerometer_rate_hz"]) == ("", "", "")
    assert row["note"].startswith("unsure: three columns of numbers")
    assert row["sensor_place"] == "right_wrist"
    assert folder_lines(inspect_folder(tmp_path))[-1].startswith("actions: the names tell none")


def test_a_table_of_many_people_tells_subject_and_action_itself(tmp_path: Path):
    (tmp_path / "WISDM_v1_raw.txt").write_text(FILES["wisdm"])
    (row,) = manifest(inspect_folder(tmp_path), tmp_path / "manifest.csv")
    assert (row["accelerometer_format"], row["subject"], row["action"]) == ("wisdm", "", "")


def test_skeletons_of_motion_capture_belong_to_their_recordings(folder: Path):
    for names in PEOPLE:
        stem = "_".join(names)
        (folder / f"camera/{stem}_joints.csv").unlink()
        frames = folder / f"openpose/{stem}"
        frames.mkdir(parents=True)
        person = np.array([[200.0 + 5 * n, 100.0 + 9 * n, 0.9] for n in range(25)])
        for number, text in enumerate(motion_files.openpose([[person]] * 30)):
            (frames / f"{stem}_{number:012d}_keypoints.json").write_text(text)
    (folder / "camera/anna_wave_1.trc").write_text(motion_files.trc(motion_files.joints()))
    guess = inspect_folder(folder)
    written = manifest(guess, folder / "manifest.csv")
    assert (written[0]["skeleton_path"], guess.skeleton_layout) == (
        "openpose/anna_clap_1", "openpose_25",
    )  # fmt: skip
    assert guess.files["openpose/anna_clap_1"].form == "skeleton of 25 joints (px)"
    trc = guess.files["camera/anna_wave_1.trc"]
    assert (trc.form, trc.sureness, trc.rate_hz) == ("skeleton of 8 joints (mm)", "sure", 30.0)
    alone = [row["accelerometer_path"] for row in written if not row["skeleton_path"]]
    assert alone == ["watch/anna_wave_1_acc.csv"]  # two skeletons could be its own


def test_warnings_about_all_files(folder: Path):
    (folder / "watch/01_wave_1_acc.csv").write_text(FILES["phyphox"])
    (folder / "watch/1_wave_1_acc.csv").write_text(FILES["phyphox"])
    turned = "t,ax,ay,az\n" + rows(numbers(1000 * SECONDS, 3), *axes(-truth(9)))
    (folder / "watch/carl_wave_1_acc.csv").write_text(turned)
    found = [(doubt.kind, doubt.where, doubt.text) for doubt in inspect_folder(folder).problems]
    assert found[0] == (
        "copy",
        "watch/1_wave_1_acc.csv",
        "the same bytes as watch/01_wave_1_acc.csv",
    )
    assert found[1][:2] == ("sign", "gravity")
    assert found[1][2].startswith(
        "gravity lies on +y in 10 files (watch/01_wave_1_acc.csv) and on -y"
    )
    assert found[2] == ("labels", "subject", "is spelt in 2 ways: 01, 1")
    assert len(found) == 3


def test_nothing_to_find(tmp_path: Path):
    with pytest.raises(UserError, match=r"The folder must exist\. Received: no folder"):
        inspect_folder(tmp_path / "missing")
    with pytest.raises(UserError, match=r"measures 1 g at rest\. Received: 0 other files \(file"):
        inspect_folder(tmp_path)
    (tmp_path / "gyro.csv").write_text(
        "t,gyr_x,gyr_y,gyr_z\n" + rows(numbers(SECONDS), *axes(truth(0)))
    )
    message = r"1 other files, the first: gyro\.csv: 4 columns \(gyr_x is of another sensor\)"
    with pytest.raises(UserError, match=message):
        inspect_folder(tmp_path)


def test_a_manifest_is_not_overwritten(folder: Path):
    place = folder / "manifest.csv"
    place.write_text("mine")
    with pytest.raises(UserError, match="A manifest is not overwritten"):
        write_manifest(manifest_rows(inspect_folder(folder), place), place)
    assert place.read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        ".hidden.csv", "README.txt", "clip.mp4", "manifest.csv",
    ]  # fmt: skip


def test_the_commands_that_a_person_types(folder: Path, tmp_path: Path):
    place = folder / "manifest.csv"
    command = ["data_prep.inspect", f"--folder={folder}", f"--write_manifest={place}"]
    result = run_command(*command, "--dry_run")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"would write 8 rows: {place}" in result.stdout
    assert not place.exists()
    result = run_command(*command)
    assert (result.returncode, result.stderr) == (0, "")
    *_, written, following = result.stdout.splitlines()
    assert written == f"result: {place}"
    flags = [f"--manifest={place}", "--skeleton_layout=kinect_v1_20"]
    assert following == f"next: python -m data_prep.inspect {' '.join(flags)}"
    result = run_command("data_prep.inspect", *flags)
    assert "8 clips, 0 errors, " in result.stdout
    assert (result.returncode, result.stderr) in ((0, ""), (1, ""))
    result = run_command(*command)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: A manifest is not overwritten; name another file.")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "Either --manifest or --folder must be given. Received: neither"),
        (["--manifest=a.csv", "--folder=a"], "must be given. Received: both"),
        (["--manifest=a.csv", "--write_manifest=b.csv"], "write_manifest goes with --folder"),
        (["--manifest=a.csv", "--name_pattern={subject}"], "name_pattern goes with --folder"),
    ],
)
def test_flags_that_exclude_each_other(flags: list[str], message: str):
    result = run_command("data_prep.inspect", *flags)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
