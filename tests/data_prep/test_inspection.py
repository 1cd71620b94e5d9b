"""Checks of recordings: units, gravity, lag, and the texts of their problems."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from data_prep.alignment import best_lag, movement_correlations
from data_prep.clip_inspection import sensor_joint
from data_prep.errors import UserError
from data_prep.inspection import Inspection, inspect_recordings, inspection_table
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.plausibility import gravity_at_rest
from data_prep.skeletons import SkeletonLayout

LENGTH = 6.0


def swings(seconds: np.ndarray, middles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian swings along x, 0.3 m, and their second derivative."""
    place = (seconds[:, None] - middles) / 0.15
    bells = 0.3 * np.exp(-(place**2) / 2)
    return bells.sum(axis=1), (bells * (place**2 - 1)).sum(axis=1) / 0.15**2


class Made:
    """Recordings of 2 subjects, 2 actions and 3 trials, that break no rule."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        layout = {"joint_names": ["hip", "neck", "wrist_right"], "parents": [-1, 0, 1]}
        (folder / "layout.json").write_text(json.dumps(layout), encoding="utf-8")
        self.rows: list[dict[str, object]] = []
        for subject in ("anna", "berta"):
            for action in ("wave", "clap"):
                for trial in ("1", "2", "3"):
                    row = {"subject": subject, "action": action, "trial": trial}
                    row |= {"accelerometer_unit": "g", "accelerometer_rate_hz": 50}
                    row["accelerometer_path"] = f"{subject}_{action}_{trial}.npy"
                    row |= {"skeleton_path": f"{subject}_{action}_{trial}_joints.npy"}
                    self.rows.append({**row, "skeleton_rate_hz": 30})
                    self.write(self.rows[-1])

    def write(
        self,
        row: dict[str, object],
        offset: float = 0.0,
        scale: float = 1.0,
        length: float = LENGTH,
        frame_length: float = LENGTH,
    ) -> None:
        """Writes a row's files; the movement shows `offset` seconds later in the skeleton."""
        names = [str(row[column]) for column in ("subject", "action", "trial")]
        random = np.random.default_rng(
            [len(names[0]), len(names[1]), ord(names[1][0]), int(names[2])]
        )
        middles = np.array([1.5, 2.6, 4.3]) + random.uniform(-0.3, 0.3, 3)
        seconds = np.arange(round(length * 50) + 1) / 50
        sensor = random.normal(0, 1e-3, (len(seconds), 3))
        sensor[:, 0] += swings(seconds, middles)[1] / 9.80665
        sensor[:, 1] += 1.0
        frames = np.arange(round(frame_length * 30) + 1) / 30
        joints = np.zeros((len(frames), 3, 3))
        joints[:, :, 1] = [1.0, 1.5, 1.2]
        joints[:, :, 2] = 2.0
        joints[:, 2, 0] = swings(frames - offset, middles)[0]
        np.save(self.folder / str(row["accelerometer_path"]), sensor * scale)
        np.save(self.folder / str(row["skeleton_path"]), joints)

    def loader(self, **options: object) -> CustomLoader:
        """Writes the manifest and returns its loader."""
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        with open(self.folder / "manifest.csv", "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        options = {"skeleton_layout": self.folder / "layout.json", **options}
        return CustomLoader(self.folder / "manifest.csv", **options)

    def inspect(self, **options: object) -> Inspection:
        return inspect_recordings(self.loader(**options))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "own")


def problems(inspection: Inspection, kind: str) -> list[tuple[str, str]]:
    """Returns where and what of the problems of a kind; there must be no other kind."""
    assert {problem.kind for problem in inspection.problems} <= {kind}, inspection.problems
    return [(problem.where, problem.text) for problem in inspection.problems]


