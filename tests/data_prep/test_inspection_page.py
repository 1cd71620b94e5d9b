"""The page of an inspection: what is marked, and what is drawn."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from custom_files import RATE, CustomFiles, samples
from data_prep.errors import UserError
from data_prep.inspection import inspect_recordings
from data_prep.inspection_page import Mark, recording_marks, write_inspection_page
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.loaders.custom.recording import CustomRecording
from project import run_command

SECONDS = np.arange(101) / RATE


def recording(values: np.ndarray | None, **fields: object) -> CustomRecording:
    return CustomRecording(values, None, 2.0, None, {}, (), **fields)


def test_saturated_and_frozen_stretches_are_marked_at_their_times():
    values = samples(1, SECONDS)
    values[20:24, 0] = 2.0
    values[60:75] = values[60]
    assert recording_marks(recording(values), RATE) == [
        Mark("saturated", 20 / RATE, 23 / RATE),
        Mark("frozen", 60 / RATE, 74 / RATE),
    ]
    # Two samples at the limit, a peak below every sensor's range, and a pause of 0.1 s are none.
    values = samples(1, SECONDS)
    values[20:22, 0] = 2.0
    values[30:35, 1] = 1.8
    values[60:66] = values[60]
    assert recording_marks(recording(values), RATE) == []


def test_gaps_are_those_of_the_file(tmp_path):
    made = CustomFiles(tmp_path)
    kept = np.r_[0:30, 45:101]
    table = np.column_stack([SECONDS, samples(1, SECONDS)])[kept]
    made.write_table("a.csv", table, "t,ax,ay,az")
    for action in ("wave", "clap"):
        made.add(f"b_{action}", "s2", action, 2, skeleton=False)
    made.rows += [
        {
            "subject": "s1", "action": "wave", "accelerometer_path": "a.csv",
            "accelerometer_unit": "g", "accelerometer_columns": "ax;ay;az",
            "accelerometer_stamp_column": "t", "accelerometer_stamp_unit": "s",
            "start": 0.2, "end": 1.6,
        },
        {**made.rows[1], "subject": "s1"},
    ]  # fmt: skip
    loader = CustomLoader(made.write_manifest())
    clips = {clip.clip_id: clip for clip in loader.clips()[0]}
    found = loader.recording(clips["s1_wave_1"], RATE)
    # Samples 29 and 45 stand beside the gap; the clip starts at 0.2 s.
    assert recording_marks(found, RATE)[0] == Mark(
        "gap", pytest.approx(29 / RATE - 0.2), pytest.approx(45 / RATE - 0.2)
    )
    assert loader.recording(clips["s2_wave_1"], RATE).gaps == ()


@pytest.fixture
def made(tmp_path: Path) -> CustomFiles:
    """Two people, two actions; one clip is saturated, one cannot be read."""
    files = CustomFiles(tmp_path / "own <i>")
    for seed, name in enumerate(("s1_wave", "s1_clap", "s2_wave", "s2_clap"), start=1):
        subject, action = name.split("_")
        files.add(name, subject, action, seed)
    files.write_layout()
    values = samples(1, SECONDS)
    values[40:50, 2] = 8.0
    files.write_table("sensor/s1_wave.csv", np.column_stack([1000 * SECONDS, values]), "t,ax,ay,az")
    (files.folder / "sensor/s2_clap.csv").write_text("t,ax,ay,az\n0,1,oops,0\n")
    return files


def test_the_page_draws_every_clip_that_can_be_read(made, tmp_path):
    loader = CustomLoader(made.write_manifest(), skeleton_layout=made.folder / "layout.json")
    page = tmp_path / "page.html"
    write_inspection_page(page, loader, inspect_recordings(loader))
    text = page.read_text(encoding="utf-8")
    body = ElementTree.fromstring(re.search(r"<body>.*</body>", text, re.S)[0])
    drawn = {one.get("id"): one for one in body.iter("section")}
    # Errors come first.
    assert next(iter(drawn)) == "s2_clap_1"
    assert set(drawn) == {"s1_wave_1", "s1_clap_1", "s2_wave_1", "s2_clap_1"}
    assert drawn["s2_clap_1"].find("svg") is None
    assert "oops" in "".join(drawn["s2_clap_1"].itertext())
    drawing = drawn["s1_wave_1"].find("svg")
    assert [line.get("class") for line in drawing.iter("polyline")][:3] == [
        "line x", "line y", "line z",
    ]  # fmt: skip
    (mark,) = [one for one in drawing.iter("rect") if one.get("class") == "saturated"]
    # 0.8 s of 2 s, on a width of 900.
    assert float(mark.get("x")) == pytest.approx(360.0)
    assert float(mark.get("width")) == pytest.approx(9 / RATE * 450, abs=0.1)
    assert mark.find("title").text == "saturated, 0.80 to 0.98 s"
    points = drawing.find("polyline").get("points").split()
    assert len(points) == 101 and points[0].startswith("0.0,") and points[-1].startswith("900.0,")


def test_the_command_writes_the_page_and_keeps_its_exit_status(made, tmp_path):
    arguments = (f"--manifest={made.write_manifest()}", f"--html={tmp_path / 'page.html'}")
    layout = f"--skeleton_layout={made.folder / 'layout.json'}"
    finished = run_command("data_prep.inspect", *arguments, layout)
    assert finished.returncode == 2
    assert f"page: {tmp_path / 'page.html'}" in finished.stdout.splitlines()
    assert (tmp_path / "page.html").stat().st_size > 10_000
    refused = run_command("data_prep.inspect", f"--folder={tmp_path}", arguments[1])
    assert refused.returncode == 2 and "html goes with --manifest" in refused.stderr


def test_a_page_that_cannot_be_written_is_one_line(made, tmp_path):
    loader = CustomLoader(made.write_manifest(), skeleton_layout=made.folder / "layout.json")
    (tmp_path / "page" / "another").mkdir(parents=True)
    with pytest.raises(UserError, match=r"The page must be writable \(--html\)"):
        write_inspection_page(tmp_path / "page", loader, inspect_recordings(loader))
