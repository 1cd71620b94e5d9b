"""UTD-MHAD in its authors' layout, whole and damaged."""

import io
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.io import savemat

from data_prep.clip import Clip, check_clip
from data_prep.errors import UserError
from data_prep.loaders.utd_mhad import UTDMHADLoader
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import clip_indices, cross_subject


def clips_of(folder: Path) -> list[Clip]:
    loader = UTDMHADLoader(folder)
    return [loader.read(source) for source in loader.discover().sources]


def test_values_units_and_places(utd_dir: Path, inertial, skeleton):
    description = UTDMHADLoader(utd_dir).discover().description
    clips = clips_of(utd_dir)
    assert [clip.clip_id for clip in clips] == ["a1_s1_t1", "a1_s2_t1", "a22_s1_t1"]
    assert [clip.action for clip in clips] == [0, 0, 21]
    assert [clip.sensor_place for clip in clips] == ["right_wrist", "right_wrist", "right_thigh"]
    np.testing.assert_array_equal(clips[0].accelerometer, inertial[:, :3])
    np.testing.assert_array_equal(clips[0].gyroscope, inertial[:, 3:])
    assert clips[0].skeleton.shape == (3, 20, 3)
    assert clips[0].skeleton[1, 4].tolist() == skeleton[4, :, 1].astype(np.float32).tolist()
    assert clips[0].accelerometer.dtype == clips[0].skeleton.dtype == np.float32
    assert clips[0].flags == ()
    assert clips[0].sources["skeleton"][0] == "Skeleton/a1_s1_t1_skeleton.mat"
    assert description.num_clips == 3
    assert description.subjects == ["1", "2"]
    assert description.source_notes == ["incomplete: 858 of 861 clips are missing"]


def test_names_and_tree(utd_dir: Path):
    description = UTDMHADLoader(utd_dir).discover().description
    assert len(description.class_names) == len(set(description.class_names)) == 27
    assert (description.class_names[0], description.class_names[26]) == ("swipe_left", "squat")
    names, parents = description.joint_names, description.joint_parents
    assert len(names) == len(parents) == 20
    assert (names[description.root_joint], parents[description.root_joint]) == ("hip_center", -1)
    assert names[parents[names.index("right_wrist")]] == "right_elbow"
    for joint in range(20):  # every joint leads to the root
        for _ in range(20):
            joint = parents[joint] if parents[joint] >= 0 else joint
        assert joint == description.root_joint


def as_archives(folder: Path, zip_folder) -> None:
    zip_folder(folder / "Inertial")
    zip_folder(folder / "Skeleton")


def nested_lower_case(folder: Path, zip_folder) -> None:
    for name in ("Inertial", "Skeleton"):
        target = folder / "deep" / name.lower() / name
        target.mkdir(parents=True)
        for path in (folder / name).iterdir():
            path.rename(target / path.name.upper())
        (folder / name).rmdir()


def archives_lower_case(folder: Path, zip_folder) -> None:
    zip_folder(folder / "Inertial").rename(folder / "inertial.ZIP")


def archive_beside_folder(folder: Path, zip_folder) -> None:
    shutil.copytree(folder / "Inertial", folder / "copy")
    zip_folder(folder / "Inertial")


def with_other_files(folder: Path, zip_folder) -> None:
    (folder / "Skeleton" / "Skeleton_joint_order.txt").write_text("1. head;")
    (folder / "RGB-part1.zip").write_bytes(b"not looked into")
    (folder / "Inertial" / "._a1_s1_t1_inertial.mat").write_bytes(b"a system's own file")
    zip_folder(folder / "Skeleton")


@pytest.mark.parametrize(
    "arrange",
    [as_archives, nested_lower_case, archives_lower_case, archive_beside_folder, with_other_files],
)
def test_every_layout_gives_the_same_clips(utd_dir: Path, zip_folder, arrange):
    expected = clips_of(utd_dir)
    arrange(utd_dir, zip_folder)
    description = UTDMHADLoader(utd_dir).discover().description
    clips = clips_of(utd_dir)
    assert [clip.clip_id for clip in clips] == [clip.clip_id for clip in expected]
    for clip, other in zip(clips, expected, strict=True):
        np.testing.assert_array_equal(clip.accelerometer, other.accelerometer)
        np.testing.assert_array_equal(clip.skeleton, other.skeleton)
        assert clip.sources["skeleton"][1] == other.sources["skeleton"][1]
    assert all(len(value) == 64 for value in description.sources.values())


