"""SmartFallMM from generated files in its official layout: values, defects and damage."""

import collections
import pickle
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from data_prep.clip import Clip, check_clip
from data_prep.errors import UserError
from data_prep.loaders.smartfallmm import SmartFallMMLoader
from smartfallmm_files import gravity_turning, meta_csv, skeleton_csv, watch_csv, write

WATCH = "young/accelerometer/watch"
SKELETON = "young/skeleton"


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    """Three young clips and one old one of the watch, each 3 s at 32 Hz with a skeleton."""
    raw = tmp_path / "raw"
    seconds = np.arange(96) / 32
    for group, name in (("young", "S29A01T01"), ("young", "S29A10T02"), ("young", "S30A01T01"),
                        ("old", "S05A04T01")):  # fmt: skip
        text = watch_csv(seconds, gravity_turning(seconds))
        write(raw, f"{group}/accelerometer/watch/{name}.csv", text)
        write(raw, f"{group}/skeleton/{name}.csv", skeleton_csv())
    return raw


def first_clip(raw: Path, **options) -> Clip:
    loader = SmartFallMMLoader(raw, **options)
    clip = loader.read(loader.discover().sources[0])
    check_clip(clip)
    return clip


def test_discovery(raw_dir: Path):
    discovery = SmartFallMMLoader(raw_dir).discover()
    assert [source.clip_id for source in discovery.sources] == [
        "young_S29A01T01", "young_S29A10T02", "young_S30A01T01", "old_S05A04T01",
    ]  # fmt: skip
    assert [source.action for source in discovery.sources] == [0, 9, 0, 3]
    description = discovery.description
    assert description.subjects == ["29", "30", "5"]
    assert (len(description.class_names), description.class_names[9]) == (14, "falling_backwards")
    assert (description.alignment, description.skeleton_dimensions) == ("clip", 3)
    assert description.wrist_place == "wrist"
    names, parents = description.joint_names, description.joint_parents
    assert (len(names), parents[description.root_joint]) == (32, -1)
    assert names[parents[names.index("left_wrist")]] == "left_elbow"
    assert "cross_subject is this project's own: every third subject of each group tests" in (
        description.source_notes
    )


def test_values_and_units(raw_dir: Path):
    clip = first_clip(raw_dir)
    seconds = np.arange(len(clip.accelerometer)) / 50
    assert len(clip.accelerometer) == 149  # 95 / 32 s at 50 Hz
    expected = gravity_turning(seconds) / 9.80665
    assert np.abs(clip.accelerometer - expected).max() < 0.02
    assert clip.skeleton.shape == (60, 32, 3)
    np.testing.assert_allclose(clip.skeleton[10, 8], [-0.3, 0.1, -2.25], atol=1e-6)
    assert clip.skeleton[0, 31, 1] > clip.skeleton[0, 0, 1]  # y points up
    assert (clip.subject, clip.trial, clip.sensor_place) == ("29", "1", "wrist")
    assert clip.attributes == {"group": "young"}
    assert clip.flags == ()
    assert clip.accelerometer.dtype == clip.skeleton.dtype == np.float32
    assert clip.sources["skeleton"][0] == "young/skeleton/S29A01T01.csv"


def test_turning_keeps_left_on_the_left(raw_dir: Path):
    """Two axes turn, not one: the determinant of the camera-to-body map stays +1."""
    axes = np.zeros((2, 96))
    axes[:, :9] = np.eye(3).ravel() * 1000
    axes[:, 95] = 1.0
    lines = [",".join(map(str, row)) + "\n" for row in axes]
    write(raw_dir, f"{SKELETON}/S29A01T01.csv", "".join(lines))
    loader = SmartFallMMLoader(raw_dir)
    turned = loader.read(loader.discover().sources[0]).skeleton[0, :3]
    assert np.linalg.det(turned) == pytest.approx(1.0)


