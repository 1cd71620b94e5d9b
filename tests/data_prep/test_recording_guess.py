"""Guesses of files: logger, columns, unit, rate, gravity, and how sure they are."""

from pathlib import Path

import numpy as np
import pytest

from data_prep.plausibility import gravity_axis
from data_prep.recording_guess import (
    LIKELY,
    SURE,
    UNSURE,
    RecordingGuess,
    guess_recording,
    with_gyroscope,
)
from logger_files import (
    FILES,
    ISO,
    MILLISECONDS,
    NANOSECONDS,
    SECONDS,
    TRUTH,
    G,
    axes,
    numbers,
    rows,
)

# A second of rest, then two of movement; gravity on +y.
REST = np.tile([0.05, 0.998, 0.03], (150, 1)) + np.random.default_rng(0).normal(0, 0.002, (150, 3))
REST[50:] = TRUTH[:100]


def guess(folder: Path, text: str, suffix: str = ".csv") -> RecordingGuess:
    path = folder / f"file{suffix}"
    path.write_text(text, encoding="utf-8", newline="")
    return guess_recording(path)


@pytest.mark.parametrize("logger", FILES)
def test_files_of_known_loggers(tmp_path: Path, logger: str):
    suffix = {"pamap2": ".dat", "uci_har": ".txt", "wisdm": ".txt"}.get(logger, ".csv")
    found = guess(tmp_path, FILES[logger], suffix)
    assert found.kind == "accelerometer"
    assert found.cells["accelerometer_format"] == logger
    assert found.rate_hz == pytest.approx(50.0, rel=0.001)
    assert gravity_axis(found.mean) == "+y"
    np.testing.assert_allclose(found.mean, TRUTH.mean(axis=0), atol=1e-6)
    unclear = {"axivity", "movesense", "uci_har"}  # forms that many programs write
    assert found.sureness == (LIKELY if logger in unclear else SURE)


def test_empatica_tells_its_rate(tmp_path: Path):
    counts = np.round(64 * TRUTH).astype(int)
    text = "1659657598.0, 1659657598.0, 1659657598.0\n32.0, 32.0, 32.0\n" + rows(*counts.T)
    found = guess(tmp_path, text)
    assert (found.cells["accelerometer_format"], found.rate_hz) == ("empatica_e4", 32.0)


def test_rows_of_two_sensors(tmp_path: Path):
    lines = ["sensor,timestamp,x,y,z"]
    for nanosecond, (x, y, z) in zip(NANOSECONDS, G * TRUTH, strict=True):
        lines += [f"ACC,{nanosecond},{x},{y},{z}", f"GYR,{nanosecond},90.0,{y},7.5"]
    found = guess(tmp_path, "\n".join(lines) + "\n")
    assert found.cells["accelerometer_format"] == "wear_os"
    lines[0] = "kind,time,ax,ay,az"
    found = guess(tmp_path, "\n".join(lines) + "\n")
    assert found.cells["accelerometer_rows"] == "kind=ACC"
    assert found.cells["accelerometer_unit"] == "m/s^2"
    assert found.rate_hz == pytest.approx(50.0, rel=1e-3)


def test_physics_toolbox_with_clock_times(tmp_path: Path):
    text = "time,gFx,gFy,gFz,TgF\n"
    text += rows([stamp.split()[1] for stamp in ISO], *axes(TRUTH), numbers(SECONDS))
    found = guess(tmp_path, text)
    assert found.cells == {
        "accelerometer_format": "physics_toolbox", "accelerometer_stamp_unit": "clock",
    }  # fmt: skip
    assert found.rate_hz == pytest.approx(50.0, rel=1e-3)


@pytest.mark.parametrize(
    ("unit", "per_g", "is_whole"),
    [("g", 1.0, False), ("m/s^2", G, False), ("mg", 1000.0, False), ("lsb", 4096, True),
     ("lsb", 16384, True)],
)  # fmt: skip
def test_unit_by_the_magnitude_at_rest(tmp_path: Path, unit: str, per_g: float, is_whole: bool):
    values = np.round(per_g * REST) if is_whole else per_g * REST
    cells = [[f"{cell:.0f}" for cell in axis] for axis in values.T] if is_whole else axes(values)
    found = guess(tmp_path, "ms,ax,ay,az\n" + rows(numbers(1000 * SECONDS, 1), *cells))
    assert found.cells["accelerometer_unit"] == unit
    if unit == "lsb":
        assert float(found.cells["accelerometer_scale"]) == 1 / per_g
    assert found.cells["accelerometer_columns"] == "ax;ay;az"
    assert found.cells["accelerometer_stamp_unit"] == "ms"
    assert found.sureness == LIKELY


