"""What int8 costs the students of a board, and what three of them together give.

python -m pskd_tf.benchmark --flagfile=configs/benchmark_variance_utd_mhad.flags --raw_dir=DIR \\
    --methods=cross_entropy --protocols=cross_subject --score_test
python benchmarks/ensemble_study.py --flagfile=configs/benchmark_variance_utd_mhad.flags \\
    --raw_dir=DIR --methods=cross_entropy

The second command takes the finished test cells of the first one with their cached students,
converts each to int8 after training, and scores it in TensorFlow Lite Micro. Three students of
following seeds are an ensemble, whose class probabilities are the mean of theirs; no student is in
two ensembles. RESULTS/int8.csv has a row for each student, RESULTS/ensembles.csv for each ensemble.
Nothing is chosen here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import pskd_tf
from data_prep.commands import packaged_file, run_command
from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.records import read_arrays
from pskd_tf.benchmark.__main__ import BenchmarkArguments
from pskd_tf.benchmark.cells import Cell
from pskd_tf.benchmark.run import BenchmarkRun
from pskd_tf.benchmark.statistics import Spread, percent_text
from pskd_tf.method import read_methods
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.search import CompressionPlanner
from pskd_tf.pipeline.specs import QuantiseSpec, ScoreSpec
from pskd_tf.pipeline.stage import RunContext, Stage
from pskd_tf.processes import start_tensorflow
from pskd_tf.settings import CompressionSearch

NETS = 3
PROTOCOL = "cross_subject"


@dataclass(frozen=True)
class Student:
    """A student of the board and the stages that convert it.

    Attributes:
        cell: Its finished test cell.
        quantised: Converts it to int8.
        scored: Scores the int8 model on the cell's clips.
    """

    cell: Cell
    quantised: Stage[QuantiseSpec]
    scored: Stage[ScoreSpec]

    @staticmethod
    def of(cell: Cell, planner: CompressionPlanner) -> "Student":
        """Declares the stages of a cell's student; nothing is computed."""
        quantised = planner.quantise(cell.fit, cell.fit, "ptq")
        scored = planner.score(cell.fit, quantised, cell.stage.spec.clips, "int8")
        return Student(cell, quantised, scored)


def ensembles(students: Sequence[Student]) -> list[tuple[Student, ...]]:
    """Returns the students of following seeds by threes; what is left over is in none."""
    ordered = sorted(students, key=lambda one: one.cell.student_seed)
    return [
        tuple(ordered[start : start + NETS]) for start in range(0, len(ordered) - NETS + 1, NETS)
    ]


def student_row(student: Student, context: RunContext) -> dict[str, Any]:
    """Reads what a converted student reached."""
    cell, made = student.cell, context.result(student.quantised)
    float_probabilities, labels = _predictions(cell.stage, context)
    int8_probabilities, _ = _predictions(student.scored, context)
    guesses = float_probabilities.argmax(axis=1), int8_probabilities.argmax(axis=1)
    return {
        "method": cell.method,
        "teacher_seed": cell.teacher_seed,
        "student_seed": cell.student_seed,
        "clips": len(labels),
        "float_accuracy": float(np.mean(guesses[0] == labels)),
        "int8_accuracy": float(np.mean(guesses[1] == labels)),
        "agreement": float(np.mean(guesses[0] == guesses[1])),
        "least_snr_db": min(made["snr_db"].values()),
        "flash_bytes": made["flatbuffer_bytes"],
        "arena_bytes": made["arena_bytes"],
        "macs": made["macs"],
        "parameters": made["parameters"],
    }


