"""Pictures of what ACS selects in a finished run, as PNG files.

Examples:
    python -m pskd_tf.study --run_dir=RUN --out=DIR
    python -m pskd_tf.study --run_dir=RUN --out=DIR --stages_dir=DIR --prepared_dir=DIR

followed_by_epoch: whom the student followed while it trained. followed_by_class: the same by
class, replayed with the finished student. agreement: how often it says what each teacher says.
teacher_confidence: confidence in the truth on the training clips, for each kind of cached outputs.
gap_by_class: the student's accuracy minus each teacher's, on held-out clips.
teacher_calibration (a table): the temperature that would fit each cached teacher's confidence best.
"""

from pathlib import Path

from absl import flags

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from pskd_tf.processes import start_tensorflow

_RUN_DIR = flags.DEFINE_string("run_dir", None, "A finished run of pskd_tf.train.")
_STAGES_DIR = flags.DEFINE_string(
    "stages_dir", None, "Where the run's stages lie; RUN/stages if not given."
)
_PREPARED_DIR = flags.DEFINE_string(
    "prepared_dir", None, "Where the run's prepared set lies; RUN/prepared if not given."
)
_OUT = flags.DEFINE_string("out", None, "Folder of the pictures; RUN/pictures if not given.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Say what would be written; write nothing.")


def main() -> None:
    """Reads the run, writes the pictures."""
    if not _RUN_DIR.value:
        raise UserError("--run_dir must be given", "nothing")
    from pskd_tf.run import Run

    run_dir = Path(_RUN_DIR.value)
    folder = Path(_OUT.value or run_dir / "pictures")
    run = Run.load(run_dir, _STAGES_DIR.value, _PREPARED_DIR.value).require_all()
    if not run.settings.teachers:
        raise UserError("The study needs a run with teachers", "none", run_dir)
    start_tensorflow()
    from pskd_tf.reporting.pictures import PICTURES, TABLE, write_pictures

    if _DRY_RUN.value:
        names = [*(f"{one}.png" for one in PICTURES), f"{TABLE}.csv"]
        print(f"would write to {folder}: {', '.join(names)}")
    else:
        for path in write_pictures(run, folder):
            print(f"{'table' if path.suffix == '.csv' else 'picture'}: {path}")
    print_result(folder, "python", "-m", "pskd_tf.report", f"--run_dir={run_dir}")


if __name__ == "__main__":
    run_command(main)
