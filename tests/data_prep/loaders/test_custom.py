"""A user's own recordings, read by their manifest."""

import dataclasses
import json
import pickle
import re

import numpy as np
import pytest
import scipy.io
from hypothesis import given, strategies as st

from custom_files import samples, stamped
from data_prep.clip import check_clip
from data_prep.errors import UserError
from data_prep.files import natural_order
from data_prep.loader import DatasetOptions
from data_prep.loaders.custom.loader import (
    CustomLoader,
    split_subjects,
    within_subject,
)
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set_tables import prepared_table
from data_prep.protocols import protocol_splits

SECONDS = np.arange(101) / 50.0


def test_description(recordings):
    description = recordings.loader().discover().description
    assert description.name == "custom"
    assert not description.is_synthetic
    assert description.class_names == ["clap", "wave"]
    assert description.subjects == ["s1", "s2"]
    assert description.num_clips == 4
    assert description.streams["accelerometer"]["nominal_rate_hz"] == 50.0
    assert description.streams["skeleton"]["nominal_rate_hz"] == 30.0
    assert description.joint_names[3] == "right_wrist"
    assert description.joint_parents == [-1, 0, 1, 2]
    assert (description.root_joint, description.up_axis, description.skeleton_dimensions) == (
        0,
        1,
        3,
    )
    split = description.protocols["cross_subject"]
    assert (split["train_subjects"], split["test_subjects"]) == (["s1"], ["s2"])
    assert description.source_notes == ["split (ours): the last 1 of 2 subjects test"]


def test_clips_hold_the_files_values(recordings):
    clips = recordings.clips()
    assert [clip.clip_id for clip in clips] == ["s1_wave_1", "s1_clap_1", "s2_wave_1", "s2_clap_1"]
    assert [clip.action for clip in clips] == [1, 0, 1, 0]
    for seed, clip in enumerate(clips, start=1):
        check_clip(clip)
        np.testing.assert_allclose(clip.accelerometer, samples(seed, SECONDS), atol=1e-6)
        assert clip.accelerometer.dtype == clip.skeleton.dtype == np.float32
        assert clip.skeleton.shape == (61, 4, 3)
        np.testing.assert_allclose(clip.skeleton[30], [[1, 0.5 * j, seed] for j in range(1, 5)])
        assert (clip.flags, clip.trial, clip.sensor_place) == ((), "1", "right_wrist")
    assert clips[0].sources["accelerometer"][0] == "sensor/s1_wave.csv"
    assert len(clips[0].sources["skeleton"][1]) == 64


@pytest.mark.parametrize(
    ("unit", "per_g", "scale"),
    [("m/s^2", 9.80665, ""), ("m/s2", 9.80665, ""), ("mg", 1000.0, ""), ("lsb", 16384, 1 / 16384)],
)
def test_units_of_the_accelerometer(recordings, unit: str, per_g: float, scale: float | str):
    recordings.write_table("other.csv", samples(1, SECONDS) * per_g)
    recordings.rows[0].update(
        accelerometer_path="other.csv",
        accelerometer_columns="",
        accelerometer_unit=unit,
        accelerometer_scale=scale,
    )
    np.testing.assert_allclose(recordings.clips()[0].accelerometer, samples(1, SECONDS), atol=1e-6)


@pytest.mark.parametrize("columns", ["ax;ay;az", "1;2;3", "1-3", " ax ; 2 ; az "])
def test_columns_by_name_and_index(recordings, columns: str):
    recordings.rows[0]["accelerometer_columns"] = columns
    np.testing.assert_allclose(recordings.clips()[0].accelerometer, samples(1, SECONDS), atol=1e-6)