def ensemble_row(students: Sequence[Student], context: RunContext) -> dict[str, Any]:
    """Scores the mean of the students' class probabilities, and sums up what they cost.

    The nets run one after the other, so the arena is that of the largest.
    """
    made = [context.result(one.quantised) for one in students]
    stages: dict[str, list[Stage[Any]]] = {
        "float": [one.cell.stage for one in students],
        "int8": [one.scored for one in students],
    }
    row: dict[str, Any] = {
        "method": students[0].cell.method,
        "student_seeds": "|".join(str(one.cell.student_seed) for one in students),
    }
    for form, scored in stages.items():
        read = [_predictions(stage, context) for stage in scored]
        mean = np.mean([probabilities for probabilities, _ in read], axis=0)
        row[f"{form}_accuracy"] = float(np.mean(mean.argmax(axis=1) == read[0][1]))
    row["flash_bytes"] = sum(one["flatbuffer_bytes"] for one in made)
    row["arena_bytes"] = max(one["arena_bytes"] for one in made)
    row["macs"] = sum(one["macs"] for one in made)
    return row


def _predictions(stage: Stage[Any], context: RunContext) -> tuple[np.ndarray, np.ndarray]:
    """Returns `(clips, classes)` probabilities and `(clips,)` labels."""
    names = "probabilities", "labels"
    arrays = read_arrays(context.folder(stage) / "predictions.npz", names)
    return arrays["probabilities"], arrays["labels"]


def summary_lines(students: pd.DataFrame, sets: pd.DataFrame) -> list[str]:
    """Formats both tables as one: mean +- sample standard deviation, in %."""
    lines = [
        "| students | nets | n | float % | int8 % | agree % | flash | arena | MACs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for table, nets in ((students, 1), (sets, NETS)):
        for method, group in table.groupby("method", sort=False):
            accuracies = [
                percent_text(Spread.of(group[f"{form}_accuracy"].to_numpy()), with_count=False)
                for form in ("float", "int8")
            ]
            agreement = f"{100 * group['agreement'].mean():.1f}" if nets == 1 else ""
            costs = [f"{group[one].mean():,.0f}" for one in ("flash_bytes", "arena_bytes", "macs")]
            cells = [method, nets, len(group), *accuracies, agreement, *costs]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def main(arguments: BenchmarkArguments) -> None:
    """Converts and scores the students of the finished test cells and writes both tables."""
    methods_file = packaged_file(arguments.methods_file, pskd_tf.__file__)
    methods = read_methods(methods_file, arguments.methods)
    prepared = arguments.prepare()
    context = RunContext(arguments.prepared, arguments.stages, arguments.run_dir)
    seeds = arguments.trial_seeds, arguments.validation_seeds
    run = BenchmarkRun(
        arguments.settings,
        methods,
        methods,
        prepared,
        context,
        arguments.results_dir,
        *seeds,
        arguments.halvings,
        arguments.halving_seed,
    )
    cells = [
        cell
        for cell in run.recorded_cells()
        if cell.protocol == PROTOCOL and isinstance(cell.stage.spec, ScoreSpec)
    ]
    if not cells:
        rule = (
            f"The study takes finished cells of nets (do them first: pskd_tf.benchmark "
            f"--protocols={PROTOCOL} --score_test)"
        )
        raise UserError(rule, "none of these methods", run.results.path)
    start_tensorflow()
    planner = CompressionPlanner(CompressionSearch())
    students = [Student.of(cell, planner) for cell in cells]
    run_stages([one.scored for one in students], context, arguments.workers)
    singles = pd.DataFrame([student_row(one, context) for one in students])
    sets = pd.DataFrame(
        [
            ensemble_row(together, context)
            for method in methods
            for together in ensembles([one for one in students if one.cell.method == method.name])
        ]
    )
    write_table(arguments.results_dir / "int8.csv", singles, float_format="%.6g")
    write_table(arguments.results_dir / "ensembles.csv", sets, float_format="%.6g")
    print("\n".join(summary_lines(singles, sets)))
    print(f"result: {arguments.results_dir / 'ensembles.csv'}")
    print("next: see docs/benchmark.md")


if __name__ == "__main__":
    run_command(main, BenchmarkArguments)
