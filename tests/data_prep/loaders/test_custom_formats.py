"""Recordings in the forms in which loggers write them: values and stamps of a known truth."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.loaders.custom.accelerometer import CustomAccelerometer
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.loaders.custom.logger_formats import LOGGER_FORMATS
from data_prep.loaders.custom.manifest import read_custom_manifest
from data_prep.loaders.custom.manifest_row import CustomClip
from logger_files import FILES, ISO, MOMENTS, NANOSECONDS, SECONDS, TRUTH, G, axes, numbers, rows
from project import ROOT


def read(folder: Path, text: str, suffix: str = ".csv", **cells: str) -> CustomAccelerometer:
    """Reads a file by one row of a manifest."""
    clip = manifest(folder, text, suffix, **cells)[0]
    content = (folder / f"file{suffix}").read_bytes()
    return CustomAccelerometer.read(content, clip, suffix, "the file")


def manifest(folder: Path, text: str, suffix: str = ".csv", **cells: str) -> list[CustomClip]:
    """Writes a file and a manifest of one row, and reads the manifest."""
    (folder / f"file{suffix}").write_text(text, encoding="utf-8", newline="")
    cells = {"subject": "a", "action": "b", "accelerometer_path": f"file{suffix}", **cells}
    path = folder / "manifest.csv"
    path.write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n", encoding="utf-8")
    clips, errors = read_custom_manifest(path)
    if errors:
        raise errors[0]
    return clips


PLAIN = {"accelerometer_unit": "g", "accelerometer_columns": "1;2;3"}


def check(recording: CustomAccelerometer, flags: tuple[str, ...] = ()) -> None:
    np.testing.assert_allclose(recording.values, TRUTH, atol=1e-6)
    np.testing.assert_allclose(recording.seconds, SECONDS, atol=1e-6)
    assert recording.flags == flags


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_comma(tmp_path: Path, separator: str):
    text = rows(numbers(SECONDS), *axes(TRUTH), separator=separator).replace(".", ",")
    header = separator.join(["t", "x", "y", "z"]) + "\n"
    cells = {"accelerometer_stamp_column": "t", "accelerometer_stamp_unit": "s"}
    check(read(tmp_path, header + text, **PLAIN, **cells))


def test_ambiguous_decimal_comma_is_refused(tmp_path: Path):
    text = "t,x,y,z\n" + rows(numbers(SECONDS), *axes(TRUTH)).replace(".", ",")
    cells = {"accelerometer_stamp_column": "t", "accelerometer_stamp_unit": "s"}
    with pytest.raises(UserError, match=r"semicolons or tabs\. Received: 8 numbers for 4 names"):
        read(tmp_path, text, **PLAIN, **cells)


STAMPS: dict[str, tuple[str, Callable[[datetime], str]]] = {
    "iso, T": ("iso", lambda moment: moment.replace(tzinfo=None).isoformat()),
    "iso, Z": ("iso", lambda moment: moment.isoformat().replace("+00:00", "Z")),
    "iso, zone": (
        "iso",
        lambda moment: moment.astimezone(timezone(timedelta(hours=2))).isoformat(),
    ),
    "date and time": ("iso", lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S.%f")),
    "date and time, milliseconds after a colon": (
        "iso",
        lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S:%f")[:-3],
    ),
    "clock": ("clock", lambda moment: moment.strftime("%H:%M:%S.%f")),
    "clock, one digit": ("clock", lambda moment: moment.strftime("%H:%M:%S.%f").removeprefix("0")),
    "clock, colon": ("clock", lambda moment: moment.strftime("%H:%M:%S:%f")[:-3]),
}


@pytest.mark.parametrize("form", STAMPS)
def test_stamps_as_text_pass_midnight(tmp_path: Path, form: str):
    unit, written = STAMPS[form]
    text = rows([written(moment) for moment in MOMENTS], *axes(TRUTH))
    cells = {"accelerometer_stamp_column": "0", "accelerometer_stamp_unit": unit}
    check(read(tmp_path, text, **PLAIN, **cells))


def test_zone_that_changes_is_kept_out_of_differences(tmp_path: Path):
    zones = [timezone(timedelta(hours=2 if second < 1 else 1)) for second in SECONDS]
    stamps = [
        moment.astimezone(zone).isoformat() for moment, zone in zip(MOMENTS, zones, strict=True)
    ]
    cells = {"accelerometer_stamp_column": "0", "accelerometer_stamp_unit": "iso"}
    check(read(tmp_path, rows(stamps, *axes(TRUTH)), **PLAIN, **cells))


def test_text_that_is_no_stamp_names_its_line(tmp_path: Path):
    stamps = [moment.isoformat() for moment in MOMENTS]
    stamps[7] = "04/08/2022 23:59"
    cells = {"accelerometer_stamp_column": "0", "accelerometer_stamp_unit": "iso"}
    message = r"like 2022-08-04T11:24:02\.384\. Received: '04/08/2022 23:59' in line 8"
    with pytest.raises(UserError, match=message):
        read(tmp_path, rows(stamps, *axes(TRUTH)), **PLAIN, **cells)


@pytest.mark.parametrize("suffix", [".txt", ".dat", ".log"])
def test_columns_by_white_space_below_a_boot_text(tmp_path: Path, suffix: str):
    text = "ets Jun 8\nrst:0x1\n" + rows(numbers(SECONDS), *axes(TRUTH), separator="  ")
    cells = {"accelerometer_skip_rows": "2", "accelerometer_rate_hz": "50"}
    check(read(tmp_path, text, suffix, **PLAIN, **cells))


def test_axes_by_sign_and_order(tmp_path: Path):
    text = "ax,ay,az\n" + rows(*axes(TRUTH[:, [2, 0, 1]] * [1, -1, 1]))
    cells = {"accelerometer_columns": "-ay;az;ax", "accelerometer_unit": "g"}
    check(read(tmp_path, text, accelerometer_rate_hz="50", **cells))
    np.save(tmp_path / "file.npy", TRUTH[:, [2, 0, 1]] * [1, -1, 1])
    cells["accelerometer_columns"] = "-1;2;0"
    clip = manifest(tmp_path, text, accelerometer_rate_hz="50", **cells)[0]
    content = (tmp_path / "file.npy").read_bytes()
    check(CustomAccelerometer.read(content, clip, ".npy", "the file"))


@pytest.mark.parametrize("logger", FILES)
def test_formats_of_loggers(tmp_path: Path, logger: str):
    suffix = {"pamap2": ".dat", "uci_har": ".txt", "wisdm": ".txt"}.get(logger, ".csv")
    check(read(tmp_path, FILES[logger], suffix, accelerometer_format=logger))


def test_wear_os_rows_of_two_sensors(tmp_path: Path):
    lines = ["sensor,timestamp,x,y,z"]
    for nanosecond, (x, y, z) in zip(NANOSECONDS, G * TRUTH, strict=True):
        lines += [f"ACC,{nanosecond},{x},{y},{z}", f"GYR,{nanosecond},90.0,{y},7.5"]
    text = "\n".join(lines) + "\n"
    check(read(tmp_path, text, accelerometer_format="wear_os"))


def test_empatica_e4_start_and_rate_rows(tmp_path: Path):
    counts = np.round(64 * TRUTH).astype(int)
    text = "1659657598.0, 1659657598.0, 1659657598.0\n32.0, 32.0, 32.0\n" + rows(*counts.T)
    recording = read(tmp_path, text, accelerometer_format="empatica_e4")
    np.testing.assert_allclose(recording.values, counts / 64, atol=1e-9)
    assert recording.even_rate_hz == 32.0
    with pytest.raises(UserError, match=r"unless accelerometer_format is empatica_e4"):
        read(tmp_path, text, accelerometer_unit="g", accelerometer_rate_hz="32")


def test_every_format_is_tried_here():
    assert {*FILES, "wear_os", "empatica_e4"} == set(LOGGER_FORMATS)


def test_cells_of_the_manifest_win_over_the_format(tmp_path: Path):
    text = "time,gFx,gFy,gFz\n" + rows([stamp.split()[1] for stamp in ISO], *axes(TRUTH))
    cells = {"accelerometer_format": "physics_toolbox", "accelerometer_stamp_unit": "clock"}
    check(read(tmp_path, text, **cells))


def test_unknown_format_and_unit_say_what_was_meant(tmp_path: Path):
    text = rows(*axes(TRUTH))
    with pytest.raises(UserError, match=r"Received: phypox; did you mean phyphox\?"):
        read(tmp_path, text, accelerometer_format="phypox")
    with pytest.raises(UserError, match=r"Received: G; did you mean g\?"):
        read(tmp_path, text, accelerometer_unit="G", accelerometer_rate_hz="50")
    cells = {"accelerometer_unit": "g", "accelerometer_rate_hz": "50"}
    with pytest.raises(UserError, match=r"Received: ax,ay,az; did you mean ax;ay;az\?"):
        read(tmp_path, text, accelerometer_columns='"ax,ay,az"', **cells)
    with pytest.raises(UserError, match=r"Received: Part; did you mean part\?"):
        read(tmp_path, text, Part="test", **cells)


def table_of_many(folder: Path) -> Path:
    """WISDM's form: three stretches of two people and two actions in one file."""
    lines = ""
    for user, action, start in (("33", "Jogging", 0), ("33", "Walking", 10), ("7", "Jogging", 60)):
        stamps = [str(1659657598500000000 + round(1e9 * (start + second))) for second in SECONDS]
        lines += rows([user] * 150, [action] * 150, stamps, *axes(G * TRUTH), end=";\n")
    manifest(folder, lines, ".txt", accelerometer_format="wisdm", subject="", action="")
    return folder / "manifest.csv"


