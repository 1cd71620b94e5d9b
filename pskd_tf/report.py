"""Writes the report of a run as one HTML page, or compares several runs.

Examples:
    python -m pskd_tf.report --run_dir=RUN
    python -m pskd_tf.report --run_dir=RUN --stages_dir=DIR --prepared_dir=DIR
    python -m pskd_tf.report --compare RUN1 RUN2 --out=comparison.html

--run_dir writes RUN/report.html and RUN/model_card.md; training does so by itself. --compare reads
nothing but each run's metrics.json and settings.json, and pairs by seed where the splits agree.
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
class ReportArguments(StagesArguments):
    """One run, or several to compare."""

    run_dir: Path | None = setting(None, "Folder of the run of pskd_tf.train.")  # type: ignore
    compare: tuple[str, ...] = setting(
        (), "Runs to compare, at least two: --compare RUN1 RUN2.", words=True
    )
    out: Path = setting(Path("comparison.html"), "The page that --compare writes.")


def main(arguments: ReportArguments) -> None:
    """Writes the page or pages."""
    if arguments.run_dir is not None and arguments.compare:
        raise UserError("--run_dir and --compare exclude each other", "both")
    if arguments.compare:
        _compare([Path(one) for one in arguments.compare], arguments.out, arguments.dry_run)
    elif arguments.run_dir is not None:
        _report(arguments.run_dir, arguments)
    else:
        raise UserError("--run_dir or --compare must be given", "nothing")


def _report(run_dir: Path, arguments: ReportArguments) -> None:
    # Before TensorFlow starts.
    Run.load(run_dir, arguments.stages_dir, arguments.prepared_dir).require_all()
    result = run_dir / "report.html"
    if arguments.dry_run:
        print(f"would write: {result} and {run_dir / 'model_card.md'}")
    else:
        start_tensorflow()
        from pskd_tf.reporting.report import write_report

        result = write_report(run_dir, arguments.stages_dir, arguments.prepared_dir)
        print(f"model card: {run_dir / 'model_card.md'}")
    print_result(result, "python", "-m", "pskd_tf.report", "--compare", run_dir, "OTHER_RUN")


def _compare(run_dirs: list[Path], path: Path, dry_run: bool) -> None:
    from pskd_tf.reporting.comparison import write_comparison

    print(write_comparison(run_dirs, None if dry_run else path))
    if dry_run:
        print(f"would write: {path}")
    print_result(path, "python", "-m", "pskd_tf.report", f"--run_dir={run_dirs[0]}")


if __name__ == "__main__":
    run_command(main, ReportArguments)
