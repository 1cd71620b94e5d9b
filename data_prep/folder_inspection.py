"""A folder of recordings without a manifest: what lies there, and a manifest to correct."""

import io
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.clip import SENSORS
from data_prep.csv_cells import CsvWriter
from data_prep.errors import UserError
from data_prep.files import file_sha256, natural_order, whole_file
from data_prep.loaders.custom.logger_formats import LOGGER_FORMATS
from data_prep.loaders.custom.manifest_row import OPTIONAL_COLUMNS
from data_prep.name_guess import NameGuess, fields_by_pattern, guess_fields, name_words
from data_prep.plausibility import gravity_axis, spelling_doubts
from data_prep.problems import Problem
from data_prep.recording_guess import (
    LIKELY,
    UNSURE,
    RecordingGuess,
    guess_recording,
    with_gyroscope,
)
from data_prep.skeletons import KNOWN_SKELETONS

_FIRST_COLUMNS = ("subject", "action", "trial", "accelerometer_path", "accelerometer_format")
_SOME_GRAVITY_G = 0.5
_FRAME_ENDING = "_keypoints.json"  # of OpenPose's frames: their folder is the recording


@dataclass(frozen=True, eq=False)
class FolderGuess:
    """What a folder seems to hold.

    Args:
        folder: The folder.
        files: Path relative to the folder -> its guess, in natural order.
        names: What the names of the accelerometers' files tell.
        skeletons: Path of an accelerometer's file -> path of the skeleton that belongs to it.
        problems: Warnings.
    """

    folder: Path
    files: dict[str, RecordingGuess]
    names: NameGuess
    skeletons: dict[str, str]
    problems: list[Problem]

    def of_kind(self, kind: str) -> list[str]:
        """Returns the paths of the files of a kind."""
        return [path for path, guess in self.files.items() if guess.kind == kind]

    @property
    def skeleton_layout(self) -> str:
        """The known layout with as many joints as the skeletons, "" if there is none."""
        forms = {self.files[path].form for path in self.skeletons.values()}
        found = {(form.split()[2], 2 if form.endswith("(px)") else 3) for form in forms}
        fits = [
            name
            for name, (joints, dimensions) in KNOWN_SKELETONS.items()
            if {(str(len(joints)), dimensions)} == found
        ]
        return fits[0] if len(fits) == 1 else ""


def inspect_folder(
    folder: Path,
    name_pattern: str | None = None,
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
    sensors: Sequence[str] = SENSORS[:1],
) -> FolderGuess:
    """Looks into every file of a folder and guesses what it is.

    Args:
        folder: The folder; files and folders that begin with a point are left out.
        name_pattern: Which parts of a name are subject, action and repetition, see
            `fields_by_pattern`; guessed if None.
        progress: Wraps the files to show progress.
        sensors: Of `SENSORS`; with the gyroscope its columns are guessed, too.

    Returns:
        The guesses.

    Raises:
        UserError: The folder is missing or holds no recording of an accelerometer, or the pattern
            breaks a rule.
    """
    if not folder.is_dir():
        raise UserError("The folder must exist", "no folder", folder)
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    plain = [name.as_posix() for name in names if not any(p.startswith(".") for p in name.parts)]
    frames = {name.rpartition("/")[0] for name in plain if name.lower().endswith(_FRAME_ENDING)}
    plain = [name for name in plain if name.rpartition("/")[0] not in frames]
    paths = [folder / name for name in natural_order({*plain, *frames} - {""})]
    files = {path.relative_to(folder).as_posix(): guess_recording(path) for path in progress(paths)}
    recordings = [path for path, guess in files.items() if guess.kind == "accelerometer"]
    if "gyroscope" in sensors:
        files |= {path: with_gyroscope(folder / path, files[path]) for path in recordings}
    if not recordings:
        rule = "A folder must hold a recording of an accelerometer that measures 1 g at rest"
        first = next((f", the first: {path}: {_told(one)}" for path, one in files.items()), "")
        raise UserError(rule, f"{len(files)} other files{first}", folder)
    told = fields_by_pattern(recordings, name_pattern) if name_pattern else guess_fields(recordings)
    skeletons = _skeletons_of(recordings, [p for p, one in files.items() if one.kind == "skeleton"])
    problems = [*_copies(folder, recordings), *_signs({p: files[p] for p in recordings})]
    for column in ("subject", "action"):
        cells = {fields[column] for fields in told.fields.values() if column in fields}
        problems += spelling_doubts(column, cells)
    return FolderGuess(folder, files, told, skeletons, problems)


