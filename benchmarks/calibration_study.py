"""How int8 ranges are best read where the calibration clips have outliers, by validation subjects.

python -m pskd_tf.train --flagfile=configs/utd_mhad.flags --raw_dir=DIR --teachers= \\
    --protocol=validation --seeds=1 --run_dir=RUN
python benchmarks/calibration_study.py --run_dir=RUN

RUN leaves out one training subject after the other. The calibration clips of each fold get samples
of a broken sensor; the fold's pruned student is converted with every cut that the rules of
--calibration compare, and scored in int8 on the subject that was left out. RESULTS/calibration.csv
has one row for each fold, number of outliers and rule. No test subject is read.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_prep.commands import print_result, run_command
from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.settings import setting
from pskd_tf.arguments import StagesArguments
from pskd_tf.compression.convert import (
    KEPT,
    Calibrated,
    calibration_clips,
    calibration_cuts,
    convert_cuts,
    least_error,
    write_request,
)
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import draw_generator, plain_views
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits
from pskd_tf.pipeline.shrink import fitted_arguments
from pskd_tf.pipeline.specs import CompressSpec, FitSpec, ScoreSpec
from pskd_tf.pipeline.stage import load_weights
from pskd_tf.processes import start_tensorflow
from pskd_tf.run import Run
from pskd_tf.settings import CALIBRATIONS
from pskd_tf.stage_record import StageRecord

# Samples of a broken sensor: one axis of one sample, either sign.
OUTLIERS = (0, 1, 5)
LEAST_G, MOST_G = 16.0, 60.0


def with_outliers(clips: PairedClips, count: int, generator: np.random.Generator) -> PairedClips:
    """Returns clips of which some have one sample beyond any movement.

    Args:
        clips: The clips.
        count: Clips that get a sample.
        generator: Draws clips, samples, axes, signs and magnitudes.
    """
    spoilt = clips.accelerometer.copy()
    for row in generator.choice(len(clips), count, replace=False):
        sample = generator.integers(clips.accelerometer_lengths[row])
        value = generator.choice([-1.0, 1.0]) * generator.uniform(LEAST_G, MOST_G)
        spoilt[row, sample, generator.integers(3)] = value
    return replace(clips, accelerometer=spoilt)


@dataclass(frozen=True)
class Fold:
    """A pruned student, the clips that calibrate it and those of the subject that was left out.

    Attributes:
        subject: Who was left out.
        seed: Seed of the student, and of the outliers.
        calibration: The clips.
        held_out: The clips.
        fit: Specification of the student.
        weights: Of the pruned student.
    """

    subject: str
    seed: int
    calibration: PairedClips
    held_out: PairedClips
    fit: FitSpec
    weights: list[np.ndarray]

    @classmethod
    def load(cls, run: Run, score: StageRecord) -> "Fold":
        """Reads the stages behind the score of an int8 student."""
        scored = score.spec(ScoreSpec)
        compressed = run.stage(scored.source)
        spec = compressed.spec(CompressSpec)
        fit = run.stage(spec.student).spec(FitSpec)
        training = PairedClips.load_clips(run.prepared, fit.part.clips)
        count = min(spec.settings.calibration_clips, len(training))
        chosen = calibration_clips(training.labels, count, fit.seed)
        held_out = PairedClips.load_clips(run.prepared, scored.clips)
        return cls(
            ",".join(sorted(set(held_out.subjects))),
            fit.seed,
            training.subset(chosen),
            held_out,
            fit,
            load_weights(compressed.folder / "weights.npz"),
        )

    def views(self, clips: PairedClips) -> np.ndarray:
        """Returns `(clips, steps, 1, channels)` float32."""
        return plain_views(clips, {"accelerometer"}, self.fit.data.inputs)["accelerometer"]

    def accuracy(self, converted: Calibrated) -> float:
        """Returns the share of right decisions in int8 on the clips that were left out, 0..1."""
        interface = Int8Interface.read(converted.tflite)
        views = self.views(self.held_out)
        quantised = quantise_input(views, interface.input_scale, interface.input_zero_point)
        outputs, _ = tflm_logits(converted.tflite, quantised)
        return float((outputs.argmax(axis=1) == self.held_out.labels).mean())

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields a row for each number of outliers and rule."""
        import keras

        from pskd_tf.models.registry import build_student, model_outputs

        arguments = fitted_arguments(self.fit)
        model = build_student(keras, **arguments)
        model.set_weights(self.weights)
        logits = model_outputs(model, {"accelerometer": self.views(self.held_out)})["logits"]
        of_float = float((logits.argmax(axis=1) == self.held_out.labels).mean())
        for count in OUTLIERS:
            generator = draw_generator(self.seed, f"outliers/{self.subject}", count)
            clips = self.views(with_outliers(self.calibration, count, generator))
            logits = model_outputs(model, {"accelerometer": clips})["logits"]
            found = convert_cuts(self.weights, arguments, clips, logits, KEPT, converted_here)
            accuracies = {one.kept_percent: self.accuracy(one) for one in found}
            for rule in CALIBRATIONS:
                cuts = calibration_cuts(rule, clips)
                chosen = least_error(one for one in found if one.kept_percent in cuts)
                yield {
                    "subject": self.subject,
                    "seed": self.seed,
                    "clips": len(self.held_out),
                    "outliers": count,
                    "rule": rule,
                    "kept_percent": chosen.kept_percent,
                    "variation": chosen.error,
                    "float_accuracy": of_float,
                    "int8_accuracy": accuracies[chosen.kept_percent],
                }


