"""Each form of the catalogue is read right or refused, and guessed; the docs have a row for it."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_prep.clip import Clip
from data_prep.clip_reading import read_clips
from data_prep.errors import Refusal
from data_prep.folder_inspection import inspect_folder, manifest_rows
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.plausibility import gravity_axis
from data_prep.recording_guess import SURE
from form_catalogue import FORMS, WRIST, Form

DOCUMENTATION = Path(__file__).parents[3] / "docs/recordings.md"


def read(form: Form, folder: Path, cells: dict[str, str]) -> list[Clip | Refusal]:
    """Returns what a manifest with these cells makes of the form's file."""
    form.write(folder)
    row = form.row(cells)
    manifest, layout = form.write_manifest(folder, [row, {**row, "subject": "b", "action": "clap"}])
    loader = CustomLoader(manifest, skeleton_layout=layout)
    _, errors = loader.clips()
    if errors:
        return [Refusal("", errors[0])]
    found = loader.discover()
    return list(read_clips(loader, found.sources, "here", 1, None,
                           found.description.skeleton_dimensions))  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_read_right_or_refused(tmp_path: Path, name: str):
    form = FORMS[name]
    first = read(form, tmp_path, dict(form.cells))[0]
    if form.truth is None:
        assert isinstance(first, Refusal)
        assert form.refusal in str(first.error)
        assert "\n" not in str(first.error)
        return
    assert isinstance(first, Clip), first.error
    values = first.skeleton if form.is_skeleton else first.accelerometer
    np.testing.assert_allclose(values, form.truth, atol=form.tolerance)
    assert first.flags == (() if form.is_skeleton else ("no_skeleton",))


def test_the_documentation_has_a_row_for_each_form():
    text = DOCUMENTATION.read_text(encoding="utf-8")
    table = text.split("<!-- forms -->")[1]
    written = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert written[0] == "form"
    assert written[2:] == list(FORMS)
    assert len(FORMS) >= 30


def test_the_tests_that_the_documentation_names_exist():
    table = DOCUMENTATION.read_text(encoding="utf-8").split("## Faults")[1]
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", table)
    assert len(named) > 25
    for file, test in named:
        text = (Path(__file__).parents[1] / file).read_text(encoding="utf-8")
        assert f"\ndef {test}(" in text, (file, test)


def points(form: Form, folder: Path) -> tuple[Counter[str], Counter[str], bool]:
    """Returns what is right and what counts of a guess, and whether a wrong one is called sure."""
    right: Counter[str] = Counter()
    path = form.write(folder)
    (folder / "beside.csv").write_text(WRIST)
    guess = inspect_folder(folder)
    one = guess.files[path.name]
    if form.truth is None:  # nothing may be guessed, or only with a doubt
        right["refused"] += one.kind != "accelerometer" or one.sureness != SURE
        return right, Counter(refused=1), not right["refused"]
    cells = {column: value for column, value in one.cells.items() if value}
    expected = {column: value for column, value in form.guessed.items() if value}
    right["preset"] = expected.items() <= cells.items()
    counted = Counter(preset=1)
    if form.is_skeleton:
        right["preset"] &= one.kind == "skeleton"
        return right, counted, one.sureness == SURE and not right["preset"]
    counted += Counter(unit=1, sign=1, rate=int(form.rate_hz is not None))
    if one.kind == "accelerometer":
        right["sign"] = one.mean is not None and gravity_axis(one.mean) == "+y"
        if form.rate_hz is not None:
            right["rate"] = one.rate_hz is not None and abs(one.rate_hz / form.rate_hz - 1) < 0.01
        (row,) = [row for row in manifest_rows(guess, folder / "manifest.csv")
                  if row["accelerometer_path"] == path.name]  # fmt: skip
        cells = {column: value for column, value in row.items() if column.startswith("acc")}
        cells = {column: value for column, value in cells.items() if value}
        if form.rate_hz is None:
            cells["accelerometer_rate_hz"] = "50"
        (folder / "again").mkdir()
        clip = read(form, folder / "again", cells)[0]
        right["unit"] = isinstance(clip, Clip) and np.allclose(
            clip.accelerometer, form.truth, atol=form.tolerance
        )
    return right, counted, one.sureness == SURE and right != counted


def test_guesses_of_a_folder_over_all_forms(tmp_path: Path):
    """Preset, unit, sign of gravity and rate; no wrong guess is called sure."""
    right: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    wrong, sure = [], []
    for number, form in enumerate(FORMS.values()):
        if form.guessed is None:
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        found, of, is_sure_and_wrong = points(form, folder)
        right += found
        counted += of
        if +found != +of:
            wrong.append(f"{form.name}: {dict(found)} of {dict(of)}")
        if is_sure_and_wrong:
            sure.append(form.name)
    share = right.total() / counted.total()
    print(f"\nguesses: {right.total()} of {counted.total()} ({share:.1%}) right; {dict(right)} of "
          f"{dict(counted)}; wrong: {wrong}")  # fmt: skip
    assert sure == []
    assert share >= 0.9
