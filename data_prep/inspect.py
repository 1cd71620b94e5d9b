"""Checks own recordings before they are prepared, or guesses their manifest.

Examples:
    python -m data_prep.inspect --folder=recordings
    python -m data_prep.inspect --folder=DIR --name_pattern={subject}_{action}_{repetition}
    python -m data_prep.inspect --folder=DIR --write_manifest=DIR/manifest.csv
    python -m data_prep.inspect --manifest=recordings/manifest.csv --skeleton_layout=kinect_v1_20
    python -m data_prep.inspect --manifest=FILE.csv --annotations=FILE.csv --most=0
    python -m data_prep.inspect --manifest=FILE.csv --html=page.html

With --folder it looks into every file and prints its guesses and how sure they are; the manifest
is to be corrected by hand. It writes nothing else.

Exit status: 0 if all is well, 1 if there are warnings alone, 2 if preparing would refuse a clip or
there is nothing to inspect, 130 if interrupted.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data_prep.clip import SENSORS, check_sensors_named
from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.errors import UserError
from data_prep.flags import flags_of
from data_prep.folder_inspection import (
    check_new,
    folder_lines,
    inspect_folder,
    manifest_rows,
    write_manifest,
)
from data_prep.inspection import inspect_recordings, inspection_table
from data_prep.loader import DatasetOptions
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.problems import problem_lines
from data_prep.settings import setting
from data_prep.skeletons import KNOWN_SKELETONS


@dataclass(frozen=True)
class InspectArguments(CommandArguments):
    """The tables of the recordings, or the folder in which they lie."""

    manifest: str | None = setting(None, "CSV file that describes the recordings.")
    folder: Path | None = setting(None, "Folder of recordings that no manifest describes yet.")
    name_pattern: str | None = setting(
        None,
        "Which parts of a name without its ending are {subject}, {action}, {repetition} or {any}; "
        "guessed if not given.",
    )
    write_manifest: Path | None = setting(None, "New file for the guessed manifest.")
    annotations: str | None = setting(
        None, "CSV file, label track or folder of tracks that cut them into clips."
    )
    skeleton_layout: str | None = setting(
        None, f"{', '.join(KNOWN_SKELETONS)}, or a .json file with the joints."
    )
    rate_hz: float | None = setting(None, "Rate to bring the accelerometer to.", unit="Hz", above=0)
    longest_gap_seconds: float | None = setting(
        None, "A longer gap between samples makes a clip bad.", unit="s"
    )
    sensors: tuple[str, ...] = setting(
        SENSORS[:1],
        "What each clip must have of the worn sensor: accelerometer, or accelerometer,gyroscope.",
        choices=SENSORS,
    )
    html: Path | None = setting(
        None, "File for a page that draws the streams of each clip with their problems marked."
    )
    most: int = setting(20, "Problems of a kind to list; 0 lists all.", minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sensors_named(self.sensors)


def main(arguments: InspectArguments) -> None:
    """Inspects the recordings that the flags name and prints a table and the problems."""
    if (arguments.manifest is None) == (arguments.folder is None):
        received = "neither" if arguments.folder is None else "both"
        raise UserError("Either --manifest or --folder must be given", received)
    if arguments.folder is not None:
        if arguments.html is not None:
            raise UserError("html goes with --manifest", arguments.html)
        _inspect_folder(arguments, arguments.folder)
        return
    for flag in ("name_pattern", "write_manifest"):
        if getattr(arguments, flag) is not None:
            raise UserError(f"{flag} goes with --folder", getattr(arguments, flag))
    tables = DatasetOptions(
        manifest=arguments.manifest,
        annotations=arguments.annotations,
        skeleton_layout=arguments.skeleton_layout,
        rate_hz=arguments.rate_hz,
    )
    loader = CustomLoader(
        tables.manifest, tables.annotations, tables.skeleton_layout, tables.rate_hz
    )
    if arguments.dry_run:
        clips, mistakes = loader.clips()
        for clip in clips:
            path = clip.accelerometer_path or clip.skeleton_path
            print(f"would read {path} ({clip.subject}, {clip.action})")
        print(f"would inspect {len(clips)} clips; {len(mistakes)} errors in the tables alone")
        return
    inspection = inspect_recordings(loader, _progress, arguments.sensors)
    print(inspection_table(inspection, arguments.most))
    if arguments.html is not None:
        # Not above: without a page Jinja2 need not be imported.
        from data_prep.inspection_page import write_inspection_page

        write_inspection_page(arguments.html, loader, inspection, _progress)
        print(f"page: {arguments.html}")
    errors = sum(problem.is_error for problem in inspection.problems)
    warnings = len(inspection.problems) - errors
    given = flags_of(tables)
    command = ["data_prep.prepare", "--dataset=custom", *given, "--out_dir=DIR"]
    if errors:
        command = ["data_prep.inspect", *given]
    command += _sensors_flag(arguments)
    print_result(
        f"{len(inspection.clips)} clips, {errors} errors, {warnings} warnings",
        *("python", "-m", *command),
    )
    if inspection.problems:
        sys.exit(2 if errors else 1)


def _sensors_flag(arguments: InspectArguments) -> list[str]:
    is_usual = arguments.sensors == SENSORS[:1]
    return [] if is_usual else [f"--sensors={','.join(arguments.sensors)}"]


def _inspect_folder(arguments: InspectArguments, folder: Path) -> None:
    manifest = arguments.write_manifest
    if manifest is not None:
        check_new(manifest)
    guess = inspect_folder(folder, arguments.name_pattern, _files_progress, arguments.sensors)
    lines = problem_lines(guess.problems, arguments.most, "; --most=0 lists all")
    print("\n".join(folder_lines(guess) + lines))
    recordings = guess.of_kind("accelerometer")
    command: list[str | Path] = ["python", "-m", "data_prep.inspect"]
    result: str | Path = f"{len(recordings)} recordings, {len(guess.problems)} warnings"
    if manifest is None:
        command += [f"--folder={folder}", f"--write_manifest={folder / 'manifest.csv'}"]
    else:
        command += [f"--manifest={manifest}"]
        command += [f"--skeleton_layout={guess.skeleton_layout or 'NAME'}"] * bool(guess.skeletons)
        rows = manifest_rows(guess, manifest)
        if arguments.dry_run:
            print(f"would write {len(rows)} rows: {manifest}")
        else:
            write_manifest(rows, manifest)
            result = manifest
    command += _sensors_flag(arguments)
    print_result(result, *command)
    if guess.problems:
        sys.exit(1)


def _files_progress(files: Sequence[Path]) -> Iterable[Path]:
    return tqdm(files, unit="file", disable=not sys.stderr.isatty())


def _progress(clips: Sequence[CustomClip]) -> Iterable[CustomClip]:
    return tqdm(clips, unit="clip", disable=not sys.stderr.isatty())


if __name__ == "__main__":
    run_command(main, InspectArguments)
