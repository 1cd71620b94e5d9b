"""From raw recordings to a C array: the one command that does it all.

Examples:
    python -m pskd_tf.train --flagfile=configs/demo.flags
    python -m pskd_tf.train --flagfile=configs/utd_mhad.flags --raw_dir=DIR --run_dir=RUN
    python -m pskd_tf.train --flagfile=configs/utd_mhad.flags --raw_dir=DIR --run_dir=RUN --dry_run

The same command again resumes a run that was interrupted; a finished one is only shown.
"""

import fcntl
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from absl import flags

from data_prep.commands import print_result, run_command
from data_prep.dataset_flags import define_dataset_flags
from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from pskd_tf.pipeline.metrics import metrics_table
from pskd_tf.pipeline.plan import finished_metrics, plan_run, plan_summary, run_key
from pskd_tf.pipeline.stage import RunContext, SpokenContext
from pskd_tf.processes import start_tensorflow
from pskd_tf.settings import RunSettings
from pskd_tf.train_flags import define_train_flags, prepare_from_flags, settings_from_flags


def main() -> None:
    """Prepares, trains, compresses, exports, scores, and prints the table."""
    values = flags.FLAGS
    if not values.run_dir:
        raise UserError("--run_dir must be given", "nothing")
    if values.workers < 1 or values.record_every_epochs < 1:
        raise UserError(
            "--workers and --record_every_epochs must be positive",
            f"{values.workers} and {values.record_every_epochs}",
        )
    settings = settings_from_flags(values)
    run_dir = Path(values.run_dir)
    prepared_dir = Path(values.prepared_dir or run_dir / "prepared")
    if values.dry_run:
        _say_what_would_be_done(settings, run_dir, prepared_dir)
        return
    with _run_lock(run_dir):
        prepared = prepare_from_flags(values, prepared_dir)
        context = SpokenContext(
            prepared_dir=prepared_dir,
            stages_dir=Path(values.stages_dir or run_dir / "stages"),
            run_dir=run_dir,
            record_every_epochs=values.record_every_epochs,
            strategy=values.strategy,
        )
        plans = plan_run(settings, prepared)
        metrics = finished_metrics(run_dir, run_key(settings, plans))
        if metrics is None:
            start_tensorflow()
            # Imported here, because it imports TensorFlow, which was not started before.
            from pskd_tf.runs.train import perform_run

            with _logged(RunContext(**vars(context))):
                metrics = perform_run(settings, plans, prepared, context, values.workers)
        else:
            from pskd_tf.reporting.report import write_missing_report

            write_missing_report(context)
    print(metrics_table(metrics))
    print(f"numbers: {run_dir / 'metrics.json'}")
    print(f"report: {run_dir / 'report.html'}")
    print(f"model for the board: {run_dir / 'export'}")
    where = [f"--prepared_dir={values.prepared_dir}"] if values.prepared_dir else []
    where += [f"--stages_dir={values.stages_dir}"] if values.stages_dir else []
    print_result(run_dir, "python", "-m", "pskd_tf.evaluate", f"--run_dir={run_dir}", *where)


def _say_what_would_be_done(settings: RunSettings, run_dir: Path, prepared_dir: Path) -> None:
    stages_dir = Path(flags.FLAGS.stages_dir or run_dir / "stages")
    if (prepared_dir / "dataset.json").exists():
        prepared = PreparedSet.load(prepared_dir)
        print(f"would read the prepared set, or renew it: {prepared_dir}")
        plans = plan_run(settings, prepared)
        if finished_metrics(run_dir, run_key(settings, plans)) is not None:
            print(f"would show a finished run: {run_dir}")
            return
        summary = plan_summary(plans, stages_dir)
    else:
        # The stages depend on what is in the recordings: they are read, but nothing is kept.
        with tempfile.TemporaryDirectory() as folder:
            prepared = prepare_from_flags(flags.FLAGS, Path(folder, "prepared"))
            summary = plan_summary(plan_run(settings, prepared), stages_dir)
        print(f"would write the prepared set, {len(prepared)} clips: {prepared_dir}")
    print(f"{prepared.description.name}, {settings.protocol}, {summary}")
    print(f"would write metrics.json, report.html, model_card.md, log.txt and export/: {run_dir}")


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
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("One run at a time writes to a folder", "another", run_dir) from None
        yield


if __name__ == "__main__":
    define_dataset_flags(default_dataset="synthetic")
    define_train_flags()
    for definer in (define_dataset_flags, define_train_flags):  # for --help
        flags.adopt_module_key_flags(sys.modules[definer.__module__])
    run_command(main)