def test_member_of_an_archive_is_named(utd_dir: Path, zip_folder):
    as_archives(utd_dir, zip_folder)
    clip = clips_of(utd_dir)[0]
    name = "Inertial.zip/Inertial/a1_s1_t1_inertial.mat"
    assert clip.sources["accelerometer"][0] == clip.sources["gyroscope"][0] == name


def test_natural_order(utd_dir: Path, write_mat, inertial, skeleton):
    for name in ("a10_s1_t1", "a2_s1_t1"):
        write_mat(utd_dir / f"Inertial/{name}_inertial.mat", d_iner=inertial)
        write_mat(utd_dir / f"Skeleton/{name}_skeleton.mat", d_skel=skeleton)
    actions = [clip.action + 1 for clip in clips_of(utd_dir)]
    assert actions == [1, 1, 2, 10, 22]


@pytest.mark.parametrize(
    ("column", "value", "flags"),
    [
        (0, -8.0, ("accelerometer_saturated",)),
        (2, 7.9, ()),
        (4, 1000.5, ("gyroscope_saturated",)),
        (4, -999.0, ()),
    ],
)
def test_flags(utd_dir: Path, write_mat, inertial, column: int, value: float, flags: tuple):
    inertial[2, column] = value
    write_mat(utd_dir / "Inertial/a1_s1_t1_inertial.mat", d_iner=inertial)
    assert clips_of(utd_dir)[0].flags == flags


def test_same_clip_twice_with_other_content(utd_dir: Path, write_mat, inertial):
    write_mat(utd_dir / "copy/a1_s1_t1_inertial.mat", d_iner=inertial[:4])
    with pytest.raises(UserError, match=r"^A file found twice must be the same in both places"):
        UTDMHADLoader(utd_dir).discover()


def test_unknown_action(utd_dir: Path, write_mat, inertial):
    write_mat(utd_dir / "Inertial/a28_s1_t1_inertial.mat", d_iner=inertial)
    with pytest.raises(UserError, match=r"actions 1 to 27.*a28_s1_t1_inertial\.mat"):
        UTDMHADLoader(utd_dir).discover()


@pytest.mark.slow
def test_real_counts(real_utd: PreparedSet):
    """861 of 27 x 8 x 4 clips; 431 train, 430 test; 335 and 336 of them on the wrist."""
    manifest = real_utd.manifest
    every = {f"a{a}_s{s}_t{t}" for a in range(1, 28) for s in range(1, 9) for t in range(1, 5)}
    missing = every - set(manifest["clip_id"])
    assert missing == {"a8_s1_t4", "a23_s6_t4", "a27_s8_t4"}
    assert (len(real_utd), real_utd.description.source_notes) == (861, [])
    split = cross_subject(real_utd.description)
    wrist = manifest["sensor_place"].eq("right_wrist").to_numpy()
    train = clip_indices(manifest, split.train_subjects)
    test = clip_indices(manifest, split.test_subjects)
    assert (len(train), len(test)) == (431, 430)
    assert (wrist[train].sum(), wrist[test].sum()) == (335, 336)


@pytest.mark.slow
def test_real_flags(real_utd: PreparedSet):
    flags = real_utd.manifest["flags"]
    assert flags.str.contains("accelerometer_saturated").sum() == 22
    assert flags.str.contains("gyroscope_saturated").sum() == 19


@pytest.mark.slow
def test_real_units(real_utd: PreparedSet):
    """Lengths and ranges as published; gravity in g; heads 0.5 to 0.7 m above hips along y."""
    indices = range(len(real_utd))
    samples = real_utd.manifest["accelerometer_length"]
    frames = real_utd.manifest["skeleton_length"]
    assert (samples.min(), samples.max(), frames.min(), frames.max()) == (107, 326, 41, 125)
    assert (round(samples.mean()), round(frames.mean())) == (181, 68)
    medians = [np.median(np.linalg.norm(real_utd.accelerometer(i), axis=1)) for i in indices]
    assert 0.9 < min(medians) < max(medians) < 1.5
    assert max(np.abs(real_utd.accelerometer(i)).max() for i in indices) == 8.0
    names = real_utd.description.joint_names
    head, hip = names.index("head"), names.index("hip_center")
    upwards = np.mean([real_utd.skeleton(i)[:, head].mean(0) - real_utd.skeleton(i)[:, hip].mean(0)
                       for i in indices], axis=0)  # fmt: skip
    assert 0.5 < upwards[real_utd.description.up_axis] < 0.7
    assert np.abs(np.delete(upwards, real_utd.description.up_axis)).max() < 0.05


