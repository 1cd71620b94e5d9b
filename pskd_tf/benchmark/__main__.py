"""Compares distillation methods on a data set and writes a leaderboard.

python -m pskd_tf.benchmark --flagfile=configs/benchmark_utd_mhad.flags --raw_dir=DIR
python -m pskd_tf.benchmark --flagfile=configs/benchmark_utd_mhad.flags --raw_dir=DIR --dry_run
python -m pskd_tf.benchmark --flagfile=configs/benchmark_utd_mhad.flags --raw_dir=DIR \
    --protocols=cross_subject --score_test

Every cell (method, seeds, fold) is a small job and one line of RESULTS/cells.csv; the same command
resumes, and adds what is missing. `validation` leaves training subjects out and picks each method's
trial; the other protocols score test subjects, want --score_test, and leave a line in
RESULTS/test_ledger.csv. `repeated_subject_halves` compares methods over many halves of the
subjects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pskd_tf
from data_prep.commands import packaged_file, run_command
from data_prep.errors import UserError
from data_prep.protocols import REPEATED_SUBJECT_HALVES
from data_prep.settings import REQUIRED, setting
from data_prep.workers import RUNNERS
from pskd_tf.arguments import TrainingArguments
from pskd_tf.label_settings import LABEL_AMOUNTS
from pskd_tf.method import read_methods
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.settings import RunSettings
from pskd_tf.student_settings import StudentSettings
from pskd_tf.virtual_settings import WATCH_AMOUNTS

if TYPE_CHECKING:
    from pskd_tf.benchmark.board import BoardRow
    from pskd_tf.benchmark.run import BenchmarkRun
    from pskd_tf.benchmark.stream_stages import BenchmarkStreams


@dataclass(frozen=True)
class BenchmarkArguments(TrainingArguments):
    """The recipe that all methods share, the methods, and where results lie."""

    run_dir: Path = setting(REQUIRED, "Folder of the work in progress.")
    results_dir: Path = setting(REQUIRED, "Folder of the results, to be committed.")
    methods: tuple[str, ...] = setting(
        (), "Names of methods; all of the file if none is given.", group="benchmark"
    )
    protocols: tuple[str, ...] = setting(
        ("validation",), "Protocols, in the order to be done.", group="benchmark"
    )
    trial_seeds: tuple[int, ...] = setting(
        (1,), "Student seeds that pick a trial.", group="benchmark"
    )
    validation_seeds: tuple[int, ...] = setting(
        (1, 2), "Student seeds that validate a picked trial.", group="benchmark"
    )
    score_test: bool = setting(
        False,
        "Allow test subjects to be scored; each time leaves a line in the ledger.",
        group="benchmark",
    )
    halvings: int = setting(
        10,
        "With the protocol repeated_subject_halves: how often the subjects are halved; each half "
        "trains once and the other one is scored.",
        minimum=1,
        group="benchmark",
    )
    halving_seed: int = setting(0, "Seed that draws the halvings.", minimum=0, group="benchmark")
    expected_from: Path | None = setting(
        None,
        "Results folder whose finished cells tell how much people and runs vary, to estimate the "
        "smallest difference that halves will show; --results_dir if none is given.",
        group="benchmark",
    )
    idle_hours: float = setting(
        2.0,
        "With --stream_training: hours of idle of each kind, for each fold.",
        unit="h",
        above=0,
        group="benchmark",
    )
    board_only: bool = setting(
        False,
        "Write leaderboard.html of --results_dir from its records and end; no recordings are "
        "needed.",
        group="benchmark",
    )
    keep_views: bool = setting(
        False,
        "Draw each seed's training views once for all methods, into RUN/views (UTD-MHAD: 0.6 GB a "
        "seed and fold): a quarter off the time, the same bits.",
    )
    curve: str | None = setting(
        None,
        "Draw a learning curve against labelled_subjects, labels_per_class or watch_subjects: a "
        "board for each of the amounts, in RESULTS/AMOUNT.",
        choices=(*LABEL_AMOUNTS, *WATCH_AMOUNTS),
        group="benchmark",
    )
    amounts: tuple[int, ...] = setting(
        (1, 2, 3), "Amounts of the learning curve, ascending.", group="benchmark"
    )
    runner: str = setting("processes", "What runs the cells.", choices=RUNNERS)
    ray_address: str | None = setting(
        None, "Address of the Ray cluster; one is started if none is given."
    )


def main(arguments: BenchmarkArguments) -> None:
    """Does the missing cells of each protocol, then writes and prints the board or the curve."""
    if arguments.board_only:
        _write_pages(arguments)
        return
    scoring = [name for name in arguments.protocols if name != "validation"]
    if scoring and not arguments.score_test:
        raise UserError("Test subjects are scored with --score_test only", ", ".join(scoring))
    if REPEATED_SUBJECT_HALVES in arguments.protocols:
        _check_halves(arguments)
    if arguments.settings.student != StudentSettings():
        rule = "The methods of a benchmark name their nets (model in --methods_file), not --student"
        raise UserError(rule, arguments.settings.student.student)
    methods_file = packaged_file(arguments.methods_file, pskd_tf.__file__)
    methods, listed = read_methods(methods_file, arguments.methods), read_methods(methods_file)
    arguments.run_dir.mkdir(parents=True, exist_ok=True)
    prepared = arguments.prepare()
    context = RunContext(
        prepared_dir=arguments.prepared,
        stages_dir=arguments.stages,
        run_dir=arguments.run_dir,
        record_every_epochs=arguments.record_every_epochs,
        strategy=arguments.strategy,
        views_dir=arguments.run_dir / "views" if arguments.keep_views else None,
    )
    # Not above: scikit-learn takes seconds, for which --help need not wait.
    from pskd_tf.benchmark.learning_curve import (
        curve_points,
        recorded_amounts,
        settings_of_amount,
        write_curve,
    )
    from pskd_tf.benchmark.run import BenchmarkRun

    def one_run(settings: RunSettings, results_dir: Path) -> BenchmarkRun:
        seeds = arguments.trial_seeds, arguments.validation_seeds
        halvings = arguments.halvings, arguments.halving_seed
        folders = context, results_dir
        return BenchmarkRun(settings, methods, listed, prepared, *folders, *seeds, *halvings)

    if not arguments.curve:
        rows = _board(one_run(arguments.settings, arguments.results_dir), arguments)
        if rows is not None:
            name = "leaderboard.md" if rows else "halves.md"
            print(f"result: {arguments.results_dir / name}")
            more = "other --methods, --seeds or --protocols"
            print(f"next: commit the folder, or add cells: {more}")
        return

    def run_of_amount(amount: int) -> BenchmarkRun:
        settings = settings_of_amount(arguments.settings, arguments.curve or "", amount)
        return one_run(settings, arguments.results_dir / str(amount))

    boards = {}
    for amount in arguments.amounts:
        print(f"{arguments.curve}: {amount}")
        rows = _board(run_of_amount(amount), arguments)
        if rows is not None:
            boards[amount] = rows
    if not arguments.dry_run:
        for amount in recorded_amounts(arguments.results_dir):
            boards.setdefault(amount, run_of_amount(amount).board())
        points = curve_points(boards, [method.title for method in listed])
        print(write_curve(arguments.results_dir, points, arguments.curve), end="")
        print(f"result: {arguments.results_dir / 'learning_curve.png'}")
        print("next: commit the folder, or add amounts: other --amounts")


def _board(run: "BenchmarkRun", arguments: BenchmarkArguments) -> "list[BoardRow] | None":
    """Does a benchmark's missing cells and prints its board; with --dry_run it prints the plan."""
    from pskd_tf.benchmark.board import leaderboard_markdown
    from pskd_tf.benchmark.halves import halves_markdown
    from pskd_tf.benchmark.perform import run_cells
    from pskd_tf.benchmark.stream import stream_markdown

    _print_left_out(run.results.path, run.left_out())
    streams = _streams(run, arguments)
    if arguments.dry_run:
        _print_plan(run, arguments)
        if streams:
            print(f"and streams of {len(streams.missing())} students, which no line above counts")
        return None
    for protocol in arguments.protocols:
        if protocol == REPEATED_SUBJECT_HALVES:
            _print_expected(run, arguments)
        run.perform(
            protocol,
            lambda cells, finished: run_cells(
                cells,
                run.context,
                finished,
                arguments.workers,
                arguments.runner,
                arguments.ray_address,
            ),
        )
    rows = run.board()
    if rows:
        print(leaderboard_markdown(rows), end="")
    if REPEATED_SUBJECT_HALVES in arguments.protocols:
        print(halves_markdown(run.halves_rows()), end="")
    if arguments.settings.virtual.unworn_classes:
        print(run.unworn_classes(), end="")
    if streams:
        streams.perform(arguments.workers)
        print(stream_markdown(streams.board()), end="")
    return rows


