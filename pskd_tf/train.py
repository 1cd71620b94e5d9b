"""Trains, distils, compresses, scores and exports a student, from raw recordings to C files.

Examples:
    python -m pskd_tf.train --flagfile=configs/demo.flags
    python -m pskd_tf.train --flagfile=configs/utd_mhad.flags --raw_dir=DIR --run_dir=RUN
    python -m pskd_tf.train --flagfile=configs/utd_mhad.flags --raw_dir=DIR --run_dir=RUN --dry_run
    python -m pskd_tf.train --flagfile=configs/utd_mhad.flags --raw_dir=DIR --run_dir=RUN \
        --method=feature_kd

The same command again resumes a run that was interrupted, and makes damaged files again; a finished
one is only shown. A run_dir belongs to one run.
"""

import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.files import lock_stream
from data_prep.plausibility import prepared_doubts
from data_prep.prepared_set import PreparedSet
from data_prep.prepared_set_tables import dropped_clips, lost_classes
from data_prep.problems import problem_lines
from pskd_tf.arguments import TrainArguments
from pskd_tf.pipeline.ownership import check_owner, finished_metrics, run_key
from pskd_tf.pipeline.plan import FoldPlan, plan_run, plan_summary, plan_warnings
from pskd_tf.pipeline.stage import RunContext, SpokenContext
from pskd_tf.processes import start_tensorflow
from pskd_tf.run import Run
from pskd_tf.run_records import read_run_record
from pskd_tf.runs.own_student import try_own_student, with_own_student
from pskd_tf.settings import RunSettings


def main(arguments: TrainArguments) -> None:
    """Prepares, trains, compresses, exports, scores, and prints the table."""
    if arguments.dry_run:
        _print_plan(arguments)
        return
    run_dir, settings = arguments.run_dir, arguments.run_settings
    with _run_lock(run_dir):
        check_owner(run_dir, settings)
        prepared = arguments.prepare(replaces=read_run_record(run_dir) is None)
        context = SpokenContext(
            prepared_dir=arguments.prepared,
            stages_dir=arguments.stages,
            run_dir=run_dir,
            record_every_epochs=arguments.record_every_epochs,
            strategy=arguments.strategy,
        )
        _warn_of_clips(prepared)
        settings = with_own_student(settings, prepared)
        plans = plan_run(settings, prepared)
        planned = plan_warnings(plans, prepared)
        _warn(planned)
        key = run_key(settings, plans)
        check_owner(run_dir, settings, key)
        run = Run.load(run_dir, arguments.stages, arguments.prepared)
        metrics = finished_metrics(run, key)
        start_tensorflow()
        if metrics is None:
            _warn_of_own_student(settings, plans)
        from pskd_tf.pipeline.degradation import degradation_warnings
        from pskd_tf.pipeline.metrics import metrics_table
        from pskd_tf.reporting.report import write_missing_report
        from pskd_tf.runs.train import perform_run

        if metrics is None:
            with _logged(RunContext(**vars(context))):
                metrics = perform_run(
                    *(settings, plans, prepared, context),
                    workers=arguments.workers,
                    most_points_lost=arguments.most_points_lost,
                )
        else:
            write_missing_report(context)
    print(metrics_table(metrics))
    students = metrics.get("compression_check", {}).get("students")
    found = degradation_warnings(students or [], arguments.most_points_lost)
    _warn([one for one in metrics.get("warnings", []) if one not in planned] + found)
    print(f"numbers: {run_dir / 'metrics.json'}")
    print(f"report: {run_dir / 'report.html'}")
    print(f"model for the board: {run_dir / 'export'}")
    where = [f"--prepared_dir={arguments.prepared}"] if arguments.prepared_dir else []
    where += [f"--stages_dir={arguments.stages}"] if arguments.stages_dir else []
    print_result(run_dir, "python", "-m", "pskd_tf.evaluate", f"--run_dir={run_dir}", *where)
    if arguments.strict and students is None:
        rule = "strict needs a run of this version, with its compression compared (a new --run_dir)"
        raise UserError(rule, "no comparison", run_dir / "metrics.json")
    if arguments.strict and found:
        raise UserError("With --strict no step of the compression may lose more", " ".join(found))


def _print_plan(arguments: TrainArguments) -> None:
    run_dir, settings = arguments.run_dir, arguments.run_settings
    check_owner(run_dir, settings)
    if (arguments.prepared / "dataset.json").exists():
        prepared = PreparedSet.load(arguments.prepared)
        print(f"would read the prepared set, or renew it: {arguments.prepared}")
        settings = with_own_student(settings, prepared)
        plans = plan_run(settings, prepared)
        _warn(plan_warnings(plans, prepared))
        key = run_key(settings, plans)
        check_owner(run_dir, settings, key)
        run = Run.load(run_dir, arguments.stages, arguments.prepared)
        if finished_metrics(run, key) is not None:
            print(f"would show a finished run: {run_dir}")
            return
        summary = plan_summary(plans, arguments.stages)
    else:
        # The stages depend on what is in the recordings: they are read, but nothing is kept.
        with tempfile.TemporaryDirectory() as folder:
            prepared = arguments.prepare(Path(folder, "prepared"))
            _warn_of_clips(prepared)
            settings = with_own_student(settings, prepared)
            plans = plan_run(settings, prepared)
            _warn(plan_warnings(plans, prepared))
            summary = plan_summary(plans, arguments.stages)
        print(f"would write the prepared set, {len(prepared)} clips: {arguments.prepared}")
    _warn_of_own_student(settings, plans)
    print(f"{prepared.description.name}, {settings.protocol}, {summary}")
    print(f"would write metrics.json, report.html, model_card.md, log.txt and export/: {run_dir}")


def _warn_of_clips(prepared: PreparedSet) -> None:
    """Prints what `data_prep.prepare` warns of, and what was left out."""
    doubts = [*dropped_clips(prepared), *lost_classes(prepared), *prepared_doubts(prepared)]
    for line in problem_lines(doubts):
        print(line, file=sys.stderr)


def _warn_of_own_student(settings: RunSettings, plans: Sequence[FoldPlan]) -> None:
    """Tries an own student; an error ends the command before anything is trained."""
    if settings.student.is_own:
        (baseline, *_) = plans[0].baselines.values()
        _warn(try_own_student(settings, baseline.spec.data.num_classes))


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        print(f"WARNING: {warning}", file=sys.stderr)


@contextmanager
def _logged(context: RunContext) -> Iterator[None]:
    context.log(f"command: python -m pskd_tf.train {shlex.join(sys.argv[1:])}")
    try:
        yield
    except BaseException as error:
        context.log(f"stopped: {type(error).__name__}: {error}")
        raise
    context.log(f"result: {context.run_dir}")


@contextmanager
def _run_lock(run_dir: Path) -> Iterator[None]:
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        stream = open(run_dir / ".lock", "w")  # noqa: SIM115
    except OSError as error:
        raise UserError("run_dir must be a writable folder", error.strerror, run_dir) from error
    with stream:
        if not lock_stream(stream, waits=False):
            raise UserError("One run at a time writes to a folder", "another", run_dir)
        yield


if __name__ == "__main__":
    run_command(main, TrainArguments)