def test_meta_sensor_is_in_g(raw_dir: Path):
    seconds = np.arange(150) / 50
    text = meta_csv(seconds, gravity_turning(seconds) / 9.80665)
    write(raw_dir, "young/accelerometer/meta_wrist/S29A01T01.csv", text)
    clip = first_clip(raw_dir, sensor="meta_wrist")
    expected = gravity_turning(seconds) / 9.80665
    np.testing.assert_allclose(clip.accelerometer, expected, atol=1e-3)
    assert (clip.flags, clip.sensor_place) == ((), "wrist")


@pytest.mark.parametrize(("sensor", "place"), [("phone", "phone"), ("meta_hip", "hip")])
def test_place_of_the_other_sensors(raw_dir: Path, sensor: str, place: str):
    seconds = np.arange(100) / 50
    values = gravity_turning(seconds)
    text = watch_csv(seconds, values) if sensor == "phone" else meta_csv(seconds, values / 9.80665)
    write(raw_dir, f"old/accelerometer/{sensor}/S05A04T01.csv", text)
    discovery = SmartFallMMLoader(raw_dir, sensor=sensor).discover()
    assert discovery.description.wrist_place == place
    assert first_clip(raw_dir, sensor=sensor).sensor_place == place
    assert "3 skeleton files belong to no clip of this sensor" in discovery.description.source_notes


@pytest.mark.parametrize(("sensor", "factor"), [("watch", 1 / 9.80665), ("meta_wrist", 9.80665)])
def test_wrong_unit_is_caught(raw_dir: Path, sensor: str, factor: float):
    seconds = np.arange(150) / 50
    if sensor == "watch":
        text = watch_csv(seconds, gravity_turning(seconds) * factor)
    else:
        text = meta_csv(seconds, gravity_turning(seconds))
    write(raw_dir, f"young/accelerometer/{sensor}/S29A01T01.csv", text)
    with pytest.raises(UserError, match=r"unit of the accelerometer must be g.*S29A01T01\.csv"):
        first_clip(raw_dir, sensor=sensor)


def test_values_of_another_sensor_are_quarantined(raw_dir: Path):
    """Rates of turn in a file of the accelerometer: few are beyond 16 g, none is a stamp."""
    seconds = np.arange(150) / 50
    values = gravity_turning(seconds) / 9.80665
    values[70:73, 0] = 37.7
    write(raw_dir, "young/accelerometer/meta_wrist/S29A01T01.csv", meta_csv(seconds, values))
    with pytest.raises(UserError, match=r"within its range of 16 g\. Received: 37\.7 g"):
        first_clip(raw_dir, sensor="meta_wrist")


def test_burst_is_spread_and_not_merged(raw_dir: Path):
    """0.6 s of samples come in one burst with one stamp: the movement is still all there."""
    seconds = np.arange(96) / 32
    stamps = np.where((seconds > 1.0) & (seconds < 1.6), 1.6, seconds)
    write(raw_dir, f"{WATCH}/S29A01T01.csv", watch_csv(stamps, gravity_turning(seconds)))
    clip = first_clip(raw_dir)
    expected = gravity_turning(np.arange(len(clip.accelerometer)) / 50) / 9.80665
    assert np.abs(clip.accelerometer - expected).max() < 0.02
    assert clip.flags == ("stamps_bursty",)


def test_clip_handed_over_at_once_takes_the_nominal_rate(raw_dir: Path):
    seconds = np.arange(96) / 32
    text = watch_csv(seconds / 4, gravity_turning(seconds))
    write(raw_dir, f"{WATCH}/S29A01T01.csv", text)
    clip = first_clip(raw_dir)
    expected = gravity_turning(np.arange(len(clip.accelerometer)) / 50) / 9.80665
    assert np.abs(clip.accelerometer - expected).max() < 0.02
    assert clip.flags == ("stamps_compressed",)


def test_lost_samples_are_a_gap(raw_dir: Path):
    seconds = np.arange(320) / 32
    kept = (seconds < 4) | (seconds > 6.5)
    text = watch_csv(seconds[kept], gravity_turning(seconds[kept]))
    write(raw_dir, f"{WATCH}/S29A01T01.csv", text)
    with pytest.raises(UserError, match=r"gap between samples must be bridgeable.*S29A01T01"):
        first_clip(raw_dir)
    assert first_clip(raw_dir, longest_gap_seconds=3.0).flags == ("gaps_bridged",)