def _streams(run: "BenchmarkRun", arguments: BenchmarkArguments) -> "BenchmarkStreams | None":
    """Returns what is wanted in the stream, checked before anything is trained."""
    from pskd_tf.benchmark.stream_stages import BenchmarkStreams

    if not arguments.settings.stream.enabled:
        return None
    streams = BenchmarkStreams(run, arguments.protocols, arguments.idle_hours)
    _print_left_out(streams.path, streams.left_out())
    streams.check()
    return streams


def _print_left_out(path: Path, left_out: Mapping[str, int]) -> None:
    """Says which finished cells a board does not show, before anything is spent."""
    if left_out:
        cells = ", ".join(f"{count} of {method}" for method, count in sorted(left_out.items()))
        print(f"note: cells of another recipe or version are not on the board: {cells} ({path})")


def _write_pages(arguments: BenchmarkArguments) -> None:
    """Writes the page of a board, or of each amount of a curve."""
    from pskd_tf.benchmark.learning_curve import recorded_amounts
    from pskd_tf.benchmark.page import write_board_page

    methods = read_methods(packaged_file(arguments.methods_file, pskd_tf.__file__))
    folders = [arguments.results_dir]
    if arguments.curve:
        amounts = recorded_amounts(arguments.results_dir)
        folders = [arguments.results_dir / str(amount) for amount in amounts]
    for folder in folders:
        print(f"result: {write_board_page(folder, methods)}")
    print("next: open it in a browser, or commit the folder")


