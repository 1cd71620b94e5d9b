"""Compares the students of two runs seed by seed and writes the figures, to be committed.

Examples:
    python -m pskd_tf.develop.paired_runs --run_dir=RUN --other_run=OTHER_RUN --results_dir=DIR

DIR/runs.csv has a row for each run, form (float, pruned, int8) and student seed, with the class
that is guessed for every test clip; DIR/summary.md the means, and the difference of RUN from
OTHER_RUN paired by seed with the interval of the benchmark's bootstrap. Both runs must be of one
prepared set and one protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.commands import print_result, run_command
from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.files import whole_folder
from data_prep.settings import REQUIRED, setting
from pskd_tf.arguments import StagesArguments
from pskd_tf.benchmark.results import guesses_text
from pskd_tf.benchmark.statistics import Spread, paired_difference, points_text
from pskd_tf.evaluation.scores import classification_scores
from pskd_tf.pipeline.specs import FitSpec, ScoreSpec
from pskd_tf.run import Run
from pskd_tf.stage_record import Predictions
from pskd_tf.student_settings import OWN_NET

_REPLICATES = 2000


@dataclass(frozen=True)
class PairedRunsArguments(StagesArguments):
    """The run to subtract, and where the figures go."""

    other_run: Path = setting(REQUIRED, "Folder of the run that is subtracted.")
    results_dir: Path = setting(REQUIRED, "Folder of the figures; an older one is replaced.")


@dataclass(frozen=True)
class SeedScore:
    """One student on the test clips.

    Attributes:
        run: Name of the run's folder.
        form: `float`, `pruned` or `int8`.
        seed: The student's.
        predictions: On the clips.
    """

    run: str
    form: str
    seed: int
    predictions: Predictions

    @property
    def scores(self) -> dict[str, float]:
        """Accuracy, macro F1 and accuracy on wrist actions, 0..1."""
        one = self.predictions
        return classification_scores(one.labels, one.guesses, one.on_wrist)


def seed_scores(run: Run) -> list[SeedScore]:
    """Reads the scores of a run's students, by form and seed.

    Args:
        run: A run of one fold, all stages there.

    Returns:
        The scores of `float`, then `pruned`, then `int8`, seeds ascending.

    Raises:
        UserError: The run has several folds.
    """
    found: dict[tuple[str, int], SeedScore] = {}
    for stage in run.stages:
        if stage.kind != ScoreSpec.kind:
            continue
        spec = stage.spec(ScoreSpec)
        student = run.stage(spec.model).spec(FitSpec)
        if student.model != OWN_NET:
            continue
        form = spec.form if spec.form == "int8" or spec.source == spec.model else "pruned"
        one = SeedScore(run.run_dir.name, form, student.seed, Predictions.load([stage.folder]))
        if (form, one.seed) in found:
            rule = "Runs are paired that have one fold and one student for each seed (--teachers=)"
            raise UserError(rule, f"two of seed {one.seed}, {form}", run.run_dir)
        found[form, one.seed] = one
    forms = ("float", "pruned", "int8")
    return [found[key] for key in sorted(found, key=lambda key: (forms.index(key[0]), key[1]))]


def summary_markdown(
    mine: Sequence[SeedScore], others: Sequence[SeedScore], subjects: np.ndarray
) -> str:
    """Returns a Markdown table: means of both runs, and their difference paired by seed.

    Args:
        mine: Of the first run.
        others: Of the run to subtract, on the same clips.
        subjects: `(clips,)` subject of each clip.
    """
    names = [next(one.run for one in scores) for scores in (mine, others)]
    lines = [
        f"| form | {names[0]}: accuracy % (seeds) | {names[1]} | difference, points | by seed |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for form in dict.fromkeys(one.form for one in mine):
        own, subtracted = (
            {(-1, one.seed): one for one in scores if one.form == form} for scores in (mine, others)
        )
        cells = []
        for scores in (own, subtracted):
            spread = Spread.of([one.scores["accuracy"] for one in scores.values()])
            mean, std = 100 * spread.mean, 100 * spread.std
            cells.append(f"{mean:.1f} +- {std:.1f} ({spread.count})")
        difference = paired_difference(
            {key: one.predictions.right.astype(float) for key, one in own.items()},
            {key: one.predictions.right.astype(float) for key, one in subtracted.items()},
            subjects,
            _REPLICATES,
        )
        by_seed = [
            f"{100 * (own[key].scores['accuracy'] - subtracted[key].scores['accuracy']):+.1f}"
            for key in own
            if key in subtracted
        ]
        row = [form, *cells, points_text(difference), ", ".join(by_seed)]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def main(arguments: PairedRunsArguments) -> None:
    """Reads both runs, writes and prints the figures."""
    run = Run.load(arguments.run_dir, arguments.stages_dir, arguments.prepared_dir)
    other = Run.load(arguments.other_run)
    mine, others = seed_scores(run), seed_scores(other)
    clips = [tuple(one.predictions.clip_ids) for one in (*mine, *others)]
    if not clips or len(set(clips)) != 1:
        raise UserError("Both runs must score the same clips", "others", arguments.other_run)
    if arguments.dry_run:
        print(f"would write {len(clips)} rows: {arguments.results_dir}")
        return
    rows = run.clip_rows(clips[0])
    subjects = run.prepared.manifest["subject"].to_numpy(str)[rows]
    summary = summary_markdown(mine, others, subjects)
    table = pd.DataFrame(
        {
            "run": one.run,
            "form": one.form,
            "student_seed": one.seed,
            **{name: round(value, 6) for name, value in one.scores.items()},
            "guesses": guesses_text(one.predictions.guesses),
        }
        for one in (*mine, *others)
    )
    with whole_folder(arguments.results_dir) as folder:
        write_table(folder / "runs.csv", table)
        (folder / "summary.md").write_text(summary, encoding="utf-8", newline="\n")
    print(summary, end="")
    compare = (arguments.run_dir, arguments.other_run)
    print_result(
        arguments.results_dir, "python", "-m", "pskd_tf.report", "--compare", *map(str, compare)
    )


if __name__ == "__main__":
    run_command(main, PairedRunsArguments)