def converted_here(
    weights: Sequence[np.ndarray], arguments: dict[str, Any], calibration: np.ndarray
) -> bytes:
    """Converts as `convert_to_int8` does, to the same bytes, in this process.

    Its own process for each conversion would take most of the study's time to import TensorFlow.
    """
    from pskd_tf.compression import conversion_worker

    with tempfile.TemporaryDirectory() as folder:
        request, result = Path(folder, "request.npz"), Path(folder, "student.tflite")
        write_request(request, weights, arguments, calibration)
        conversion_worker.main(str(request), str(result))
        return result.read_bytes()


def summary_lines(table: pd.DataFrame) -> list[str]:
    """Formats the rows as a Markdown table.

    Returns:
        Accuracies over the clips of all folds in per cent, and in brackets the mean over the folds
        of the total variation between float and int8 on the calibration clips.
    """
    names = ["outliers", "float", *(f"`{rule}`" for rule in CALIBRATIONS)]
    lines = [f"| {' | '.join(names)} |", "| ---: " * len(names) + "|"]
    for count, group in table.groupby("outliers"):
        cells = [f"{_pooled(group[group['rule'] == CALIBRATIONS[0]], 'float_accuracy'):.1f}"]
        for rule in CALIBRATIONS:
            chosen = group[group["rule"] == rule]
            variation = chosen["variation"].mean()
            cells.append(f"{_pooled(chosen, 'int8_accuracy'):.1f} ({variation:.4f})")
        lines.append(f"| {count} | {' | '.join(cells)} |")
    return lines


def _pooled(table: pd.DataFrame, column: str) -> float:
    return 100 * float(np.average(table[column], weights=table["clips"]))


@dataclass(frozen=True)
class CalibrationArguments(StagesArguments):
    """The run of the validation subjects, and where the table goes."""

    results_dir: Path = setting(Path("benchmarks/results"), "Folder of calibration.csv.")


def main(arguments: CalibrationArguments) -> None:
    """Converts and scores the students of all folds and writes the table."""
    run = Run.load(arguments.run_dir, arguments.stages_dir, arguments.prepared_dir)
    if (run.settings.protocol, run.settings.inputs.mode) != ("validation", "clip"):
        received = f"{run.settings.protocol}, {run.settings.inputs.mode}"
        raise UserError("The study needs a run in clip mode with --protocol=validation", received)
    scores = [stage for stage in run.stages if stage.name.startswith("score-int8-")]
    if arguments.dry_run:
        print(f"would convert {len(scores)} students {len(OUTLIERS) * len(KEPT)} times each")
        return
    start_tensorflow()
    table = pd.DataFrame(row for score in scores for row in Fold.load(run, score).rows())
    results = arguments.results_dir / "calibration.csv"
    write_table(results, table, float_format="%.6g")
    print("\n".join(summary_lines(table)))
    print_result(results, "see", "docs/compression.md")


if __name__ == "__main__":
    run_command(main, CalibrationArguments)