@pytest.mark.parametrize("suffix", ["npy", "npz", "mat"])
def test_binary_formats(recordings, suffix: str):
    values = samples(1, SECONDS)
    path = recordings.folder / f"values.{suffix}"
    if suffix == "npy":
        np.save(path, values)
    elif suffix == "npz":
        np.savez(path, acceleration=values, other=np.zeros(3))
    else:
        scipy.io.savemat(path, {"acceleration": values, "other": 1.0})
    recordings.rows[0].update(accelerometer_path=path.name, accelerometer_columns="")
    recordings.rows[0]["accelerometer_key"] = "" if suffix == "npy" else "acceleration"
    np.testing.assert_allclose(recordings.clips()[0].accelerometer, values, atol=1e-6)


@pytest.mark.parametrize(("unit", "per_second"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_stamps_in_every_unit(recordings, unit: str, per_second: float):
    """Uneven stamps of a straight line come back as the same line at the prepared rate."""
    jitter = np.random.default_rng(0).uniform(-0.004, 0.004, 101)
    jitter[[0, -1]] = 0
    start = 1.7e9 if unit in ("s", "ms") else 100.0
    seconds = SECONDS + jitter
    stamped(
        recordings,
        (start + seconds) * per_second,
        samples(1, seconds),
        accelerometer_stamp_unit=unit,
    )
    clip = recordings.clips()[0]
    assert clip.accelerometer.shape == (101, 3)
    np.testing.assert_allclose(clip.accelerometer, samples(1, SECONDS), atol=1e-5)
    assert clip.flags == ()


def test_stamps_alone_give_50_hz(recordings):
    for row, name in zip(recordings.rows, ("a", "b", "c", "d"), strict=True):
        table = np.column_stack([np.arange(401) / 200.0, samples(1, np.arange(401) / 200.0)])
        recordings.write_table(f"{name}.csv", table)
        row.update(accelerometer_path=f"{name}.csv", accelerometer_columns="1-3")
    recordings.set_all(
        accelerometer_rate_hz="", accelerometer_stamp_column="0", accelerometer_stamp_unit="s"
    )
    description = recordings.loader().discover().description
    assert description.streams["accelerometer"]["nominal_rate_hz"] == 50.0
    assert recordings.clips()[0].accelerometer.shape == (101, 3)


def test_chosen_rate(recordings):
    """A line stays a line at half the rate, up to the ends of the filter."""
    clip = recordings.clips(rate_hz=25.0)[0]
    np.testing.assert_allclose(clip.accelerometer, samples(1, np.arange(51) / 25.0), atol=1e-5)


def test_unsorted_and_doubled_stamps_are_noted(recordings):
    order = np.arange(101)
    order[[40, 41]] = [41, 40]
    order = np.insert(order, 60, 60)
    stamped(recordings, SECONDS[order], samples(1, SECONDS[order]))
    clip = recordings.clips()[0]
    assert clip.flags == ("stamps_sorted", "duplicates_merged")
    np.testing.assert_allclose(clip.accelerometer, samples(1, SECONDS), atol=1e-6)


def test_short_gap_is_bridged_and_noted(recordings):
    kept = np.r_[0:40, 60:101]  # 0.42 s
    stamped(recordings, SECONDS[kept], samples(1, SECONDS[kept]))
    clip = recordings.clips()[0]
    assert clip.flags == ("gaps_bridged",)
    np.testing.assert_allclose(clip.accelerometer, samples(1, SECONDS), atol=1e-6)


def test_long_gap_spoils_only_clips_that_hold_it(recordings):
    kept = np.r_[0:20, 60:101]  # from 0.38 s to 1.2 s
    stamped(
        recordings, SECONDS[kept], samples(1, SECONDS[kept]), skeleton_path="", skeleton_rate_hz=""
    )
    with pytest.raises(UserError, match=r"at most 0\.5 s apart\. Received: 0\.82 s after 0\.380 s"):
        recordings.clips()
    recordings.rows[0].update(start=1.3, end=1.9)
    clip = recordings.clips()[0]
    np.testing.assert_allclose(clip.accelerometer, samples(1, SECONDS[65:96]), atol=1e-6)


def test_samples_that_are_not_finite_are_dropped_and_noted(recordings):
    values = samples(1, SECONDS)
    values[[0, 50, 51]] = np.nan
    recordings.write_table("sensor/s1_wave.csv", np.column_stack([SECONDS, values]), "t,ax,ay,az")
    clip = recordings.clips()[0]
    assert clip.flags == ("rows_dropped", "gaps_bridged")
    start = 1 / 30  # the first frame after the first sample left
    expected = samples(1, start + np.arange(len(clip.accelerometer)) / 50)
    np.testing.assert_allclose(clip.accelerometer, expected, atol=0.02 * 0.2)
    assert np.isfinite(clip.accelerometer).all()


def test_saturation_is_noted(recordings):
    values = samples(1, SECONDS)
    values[30:33, 2] = -2.0
    recordings.write_table("sensor/s1_wave.csv", np.column_stack([SECONDS, values]), "t,ax,ay,az")
    assert recordings.clips()[0].flags == ("accelerometer_saturated",)


def test_start_and_end(recordings):
    recordings.rows[0].update(start=0.5, end=1.5)
    clip = recordings.clips()[0]
    np.testing.assert_allclose(clip.accelerometer, samples(1, SECONDS[25:76]), atol=1e-6)
    np.testing.assert_allclose(clip.skeleton[:, 0, 0], np.arange(15, 46) / 30, atol=1e-6)


def test_end_one_step_behind_the_last_sample(recordings):
    recordings.rows[0].update(start=0, end=2.02)
    assert recordings.clips()[0].accelerometer.shape == (101, 3)


def add_none(recordings, subject: str) -> None:
    """Writes 20 s of a walk that shows no action."""
    seconds = np.arange(1001) / 50.0
    recordings.write_table("day.csv", np.column_stack([seconds, samples(0, seconds)]), "t,ax,ay,az")
    recordings.rows.append(
        {**recordings.rows[0], "subject": subject, "action": "none"}
        | {"accelerometer_path": "day.csv", "skeleton_path": "", "skeleton_rate_hz": ""}
    )


def test_a_recording_of_none_is_no_class_and_in_no_part(recordings, tmp_path):
    layout = recordings.folder / "layout.json"
    options = DatasetOptions(manifest=str(recordings.write_manifest()), skeleton_layout=str(layout))
    before = prepare_dataset("custom", None, tmp_path / "before", options=options)
    add_none(recordings, "s1")
    recordings.write_manifest()
    prepared = prepare_dataset("custom", None, tmp_path / "after", options=options)
    assert prepared.description.class_names == ["clap", "wave"]
    last = prepared.manifest.iloc[-1]
    assert (last["action"], last["action_name"], last["clip_id"]) == (-2, "none", "s1_none_1")
    assert prepared.accelerometer(len(prepared) - 1).shape == (1001, 3)
    assert re.search(r"^  clips of no action +1$", prepared_table(prepared), re.MULTILINE)
    for protocol in ("cross_subject", "leave_one_subject_out"):
        splits = [
            protocol_splits(one.description, one.manifest, protocol) for one in (before, prepared)
        ]
        assert splits[0] == splits[1]
    # A set without such recordings is described as it always was.
    assert set(before.description.options) == {"rate_hz", "longest_gap_seconds"}


def test_someone_who_only_does_none_is_refused(recordings):
    add_none(recordings, "s3")
    message = (
        'A subject with recordings of "none" needs clips of an action, too. Received: none of s3'
    )
    with pytest.raises(UserError, match=message):
        recordings.loader().discover()


def test_gaps_between_annotations_are_none_where_the_user_says_so(recordings):
    add_none(recordings, "s1")
    recordings.rows = recordings.rows[-1:]
    recordings.rows[0] |= {"action": "", "clip_id": "day"}
    cut = [(1, 4, "wave"), (5, 7, "clap"), (3, 4.5, "clap"), (12, 14, "wave"), (14, 16, "none")]
    rows = [
        {"recording": "day", "start": start, "end": end, "label": label}
        for start, end, label in cut
    ]
    annotations = recordings.write_rows("annotations.csv", rows)
    plain, _ = recordings.loader(annotations=annotations).clips()
    assert [clip.action for clip in plain] == [label for *_, label in cut]
    clips, errors = recordings.loader(annotations=annotations, gaps_are_none=True).clips()
    assert not errors
    assert clips[:5] == plain
    # 0.5 s between 4.5 and 5 s is too short, and 14 s has no gap.
    ((gap),) = clips[5:]
    assert (gap.clip_id, gap.action, gap.start, gap.end) == ("day_006", "none", 7, 12)
    with pytest.raises(UserError, match="gaps_are_none needs annotations"):
        recordings.loader(gaps_are_none=True)


def test_annotations_cut_recordings(recordings):
    recordings.rows = recordings.rows[::2]
    recordings.set_all(action=None)
    recordings.rows[0]["clip_id"] = "monday"
    rows = [
        {"recording": "monday", "start": 0.2, "end": 1.0, "label": "wave"},
        {"recording": "sensor/s2_wave.csv", "start": 0.4, "end": 1.2, "label": "wave"},
        {"recording": "monday", "start": 1.0, "end": 1.8, "label": "clap", "subject": "s3"},
        {"recording": "monday", "start": 1.2, "end": 1.6, "label": "wave"},
    ]
    annotations = recordings.write_rows("annotations.csv", rows)
    clips = recordings.clips(annotations=annotations)
    assert [clip.clip_id for clip in clips] == [  # those of a file follow each other
        "monday_001",
        "monday_002",
        "monday_003",
        "sensor-s2_wave.csv_001",
    ]
    assert [clip.subject for clip in clips] == ["s1", "s3", "s1", "s2"]
    assert [clip.action for clip in clips] == [1, 0, 1, 1]
    assert [clip.trial for clip in clips] == ["1", "1", "2", "1"]
    np.testing.assert_allclose(clips[1].accelerometer, samples(1, SECONDS[50:91]), atol=1e-6)


def test_part_column_decides(recordings):
    for row in recordings.rows:
        row["part"] = "test" if row["subject"] == "s1" else "train"
    description = recordings.loader().discover().description
    split = description.protocols["cross_subject"]
    assert (split["train_subjects"], split["test_subjects"]) == (["s2"], ["s1"])
    assert description.source_notes == ["split: by the column part of the manifest"]


def test_wrist_place_is_the_wrist_worn_most(recordings):
    for row, place in zip(recordings.rows, ["left_wrist"] * 2 + ["hip"] * 2, strict=True):
        row["sensor_place"] = place
    assert recordings.loader().discover().description.wrist_place == "left_wrist"
    assert recordings.clips()[3].sensor_place == "hip"


def test_read_needs_only_the_source_as_json(recordings):
    loader = pickle.loads(pickle.dumps(recordings.loader()))
    source = loader.discover().sources[0]
    details = json.loads(json.dumps(source.details))
    clip = loader.read(dataclasses.replace(source, details=details))
    np.testing.assert_array_equal(clip.accelerometer, recordings.clips()[0].accelerometer)


def test_every_file_is_in_the_sources(recordings):
    """So that a changed manifest, layout or recording makes the prepared set anew."""
    before = recordings.loader().discover().description.sources
    assert set(before) == {"sensor/", "camera/", "./"}
    (recordings.folder / "layout.json").write_text(
        json.dumps({"joint_names": list("abcd"), "parents": [-1, 0, 1, 2]}), encoding="utf-8"
    )
    after = recordings.loader().discover().description.sources
    assert {name for name in before if before[name] != after[name]} == {"./"}


def test_spreadsheet_with_semicolons_and_byte_order_mark(recordings):
    expected = recordings.clips()
    text = (recordings.folder / "manifest.csv").read_text(encoding="utf-8")
    text = text.replace("ax;ay;az", '"ax;ay;az"').replace(",", ";") + ";" * 7 + "\n"
    (recordings.folder / "excel.csv").write_text("\ufeff" + text, encoding="utf-8")
    loader = CustomLoader(recordings.folder / "excel.csv", None, recordings.folder / "layout.json")
    clips = [loader.read(source) for source in loader.discover().sources]
    assert [clip.clip_id for clip in clips] == [clip.clip_id for clip in expected]


def clips(*subjects: str) -> list[CustomClip]:
    return [CustomClip("row", s, s, "a", "1", "a.csv", (), "g") for s in subjects]


@pytest.mark.parametrize(("count", "tests"), [(2, 1), (3, 1), (5, 1), (6, 2), (10, 3)])
def test_last_third_tests(count: int, tests: int):
    names = [f"s{number}" for number in range(1, count + 1)]
    train, test, note = split_subjects(clips(*reversed(names)), "m.csv")
    assert train + test == names
    assert len(test) == tests
    assert note == f"split (ours): the last {tests} of {count} subjects test"


def test_the_last_third_of_each_action_of_one_subject_tests():
    names = ["a1", "b1", "a2", "b2", "a3", "a4", "a5", "a6", "c1"]
    one = [CustomClip("row", name, "s", name[0], name[1], "a.csv", (), "g") for name in names]
    train, test = within_subject(one)
    assert train == ["a1", "a2", "a3", "a4", "b1", "c1"] and test == ["a5", "a6", "b2"]
    assert split_subjects(one, "m.csv")[:2] == (["s"], [])


def test_one_subject_is_split_by_clips(recordings, tmp_path):
    """The protocol of such a set says that it leaks the subject."""
    recordings.rows = [
        row | {"trial": trial} for row in recordings.rows[:2] for trial in ("1", "2")
    ]
    options = DatasetOptions(
        manifest=str(recordings.write_manifest()),
        skeleton_layout=str(recordings.folder / "layout.json"),
    )
    prepared = prepare_dataset("custom", None, tmp_path / "set", options=options)
    assert list(prepared.description.protocols) == ["within_subject"]
    (split,) = protocol_splits(prepared.description, prepared.manifest, "within_subject")
    assert split.leaks_subjects
    assert split.train_clips == ("s1_wave_1", "s1_clap_1")
    assert split.test_clips == ("s1_wave_2", "s1_clap_2")
    with pytest.raises(UserError, match="must be one of within_subject, leave_one"):
        protocol_splits(prepared.description, prepared.manifest, "cross_subject")


def test_natural_order():
    names = ["s10", "s2", "S1", "s1", "10", "9", "a", "s01", "1a", "a1b2", "a1b10", ""]
    ordered = ["", "1a", "9", "10", "S1", "a", "a1b2", "a1b10", "s01", "s1", "s2", "s10"]
    assert natural_order(names) == ordered


@given(st.lists(st.text(max_size=6)))
def test_natural_order_keeps_all_and_is_stable(names: list[str]):
    ordered = natural_order(names)
    assert sorted(ordered) == sorted(names)
    assert natural_order(reversed(ordered)) == ordered


def test_an_empty_action_is_a_clip_without_a_label(recordings, tmp_path):
    recordings.rows[0]["action"] = ""
    discovery = recordings.loader().discover()
    assert discovery.description.class_names == ["clap", "wave"]
    assert discovery.sources[0].action == -1
    assert discovery.sources[0].clip_id == "s1_unlabelled_1"
    options = DatasetOptions(
        manifest=str(recordings.write_manifest()),
        skeleton_layout=str(recordings.folder / "layout.json"),
    )
    prepared = prepare_dataset("custom", None, tmp_path / "set", options=options)
    row = prepared.manifest.iloc[0]
    assert (row["action"], row["action_name"]) == (-1, "")
    assert "clips without a label" in prepared_table(prepared)


def test_clips_without_a_label_only_train_where_one_subject_is_split():
    names = ["a1", "a2", "x1", "b1", "b2"]
    clips = [
        CustomClip("row", name, "s", name[0].strip("x"), name[1], "a.csv", (), "g")
        for name in names
    ]
    assert within_subject(clips) == (["x1", "a1", "b1"], ["a2", "b2"])