def test_good_recordings(made: Made):
    inspection = made.inspect()
    assert inspection.problems == []
    assert len(inspection.clips) == 12
    for clip in inspection.clips:
        assert clip.seconds == pytest.approx(LENGTH)
        assert clip.gravity == pytest.approx(1.0, abs=0.01)
        assert (clip.stated_rate_hz, clip.stamp_rate_hz) == (50.0, None)
    for lag in inspection.lags.values():
        assert abs(lag.seconds) <= 0.02
        assert lag.zero_correlation > 0.9


def test_table(made: Made):
    lines = [line.split("  ") for line in inspection_table(made.inspect()).splitlines()]
    cells = {line[0]: [cell.strip() for cell in line[1:] if cell.strip()] for line in lines}
    assert cells["clips"] == ["anna", "berta", "all"]
    assert cells["wave"] == ["3", "3", "6"]
    assert cells["all"] == cells["read"] == cells["with skeleton"] == ["6", "6", "12"]
    assert cells["seconds, median"] == ["6.00", "6.00", "6.00"]
    assert cells["stated rate, Hz"] == ["50.00"] * 3
    assert cells["rate by stamps, Hz"] == ["-"] * 3
    assert cells["|a| at rest, g"] == ["1.000"] * 3


def test_clips_without_a_gyroscope_are_named_where_one_is_wanted(made: Made):
    """Six columns of one table: the first row has a gyroscope, the others none."""
    row = made.rows[0]
    path = made.folder / str(row["accelerometer_path"])
    sensor = np.load(path)
    rates = np.random.default_rng(0).normal(0, 20, sensor.shape)
    np.save(path, np.concatenate([sensor, rates], axis=1))
    row |= {"accelerometer_columns": "0-2", "gyroscope_columns": "3-5", "gyroscope_unit": "deg/s"}
    assert made.inspect().problems == []
    inspection = inspect_recordings(made.loader(), sensors=("accelerometer", "gyroscope"))
    found = problems(inspection, "error")
    assert len(found) == 11 and "anna_wave_1" not in dict(found)
    assert set(dict(found).values()) == {
        "no gyroscope_columns, but --sensors=accelerometer,gyroscope"
    }
    largest = f"{np.abs(rates).max():.0f}"
    (row,) = [line for line in inspection_table(inspection).splitlines() if "turn rate" in line]
    assert row.startswith("turn rate at most, deg/s") and row.split()[-3:] == [
        largest,
        "-",
        largest,
    ]


@pytest.mark.parametrize(
    ("offset", "stated", "hint"), [(0.6, 0.0, "-0.6"), (-0.4, 0.0, "0.4"), (0.6, 1.0, "0.4")]
)
def test_offset_of_a_subject(made: Made, offset: float, stated: float, hint: str):
    """The hint takes an offset that is already stated into account."""
    for row in made.rows:
        if row["subject"] == "anna":
            made.write(row, offset=offset)
            row["skeleton_offset"] = stated
    inspection = made.inspect()
    expected = offset + stated
    lag = inspection.lags["anna"]
    assert lag.seconds == pytest.approx(expected, abs=0.04)
    assert lag.best_correlation > 0.9
    (text,) = [item.text for item in inspection.problems if item.where == "subject anna"]
    assert "over 6 clips the streams correlate" in text
    suggested = float(text.split("a skeleton_offset of ")[1].split(" ")[0])
    assert suggested == pytest.approx(-offset, abs=0.04)
    assert not any(problem.where == "subject berta" for problem in inspection.problems)
    # With the offset that is suggested all is well.
    for row in made.rows:
        row["skeleton_offset"] = suggested if row["subject"] == "anna" else ""
    again = made.inspect()
    assert [item for item in again.problems if item.kind == "alignment"] == []
    assert abs(again.lags["anna"].seconds) <= 0.04


def test_offset_of_one_clip(made: Made):
    made.write(made.rows[4], offset=1.0)
    ((where, text),) = problems(made.inspect(), "alignment")
    assert where == "anna_clap_2"
    assert "a skeleton_offset of -1.0" in text