def _told(guess: RecordingGuess) -> str:
    return f"{guess.form} ({guess.reason})" if guess.reason else guess.form


def _skeletons_of(recordings: Sequence[str], skeletons: Sequence[str]) -> dict[str, str]:
    """Pairs files whose paths differ in words such as "joints" alone."""
    by_words = defaultdict(list)
    for path in skeletons:
        by_words[tuple(name_words(path))].append(path)
    found = {path: by_words.get(tuple(name_words(path)), []) for path in recordings}
    return {path: own[0] for path, own in found.items() if len(own) == 1}


def _copies(folder: Path, recordings: Sequence[str]) -> list[Problem]:
    first: dict[str, str] = {}
    found = []
    for path in recordings:
        other = first.setdefault(file_sha256(folder / path), path)
        if other != path:
            found.append(Problem("copy", path, f"the same bytes as {other}"))
    return found


def _signs(recordings: dict[str, RecordingGuess]) -> list[Problem]:
    axes: dict[str, list[str]] = defaultdict(list)
    for path, guess in recordings.items():
        if guess.mean is not None and np.linalg.norm(guess.mean) > _SOME_GRAVITY_G:
            axes[gravity_axis(guess.mean)].append(path)
    found = []
    for axis in "xyz":
        up, down = axes.get(f"+{axis}", []), axes.get(f"-{axis}", [])
        if up and down:
            text = (
                f"gravity lies on +{axis} in {len(up)} files ({up[0]}) and on -{axis} in "
                f"{len(down)} ({down[0]}): were sensors worn upside down, or does one logger turn "
                "its axes round (iOS and Android have opposite signs)? A minus before a column "
                "turns it"
            )
            found.append(Problem("sign", "gravity", text))
    return found


def folder_lines(guess: FolderGuess) -> list[str]:
    """Returns one line for each kind of file and one for the names.

    Args:
        guess: What the folder seems to hold.
    """
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path, one in guess.files.items():
        key = (one.kind, one.form, one.sureness if one.kind != "other" else "")
        groups[key].append(path)
    lines = []
    for (kind, form, sureness), paths in sorted(groups.items(), key=lambda one: one[0]):
        ones = [guess.files[path] for path in paths]
        text = _measures(form, ones) if kind == "accelerometer" else form
        reason = f" ({sureness}: {ones[0].reason})" if sureness else ""
        if kind == "other" and ones[0].reason:
            reason = f" ({ones[0].reason})"
        lines.append(f"{kind}: {len(paths)} x {paths[0]}: {text}{reason}")
    sureness = LIKELY if guess.names.is_likely else UNSURE
    lines.append(f"names: {guess.names.reason} ({sureness})")
    recordings = guess.of_kind("accelerometer")
    places = Counter(sensor_place(path) for path in recordings)
    worn = ", ".join(f"{place} in {count}" for place, count in places.most_common())
    lines.append(f"sensor_place: {worn} (unsure, unless the names tell it)")
    if not any(_tells_action(guess, path) for path in recordings):
        text = "the names tell none; fill them in, or label stretches (--annotations)"
        lines.append(f"actions: {text}")
    if guess.skeletons:
        layout = guess.skeleton_layout or "a .json file with the joints"
        lines.append(
            f"skeletons: {len(guess.skeletons)} belong to an accelerometer by their names; "
            f"skeleton_layout: {layout}"
        )
    return lines


def _tells_action(guess: FolderGuess, path: str) -> bool:
    logger = LOGGER_FORMATS.get(guess.files[path].cells.get("accelerometer_format", ""))
    return "action" in guess.names.fields.get(path, {}) or bool(logger and logger.action)


