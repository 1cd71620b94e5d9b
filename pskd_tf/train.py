"""From raw recordings to a C array: the one command that does it all.

python -m pskd_tf.train --flagfile=configs/demo.flags
python -m pskd_tf.train --flagfile=configs/utd_mhad.flags --raw_dir=DIR --run_dir=RUN
"""

import fcntl
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from absl import flags
from tqdm import tqdm

from data_prep.clip import Clip
from data_prep.dataset_flags import dataset_options_from_flags, define_dataset_flags
from data_prep.prepare_dataset import prepare_dataset
from data_prep.run_command import run_command
from data_prep.user_error import UserError
from pskd_tf.pipeline.metrics_table import metrics_table
from pskd_tf.pipeline.plan_run import plan_run
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.run_record import finished_metrics, run_key
from pskd_tf.pipeline.start_tensorflow import start_tensorflow
from pskd_tf.train_flags import define_train_flags, settings_from_flags


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
    with _run_lock(run_dir):
        prepared_dir = Path(values.prepared_dir or run_dir / "prepared")
        prepared = prepare_dataset(
            values.dataset,
            values.raw_dir,
            prepared_dir,
            values.data_seed,
            progress=_progress,
            options=dataset_options_from_flags(values),
            quarantine=values.quarantine,
            workers=0,
        )
        context = RunContext(
            prepared_dir=prepared_dir,
            stages_dir=Path(values.stages_dir or run_dir / "stages"),
            run_dir=run_dir,
            record_every_epochs=values.record_every_epochs,
        )
        plans = plan_run(settings, prepared)
        metrics = finished_metrics(run_dir, run_key(settings, plans))
        if metrics is None:
            start_tensorflow()
            # Imported here, because it imports TensorFlow, which was not started before.
            from pskd_tf.pipeline.perform_run import perform_run

            metrics = perform_run(settings, plans, prepared, context, values.workers)
    print(metrics_table(metrics))
    print(f"numbers: {run_dir / 'metrics.json'}")
    print(f"model for the board: {run_dir / 'export'}")


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


def _progress(clips: Iterable[Clip], total: int) -> Iterable[Clip]:
    return tqdm(clips, total=total, unit="clip", disable=not sys.stderr.isatty())


if __name__ == "__main__":
    define_dataset_flags(default_dataset="synthetic")
    define_train_flags()
    for definer in (define_dataset_flags, define_train_flags):  # for --help
        flags.adopt_module_key_flags(sys.modules[definer.__module__])
    run_command(main)