@pytest.mark.parametrize(
    ("name", "stamps", "unit"),
    [
        ("t", numbers(SECONDS), "s"),
        ("time", MILLISECONDS, "ms"),
        ("timestamp_us", numbers(1e6 * SECONDS, 0), "us"),
        ("Timestamp", NANOSECONDS, "ns"),
        ("datetime", ISO, "iso"),
        ("Time", [stamp.split()[1] for stamp in ISO], "clock"),
    ],
)
def test_stamps(tmp_path: Path, name: str, stamps: list[str], unit: str):
    found = guess(tmp_path, f"n,{name},x,y,z\n" + rows(range(150), stamps, *axes(REST)))
    assert found.cells["accelerometer_stamp_column"] == name
    assert found.cells["accelerometer_stamp_unit"] == unit
    assert found.rate_hz == pytest.approx(50.0, rel=1e-3)


def test_a_unit_in_the_header_is_sure(tmp_path: Path):
    header = "time [s];acc x [g];acc y [g];acc z [g]\n"
    text = header + rows(numbers(SECONDS), *axes(REST), separator=";").replace(".", ",")
    found = guess(tmp_path, text)
    assert (found.sureness, found.cells["accelerometer_unit"]) == (SURE, "g")
    assert found.cells["accelerometer_columns"] == "acc x [g];acc y [g];acc z [g]"


def test_a_block_above_the_table(tmp_path: Path):
    text = "Logger 3\nstarted: today, at noon\n\nt,x,y,z\n" + rows(numbers(SECONDS), *axes(REST))
    found = guess(tmp_path, text)
    assert found.cells["accelerometer_skip_rows"] == "3"
    assert found.cells["accelerometer_columns"] == "x;y;z"


def test_three_columns_without_names_are_unsure(tmp_path: Path):
    found = guess(tmp_path, rows(*axes(REST)), ".csv")
    assert (found.kind, found.sureness, found.rate_hz) == ("accelerometer", UNSURE, None)
    assert "state accelerometer_rate_hz" in found.reason
    np.save(tmp_path / "x.npy", REST)
    assert guess_recording(tmp_path / "x.npy").cells == {"accelerometer_unit": "g"}


def test_the_accelerometer_among_other_sensors(tmp_path: Path):
    header = "time,gyro_x,gyro_y,gyro_z,acc_x,acc_y,acc_z,user_acc_x,user_acc_y,user_acc_z\n"
    gyroscope, user = 100 * TRUTH, REST - REST.mean(axis=0)
    text = header + rows(numbers(SECONDS), *axes(gyroscope), *axes(G * REST), *axes(user))
    found = guess(tmp_path, text)
    assert found.cells["accelerometer_columns"] == "acc_x;acc_y;acc_z"
    assert found.cells["accelerometer_unit"] == "m/s^2"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (G * 0.05 * np.random.default_rng(0).normal(size=(150, 3)), "far from 1"),
        (G * REST / np.linalg.norm(REST, axis=1, keepdims=True), "gravity alone"),
        (np.random.default_rng(0).normal(0, 90, (150, 3)), "too much for a body"),
    ],
)
def test_a_known_form_without_1_g_is_no_accelerometer(tmp_path: Path, values, why: str):
    """Sensor Logger writes user acceleration, gravity and gyroscope in the same form."""
    text = "time,seconds_elapsed,z,y,x\n" + rows(NANOSECONDS, numbers(SECONDS), *axes(values))
    found = guess(tmp_path, text)
    assert (found.kind, found.form) == ("other", "sensor_logger (m/s^2) without 1 g")
    assert why in found.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("t,gyr_x,gyr_y,gyr_z\n" + rows(numbers(SECONDS), *axes(REST)), "of another sensor"),
        ("t,x (rad/s),y (rad/s),z (rad/s)\n" + rows(numbers(SECONDS), *axes(REST)), "another"),
        ("a,b,c\n1,2,3\n", "no columns x, y, z among a, b, c"),
        ("dear diary\n", ""),
        ("", "an empty file"),
        ("t,x,y,z\n" + rows(numbers(SECONDS), *axes(0.1 * REST)), "gravity is not in it"),
        ("t,x,y,z\n" + rows(numbers(SECONDS), *axes(3 * REST)), "in no usual unit"),
    ],
)
def test_other_files(tmp_path: Path, text: str, reason: str):
    found = guess(tmp_path, text)
    assert found.kind == "other"
    assert reason in found.reason


