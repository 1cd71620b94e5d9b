"""A thousand damaged copies over all forms: read right, noted, refused, or changed in silence.

Silence is only for what nobody can see: a value that is as likely as the right one, and rows that
are missing from a file without stamps or numbers.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from damage import cut, drop_lines, flip_bytes, nothing_left, repeat_lines, shuffle_lines
from data_prep.clip import check_clip
from data_prep.errors import UserError
from data_prep.inspection import inspect_recordings
from data_prep.loaders.custom.loader import CustomLoader
from form_catalogue import FORMS, Form
from logger_files import SECONDS, TRUTH, axes, numbers, rows

_COPIES = 20
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".log", ".trc", ".bvh", ".skeleton")
Damage = Callable[[bytes, np.random.Generator], bytes]


def flip_bits(content: bytes, random: np.random.Generator) -> bytes:
    """Flips one to five bits."""
    damaged = bytearray(content)
    for place in random.integers(len(damaged), size=random.integers(1, 6)):
        damaged[place] ^= 1 << int(random.integers(8))
    return bytes(damaged)


def _split(content: bytes) -> tuple[list[bytes], bytes]:
    """Returns the lines, and what most often stands between cells."""
    lines = content.split(b"\n")
    signs = Counter(re.findall(rb"[,;\t ]", b"\n".join(lines[-60:])))
    return lines, max(signs, key=lambda sign: signs[sign]) if signs else b","


def swap_columns(content: bytes, random: np.random.Generator) -> bytes:
    """Exchanges two columns in all lines, or from one on."""
    lines, separator = _split(content)
    width = max(len(line.split(separator)) for line in lines[-60:])
    if width < 2:
        return content
    first, second = random.choice(width, 2, replace=False)
    start = int(random.choice([0, random.integers(len(lines))]))
    for number in range(start, len(lines)):
        cells = lines[number].split(separator)
        if len(cells) == width:
            cells[first], cells[second] = cells[second], cells[first]
            lines[number] = separator.join(cells)
    return b"\n".join(lines)


def zero_run(content: bytes, random: np.random.Generator) -> bytes:
    """Writes 0 into all cells but the first of 5 to 50 lines."""
    lines, separator = _split(content)
    start = int(random.integers(len(lines)))
    for number in range(start, min(len(lines), start + int(random.integers(5, 51)))):
        cells = lines[number].split(separator)
        lines[number] = separator.join([cells[0], *[b"0" for _ in cells[1:]]])
    return b"\n".join(lines)


def step_clock(content: bytes, random: np.random.Generator) -> bytes:
    """From some line on, takes the first cell of an earlier line: the clock is set back."""
    lines, separator = _split(content)
    start, step = int(random.integers(len(lines))), int(random.integers(1, 60))
    first = [line.split(separator, 1)[0] for line in lines]
    for number in range(max(start, step), len(lines)):
        cells = lines[number].split(separator, 1)
        if len(cells) == 2:
            lines[number] = separator.join([first[number - step], cells[1]])
    return b"\n".join(lines)


def repeat_line(content: bytes, random: np.random.Generator) -> bytes:
    """Writes one line twice."""
    lines = content.splitlines(keepends=True)
    place = int(random.integers(len(lines)))
    return b"".join([*lines[: place + 1], *lines[place:]])


_BYTES: tuple[Damage, ...] = (cut, flip_bits, flip_bytes, nothing_left)
_LINES: tuple[Damage, ...] = (cut, flip_bits, repeat_line, repeat_lines, drop_lines, shuffle_lines,
                              swap_columns, zero_run, step_clock, flip_bytes)  # fmt: skip


def damaged(form: Form, number: int) -> tuple[str, Form]:
    """Returns the kind of damage and the form with other content."""
    random = np.random.default_rng([number, *form.name.encode()])
    is_frames = isinstance(form.content, list)
    is_text = is_frames or form.file.endswith(_TEXT_SUFFIXES)
    damages = _LINES if is_text and not is_frames else _BYTES
    damage = damages[number % len(damages)]
    if is_frames:
        frames = list(form.content)
        place = int(random.integers(len(frames)))
        frames[place] = damage(frames[place].encode(), random).decode("latin1")
        return damage.__name__, dataclasses.replace(form, content=frames)
    content = form.content.encode() if isinstance(form.content, str) else form.content
    return damage.__name__, dataclasses.replace(form, content=damage(content, random))


def manifest_rows(form: Form, folder: Path) -> list[dict[str, str]]:
    """Returns the form's row, two more trials of its subject and action, and another subject."""
    plain = {"accelerometer_unit": "g", "accelerometer_columns": "x;y;z",
             "accelerometer_rate_hz": "50"}  # fmt: skip
    first = form.row()
    logger = first.get("accelerometer_format")
    who = {"wisdm": ("33", "Jogging"), "pamap2": ("a", "4")}.get(logger, ("a", "wave"))
    if logger == "wisdm":
        first["subject"] = ""
    others = []
    for number, (subject, action) in enumerate([who, who, ("b", "clap"), ("b", who[1])]):
        text = "t,x,y,z\n" + rows(numbers(SECONDS), *axes(TRUTH * (1 + 0.01 * number)))
        (folder / f"other_{number}.csv").write_text(text)
        row = {"subject": subject, "action": action, "accelerometer_path": f"other_{number}.csv"}
        others.append({**row, **plain})
    return [first, *others]


