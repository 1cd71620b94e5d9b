"""Label tracks of annotation programs cut the clips that a table cuts."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_prep.clip_reading import read_clips
from data_prep.errors import Refusal, UserError
from data_prep.loaders.custom.label_tracks import moment_seconds
from data_prep.loaders.custom.loader import CustomLoader

EPOCH = 1_659_657_598.5
SECONDS = np.arange(1000) / 50
LABELS = {
    "anna": [(2.0, 4.5, "wave"), (6.24, 8.0, "clap"), (10.0, 12.02, "wave")],
    "berta": [(1.5, 3.0, "clap"), (15.0, 19.0, "wave")],
}


def values(seed: int) -> np.ndarray:
    return np.stack([0.1 * seed + 0 * SECONDS, 1 + 0.01 * SECONDS, -0.02 * SECONDS], axis=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings of 20 s with stamps since 1970, and a manifest."""
    for seed, name in enumerate(LABELS):
        table = np.column_stack([EPOCH + SECONDS, values(seed)])
        lines = [",".join(f"{cell:.6f}" for cell in row) for row in table]
        (tmp_path / f"{name}.csv").write_text("t,x,y,z\n" + "\n".join(lines) + "\n")
    header = "subject,accelerometer_path,accelerometer_unit,accelerometer_columns,"
    header += "accelerometer_stamp_column,accelerometer_stamp_unit\n"
    rows = "".join(f"{name},{name}.csv,g,x;y;z,t,s\n" for name in LABELS)
    (tmp_path / "manifest.csv").write_text(header + rows)
    return tmp_path


def clock(seconds: float) -> str:
    return f"{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{seconds % 60:06.3f}"


def table(folder: Path, form=str) -> Path:
    lines = ["recording,start,end,label"]
    for name, labels in LABELS.items():
        lines += [f"{name}.csv,{form(one)},{form(two)},{label}" for one, two, label in labels]
    (folder / "annotations.csv").write_text("\n".join(lines) + "\n")
    return folder / "annotations.csv"


def tracks(folder: Path, line, suffix: str = ".txt", head: str = "") -> Path:
    (folder / "tracks").mkdir()
    for name, labels in LABELS.items():
        text = head + "".join(line(*label) + "\n" for label in labels)
        (folder / "tracks" / f"{name}{suffix}").write_text(text)
    return folder / "tracks"


def audacity(start: float, end: float, label: str) -> str:
    return f"{start:.6f}\t{end:.6f}\t{label}\n\\\t100.0\t200.0"


def elan(start: float, end: float, label: str) -> str:
    times = [text for moment in (start, end, end - start)
             for text in (clock(moment), f"{moment:.3f}", f"{1000 * moment:.0f}")]  # fmt: skip
    return "\t".join(["activity", "anna", *times, label])


def elan_seconds(start: float, end: float, label: str) -> str:
    return f"tier 1\t\t{start:.3f}\t{end:.3f}\t{end - start:.3f}\t{label}"


def elan_milliseconds(start: float, end: float, label: str) -> str:
    return f"tier 1\t{1000 * start:.0f}\t{1000 * end:.0f}\t{label}"


def label_studio(folder: Path, shift: float = 0.0, scale: float = 1.0) -> Path:
    tasks = []
    for number, (name, labels) in enumerate(LABELS.items()):
        results = [
            {"type": "timeserieslabels", "value": {
                "start": scale * (start + shift), "end": scale * (end + shift),
                "instant": False, "timeserieslabels": [label],
            }} for start, end, label in labels
        ]  # fmt: skip
        rejected = {"was_cancelled": True, "result": results[:1]}
        data = {"csv": f"/data/upload/1/0a1b2c{number}-{name}.csv", "note": "x"}
        tasks.append({"id": number, "data": data, "annotations": [{"result": results}, rejected]})
    (folder / "export.json").write_text(json.dumps(tasks))
    return folder / "export.json"


def label_studio_min(folder: Path) -> Path:
    tasks = [
        {"csv": f"/data/upload/1/0a1b2c3d-{name}.csv", "id": 7, "label": [
            {"start": start, "end": end, "instant": False, "timeserieslabels": [label]}
            for start, end, label in labels
        ]} for name, labels in LABELS.items()
    ]  # fmt: skip
    (folder / "export.json").write_text(json.dumps(tasks))
    return folder / "export.json"