def test_offset_without_a_frame_rate(made: Made):
    for row in made.rows:
        row["skeleton_rate_hz"] = ""
    made.write(made.rows[4], offset=1.0)
    ((_, text),) = problems(made.inspect(), "alignment")
    assert text.endswith("; state skeleton_rate_hz and skeleton_offset, or cut both files alike")


@pytest.mark.parametrize(
    ("unit", "scale", "gravity", "hint"),
    [
        ("g", 0.8, "0.8 g", "check the unit g and the sensor's calibration"),
        ("m/s^2", 9.80665 * 1.2, "1.2 g", "check the unit m/s^2"),
    ],
)
def test_gravity(made: Made, unit: str, scale: float, gravity: str, hint: str):
    made.write(made.rows[0], scale=scale)
    made.rows[0]["accelerometer_unit"] = unit
    ((where, text),) = problems(made.inspect(), "unit")
    assert where == "anna_wave_1"
    assert text.startswith(f"at rest the accelerometer measures {gravity}, not 1")
    assert hint in text


def test_wrong_scale_of_counts(made: Made):
    made.write(made.rows[0], scale=16384)
    made.rows[0].update(accelerometer_unit="lsb", accelerometer_scale=2 / 16384)
    ((_, text),) = problems(made.inspect(), "unit")
    assert "an accelerometer_scale of 6.1e-05 g per LSB would fit" in text


@pytest.mark.parametrize(
    ("true", "scale", "stated"), [("m/s^2", 9.80665, "g"), ("mg", 1000, "g"), ("g", 1, "m/s^2")]
)
def test_unit_that_preparing_refuses(made: Made, true: str, scale: float, stated: str):
    made.write(made.rows[0], scale=scale)
    made.rows[0]["accelerometer_unit"] = stated
    found = {item.kind: item.text for item in made.inspect().problems}
    assert set(found) == {"error", "unit"}
    assert "The unit of the accelerometer must be g" in found["error"]
    assert f"the unit looks like {true}, not {stated}" in found["unit"]


def test_rate_by_stamps(made: Made):
    row = made.rows[0]
    values = np.load(made.folder / str(row["accelerometer_path"]))
    stamps = np.arange(len(values)) / 52.0
    np.save(made.folder / str(row["accelerometer_path"]), np.column_stack([stamps, values]))
    row.update(
        accelerometer_stamp_column="0",
        accelerometer_stamp_unit="s",
        accelerometer_columns="1-3",
        skeleton_rate_hz="",
    )
    assert made.inspect().problems == []
    assert made.inspect().clips[0].stamp_rate_hz == pytest.approx(52.0)
    stamps = np.arange(len(values)) / 60.0
    np.save(made.folder / str(row["accelerometer_path"]), np.column_stack([stamps, values]))
    ((where, text),) = problems(made.inspect(), "rate")
    assert (where, text) == (
        "anna_wave_1",
        "the stamps come at 60 Hz, but the manifest states 50 Hz",
    )


def test_lengths(made: Made):
    made.rows[0].update(start=1.0, end=1.4)
    made.write(made.rows[1], length=25.0, frame_length=25.0)
    made.write(made.rows[2], frame_length=5.0)
    found = [(item.where, item.text) for item in made.inspect().problems if item.kind == "length"]
    assert [where for where, _ in found] == ["anna_wave_1", "anna_wave_2", "anna_wave_3"]
    assert found[0][1] == "0.40 s is short for an action"
    assert found[1][1].startswith("25.0 s is long for one action")
    # A recording that shows none may be as long as it likes.
    made.rows[1]["action"] = "none"
    lengths = [item.text for item in made.inspect().problems if item.kind == "length"]
    assert len(lengths) == len(found) - 1 and not any("is long" in text for text in lengths)
    assert found[2][1].startswith("accelerometer and skeleton do not last equally long")