def doubts(loader: CustomLoader) -> set[str]:
    kinds = ("copy", "balance", "skeleton", "subjects")
    problems = inspect_recordings(loader).problems
    return {problem.text for problem in problems if problem.kind not in kinds}


def error_of(values: np.ndarray, truth: np.ndarray) -> float:
    """Returns the largest error, where the values begin with any sample of the truth."""
    errors = [
        float(np.abs(values - truth[start : start + len(values)]).max())
        for start in range(len(truth) - len(values) + 1)
    ]
    return min(errors, default=np.inf)


def outcome(form: Form, folder: Path, usual: set[str]) -> tuple[str, float]:
    """Returns "right", "right, shorter", "noted", "refused" or "silent", and the largest error."""
    form.write(folder)
    manifest, layout = form.write_manifest(folder, manifest_rows(form, folder))
    loader = CustomLoader(manifest, skeleton_layout=layout)
    try:
        found = loader.discover()
        clip = loader.read(found.sources[0])
        check_clip(clip, found.description.skeleton_dimensions)
    except UserError as error:
        assert "\n" not in str(error)
        return "refused", 0.0
    values = clip.skeleton if form.is_skeleton else clip.accelerometer
    error = error_of(values, form.truth)
    if error <= form.tolerance and len(values) == len(form.truth):
        return "right", error
    if set(clip.flags) - {"no_skeleton"} or doubts(loader) - usual:
        return "noted", error
    return ("right, shorter" if error <= form.tolerance else "silent"), error


_LEAST_SEEN = 0.05  # g or m; a smaller change of single values is within a sensor's noise


def may_be_silent(form: Form, kind: str, error: float) -> bool:
    """Returns whether nobody can see this damage: possible values, no stamp, no number of rows."""
    is_numbered = form.file.endswith((".trc", ".bvh", ".skeleton")) or "vicon" in form.name.lower()
    has_stamps = any("stamp" in column for column in form.cells) or (
        form.cells.get("accelerometer_format") not in (None, "empatica_e4", "actigraph", "uci_har")
    )
    changes_rows = kind in ("shuffle_lines", "drop_lines", "repeat_line", "repeat_lines", "cut")
    if changes_rows:
        return not is_numbered and not has_stamps
    if kind == "step_clock":  # in a file without stamps the first cell is a value
        return not has_stamps
    return error <= _LEAST_SEEN or kind == "swap_columns"


@pytest.mark.slow
def test_a_thousand_damaged_copies(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    counts: Counter[str] = Counter()
    silent: dict[str, list[tuple[float, str]]] = {}
    forms = [form for form in FORMS.values() if form.truth is not None]
    for place, form in enumerate(forms):
        whole = tmp_path / f"{place}"
        whole.mkdir()
        assert outcome(form, whole, set())[0] == "right", form.name
        manifest, layout = form.write_manifest(whole, manifest_rows(form, whole))
        usual = doubts(CustomLoader(manifest, skeleton_layout=layout))
        for number in range(_COPIES):
            folder = tmp_path / f"{place}_{number}"
            folder.mkdir()
            kind, copy = damaged(form, number)
            verdict, error = outcome(copy, folder, usual)
            counts[verdict] += 1
            if verdict == "silent":
                silent.setdefault(kind, []).append((round(error, 6), form.name))
                assert may_be_silent(form, kind, error), (form.name, kind, error)
    with capsys.disabled():
        print(f"\n{counts.total()} damaged copies of {len(forms)} forms: {dict(counts)}")
        for kind, found in silent.items():
            print(f"  in silence, {kind}: {len(found)}: {sorted(found, reverse=True)}")
    assert counts.total() >= 1000
    assert counts["silent"] <= 0.05 * counts.total()