def test_pause_filled_by_the_next_burst_is_no_gap(raw_dir: Path):
    """1.4 s without a delivery, then all of its samples at once: nothing is lost."""
    seconds = np.arange(192) / 32
    stamps = np.where((seconds > 2.0) & (seconds < 3.4), 3.4, seconds)
    write(raw_dir, f"{WATCH}/S29A01T01.csv", watch_csv(stamps, gravity_turning(seconds)))
    clip = first_clip(raw_dir, longest_gap_seconds=1.0)
    assert "stamps_drifting" in clip.flags
    expected = gravity_turning(np.arange(len(clip.accelerometer)) / 50) / 9.80665
    assert np.abs(clip.accelerometer - expected).max() < 0.02


def test_drifting_rate_is_no_gap(raw_dir: Path):
    """26 Hz and then 50 Hz without a pause: a stamp is 1.5 s from its evenly spaced place."""
    seconds = np.concatenate([np.arange(156) / 26, 6 + np.arange(300) / 50])
    write(raw_dir, f"{WATCH}/S29A01T01.csv", watch_csv(seconds, gravity_turning(seconds)))
    clip = first_clip(raw_dir)
    assert clip.flags == ("stamps_drifting",)
    expected = gravity_turning(np.arange(len(clip.accelerometer)) / 50) / 9.80665
    assert np.abs(clip.accelerometer - expected).max() < 0.03


def test_epoch_rounded_by_a_spreadsheet_leaves_it_to_the_next_column(raw_dir: Path):
    seconds = np.arange(150) / 50
    rows = meta_csv(seconds, gravity_turning(seconds) / 9.80665).splitlines()
    text = "".join(f"1.65961E+12,{row.split(',', 1)[1]}\n" for row in rows)
    write(raw_dir, "young/accelerometer/meta_wrist/S29A01T01.csv", text)
    clip = first_clip(raw_dir, sensor="meta_wrist")
    np.testing.assert_allclose(clip.accelerometer, gravity_turning(seconds) / 9.80665, atol=1e-3)
    assert clip.flags == ()
    text = "".join(f"1.65961E+12,,{row.split(',', 2)[2]}\n" for row in rows)
    write(raw_dir, "young/accelerometer/meta_wrist/S29A01T01.csv", text)
    clip = first_clip(raw_dir, sensor="meta_wrist")
    np.testing.assert_allclose(clip.accelerometer, gravity_turning(seconds) / 9.80665, atol=1e-3)
    text = "".join(f"1.65961E+12,,1,{row.split(',', 3)[3]}\n" for row in rows)
    write(raw_dir, "young/accelerometer/meta_wrist/S29A01T01.csv", text)
    message = (
        "must hold time stamps that tell the samples apart. Received: column 0 has 1 different "
        "stamps; column 1 has none, but ''; column 2 has 1 different stamps"
    )
    with pytest.raises(UserError, match=message):
        first_clip(raw_dir, sensor="meta_wrist")


@pytest.mark.parametrize(
    ("header", "is_read"),
    [
        ("epoch (ms),time (-11:00),elapsed (s),x-axis (g),y-axis (g),z-axis (g)", True),
        ("epoch,time,elapsed,accel_x,accel_y,accel_z", True),
        (
            "epoch (ms),time (-11:00),elapsed (s),x-axis (deg/s),y-axis (deg/s),z-axis (deg/s)",
            False,
        ),
        ("epoch (ms),time (-11:00),elapsed (s),y-axis (g),x-axis (g),z-axis (g)", False),
    ],
)
def test_known_headers(raw_dir: Path, header: str, is_read: bool):
    seconds = np.arange(150) / 50
    text = f"{header}\n" + meta_csv(seconds, gravity_turning(seconds) / 9.80665)
    write(raw_dir, "young/accelerometer/meta_wrist/S29A01T01.csv", text)
    if is_read:
        clip = first_clip(raw_dir, sensor="meta_wrist")
        expected = gravity_turning(seconds) / 9.80665
        np.testing.assert_allclose(clip.accelerometer, expected, atol=1e-3)
        return
    with pytest.raises(UserError, match=r"acceleration in g or m/s|time first, x, y and z last"):
        first_clip(raw_dir, sensor="meta_wrist")