def test_clips_without_a_skeleton(made: Made):
    made.rows[5].update(skeleton_path="", skeleton_rate_hz="")
    assert problems(made.inspect(), "skeleton") == [
        ("anna_clap_3", "no skeleton, so a skeleton teacher cannot use it")
    ]


def test_frozen_sensor(made: Made):
    path = made.folder / str(made.rows[0]["accelerometer_path"])
    values = np.load(path)
    values[100:160] = values[100]
    np.save(path, values)
    found = [item for item in made.inspect().problems if item.kind == "frozen"]
    assert ("anna_wave_1", "the accelerometer stays at exactly the same values for 1.2 s") in [
        (item.where, item.text) for item in found
    ]


def test_same_recording_twice(made: Made):
    content = (made.folder / "anna_wave_1.npy").read_bytes()
    (made.folder / "berta_wave_1.npy").write_bytes(content)
    (made.folder / "berta_clap_1.npy").write_bytes(content)
    found = [(item.where, item.text) for item in made.inspect().problems if item.kind == "copy"]
    assert found == [
        ("berta_wave_1", "the same samples as anna_wave_1, whose subject is anna"),
        (
            "berta_clap_1",
            "the same samples as anna_wave_1, whose action is wave and whose subject is anna",
        ),
    ]


def test_overlapping_clips(made: Made):
    first = made.rows[0]
    made.rows[1].update(accelerometer_path=first["accelerometer_path"], start=2.0, end=4.0)
    made.rows[1]["skeleton_path"] = first["skeleton_path"]
    first.update(start=0.5, end=2.5)
    found = problems(made.inspect(), "overlap")
    assert found == [("anna_wave_2", "starts at 2 s, before anna_wave_1 ends")]


def test_labels_spelt_in_two_ways(made: Made):
    made.rows[0]["action"] = "Wave"
    found = [(item.where, item.text) for item in made.inspect().problems if item.kind == "labels"]
    assert found == [("action", "is spelt in 2 ways: Wave, wave")]


def test_action_that_only_one_part_does(made: Made):
    for row in made.rows[9:]:
        row.update(action="wave", trial="")
    made.rows[6]["trial"] = made.rows[7]["trial"] = made.rows[8]["trial"] = ""
    assert problems(made.inspect(), "balance") == [
        ("clap", "no subject of the test part has this action")
    ]


def test_errors_of_all_clips_are_collected(made: Made):
    made.rows[1]["accelerometer_unit"] = "furlong"
    made.rows[2]["start"] = "soon"
    (made.folder / "anna_clap_1.npy").write_bytes(b"")
    made.write(made.rows[6], scale=float("nan"))
    errors = [item for item in made.inspect().problems if item.is_error]
    assert [item.where.rsplit("/")[-1] for item in errors] == [
        "manifest.csv, row 3",
        "manifest.csv, row 4",
        "anna_clap_1",
        "berta_wave_1",
    ]
    inspection = made.inspect()
    assert len(inspection.clips) == 10
    assert sum(clip.seconds is None for clip in inspection.clips) == 2
    lines = inspection_table(inspection, most=1).splitlines()
    assert "error: 3 more; --most=0 lists all" in lines


def test_one_action_is_still_inspected(made: Made):
    made.rows = made.rows[:3]
    errors = [item.text for item in made.inspect().problems if item.is_error]
    assert errors == ["A data set needs at least 2 actions. Received: wave"]
    assert len(made.inspect().clips) == 3


def test_one_subject_is_a_warning_that_names_the_protocol(made: Made):
    made.rows = made.rows[:6]
    inspection = made.inspect()
    assert not any(problem.is_error for problem in inspection.problems)
    (warning,) = [one for one in inspection.problems if one.kind == "subjects"]
    assert warning.where == "anna"
    assert warning.text.endswith("--protocol=within_subject --teacher_outputs=in_sample")


