"""Berkeley MHAD from a miniature set in the official layout, with its defects; by value."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from berkeley_mhad_files import (
    MOCAP_DELAY,
    STAND,
    START,
    bvh_path,
    height,
    mocap_path,
    mocap_table,
    sensor_path,
    sensor_table,
    specific_force,
    write_bvh,
    write_mocap,
    write_sensor,
)
from data_prep.clip import check_clip
from data_prep.errors import UserError
from data_prep.loaders.berkeley_mhad.loader import BerkeleyMHADLoader
from data_prep.loaders.berkeley_mhad.streams import read_berkeley_mhad_bvh


@pytest.fixture(scope="module")
def whole_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BerkeleyMHAD/ with three clips of two subjects, all modalities; not to be changed."""
    root = tmp_path_factory.mktemp("berkeley") / "BerkeleyMHAD"
    for seed, name in enumerate(("s01_a01_r01", "s02_a07_r04", "s08_a11_r05")):
        for sensor in (2, 5):
            write_sensor(sensor_path(root, name, sensor), sensor_table(seed))
        write_mocap(mocap_path(root, name), mocap_table())
        write_bvh(bvh_path(root, name))
    return root


@pytest.fixture
def root(whole_root: Path, tmp_path: Path) -> Path:
    """A copy of `whole_root` to damage."""
    return Path(shutil.copytree(whole_root, tmp_path / "BerkeleyMHAD"))


def read_first(root: Path, **options):
    loader = BerkeleyMHADLoader(root, **options)
    return loader.read(loader.discover().sources[0])


def test_values_and_times_of_both_streams(whole_root: Path):
    clip = read_first(whole_root)
    check_clip(clip)
    # Common time 1.8475 s; whole tenths of a second, so that 50 Hz and 30 Hz end together.
    assert clip.accelerometer.shape == (91, 3)
    assert clip.skeleton.shape == (55, 43, 3)
    assert clip.accelerometer.dtype == clip.skeleton.dtype == np.float32
    samples = specific_force(MOCAP_DELAY + np.arange(91) / 50.0)
    np.testing.assert_allclose(clip.accelerometer, samples, atol=0.005)
    frames = STAND + np.array([0, 1, 0]) * height(MOCAP_DELAY + np.arange(55) / 30.0)[:, None, None]
    np.testing.assert_allclose(clip.skeleton[10:-10], frames[10:-10], atol=3e-4)  # its ripple
    np.testing.assert_allclose(clip.skeleton, frames, atol=0.003)  # the filter's ends
    assert (clip.clip_id, clip.subject, clip.action, clip.trial) == ("s01_a01_r01", "1", 0, "1")
    assert (clip.sensor_place, clip.flags) == ("right_wrist", ())
    assert clip.sources["skeleton"][0] == "Mocap/OpticalData/moc_s01_a01_r01.txt"


def test_description(whole_root: Path):
    discovery = BerkeleyMHADLoader(whole_root, sensor=5, accelerometer_rate_hz=25).discover()
    description = discovery.description
    ids = [source.clip_id for source in discovery.sources]
    assert ids == ["s01_a01_r01", "s02_a07_r04", "s08_a11_r05"]
    assert [source.action for source in discovery.sources] == [0, 6, 10]
    assert description.subjects == ["1", "2", "8"]
    assert len(set(description.class_names)) == 11
    assert description.class_names[10] == "stand_up"
    assert description.protocols["cross_subject"] == {
        "train_subjects": ["1", "2"],
        "test_subjects": ["8"],
        "metric": "accuracy",
    }
    assert description.wrist_place == "left_ankle"
    assert description.streams["accelerometer"]["nominal_rate_hz"] == 25.0
    assert description.alignment == "end_to_end"
    notes = description.source_notes
    assert "incomplete: subjects 1, 2, 8 of 1 to 12 are present" in notes
    assert "known: s02_a07_r05 has no accelerometer" in notes
    assert not any("s04_a08_r05" in note for note in notes)  # subject 4 is not there at all
    assert any(note.startswith("incomplete: 161 clips (s01_a01_r02, ") for note in notes)