def test_one_table_of_many_people_and_actions(tmp_path: Path):
    loader = CustomLoader(table_of_many(tmp_path))
    sources = loader.discover().sources
    assert [source.clip_id for source in sources] == ["33_Jogging_1", "33_Walking_1", "7_Jogging_1"]
    for source in sources:
        clip = loader.read(source)
        np.testing.assert_allclose(clip.accelerometer, TRUTH, atol=1e-6)
        assert clip.flags == ("no_skeleton",)


def test_action_from_a_column_without_the_transient_rows(tmp_path: Path):
    """PAMAP2 marks with activity 0 what is between two activities."""
    activities = ["0"] * 20 + ["4"] * 60 + ["0"] * 10 + ["5"] * 60
    text = rows(numbers(SECONDS), activities, ["1"] * 150, ["30"] * 150, *axes(G * TRUTH),
                separator=" ")  # fmt: skip
    clips = manifest(tmp_path, text, ".dat", accelerometer_format="pamap2", action="")
    assert [(clip.action, clip.accelerometer_part) for clip in clips] == [
        ("4", (0, 59)),
        ("5", (60, 119)),
    ]
    whole = (tmp_path / "file.dat").read_bytes()
    second = CustomAccelerometer.read(whole, clips[1], ".dat", "the file")
    np.testing.assert_allclose(second.values, TRUTH[90:], atol=1e-6)