def test_sparse_samples_are_bad(raw_dir: Path):
    seconds = np.arange(40) / 8
    write(raw_dir, f"{WATCH}/S29A01T01.csv", watch_csv(seconds, gravity_turning(seconds)))
    with pytest.raises(UserError, match=r"at least 16 samples a second\. Received: 8 "):
        first_clip(raw_dir)


def test_meta_gap_is_noted_then_bad(raw_dir: Path):
    seconds = np.arange(200) / 50
    for lost, expected in ((0.5, ("gaps_bridged",)), (1.5, None)):
        kept = (seconds < 1) | (seconds > 1 + lost)
        text = meta_csv(seconds[kept], gravity_turning(seconds[kept]) / 9.80665)
        write(raw_dir, "young/accelerometer/meta_hip/S29A01T01.csv", text)
        if expected:
            assert first_clip(raw_dir, sensor="meta_hip").flags == expected
        else:
            with pytest.raises(UserError, match=r"at most 1 s apart\. Received: 1\.5"):
                first_clip(raw_dir, sensor="meta_hip")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "must hold samples. Received: an empty file"),
        ("2022-08-04 11:24:02.384,1.0,9.7,0.1\n", "at least 2 rows. Received: 1 "),
        ("1,2,3\n" * 50, "4 columns: a stamp first, x, y and z last. Received: 3 columns"),
        ("a,b,c,d\n" * 50, "header must name 4 columns"),
    ],
)
def test_bad_sensor_files(raw_dir: Path, text: str, error: str):
    write(raw_dir, f"{WATCH}/S29A01T01.csv", text)
    with pytest.raises(UserError, match=f"{error}.*S29A01T01"):
        first_clip(raw_dir)


@pytest.mark.parametrize("cell", ["1659612242384.0", "nan", "", "2022-08-04 11:24:03", "inf"])
def test_unusable_rows_up_to_a_tenth_are_dropped(raw_dir: Path, cell: str):
    seconds = np.arange(96) / 32
    for count, is_bad in ((9, False), (10, True)):
        lines = watch_csv(seconds, gravity_turning(seconds)).splitlines(keepends=True)
        for row in range(5, 5 + 7 * count, 7):
            stamp, _, y, z = lines[row].split(",")
            lines[row] = f"{stamp},{cell},{y},{z}"
        write(raw_dir, f"{WATCH}/S29A01T01.csv", "".join(lines))
        if is_bad:
            with pytest.raises(UserError, match=r"At most 10% of the rows.*Received: 10 of 96"):
                first_clip(raw_dir)
        else:
            clip = first_clip(raw_dir)
            assert "rows_dropped" in clip.flags
            assert np.abs(np.linalg.norm(clip.accelerometer, axis=1) - 1).max() < 0.1


def test_skeleton_rows_are_bridged_up_to_a_tenth(raw_dir: Path):
    lines = skeleton_csv().splitlines(keepends=True)
    for row, text in ((20, ",".join(["nan"] * 96) + "\n"), (21, "\n"), (22, "1,2,3\n")):
        lines[row] = text if text != "\n" else ",".join(["0"] * 96) + "\n"
    write(raw_dir, f"{SKELETON}/S29A01T01.csv", "".join(lines))
    clip = first_clip(raw_dir)
    assert clip.flags == ("frames_bridged",)
    np.testing.assert_allclose(clip.skeleton[19:24, 8, 1], [0.19, 0.2, 0.21, 0.22, 0.23], atol=1e-6)
    for row in range(30, 34):
        lines[row] = ",".join(["nan"] * 96) + "\n"
    write(raw_dir, f"{SKELETON}/S29A01T01.csv", "".join(lines))
    with pytest.raises(UserError, match=r"10% of a skeleton's rows.*Received: 7 of 60"):
        first_clip(raw_dir)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "at least 2 rows. Received: 0"),
        (skeleton_csv(1), "at least 2 rows. Received: 1"),
        ("1,2,3\n" * 9, "must hold 96 columns. Received: 3 columns"),
    ],
)
def test_bad_skeletons(raw_dir: Path, text: str, error: str):
    write(raw_dir, f"{SKELETON}/S29A01T01.csv", text)
    with pytest.raises(UserError, match=f"{error}.*skeleton/S29A01T01"):
        first_clip(raw_dir)