def test_flags_that_the_train_command_will_need_are_notes(made: Made):
    """With its defaults it refuses one training subject, and parts without a skeleton."""
    notes = made.inspect().notes
    assert notes == ("1 training subject: train with --teacher_outputs=in_sample",)
    assert f"note: {notes[0]}" in inspection_table(made.inspect()).splitlines()
    made.rows = [{k: v for k, v in row.items() if "skeleton" not in k} for row in made.rows]
    assert made.inspect().notes[1:] == (
        "a part without a skeleton: train with --teachers=accelerometer_teacher",
    )


def test_several_rates(made: Made):
    made.rows[0]["accelerometer_rate_hz"] = 60
    errors = [item.text for item in made.inspect().problems if item.is_error]
    assert errors[0].startswith("rate_hz must be given where the rows state several")


def test_nothing_to_inspect(made: Made):
    made.rows = [{"subject": "anna"}]
    with pytest.raises(UserError, match="The columns subject, action"):
        made.inspect()


def test_progress_sees_every_clip(made: Made):
    seen: list[str] = []

    def progress(clips: list) -> Callable:
        for clip in clips:
            seen.append(clip.clip_id)
            yield clip

    inspect_recordings(made.loader(), progress)
    assert len(seen) == 12


@pytest.mark.parametrize(
    ("place", "joint"),
    [("right_wrist", 10), ("left-wrist", 6), ("right_thigh", 17), ("Right Hand", 11), ("belt", 4)],
)
def test_joint_of_the_sensor(place: str, joint: int):
    """By its name, else the one that moves most, which is joint 4 here."""
    layout = SkeletonLayout.load("kinect_v1_20")
    positions = np.zeros((5, 20, 3))
    positions[:, 4, 0] = np.arange(5)
    assert sensor_joint(place, layout, positions) == joint