def test_a_cut_last_line_is_left_out_with_a_note(tmp_path: Path):
    """9.98649E-01 cut to 9.98649 would be nearly 10 g."""
    text = rows(numbers(SECONDS), *axes(TRUTH)) + "3.0,0.1,0.2,9.98649"
    cells = {"accelerometer_stamp_column": "0", "accelerometer_stamp_unit": "s"}
    check(read(tmp_path, text, **PLAIN, **cells), ("rows_dropped",))


def test_exact_zeros_are_lost_samples(tmp_path: Path):
    for lost, is_bad in ((10, False), (40, True)):
        values = TRUTH.copy()
        values[50 : 50 + lost] = 0.0
        text = rows(numbers(SECONDS), *axes(values))
        recording = read(tmp_path, text, accelerometer_rate_hz="50", **PLAIN)
        assert recording.flags == ("zeros_bridged",)
        assert len(recording.values) == 150 - lost
        if is_bad:
            with pytest.raises(UserError, match=r"at most 0\.5 s apart\. Received: 0\.82 s after"):
                recording.cut(0.0, 2.9, 50.0, 0.5)
        else:
            values, flags = recording.cut(0.0, 2.9, 50.0, 0.5)
            assert np.abs(values[50:60]).max(axis=1).min() > 0.5
            assert "gaps_bridged" in flags


@pytest.mark.parametrize(
    ("unit", "named", "is_read"),
    [("g", "g", True), ("m/s^2", "m/s^2", True), ("g", "m/s^2", False), ("m/s^2", "rad/s", False)],
)
def test_a_unit_in_the_header_must_be_that_of_the_manifest(
    tmp_path: Path, unit: str, named: str, is_read: bool
):
    text = f"t,x ({named}),y ({named}),z ({named})\n"
    text += rows(numbers(SECONDS), *axes(TRUTH * (G if unit == "m/s^2" else 1)))
    cells = {**PLAIN, "accelerometer_unit": unit, "accelerometer_rate_hz": "50"}
    if is_read:
        check(read(tmp_path, text, **cells))
        return
    with pytest.raises(UserError) as caught:
        read(tmp_path, text, **cells)
    assert f"an acceleration in {unit}. Received: x ({named}) (file" in str(caught.value)


