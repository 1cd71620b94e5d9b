"""Command: checks own recordings before they are prepared.

Examples:
    python -m data_prep.inspect --manifest=recordings/manifest.csv --skeleton_layout=kinect_v1_20
    python -m data_prep.inspect --manifest=FILE.csv --annotations=FILE.csv --most=0

It only reads. Exit status: 0 if all is well, 1 if there are warnings alone, 2 if preparing would
refuse a clip or there is nothing to inspect, 130 if interrupted.
"""

import sys
from collections.abc import Iterable, Sequence

from absl import flags
from tqdm import tqdm

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.inspection import inspect_recordings, inspection_table
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.loaders.custom.manifest import CustomClip
from data_prep.skeletons import KNOWN_SKELETONS

_GIVEN = ("manifest", "annotations", "skeleton_layout", "rate_hz")
_MANIFEST = flags.DEFINE_string("manifest", None, "CSV file that describes the recordings.")
_ANNOTATIONS = flags.DEFINE_string("annotations", None, "CSV file that cuts them into clips.")
_LAYOUT = flags.DEFINE_string(
    "skeleton_layout", None, f"{', '.join(KNOWN_SKELETONS)}, or a .json file with the joints."
)
_RATE = flags.DEFINE_float("rate_hz", None, "Rate to bring the accelerometer to.")
_MOST = flags.DEFINE_integer("most", 20, "Problems of a kind to list; 0 lists all.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Read the tables alone and list the recordings.")


def main() -> None:
    """Inspects the recordings that the flags name and prints a table and the problems."""
    if not _MANIFEST.value:
        raise UserError("--manifest must be given", "none")
    if _MOST.value < 0:
        raise UserError("most must be at least 0", _MOST.value)
    loader = CustomLoader(_MANIFEST.value, _ANNOTATIONS.value, _LAYOUT.value, _RATE.value)
    if _DRY_RUN.value:
        clips, errors = loader.clips()
        for clip in clips:
            print(f"would read {clip.accelerometer_path} ({clip.subject}, {clip.action})")
        print(f"would inspect {len(clips)} clips; {len(errors)} errors in the tables alone")
        return
    inspection = inspect_recordings(loader, _progress)
    print(inspection_table(inspection, _MOST.value))
    errors = sum(problem.is_error for problem in inspection.problems)
    warnings = len(inspection.problems) - errors
    given = [f"--{name}={flags.FLAGS[name].value}" for name in _GIVEN if flags.FLAGS[name].value]
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
    run_command(main)
