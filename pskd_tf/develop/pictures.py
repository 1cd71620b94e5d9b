"""Draws which teachers ACS follows in a run, as PNG files.

Examples:
    python -m pskd_tf.develop.pictures --run_dir=RUN --out=DIR
    python -m pskd_tf.develop.pictures --run_dir=RUN --out=DIR --stages_dir=DIR --prepared_dir=DIR

followed_by_epoch: whom the student followed while it trained. followed_by_class: the same by
class, replayed with the finished student. agreement: how often it says what each teacher says.
teacher_confidence: confidence in the truth on the training clips, for each kind of cached outputs.
gap_by_class: the student's accuracy minus each teacher's, on held-out clips.
teacher_calibration (a table): the temperature that would fit each cached teacher's confidence best.
"""

from dataclasses import dataclass
from pathlib import Path

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.settings import setting
from pskd_tf.arguments import StagesArguments
from pskd_tf.processes import start_tensorflow
from pskd_tf.run import Run


@dataclass(frozen=True)
class PicturesArguments(StagesArguments):
    """Where the pictures go."""

    out: Path | None = setting(None, "Folder of the pictures; RUN/pictures if not given.")


def main(arguments: PicturesArguments) -> None:
    """Reads the run, writes the pictures."""
    folder = arguments.out or arguments.run_dir / "pictures"
    run = Run.load(arguments.run_dir, arguments.stages_dir, arguments.prepared_dir).require_all()
    if not run.settings.teachers:
        raise UserError("The pictures need a run with teachers", "none", arguments.run_dir)
    start_tensorflow()
    from pskd_tf.reporting.pictures import PICTURES, TABLE, write_pictures

    if arguments.dry_run:
        names = [*(f"{one}.png" for one in PICTURES), f"{TABLE}.csv"]
        print(f"would write to {folder}: {', '.join(names)}")
    else:
        for path in write_pictures(run, folder):
            print(f"{'table' if path.suffix == '.csv' else 'picture'}: {path}")
    print_result(folder, "python", "-m", "pskd_tf.report", f"--run_dir={arguments.run_dir}")


if __name__ == "__main__":
    run_command(main, PicturesArguments)
