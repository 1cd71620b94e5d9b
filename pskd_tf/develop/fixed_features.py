"""Compares features in fixed point with features in float, on a run's held-out clips.

Examples:
    python -m pskd_tf.develop.fixed_features --run_dir=RUN
    python -m pskd_tf.develop.fixed_features --run_dir=RUN --out=FILE.csv

Each int8 student of the run (its seeds and folds) is run in TensorFlow Lite Micro's interpreter on
both; nothing is chosen by the result. In clip mode only.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.commands import print_result, run_command
from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.settings import setting
from pskd_tf.arguments import StagesArguments
from pskd_tf.data.fixed_features import FEATURES
from pskd_tf.evaluation.tflm import Int8Interface, tflm_logits
from pskd_tf.export.fixed_point import prepared_input
from pskd_tf.pipeline.specs import ScoreSpec
from pskd_tf.run import Run
from pskd_tf.stage_record import Predictions, StageRecord


@dataclass(frozen=True)
class FixedFeaturesArguments(StagesArguments):
    """The run and the table."""

    out: Path | None = setting(None, "CSV file for the table; only printed if not given.")


def compare_stage(run: Run, stage: StageRecord) -> dict[str, float]:
    """Scores one int8 student with either arithmetic.

    Args:
        run: The run.
        stage: A score stage of it.

    Returns:
        Number of clips, accuracies in percent, decisions that differ.
    """
    source = run.stage(stage.spec(ScoreSpec).source)
    tflite = (source.folder / "student_int8.tflite").read_bytes()
    interface, inputs = Int8Interface.read(tflite), run.export.manifest.inputs
    truth = Predictions.load([stage.folder])
    clips = [
        run.prepared.measured(row, gyroscope=inputs.has_gyroscope)
        for row in run.clip_rows(truth.clip_ids)
    ]
    guesses = {}
    for features in FEATURES:
        prepared = [prepared_input(samples, inputs, interface, features) for samples in clips]
        guesses[features] = tflm_logits(tflite, np.stack(prepared))[0].argmax(axis=1)
    return {
        "clips": len(clips),
        "float": 100 * float((guesses["float"] == truth.labels).mean()),
        "fixed": 100 * float((guesses["fixed"] == truth.labels).mean()),
        "differing": int((guesses["float"] != guesses["fixed"]).sum()),
    }


def main(arguments: FixedFeaturesArguments) -> None:
    """Prints a row for each int8 student, and the means."""
    run = Run.load(arguments.run_dir, arguments.stages_dir, arguments.prepared_dir)
    if run.export.manifest.inputs.mode != "clip":
        raise UserError("The comparison needs a run in clip mode", "window mode")
    stages = [stage for stage in run.stages if stage.name.startswith("score-int8-")]
    if arguments.dry_run:
        print(f"would score {len(stages)} int8 students twice: {arguments.run_dir}")
        return
    rows = {stage.name.removeprefix("score-int8-"): compare_stage(run, stage) for stage in stages}
    table = pd.DataFrame.from_dict(rows, orient="index")
    if arguments.out is not None:
        write_table(arguments.out, table, index_label="student", float_format="%.3f")
    print(table.to_string(float_format="{:.2f}".format))
    means = {name: float(table[name].mean()) for name in FEATURES}
    means |= {name: int(table[name].sum()) for name in ("clips", "differing")}
    print(json.dumps({name: round(value, 3) for name, value in means.items()}))
    print_result(arguments.run_dir, "python", "-m", "pskd_tf.export", "--features=fixed")


if __name__ == "__main__":
    run_command(main, FixedFeaturesArguments)