def test_long_skeleton_loss_is_bad(raw_dir: Path):
    lines = skeleton_csv(300).splitlines(keepends=True)
    lines[100:116] = [",".join(["nan"] * 96) + "\n"] * 16
    write(raw_dir, f"{SKELETON}/S29A01T01.csv", "".join(lines))
    with pytest.raises(UserError, match=r"at most 15 rows on end\. Received: 16"):
        first_clip(raw_dir)


def test_missing_skeleton_is_noted(raw_dir: Path):
    (raw_dir / f"{SKELETON}/S29A01T01.csv").unlink()
    clip = first_clip(raw_dir)
    assert (clip.skeleton, clip.flags) == (None, ("no_skeleton",))
    assert set(clip.sources) == {"accelerometer"}
    notes = SmartFallMMLoader(raw_dir).discover().description.source_notes
    assert "1 of 4 clips have no skeleton file" in notes


def test_colliding_subject_numbers_get_their_group(raw_dir: Path):
    text = (raw_dir / f"{WATCH}/S29A01T01.csv").read_text()
    write(raw_dir, "old/accelerometer/watch/S29A04T01.csv", text)
    description = SmartFallMMLoader(raw_dir).discover().description
    assert description.subjects == ["young_29", "young_30", "old_5", "old_29"]


def test_split_takes_every_third_subject_of_each_group(tmp_path: Path):
    for group, numbers in (("young", range(28, 35)), ("old", range(1, 4))):
        for number in numbers:
            write(tmp_path, f"{group}/accelerometer/watch/S{number:02d}A01T01.csv", "")
    protocol = SmartFallMMLoader(tmp_path).discover().description.protocols["cross_subject"]
    assert protocol["test_subjects"] == ["30", "33", "3"]
    assert protocol["train_subjects"] == ["28", "29", "31", "32", "34", "1", "2"]


def test_archive_with_another_top_folder_and_case(raw_dir: Path, tmp_path: Path):
    expected = first_clip(raw_dir)
    (raw_dir / "young").rename(raw_dir / "YOUNG")
    shutil.make_archive(str(tmp_path / "zipped" / "SmartFallMM-main"), "zip", tmp_path, "raw")
    clip = first_clip(tmp_path / "zipped")
    np.testing.assert_array_equal(clip.accelerometer, expected.accelerometer)
    np.testing.assert_array_equal(clip.skeleton, expected.skeleton)
    assert clip.sources["accelerometer"][0].startswith("SmartFallMM-main.zip/raw/YOUNG/")
    assert clip.sources["accelerometer"][1] == expected.sources["accelerometer"][1]


def test_errors_of_discovery(raw_dir: Path):
    with pytest.raises(UserError, match=r"one of watch, meta_wrist, phone, meta_hip.*ring"):
        SmartFallMMLoader(raw_dir, sensor="ring")
    with pytest.raises(UserError, match="needs files named young/accelerometer/phone/S29A01T01"):
        SmartFallMMLoader(raw_dir, sensor="phone").discover()
    write(raw_dir, f"{WATCH}/S29A15T01.csv", "")
    with pytest.raises(UserError, match=r"activities 1 to 14\. Received: 15"):
        SmartFallMMLoader(raw_dir).discover()


def test_same_clip_twice_with_other_content(raw_dir: Path):
    write(raw_dir, f"copy/{WATCH}/S29A01T01.csv", "other")
    with pytest.raises(UserError, match="A file found twice must be the same"):
        SmartFallMMLoader(raw_dir).discover()