def test_every_marker_leads_to_the_root(whole_root: Path):
    description = BerkeleyMHADLoader(whole_root).discover().description
    assert len(set(description.joint_names)) == len(description.joint_parents) == 43
    for joint in range(43):
        steps = 0
        while description.joint_parents[joint] >= 0:
            joint = description.joint_parents[joint]
            steps += 1
            assert steps < 43
        assert joint == description.root_joint == 5


@pytest.mark.parametrize("form", ["archive", "flat_upper_case", "archive_beside_folder"])
def test_other_forms_of_the_download(root: Path, form: str):
    expected = read_first(root)
    if form == "flat_upper_case":
        for path in [path for path in root.rglob("*") if path.is_file()]:
            path.rename(root / path.name.upper())
    else:
        shutil.make_archive(str(root.parent / "sets" / "any_name"), "zip", root.parent, root.name)
        if form == "archive":
            shutil.rmtree(root)
    discovery = BerkeleyMHADLoader(root.parent).discover()
    loader, source = pickle.loads(
        pickle.dumps((BerkeleyMHADLoader(root.parent), discovery.sources[0]))
    )
    clip = loader.read(source)
    assert len(discovery.sources) == 3
    np.testing.assert_array_equal(clip.accelerometer, expected.accelerometer)
    np.testing.assert_array_equal(clip.skeleton, expected.skeleton)


def test_bvh_on_the_optical_clock(root: Path):
    clip = read_first(root, skeleton_source="bvh")
    check_clip(clip)
    assert clip.skeleton.shape == (55, 2, 3)
    expected = 1.0 + height(MOCAP_DELAY + np.arange(55) / 30.0)
    np.testing.assert_allclose(clip.skeleton[:, 0, 1], expected, atol=0.003)
    np.testing.assert_allclose(clip.skeleton[:, 1, 0], -0.5, atol=1e-6)
    assert clip.flags == ()
    assert clip.sources["skeleton"][0].endswith("skl_s01_a01_r01.bvh")
    assert clip.sources["skeleton_clock"][0].endswith("moc_s01_a01_r01.txt")


def test_bvh_starts_with_the_first_optical_stamp(root: Path):
    table = mocap_table()
    table[:, -1] += 0.3
    write_mocap(mocap_path(root, "s01_a01_r01"), table)
    clip = read_first(root, skeleton_source="bvh")
    samples = specific_force(MOCAP_DELAY + 0.3 + np.arange(len(clip.accelerometer)) / 50.0)
    assert len(clip.accelerometer) == 76
    np.testing.assert_allclose(clip.accelerometer, samples, atol=0.005)


@pytest.mark.parametrize(("printed", "rate"), [("0.00208", 480.0), ("0.01", 100.0)])
def test_bvh_frames_follow_480_hz_or_another_printed_rate(root: Path, printed: str, rate: float):
    content = bvh_path(root, "s01_a01_r01").read_text().replace("0.00208", printed).encode()
    names, parents = ["Hips", "Spine"], [-1, 0]
    stamps, _, flags = read_berkeley_mhad_bvh(content, "a.bvh", names, parents, None, START)
    np.testing.assert_allclose(stamps - START, 0.05 + np.arange(len(stamps)) / rate, atol=1e-6)
    assert flags == ("skeleton_clock_assumed",)


def test_bvh_alone_starts_by_assumption(root: Path):
    shutil.rmtree(root / "Mocap" / "OpticalData")
    description = BerkeleyMHADLoader(root).discover().description
    assert description.joint_names == ["Hips", "Spine"]
    assert (description.joint_parents, description.root_joint) == ([-1, 0], 0)
    clip = read_first(root)
    assert clip.flags == ("skeleton_clock_assumed",)
    np.testing.assert_allclose(
        clip.accelerometer, specific_force(0.05 + np.arange(91) / 50.0), atol=0.005
    )