def mat(key: str, values: np.ndarray, compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    savemat(stream, {key: values}, do_compression=compressed)
    return stream.getvalue()


def inertial_values() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.hstack([random.normal([0, 0, 1], 0.2, (120, 3)), random.normal(0, 40, (120, 3))])


def skeleton_values() -> np.ndarray:
    body = np.random.default_rng(1).uniform([-0.4, -0.9, 2.0], [0.4, 0.9, 2.6], (20, 3))
    return np.repeat(body[:, :, None], 45, axis=2)


def damaged(kind: str, random: np.random.Generator) -> tuple[str, bytes]:
    """Returns which stream is damaged and its file's bytes."""
    stream = "inertial" if random.random() < 0.6 else "skeleton"
    values = inertial_values() if stream == "inertial" else skeleton_values()
    key = "d_iner" if stream == "inertial" else "d_skel"
    if kind == "value":
        place = tuple(random.integers(size) for size in values.shape)
        values[place] = random.choice([np.nan, np.inf, -np.inf, 1e30, 1e6, 300.0, 0.0])
    elif kind == "unit":
        values = values * random.choice([9.81, 1000.0, 0.001, 57.3])
    elif kind == "column":
        values = np.delete(values, random.integers(values.shape[1]), axis=1)
    elif kind == "shuffled":
        values = random.permutation(values, axis=int(random.integers(values.ndim)))
    elif kind == "short":
        values = values[..., :1] if stream == "skeleton" else values[:1]
    elif kind == "text":
        return stream, mat(key, np.array(["0.1 0.2"] * 5))
    elif kind == "key":
        key = "data"
    content = bytearray(mat(key, values, bool(random.integers(2))))
    if kind == "truncated":
        del content[int(random.integers(len(content))) :]
    elif kind == "bytes":
        for place in random.integers(len(content), size=random.integers(1, 20)):
            content[place] ^= int(random.integers(1, 256))
    return stream, bytes(content)


KINDS = ["value", "unit", "column", "shuffled", "short", "text", "key"] + ["truncated", "bytes"] * 2


def test_200_damaged_copies(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    counts: Counter[str] = Counter()

    @settings(max_examples=200, derandomize=True, database=None)
    @given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(KINDS), in_zip=st.booleans())
    def check(seed: int, kind: str, in_zip: bool) -> None:
        stream, content = damaged(kind, np.random.default_rng(seed))
        files = {
            "Inertial/a1_s1_t1_inertial.mat": mat("d_iner", inertial_values()),
            "Skeleton/a1_s1_t1_skeleton.mat": mat("d_skel", skeleton_values()),
        }
        name = next(name for name in files if stream in name)
        files[name] = content
        folder = tmp_path / f"{sum(counts.values())}"
        folder.mkdir()
        for path, one in files.items():
            if in_zip:
                with zipfile.ZipFile(folder / f"{path.split('/')[0]}.zip", "w") as archive:
                    archive.writestr(path, one)
            else:
                (folder / path).parent.mkdir()
                (folder / path).write_bytes(one)
        try:
            loader = UTDMHADLoader(folder)
            (source,) = loader.discover().sources
            clip = loader.read(source)
            check_clip(clip)
        except UserError as error:
            assert len(str(error).splitlines()) == 1
            assert "a1_s1_t1" in str(error)
            counts["refused"] += 1
            return
        magnitude = np.linalg.norm(clip.accelerometer, axis=1)
        assert 0.3 <= np.median(magnitude) <= 4  # never another unit taken for g
        assert np.isfinite(clip.accelerometer).all() and np.isfinite(clip.skeleton).all()
        counts["noted" if clip.flags else "clean"] += 1

    check()
    with capsys.disabled():
        print(f"\nUTD-MHAD, damaged copies: {dict(counts)}")
    assert sum(counts.values()) >= 200
    assert counts["refused"] > 80
    assert counts["clean"] > 10