def test_loader_and_sources_are_picklable(raw_dir: Path):
    loader = SmartFallMMLoader(raw_dir)
    source = loader.discover().sources[0]
    again = pickle.loads(pickle.dumps((loader, source)))  # this process's own bytes
    np.testing.assert_array_equal(
        again[0].read(again[1]).accelerometer, loader.read(source).accelerometer
    )


def damaged(text: str, dice: random.Random) -> bytes:
    """Breaks a csv file in one of the ways that files break."""
    lines = text.splitlines()
    kind = dice.choice(["truncate", "flip", "columns", "stamps", "words", "huge", "rows", "unit"])
    some = dice.sample(range(len(lines)), dice.choice([1, 3, len(lines) // 8, len(lines) // 2]))
    if kind == "truncate":
        return text.encode()[: dice.randrange(len(text))]
    if kind == "flip":
        content = bytearray(text.encode())
        for _ in range(dice.choice([1, 20, 400])):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        return bytes(content)
    cells = [line.split(",") for line in lines]
    column = dice.randrange(len(cells[0]))
    if kind == "columns":
        for row in some if dice.random() < 0.5 else range(len(cells)):
            del cells[row][column]
    elif kind == "stamps":
        stamps = [cells[row][0] for row in some]
        dice.shuffle(stamps)
        for row, stamp in zip(some, stamps, strict=True):
            cells[row][0] = stamp
    elif kind == "words":
        for row in some:
            cells[row][column] = dice.choice(["", "abc", "nan", "1_0", "--1", "0x1F", "١", "1e"])
    elif kind == "huge":
        for row in some:
            cells[row][column] = dice.choice(["1e12", "-1659612242384", "1e308", "1e999", "1e40"])
    elif kind == "rows":
        first = dice.randrange(len(cells))
        del cells[first : first + dice.choice([1, 20, 80])]
    else:
        factor = dice.choice([9.80665, 1 / 9.80665, 1000.0])
        for row in cells:
            row[-3:] = [f"{float(cell) * factor:.6f}" for cell in row[-3:]]
    return ("\n".join(",".join(row) for row in cells) + "\n").encode()


@pytest.mark.parametrize("sensor", ["watch", "meta_wrist"])
def test_damaged_copies_are_refused_or_noted(tmp_path: Path, capsys, sensor: str):
    """200 damaged copies: clean, noted or one UserError; never another unit or another error."""
    seconds = np.arange(160) / 50
    values = gravity_turning(seconds)
    original = {
        f"young/accelerometer/{sensor}/S29A01T01.csv": (
            watch_csv(seconds, values) if sensor == "watch" else meta_csv(seconds, values / 9.80665)
        ),
        f"{SKELETON}/S29A01T01.csv": skeleton_csv(),
    }
    for name, text in original.items():
        write(tmp_path, name, text)
    loader = SmartFallMMLoader(tmp_path, sensor=sensor)
    source = loader.discover().sources[0]
    counts: collections.Counter[str] = collections.Counter()

    @settings(
        max_examples=200, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )  # fmt: skip
    @given(st.integers(0, 2**32), st.sampled_from(sorted(original)))
    def once(seed: int, name: str) -> None:
        for other, text in original.items():
            (tmp_path / other).write_text(text)
        (tmp_path / name).write_bytes(damaged(original[name], random.Random(seed)))
        try:
            clip = loader.read(source)
            check_clip(clip)
        except UserError as error:
            assert "S29A01T01.csv" in str(error)
            assert "\n" not in str(error)
            counts["refused"] += 1
            return
        counts["noted" if clip.flags else "clean"] += 1
        assert 0.8 < np.median(np.linalg.norm(clip.accelerometer, axis=1)) < 1.2
        assert len(clip.accelerometer) <= 4 * len(seconds)
        extent = np.median(np.linalg.norm(np.ptp(clip.skeleton, axis=1), axis=1))
        assert extent == pytest.approx(1.68, abs=0.1)

    once()
    with capsys.disabled():
        print(f"\nSmartFallMM {sensor}, damaged copies: {dict(sorted(counts.items()))}")
    assert sum(counts.values()) >= 200
    assert min(counts["refused"], counts["noted"], counts["clean"]) >= 5