def test_damaged_and_unknown_files(tmp_path: Path):
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY damaged")
    (tmp_path / "b.csv").write_bytes(b"\xff\xd8\xff\xe0 a picture")
    (tmp_path / "c.mp4").write_bytes(b"")
    forms = [guess_recording(tmp_path / name).form for name in ("a.npy", "b.csv", "c.mp4")]
    assert forms == ["unreadable", "no table of numbers", ".mp4: no kind that is looked into"]


@pytest.mark.parametrize(("unit", "per_metre"), [("m", 1), ("cm", 100), ("mm", 1000)])
def test_skeletons(tmp_path: Path, unit: str, per_metre: float):
    joints = np.zeros((90, 20, 3))
    joints[:, :, 1] = np.linspace(0.1, 1.8, 20)
    joints[:, :, 0] = 0.5 * np.sin(np.arange(90) / 9)[:, None]
    table = per_metre * joints.reshape(90, 60)
    found = guess(tmp_path, rows(*axes(table)))
    assert (found.kind, found.form) == ("skeleton", f"skeleton of 20 joints ({unit})")
    assert found.cells == {"skeleton_unit": unit}
    found = guess(tmp_path, rows(range(90), *axes(table)))
    assert found.cells == {"skeleton_unit": unit, "skeleton_columns": "1-60"}
    np.save(tmp_path / "x.npy", per_metre * joints)
    assert guess_recording(tmp_path / "x.npy").form == f"skeleton of 20 joints ({unit})"


def test_only_the_beginning_of_a_long_file_is_read(tmp_path: Path):
    text = "t,x,y,z\n" + rows(numbers(np.arange(60_000) / 50), *axes(np.tile(REST, (400, 1))))
    assert len(text) > 2**20
    found = guess(tmp_path, text + "1200.0,damaged\n")
    assert found.kind == "accelerometer"
    assert found.rate_hz == pytest.approx(50.0, rel=1e-3)


@pytest.mark.parametrize(
    ("names", "per_degree", "unit"),
    [
        ("gyro_x,gyro_y,gyro_z", 1.0, "deg/s"),
        ("gyro_x,gyro_y,gyro_z", np.pi / 180, "rad/s"),
        ("Gyroscope x (rad/s),Gyroscope y (rad/s),Gyroscope z (rad/s)", 1.0, "rad/s"),
    ],
)
def test_a_gyroscope_of_the_same_table_is_guessed(tmp_path: Path, names, per_degree, unit):
    """By its name, and its unit by how far gravity turns: a wrist that turns by 90 degrees."""
    seconds = np.arange(301) / 50
    angle = np.pi / 4 * np.sin(2 * np.pi * seconds / 3)
    up = np.stack([np.sin(angle), np.cos(angle), 0.2 * np.sin(9 * seconds)], axis=1)
    rates = np.zeros_like(up)
    rates[:, 2] = -np.degrees(np.gradient(angle, seconds)) * per_degree
    text = f"t,acc_x,acc_y,acc_z,{names}\n" + rows(numbers(seconds), *axes(up), *axes(rates))
    found = guess(tmp_path, text)
    assert "gyroscope_columns" not in found.cells
    (path,) = [one for one in tmp_path.iterdir() if one.is_file()]
    both = with_gyroscope(path, found)
    assert both.cells["gyroscope_columns"] == names.replace(",", ";")
    assert both.cells["gyroscope_unit"] == unit and both.sureness == found.sureness
    assert {name: both.cells[name] for name in found.cells} == found.cells