def test_a_pattern_must_fit_one_column(tmp_path: Path):
    header = "Time (s),Acceleration x (m/s^2),Acceleration x (m/s^2),Acceleration y (m/s^2)\n"
    text = header + rows(numbers(SECONDS), *axes(G * TRUTH))
    with pytest.raises(UserError, match=r"One column must fit /acceleration x"):
        read(tmp_path, text, accelerometer_format="phyphox")
    with pytest.raises(UserError, match=r"One column must fit .*none of a, b, c, d"):
        read(tmp_path, "a,b,c,d\n" + text.removeprefix(header), accelerometer_format="phyphox")


def test_nanoseconds_since_1970_keep_their_differences(tmp_path: Path):
    """As doubles they would be off by up to 128 ns."""
    stamps = [str(1659657598500000001 + 20_000_001 * row) for row in range(150)]
    cells = {"accelerometer_stamp_column": "0", "accelerometer_stamp_unit": "ns"}
    recording = read(tmp_path, rows(stamps, *axes(TRUTH)), **PLAIN, **cells)
    np.testing.assert_allclose(np.diff(recording.seconds), 0.020000001, rtol=0, atol=1e-13)


def test_a_format_without_its_header_is_refused(tmp_path: Path):
    text = "a header\n" * 10 + "Accelerometer X,Accelerometer Y,Accelerometer Z\n"
    text += rows(*axes(TRUTH))
    with pytest.raises(
        UserError, match="The lines above the table of actigraph must tell the rate"
    ):
        read(tmp_path, text, accelerometer_format="actigraph")


def test_three_equal_axes_are_refused(tmp_path: Path):
    x = numbers(TRUTH[:, 0])
    with pytest.raises(UserError, match="The three axes must differ"):
        read(tmp_path, rows(x, x, x, x), accelerometer_rate_hz="50", **PLAIN)


def test_values_beyond_the_range_of_the_sensor_are_refused(tmp_path: Path):
    """A gyroscope's values in a file of a +-2 g sensor."""
    text = rows(numbers(SECONDS), *axes(37.7 * TRUTH))
    cells = {"accelerometer_rate_hz": "50", "accelerometer_range_g": "2"}
    with pytest.raises(UserError, match=r"within its range of 2 g\. Received: 37\.7 g"):
        read(tmp_path, text, **PLAIN, **cells)
    check(read(tmp_path, rows(numbers(SECONDS), *axes(TRUTH)), **PLAIN, **cells))


def test_the_range_of_a_logger_and_of_16_bits_is_known(tmp_path: Path):
    """A gyroscope's values in the accelerometer's file of an Empatica E4, of +-2 g."""
    counts = np.round(64 * 1.2 * TRUTH).astype(int)
    counts[70, 0] = 150
    text = "1659657598.0, 1659657598.0, 1659657598.0\n32.0, 32.0, 32.0\n" + rows(*counts.T)
    with pytest.raises(UserError, match=r"within its range of 2 g\. Received: 2\.34 g"):
        read(tmp_path, text, accelerometer_format="empatica_e4")
    read(tmp_path, text, accelerometer_format="empatica_e4", accelerometer_range_g="4")
    counts[70, 0] = 40_000
    cells = {"accelerometer_unit": "lsb", "accelerometer_scale": "0.0001220703125"}
    with pytest.raises(UserError, match=r"within its range of 4 g\. Received: 4\.88 g"):
        read(tmp_path, rows(*counts.T), accelerometer_rate_hz="50", **cells)


def test_coarse_stamps_and_a_clock_set_back(tmp_path: Path):
    cells = {**PLAIN, "accelerometer_stamp_column": "0", "accelerometer_stamp_unit": "s"}
    coarse = numbers(np.floor(SECONDS * 10 + 1e-9) / 10)
    check(read(tmp_path, rows(coarse, *axes(TRUTH)), **cells), ("stamps_respaced",))
    again = numbers(np.concatenate([SECONDS[:75], SECONDS[:75]]))
    with pytest.raises(UserError, match=r"step back.*from 1\.48 to 0 s at sample 75"):
        read(tmp_path, rows(again, *axes(TRUTH)), **cells)


def test_the_documentation_has_a_row_for_each_format():
    page = (ROOT / "docs" / "from_your_logger.md").read_text(encoding="utf-8")
    rows_of_page = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert rows_of_page == list(LOGGER_FORMATS)