FORMS = {
    "a table": table,
    "a table with h:mm:ss": lambda folder: table(folder, clock),
    "a table since 1970": lambda folder: table(folder, lambda moment: f"{EPOCH + moment:.3f}"),
    "a table since 1970 in ms": lambda folder: table(folder, lambda m: f"{1000 * (EPOCH + m):.0f}"),
    "Audacity": lambda folder: tracks(folder, audacity),
    "Audacity, decimal comma": lambda f: tracks(f, lambda *a: audacity(*a).replace(".", ",")),
    "ELAN": lambda folder: tracks(folder, elan),
    "ELAN, seconds": lambda folder: tracks(folder, elan_seconds, ".tsv"),
    "ELAN, milliseconds": lambda folder: tracks(folder, elan_milliseconds),
    "ELAN with a header": lambda f: tracks(f, elan_seconds, head='"#file:///a.eaf"\nTier\tBegin\n'),
    "Label Studio": label_studio,
    "Label Studio since 1970": lambda folder: label_studio(folder, EPOCH),
    "Label Studio since 1970 in ms": lambda folder: label_studio(folder, EPOCH, 1000.0),
    "Label Studio, JSON_MIN": label_studio_min,
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_annotations_give_the_same_clips(folder: Path, form: str):
    loader = CustomLoader(folder / "manifest.csv", FORMS[form](folder))
    found = loader.discover()
    clips = list(read_clips(loader, found.sources))
    expected = [(name, *label) for name, labels in LABELS.items() for label in labels]
    assert len(clips) == len(expected)
    for clip, (name, start, end, label) in zip(clips, expected, strict=True):
        assert not isinstance(clip, Refusal), clip
        assert (clip.subject, found.description.class_names[clip.action]) == (name, label)
        assert len(clip.accelerometer) == round(50 * (end - start)) + 1
        first = round(50 * start)
        whole = values(list(LABELS).index(name))
        near = whole[first : first + len(clip.accelerometer)]
        np.testing.assert_allclose(clip.accelerometer, near, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5", 12.5), ("1:02:03.5", 3723.5), ("0:00:07,25", 7.25), ("7,5", 7.5), ("-1", -1.0),
     ("1:60:00", None), ("wave", None), ("", None), ("1:30", None)],
)  # fmt: skip
def test_moments(text: str, seconds: float | None):
    assert moment_seconds(text) == seconds


def errors(folder: Path, annotations: Path) -> list[str]:
    return [str(error) for error in CustomLoader(folder / "manifest.csv", annotations).clips()[1]]


def test_mistakes_name_the_line(folder: Path):
    (folder / "anna.txt").write_text("1.0\t2.0\twave\n3.0\tclap\n5.0\t4.0\twave\n6.0\t7.0\t\n")
    found = errors(folder, folder / "anna.txt")
    assert len(found) == 3
    assert "A label must be start, end and text" in found[0] and "anna.txt, row 2" in found[0]
    assert "start must be before end. Received: 5 and 4" in found[1]
    assert "label must not be empty" in found[2]


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("5000000", "start must be 0 to 1e+06 s, or since 1970"),
        ("soon", "start must be a number or h:mm:ss. Received: soon"),
        ("-1", "start must be 0 to 1e+06 s, or since 1970. Received: -1"),
    ],
)
def test_moments_out_of_range(folder: Path, start: str, message: str):
    (folder / "a.csv").write_text(f"recording,start,end,label\nanna.csv,{start},9000000,wave\n")
    assert message in errors(folder, folder / "a.csv")[0]


def test_moments_before_the_recording_and_recordings_without_such_stamps(folder: Path):
    early = table(folder, lambda moment: f"{EPOCH - 5 + moment:.3f}")
    loader = CustomLoader(folder / "manifest.csv", early)
    first = next(read_clips(loader, loader.discover().sources))
    assert "start and end must not be before the recording. Received: 3.000 s before it" in str(
        first.error
    )
    text = (folder / "manifest.csv").read_text().replace("x;y;z,t,s", "x;y;z,,")
    text = text.replace("stamp_unit\n", "stamp_unit,accelerometer_rate_hz\n").replace(
        ",,\n", ",,,50\n"
    )
    (folder / "manifest.csv").write_text(text)
    loader = CustomLoader(folder / "manifest.csv", early)
    first = next(read_clips(loader, loader.discover().sources))
    assert "Annotations since 1970 need stamps since 1970. Received: none" in str(first.error)


def test_a_track_of_no_recording_and_damaged_ones(folder: Path):
    (folder / "carl.txt").write_text("1.0\t2.0\twave\n")
    with pytest.raises(UserError, match=r"named like the file of one recording\. Received: carl"):
        errors(folder, folder / "carl.txt")
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match=r"folder of annotations must hold files \.txt, \.tsv"):
        errors(folder, folder / "empty")
    (folder / "anna.txt").write_text("\n")
    with pytest.raises(UserError, match="A label track needs at least one label"):
        errors(folder, folder / "anna.txt")
    for content, message in [
        ("{", "Annotations in JSON must be readable"),
        ("{}", "must be a list of tasks"),
        ("[]", "at least one label"),
    ]:
        (folder / "x.json").write_text(content)
        with pytest.raises(UserError, match=message):
            errors(folder, folder / "x.json")
    bad = [
        1,
        {"data": 3},
        {"csv": "anna.csv", "label": [{"labels": ["a", "b"], "start": 1, "end": 2}]},
    ]
    (folder / "x.json").write_text(json.dumps(bad))
    found = errors(folder, folder / "x.json")
    assert ["task 1" in found[0], "task 2" in found[1], "task 3" in found[2]] == [True] * 3


def test_a_changed_track_is_another_source(folder: Path):
    annotations = tracks(folder, elan)
    loader = CustomLoader(folder / "manifest.csv", annotations)
    before = loader.discover().description.sources
    (annotations / "berta.txt").write_text(elan(1.0, 2.0, "clap") + "\n")
    assert loader.discover().description.sources != before


def test_one_recording_takes_a_track_of_any_name(folder: Path):
    lines = (folder / "manifest.csv").read_text().splitlines()
    (folder / "manifest.csv").write_text("\n".join(lines[:2]) + "\n")
    (folder / "Label Track 1.txt").write_text("1.0\t2.0\twave\n")
    clips, mistakes = CustomLoader(folder / "manifest.csv", folder / "Label Track 1.txt").clips()
    assert ([clip.start for clip in clips], mistakes) == ([1.0], [])