def test_bvh_files_must_agree(root: Path):
    path = bvh_path(root, "s02_a07_r04")
    path.write_text(path.read_text().replace("Spine", "Chest"))
    loader = BerkeleyMHADLoader(root, skeleton_source="bvh")
    with pytest.raises(UserError, match=r"must be the same.*skl_s02_a07_r04\.bvh"):
        loader.read(loader.discover().sources[1])


def test_missing_files(root: Path):
    mocap_path(root, "s01_a01_r01").unlink()
    sensor_path(root, "s02_a07_r04").unlink()
    loader = BerkeleyMHADLoader(root)
    discovery = loader.discover()
    assert [source.clip_id for source in discovery.sources] == ["s01_a01_r01", "s08_a11_r05"]
    clip = loader.read(discovery.sources[0])
    assert clip.skeleton is None
    assert clip.flags == ("no_skeleton",)
    assert clip.accelerometer.shape == (96, 3)  # 1.9 s, not cut
    np.testing.assert_allclose(clip.accelerometer, specific_force(np.arange(96) / 50.0), atol=0.005)
    notes = discovery.description.source_notes
    assert "no_skeleton: 1 clips (s01_a01_r01) without motion capture" in notes


def test_no_test_subject(root: Path):
    sensor_path(root, "s08_a11_r05").unlink()
    description = BerkeleyMHADLoader(root).discover().description
    assert description.protocols["cross_subject"]["test_subjects"] == []
    note = "cross_subject has no test part: none of its subjects is present"
    assert note in description.source_notes


def test_spikes_become_the_median_of_three(root: Path):
    path = sensor_path(root, "s01_a01_r01")
    table = sensor_table(0)
    table[20, :2] = (56.75, -2.0)
    write_sensor(path, table)
    clip = read_first(root)
    assert clip.flags == ("spikes_clipped",)
    samples = specific_force(MOCAP_DELAY + np.arange(91) / 50.0)
    np.testing.assert_allclose(clip.accelerometer, samples, atol=0.15)


def test_saturation_duplicates_and_order_are_noted(root: Path):
    table = sensor_table(0)
    table[10, 2] = 1.99
    table[[30, 33]] = table[[33, 30]]
    table = np.insert(table, 40, table[40], axis=0)
    write_sensor(sensor_path(root, "s01_a01_r01"), table)
    clip = read_first(root)
    assert clip.flags == ("stamps_sorted", "duplicates_merged", "accelerometer_saturated")
    samples = specific_force(MOCAP_DELAY + np.arange(91) / 50.0)
    np.testing.assert_allclose(clip.accelerometer[20:], samples[20:], atol=0.005)


def with_gap(seconds: float) -> np.ndarray:
    table = sensor_table(0)
    times = table[:, 3] - START
    return table[(times < 0.5) | (times > 0.5 + seconds)]


def test_gaps(root: Path):
    write_sensor(sensor_path(root, "s01_a01_r01"), with_gap(0.6))
    assert read_first(root).flags == ("gaps_bridged",)
    with pytest.raises(UserError) as error:
        read_first(root, longest_gap_seconds=0.5)
    message = str(error.value)
    assert message.startswith("Neighbouring samples must be at most 0.5 s apart. Received: 0.6")
    assert message.endswith("(file: Accelerometer/Shimmer02/acc_h02_s01_a01_r01.txt)")