def bumps(seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Three Gaussian swings along x, and their second derivative."""
    position = acceleration = np.zeros_like(seconds)
    for middle, width, height in ((1.5, 0.15, 0.3), (3.2, 0.2, -0.4), (4.1, 0.12, 0.2)):
        place = (seconds - middle) / width
        bell = height * np.exp(-(place**2) / 2)
        position = position + bell
        acceleration = acceleration + bell * (place**2 - 1) / width**2
    return position, acceleration


def streams(
    offset: float, length: float = 6.0, rate: float = 50.0, frame_rate: float = 30.0
) -> tuple[np.ndarray, np.ndarray, float]:
    """An ideal sensor, y up, and a joint whose movement shows `offset` seconds later."""
    seconds = np.arange(round(length * rate) + 1) / rate
    sensor = np.zeros((len(seconds), 3))
    sensor[:, 0] = bumps(seconds)[1] / 9.80665
    sensor[:, 1] = 1.0
    frames = np.arange(round(length * frame_rate) + 1) / frame_rate
    joint = np.zeros((len(frames), 3))
    joint[:, 0] = bumps(frames - offset)[0]
    return sensor, joint, length


@settings(max_examples=25)
@given(
    offset=st.floats(-1.2, 1.2),
    rate=st.sampled_from([25.0, 50.0, 100.0, 208.0]),
    frame_rate=st.sampled_from([25.0, 30.0, 60.0]),
)
def test_known_offset_within_one_sample(offset: float, rate: float, frame_rate: float):
    lag = best_lag([movement_correlations(*streams(offset, 6.0, rate, frame_rate))])
    assert lag.seconds == pytest.approx(offset, abs=0.0201 + 0.5 / rate)
    assert lag.best_correlation > 0.9


def test_aligned_streams():
    lag = best_lag([movement_correlations(*streams(0.0))])
    assert lag.seconds == pytest.approx(0.0, abs=0.02)
    assert lag.zero_correlation == pytest.approx(lag.best_correlation, abs=0.01)


def test_turned_sensor_and_camera_do_not_matter():
    sensor, joint, length = streams(0.5)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    plain = movement_correlations(sensor, joint, length)
    turned = movement_correlations(sensor @ turn * 9.81, joint @ turn.T * 1000, length)
    np.testing.assert_allclose(plain, turned, atol=1e-9)


def test_lags_reach_half_the_clip():
    curve = movement_correlations(*streams(0.0, length=2.4))
    assert curve.shape == (201,)
    np.testing.assert_array_equal(np.isfinite(curve), np.abs(np.arange(-100, 101)) <= 60)


def test_group_is_the_mean_where_half_of_the_clips_know_it():
    curves = [np.full(201, np.nan) for _ in range(4)]
    for curve in curves:
        curve[100] = 0.2
    curves[0][120], curves[1][120] = 0.5, 0.3
    curves[2][150] = 0.9  # one of four
    lag = best_lag(curves)
    assert lag.seconds == pytest.approx(0.4)
    assert lag.best_correlation == pytest.approx(0.4)
    assert lag.zero_correlation == pytest.approx(0.2)


@pytest.mark.parametrize("still", [0, 1])
def test_a_still_stream_has_no_lag(still: int):
    moving = list(streams(0.0))
    moving[still] = np.ones_like(moving[still])
    assert movement_correlations(*moving) is None


def test_a_clip_too_short_to_smooth():
    sensor, joint, _ = streams(0.0)
    assert movement_correlations(sensor[:6], joint[:4], 0.1) is None


def still_then_moving(noise: float = 0.005) -> np.ndarray:
    """Two seconds of rest, tilted, then two of swinging at 2 Hz and 1 g."""
    random = np.random.default_rng(0)
    values = np.tile([0.6, 0.0, 0.8], (200, 1)) + random.normal(0, noise, (200, 3))
    values[100:, 0] += np.sin(np.arange(100) * 2 * np.pi * 2 / 50)
    return values


@pytest.mark.parametrize("unit", [1.0, 9.80665, 1000.0, 16384.0])
def test_magnitude_at_rest_in_any_unit(unit: float):
    assert gravity_at_rest(still_then_moving() * unit, 50.0) == pytest.approx(unit, rel=0.002)


def test_no_rest():
    assert gravity_at_rest(still_then_moving()[100:], 50.0) is None


def test_noise_above_three_percent_is_no_rest():
    assert gravity_at_rest(still_then_moving(noise=0.05), 50.0) is None


def test_clip_shorter_than_a_window():
    assert gravity_at_rest(np.ones((24, 3)), 50.0) is None
    assert gravity_at_rest(np.ones((25, 3)), 50.0) == pytest.approx(3**0.5)


def test_free_fall_of_zeros_is_no_rest():
    assert gravity_at_rest(np.zeros((100, 3)), 50.0) is None


def test_clips_without_a_label_are_counted_and_no_class(made: Made):
    for row in made.rows[1::3]:
        row["action"] = " "
    inspection = made.inspect()
    assert inspection.problems == []
    text = "4 clips without a label: train on them with --teacher_outputs=in_sample"
    assert inspection.notes[0] == text
    lines = inspection_table(inspection).splitlines()
    assert ["(no", "label)", "2", "2", "4"] in [line.split() for line in lines]
    for row in made.rows:
        row["action"] = ""
    assert problems(made.inspect(), "error") == [
        ("action", "A data set needs at least 2 actions. Received: none")
    ]


def test_clips_with_a_skeleton_alone(made: Made):
    for row in made.rows[:2]:
        row |= {"accelerometer_path": "", "accelerometer_rate_hz": ""}
    inspection = made.inspect()
    assert inspection.problems == []
    table = inspection_table(inspection)
    assert re.search(r"^with accelerometer +4 +6 +10$", table, re.MULTILINE)
    assert re.search(r"^with skeleton +6 +6 +12$", table, re.MULTILINE)
    assert "2 clips without accelerometer: train on them with --teachers= --virtual" in table
    assert "note no_accelerometer: 2 clips" in table
