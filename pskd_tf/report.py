"""A finished run as one HTML page, or several side by side.

Examples:
    python -m pskd_tf.report --run_dir=RUN
    python -m pskd_tf.report --run_dir=RUN --stages_dir=DIR --prepared_dir=DIR
    python -m pskd_tf.report --compare RUN1 RUN2 --out=comparison.html

--run_dir writes RUN/report.html and RUN/model_card.md; training does so by itself. --compare reads
nothing but each run's metrics.json and settings.json, and pairs by seed where the splits agree.
"""

import sys
from pathlib import Path

from absl import flags

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from pskd_tf.processes import start_tensorflow
from pskd_tf.reporting.comparison import listed_arguments

_RUN_DIR = flags.DEFINE_string("run_dir", None, "A finished run of pskd_tf.train.")
_STAGES_DIR = flags.DEFINE_string(
    "stages_dir", None, "Where the run's stages lie; RUN/stages if not given."
)
_PREPARED_DIR = flags.DEFINE_string(
    "prepared_dir", None, "Where the run's prepared set lies; RUN/prepared if not given."
)
_COMPARE = flags.DEFINE_multi_string("compare", [], "Runs to put side by side, at least two.")
_OUT = flags.DEFINE_string("out", "comparison.html", "The page that --compare writes.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Say what would be written; write nothing.")


def main() -> None:
    """Writes the page or pages."""
    if not _RUN_DIR.value and not _COMPARE.value:
        raise UserError("--run_dir or --compare must be given", "nothing")
    if _RUN_DIR.value and _COMPARE.value:
        raise UserError("--run_dir and --compare exclude each other", "both")
    if _COMPARE.value:
        _compare([Path(one) for one in _COMPARE.value], Path(_OUT.value))
    else:
        _report(Path(_RUN_DIR.value))


def _report(run_dir: Path) -> None:
    from pskd_tf.run import Run

    Run.load(
        run_dir, _STAGES_DIR.value, _PREPARED_DIR.value
    ).require_all()  # before TensorFlow starts
    result = run_dir / "report.html"
    if _DRY_RUN.value:
        print(f"would write: {result} and {run_dir / 'model_card.md'}")
    else:
        start_tensorflow()
        from pskd_tf.reporting.report import write_report

        result = write_report(run_dir, _STAGES_DIR.value, _PREPARED_DIR.value)
        print(f"model card: {run_dir / 'model_card.md'}")
    print_result(result, "python", "-m", "pskd_tf.report", "--compare", run_dir, "OTHER_RUN")


def _compare(run_dirs: list[Path], path: Path) -> None:
    from pskd_tf.reporting.comparison import write_comparison

    text = write_comparison(run_dirs, None if _DRY_RUN.value else path)
    print(text)
    if _DRY_RUN.value:
        print(f"would write: {path}")
    print_result(path, "python", "-m", "pskd_tf.report", f"--run_dir={run_dirs[0]}")


if __name__ == "__main__":
    sys.argv = listed_arguments(sys.argv, "compare")
    run_command(main)