def test_lost_markers(root: Path):
    table = mocap_table()
    table[100:340, 3 * 7 : 3 * 8] = 0.0  # half a second
    table[:50, 3 * 20 : 3 * 21] = 0.0
    write_mocap(mocap_path(root, "s01_a01_r01"), table)
    expected = read_first(root, sensor=5).skeleton
    clip = read_first(root)
    assert clip.flags == ("markers_interpolated",)
    whole = STAND + np.array([0, 1, 0]) * height(MOCAP_DELAY + np.arange(55) / 30)[:, None, None]
    np.testing.assert_allclose(clip.skeleton, whole, atol=0.003)
    np.testing.assert_array_equal(clip.skeleton, expected)
    clip = read_first(root, longest_marker_gap_seconds=0.4)
    assert clip.flags == ("markers_lost", "no_skeleton")
    assert clip.skeleton is None
    assert clip.accelerometer.shape == (96, 3)
    assert "skeleton" not in clip.sources


def test_missing_frames(root: Path):
    table = mocap_table()
    write_mocap(mocap_path(root, "s01_a01_r01"), np.delete(table, range(300, 400), axis=0))
    assert read_first(root).flags == ("frames_missing", "no_skeleton")


def test_streams_that_hardly_overlap(root: Path):
    table = mocap_table()
    table[:, -1] += 0.8
    write_mocap(mocap_path(root, "s01_a01_r01"), table)
    assert read_first(root).flags == ("streams_cut",)
    table[:, -1] += 100.0
    write_mocap(mocap_path(root, "s01_a01_r01"), table)
    with pytest.raises(UserError, match=r"must share at least 0\.5 s"):
        read_first(root)


@pytest.mark.parametrize(
    ("factor", "column", "message"),
    [
        (9.80665, slice(0, 3), "Only single samples may be beyond 6 g"),
        (1000.0, slice(0, 3), "Only single samples may be beyond 6 g"),
        (1000.0, slice(3, 4), "The fourth column must hold seconds since 1970"),
    ],
)
def test_wrong_units_of_the_accelerometer(root: Path, factor: float, column: slice, message: str):
    table = sensor_table(0)
    table[:, column] *= factor
    write_sensor(sensor_path(root, "s01_a01_r01"), table)
    with pytest.raises(UserError, match=message):
        read_first(root)


@pytest.mark.parametrize("factor", [0.001, 0.1, 10.0, 1000.0])
def test_wrong_units_of_the_markers(root: Path, factor: float):
    table = mocap_table()
    table[:, :129] *= factor
    write_mocap(mocap_path(root, "s01_a01_r01"), table)
    with pytest.raises(UserError, match=r"metres|millimetres"):
        check_clip(read_first(root))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sensor": 7}, "The sensor must be 1 to 6. Received: 7"),
        ({"skeleton_source": "kinect"}, "skeleton_source must be one of auto, optical, bvh."),
        ({"accelerometer_rate_hz": 31}, "share a divisor of at least 5. Received: 31 and 30"),
        ({"skeleton_rate_hz": 0}, "whole numbers of 5 to 480 Hz"),
        ({"longest_gap_seconds": 0.0}, "The longest gaps must be positive"),
    ],
)
def test_options_out_of_range(tmp_path: Path, options: dict, message: str):
    with pytest.raises(UserError) as error:
        BerkeleyMHADLoader(tmp_path, **options)
    assert message in str(error.value)


def test_no_such_files(root: Path):
    with pytest.raises(UserError, match=r"needs files named acc_h03_s01_a01_r01\.txt"):
        BerkeleyMHADLoader(root, sensor=3).discover()
    shutil.rmtree(root / "Mocap" / "SkeletalData")
    with pytest.raises(UserError, match=r"skeleton_source needs files named skl_"):
        BerkeleyMHADLoader(root, skeleton_source="bvh").discover()
    sensor_path(root, "s01_a01_r01").rename(sensor_path(root, "s13_a01_r01"))
    with pytest.raises(UserError, match="subjects 1 to 12"):
        BerkeleyMHADLoader(root).discover()


def test_two_versions_of_a_file(root: Path):
    other = root / "copy" / sensor_path(root, "s01_a01_r01").name
    other.parent.mkdir()
    other.write_text("1 2 3 4\n")
    with pytest.raises(UserError, match="must be the same in both places"):
        BerkeleyMHADLoader(root).discover()