def _check_halves(arguments: BenchmarkArguments) -> None:
    rule = f"{REPEATED_SUBJECT_HALVES} needs at least two student seeds (--seeds=1,2)"
    if len(arguments.settings.seeds) < 2:
        raise UserError(rule, ",".join(map(str, arguments.settings.seeds)))
    # Boards in the stream and curves read folds that score each clip once.
    if arguments.curve or arguments.settings.stream.enabled:
        rule = f"{REPEATED_SUBJECT_HALVES} goes without --curve and --stream_training"
        raise UserError(rule, arguments.curve or "stream_training")


def _print_expected(run: "BenchmarkRun", arguments: BenchmarkArguments) -> None:
    """Prints the smallest difference that repeated halves are expected to show."""
    folder = arguments.expected_from or arguments.results_dir
    count = f"{arguments.halvings} halvings, {len(arguments.settings.seeds)} student seeds"
    expected = run.halves_expected(folder)
    if not expected:
        print(
            f"{count}: {folder} has no test cells that tell what they will show (--expected_from)"
        )
        return
    print(f"{count}, as the cells of {folder} let expect:")
    for one in expected:
        print(f"  {one}")


def _print_plan(run: "BenchmarkRun", arguments: BenchmarkArguments) -> None:
    from pskd_tf.benchmark.perform import estimated_seconds

    total = 0.0
    for protocol in arguments.protocols:
        if protocol == REPEATED_SUBJECT_HALVES:
            _print_expected(run, arguments)
        cells = []
        for method in run.methods:
            own = run.planned_cells(protocol, method)
            tuning = [cell for trial in run.trials(method) for cell in trial]
            cells += tuning + own if protocol == "validation" else own
        missing = run.missing(cells)
        for cell in missing:
            print(f"{protocol}: {cell.fit.name}, scored on {', '.join(cell.held_out)}")
        seconds = estimated_seconds(missing, run.results.records.values(), run.context)
        seconds /= arguments.workers
        total += seconds
        print(f"{protocol}: {len(missing)} cells to do, about {seconds / 60:.0f} min")
    print(f"about {total / 60:.0f} min with {arguments.workers} workers; nothing was done")


if __name__ == "__main__":
    run_command(main, BenchmarkArguments)
