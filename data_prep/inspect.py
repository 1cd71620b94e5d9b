"""Checks own recordings before they are prepared.

Examples:
    python -m data_prep.inspect --manifest=recordings/manifest.csv --skeleton_layout=kinect_v1_20
    python -m data_prep.inspect --manifest=FILE.csv --annotations=FILE.csv --most=0

It only reads. Exit status: 0 if all is well, 1 if there are warnings alone, 2 if preparing would
refuse a clip or there is nothing to inspect, 130 if interrupted.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.flags import flags_of
from data_prep.inspection import inspect_recordings, inspection_table
from data_prep.loader import DatasetOptions
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.loaders.custom.manifest import CustomClip
from data_prep.settings import REQUIRED, setting
from data_prep.skeletons import KNOWN_SKELETONS


@dataclass(frozen=True)
class InspectArguments(CommandArguments):
    """The tables of the recordings."""

    manifest: str = setting(REQUIRED, "CSV file that describes the recordings.")
    annotations: str | None = setting(None, "CSV file that cuts them into clips.")
    skeleton_layout: str | None = setting(
        None, f"{', '.join(KNOWN_SKELETONS)}, or a .json file with the joints."
    )
    rate_hz: float | None = setting(None, "Rate to bring the accelerometer to.", unit="Hz", above=0)
    most: int = setting(20, "Problems of a kind to list; 0 lists all.", minimum=0)


def main(arguments: InspectArguments) -> None:
    """Inspects the recordings that the flags name and prints a table and the problems."""
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
            print(f"would read {clip.accelerometer_path} ({clip.subject}, {clip.action})")
        print(f"would inspect {len(clips)} clips; {len(mistakes)} errors in the tables alone")
        return
    inspection = inspect_recordings(loader, _progress)
    print(inspection_table(inspection, arguments.most))
    errors = sum(problem.is_error for problem in inspection.problems)
    warnings = len(inspection.problems) - errors
    given = flags_of(tables)
    command = ["data_prep.prepare", "--dataset=custom", *given, "--out_dir=DIR"]
    if errors:
        command = ["data_prep.inspect", *given]
    print_result(
        f"{len(inspection.clips)} clips, {errors} errors, {warnings} warnings",
        *("python", "-m", *command),
    )
    if inspection.problems:
        sys.exit(2 if errors else 1)


def _progress(clips: Sequence[CustomClip]) -> Iterable[CustomClip]:
    return tqdm(clips, unit="clip", disable=not sys.stderr.isatty())


if __name__ == "__main__":
    run_command(main, InspectArguments)
