"""Which distillation is best for these recordings, and by how much: a board that can be checked.

python -m pskd_tf.benchmark --flagfile=configs/benchmark_utd_mhad.flags --raw_dir=DIR
python -m pskd_tf.benchmark --flagfile=configs/benchmark_utd_mhad.flags --raw_dir=DIR --dry_run
python -m pskd_tf.benchmark --flagfile=configs/benchmark_utd_mhad.flags --raw_dir=DIR \
    --protocols=cross_subject --score_test

Every cell (method, seeds, fold) is a small job and one line of RESULTS/cells.csv; the same command
resumes, and adds what is missing. `validation` leaves training subjects out and picks each method's
trial; the other protocols score test subjects, want --score_test, and leave a line in
RESULTS/test_ledger.csv.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

import pskd_tf
from data_prep.commands import packaged_file, run_command
from data_prep.dataset_flags import define_dataset_flags
from data_prep.errors import UserError
from pskd_tf.benchmark.methods import read_methods
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.processes import start_tensorflow
from pskd_tf.train_flags import (
    define_train_flags,
    prepare_from_flags,
    settings_from_flags,
    whole_numbers,
)

if TYPE_CHECKING:
    from pskd_tf.benchmark.run import BenchmarkRun

_METHODS_FILE = flags.DEFINE_string(
    "methods_file", "configs/benchmark_methods.json", "The methods; see docs/benchmark.md."
)
_METHODS = flags.DEFINE_list("methods", [], "Names of methods; all of the file if empty.")
_PROTOCOLS = flags.DEFINE_list("protocols", ["validation"], "Protocols, in the order to be done.")
_RESULTS_DIR = flags.DEFINE_string("results_dir", None, "Folder of the results, to be committed.")
_TRIAL_SEEDS = flags.DEFINE_list("trial_seeds", ["1"], "Student seeds that pick a trial.")
_VALIDATION_SEEDS = flags.DEFINE_list(
    "validation_seeds", ["1", "2"], "Student seeds that validate a picked trial."
)
_SCORE_TEST = flags.DEFINE_bool(
    "score_test", False, "Allow test subjects to be scored; each time leaves a line in the ledger."
)
_KEEP_VIEWS = flags.DEFINE_bool(
    "keep_views",
    False,
    "Draw each seed's training views once for all methods, into RUN/views (UTD-MHAD: 0.6 GB a "
    "seed and fold): a quarter off the time, the same bits.",
)
_RUNNER = flags.DEFINE_enum("runner", "processes", ("processes", "ray"), "Who does the cells.")
_RAY_ADDRESS = flags.DEFINE_string("ray_address", None, "The Ray cluster; one is started if none.")


def main() -> None:
    """Does the missing cells of each protocol, then writes and prints the board."""
    values = flags.FLAGS
    if not values.run_dir or not _RESULTS_DIR.value:
        raise UserError("--run_dir (work in progress) and --results_dir must be given", "nothing")
    scoring = [name for name in _PROTOCOLS.value if name != "validation"]
    if scoring and not _SCORE_TEST.value:
        raise UserError("Test subjects are scored with --score_test only", ", ".join(scoring))
    settings = settings_from_flags(values)
    methods = read_methods(packaged_file(_METHODS_FILE.value, pskd_tf.__file__), _METHODS.value)
    run_dir = Path(values.run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    start_tensorflow()
    from pskd_tf.benchmark.board import leaderboard_markdown
    from pskd_tf.benchmark.run import BenchmarkRun, run_cells

    prepared_dir = Path(values.prepared_dir or run_dir / "prepared")
    prepared = prepare_from_flags(values, prepared_dir)
    context = RunContext(
        prepared_dir=prepared_dir,
        stages_dir=Path(values.stages_dir or run_dir / "stages"),
        run_dir=run_dir,
        record_every_epochs=values.record_every_epochs,
        strategy=values.strategy,
        views_dir=run_dir / "views" if _KEEP_VIEWS.value else None,
    )
    results_dir = Path(_RESULTS_DIR.value)
    run = BenchmarkRun(
        settings,
        methods,
        prepared,
        context,
        results_dir,
        whole_numbers("trial_seeds", _TRIAL_SEEDS.value),
        whole_numbers("validation_seeds", _VALIDATION_SEEDS.value),
    )
    if values.dry_run:
        _print_plan(run, values.workers)
        return
    for protocol in _PROTOCOLS.value:
        run.perform(
            protocol,
            lambda cells, finished: run_cells(
                cells, context, finished, values.workers, _RUNNER.value, _RAY_ADDRESS.value
            ),
        )
    rows = run.board()
    print(leaderboard_markdown(rows), end="")
    print(f"result: {results_dir / 'leaderboard.md'}")
    print("next: commit the folder, or add cells: other --methods, --seeds or --protocols")


def _print_plan(run: "BenchmarkRun", workers: int) -> None:
    from pskd_tf.benchmark.run import estimated_seconds

    total = 0.0
    for protocol in _PROTOCOLS.value:
        cells = []
        for method in run.methods:
            trials = run.trials(method)
            tuning = [cell for trial in trials for cell in trial]
            picked = 0 if run.missing(tuning) else run.picked(method)
            own = run.cells(protocol, method, picked)
            cells += tuning + own if protocol == "validation" else own
        missing = run.missing(cells)
        for cell in missing:
            print(f"{protocol}: {cell.fit.name}, scored on {', '.join(cell.held_out)}")
        seconds = estimated_seconds(missing, run.results.records.values(), run.context) / workers
        total += seconds
        print(f"{protocol}: {len(missing)} cells to do, about {seconds / 60:.0f} min")
    print(f"about {total / 60:.0f} min with {workers} workers; nothing was done")


if __name__ == "__main__":
    define_dataset_flags(default_dataset="synthetic")
    define_train_flags()
    for definer in (define_dataset_flags, define_train_flags):  # for --help
        flags.adopt_module_key_flags(sys.modules[definer.__module__])
    run_command(main)