def _measures(form: str, ones: Sequence[RecordingGuess]) -> str:
    rates = [one.rate_hz for one in ones if one.rate_hz]
    low, high = (min(rates), max(rates)) if rates else (0.0, 0.0)
    spread = f"{low:.4g} to {high:.4g} Hz" if high > 1.005 * low else f"{high:.4g} Hz"
    means = [one.mean for one in ones if one.mean is not None]
    axes = Counter(gravity_axis(mean) for mean in means)
    gravity = ", ".join(f"{axis} in {count}" for axis, count in axes.most_common())
    return f"{form}, {spread if rates else 'no rate'}, gravity mostly on {gravity}"


def manifest_rows(guess: FolderGuess, place: Path) -> list[dict[str, str]]:
    """Returns the rows of a manifest, one for each recording of an accelerometer.

    Args:
        guess: What the folder seems to hold.
        place: The manifest's path; the rows' paths are relative to it.
    """
    rows = []
    for path in guess.of_kind("accelerometer"):
        one, told = guess.files[path], guess.names.fields.get(path, {})
        logger = LOGGER_FORMATS.get(one.cells.get("accelerometer_format", ""))
        row = {
            "subject": "" if logger and logger.subject else told.get("subject", ""),
            "action": "" if logger and logger.action else told.get("action", ""),
            "trial": told.get("repetition", ""),
            "accelerometer_path": _relative(guess.folder / path, place),
            "accelerometer_rate_hz": "",
            "sensor_place": sensor_place(path),
            **one.cells,
        }
        if path in guess.skeletons:
            skeleton = guess.skeletons[path]
            row["skeleton_path"] = _relative(guess.folder / skeleton, place)
            row |= guess.files[skeleton].cells
        if one.sureness == UNSURE:
            row["note"] = f"unsure: {one.reason}"
        rows.append(row)
    return rows


_PLACES = ("wrist", "hand", "ankle", "foot", "thigh", "pocket", "hip", "waist", "belt", "chest")
_WORDS_OF_WRIST = {"hand": "wrist"}


def sensor_place(path: str) -> str:
    """Returns where a sensor was worn by the words of its file's path; the right wrist if none.

    Args:
        path: Such as "left_wrist/anna.csv".
    """
    words = re.split(r"[^a-z]+", path.lower())
    place = next((word for word in words if word in _PLACES), "wrist")
    place = _WORDS_OF_WRIST.get(place, place)
    sides = [word for word in words if word in ("left", "right")]
    has_side = place in ("wrist", "ankle", "foot", "thigh", "pocket")
    return f"{sides[0] if sides else 'right'}_{place}" if has_side else place


def _relative(path: Path, manifest: Path) -> str:
    return Path(os.path.relpath(path.resolve(), manifest.resolve().parent)).as_posix()


def write_manifest(rows: Sequence[dict[str, str]], path: Path) -> None:
    """Writes a new manifest, whole or not at all.

    Args:
        rows: Cells by column.
        path: Where; there must be no file yet.

    Raises:
        UserError: There is a file already.
    """
    check_new(path)
    used = {column for row in rows for column, cell in row.items() if cell}
    used |= {"subject", "action", "accelerometer_path"}
    told = {"accelerometer_stamp_column", "accelerometer_format"}
    if any(not told & set(row) for row in rows):  # to be filled in
        used.add("accelerometer_rate_hz")
    columns = [column for column in (*_FIRST_COLUMNS, "accelerometer_unit", *OPTIONAL_COLUMNS)]
    columns = [column for column in dict.fromkeys(columns) if column in used]
    text = io.StringIO(newline="")
    writer = CsvWriter(text, columns)
    for row in rows:
        writer.write_row(row.get(column, "") for column in columns)
    with whole_file(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


def check_new(path: Path) -> None:
    """Refuses to overwrite a manifest, which may have been corrected by hand."""
    if path.exists():
        raise UserError("A manifest is not overwritten; name another file", "one is there", path)
