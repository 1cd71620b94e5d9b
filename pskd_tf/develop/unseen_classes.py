"""Counts how often movements of classes that were left out of training are said as a class.

Examples:
    python -m pskd_tf.develop.unseen_classes --run_dir=RUN --out=DIR

RUN is a run with --stream_training. For each draw, classes are left out of the training of its
student, and so is one of its training subjects. Threshold and class floor are chosen without test
subjects: on that subject's other movements and on the training subjects' movements of one half of
the classes that were left out. The test subjects' movements of the other half are scored. DIR gets
`unseen.csv`, `unseen.md` and the stages; the same command resumes.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from data_prep.commands import print_result, run_command
from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.prepared_set import PreparedSet
from data_prep.settings import REQUIRED, setting
from pskd_tf.arguments import PreparedArguments
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import draw_generator
from pskd_tf.evaluation.stream import (
    BOUNDED_KINDS,
    Decisions,
    Movement,
    cut_streams,
    decisions_of,
    idle_streams,
    lowest_threshold,
    movement_stream,
    overlaps,
)
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.pipeline.planner import StagePlanner
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.specs import CompressSpec, FitSpec, TrainingPart
from pskd_tf.pipeline.stage import RunContext, SpokenContext, Stage, stages_summary
from pskd_tf.processes import start_tensorflow
from pskd_tf.run import Run

_FLOORS = tuple(round(0.02 * step, 2) for step in range(50))
_THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(1, 100))


@dataclass(frozen=True)
class UnseenArguments(PreparedArguments):
    """The run, the draws and the choice."""

    out: Path = setting(REQUIRED, "Folder of the tables and stages.")
    leave_out: int = setting(8, "Classes that are left out of training.", minimum=2)
    draws: int = setting(2, "Draws of classes, each with a student of its own.", minimum=1)
    known_right: float = setting(
        0.85, "Least share of known movements that is to be right where it is chosen.", maximum=1
    )
    hours: float = setting(2.0, "Hours of each kind of idle.", unit="h", minimum=0.1)
    maximum_false_an_hour: float = setting(
        1.0, "Most false decisions an hour, on either kind of idle, to choose by.", minimum=0
    )
    workers: int = setting(1, "Worker processes.", minimum=1)


@dataclass(frozen=True)
class Draw:
    """One choice of classes and the student without them.

    Attributes:
        number: Which draw.
        choosing: Classes left out of training whose movements choose.
        scored: Classes left out of training whose movements are scored.
        subject: The training subject that was left out.
        part: What the student is trained on.
        compressed: The stage of its int8 form.
    """

    number: int
    choosing: tuple[int, ...]
    scored: tuple[int, ...]
    subject: str
    part: TrainingPart
    compressed: Stage[CompressSpec]

    @property
    def fit(self) -> FitSpec:
        """The student's training."""
        spec: FitSpec = self.compressed.input(self.compressed.spec.student).spec
        return spec

    @staticmethod
    def declare(number: int, run: Run, prepared: PreparedSet, leave_out: int) -> "Draw":
        """Draws classes and a subject, and declares the stages.

        Args:
            number: Which draw; another number draws others.
            run: The run whose settings and training subjects are used.
            prepared: Its prepared set.
            leave_out: Number of classes to leave out, two thirds of all at most.

        Raises:
            UserError: The run has no training for streams or has teachers, too many classes are
                left out, or there is one training subject.
        """
        settings = run.settings
        in_clip_mode = settings.inputs.mode == "clip"
        if not (settings.stream.enabled and in_clip_mode) or settings.teachers:
            rule = "Unseen classes need a run of clips with --stream_training, without teachers"
            raise UserError(rule, "another", run.run_dir)
        classes = len(prepared.description.class_names)
        if 3 * leave_out > 2 * classes:
            raise UserError("leave_out must be two thirds of the classes at most", leave_out)
        split = plan_run(settings, prepared)[0].split
        if len(split.train_subjects) < 2:
            raise UserError("Unseen classes need two training subjects", *split.train_subjects)
        drawn = draw_generator(number, "unseen classes").permutation(classes)[:leave_out]
        subject = split.train_subjects[number % len(split.train_subjects)]
        manifest = prepared.manifest
        kept = manifest[
            manifest["clip_id"].isin(split.train_clips)
            & (manifest["subject"].astype(str) != subject)
            & ~manifest["action"].isin(drawn)
        ]
        subjects = tuple(one for one in split.train_subjects if one != subject)
        part = TrainingPart(subjects, tuple(kept["clip_id"]))
        fit = StagePlanner(settings, prepared).baseline(part, settings.seeds[0])
        fit = Stage(f"without-draw{number}-{fit.name}", fit.spec, fit.inputs)
        spec = CompressSpec(fit.key, settings.compression)
        half = leave_out // 2
        return Draw(
            number,
            tuple(sorted(int(one) for one in drawn[:half])),
            tuple(sorted(int(one) for one in drawn[half:])),
            subject,
            part,
            Stage(f"compressed-{fit.name}", spec, (fit,)),
        )


@dataclass(frozen=True)
class DecidedStream:
    """The decisions over one stream of movements.

    Attributes:
        decisions: In order of time.
        shares: `(decisions,)` share of the score that is the class's own.
        movements: What is labelled in the stream.
    """

    decisions: Decisions
    shares: np.ndarray
    movements: Sequence[Movement]

    def said(self, threshold: float, floor: float, labels: Sequence[int]) -> tuple[int, int, int]:
        """Counts the movements of some classes.

        Args:
            threshold: Least score.
            floor: Least share.
            labels: The classes.

        Returns:
            How many there are, how many have a decision for any class, and for their own.
        """
        shown = (self.decisions.score >= threshold) & (self.shares >= floor)
        count, any_class, right = 0, 0, 0
        for one in self.movements:
            if one.label in labels:
                over = shown & overlaps(self.decisions, one)
                count += 1
                any_class += bool(over.any())
                right += bool((over & (self.decisions.best == one.label)).any())
        return count, any_class, right


class Int8Student:
    """The int8 student of a draw over streams.

    Args:
        draw: The draw, its stages finished.
        context: Where the results lie.
    """

    def __init__(self, draw: Draw, context: RunContext):
        self.fit = draw.fit
        self.tflite = (context.folder(draw.compressed) / "student_int8.tflite").read_bytes()
        self.interface = Int8Interface.read(self.tflite)

    def _logits(self, features: np.ndarray) -> np.ndarray:
        interface = self.interface
        inputs = quantise_input(features, interface.input_scale, interface.input_zero_point)
        return tflm_logits(self.tflite, inputs)[1]

    def decisions(
        self, streams: Sequence[np.ndarray], rate_hz: float
    ) -> tuple[Decisions, np.ndarray]:
        """Returns the decisions over streams, and each one's share."""
        fit = self.fit
        assert fit.stream is not None and fit.null_class is not None  # by its declaration
        found, features = cut_streams(streams, fit.data.inputs, fit.stream, rate_hz)
        logits = self._logits(features) if len(found) else np.zeros((0, fit.data.num_classes))
        # The share of the class that is said, among the classes without "none".
        shares = softmax(logits.astype(np.float64)[:, : fit.null_class], axis=1).max(axis=1)
        return decisions_of(found, logits, fit.null_class), shares

    def movements(self, clips: PairedClips, seed: int) -> DecidedStream:
        """Streams clips with rest between them."""
        generator = draw_generator(seed, "unseen movements")
        order = generator.permutation(len(clips)).tolist()
        stream, movements = movement_stream(clips, order, generator)
        decided = self.decisions([stream.samples], clips.accelerometer_rate_hz)
        return DecidedStream(*decided, movements)

    def idle(self, clips: PairedClips, hours: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Returns scores and shares of the decisions over each bounded kind of idle."""
        found = {}
        for kind in BOUNDED_KINDS:
            streams = [one.samples for one in idle_streams(clips, kind, hours, seed=0)]
            made, shares = self.decisions(streams, clips.accelerometer_rate_hz)
            found[kind] = made.score, shares
        return found


def choose(
    known: DecidedStream,
    unknown: DecidedStream,
    idle: dict[str, tuple[np.ndarray, np.ndarray]],
    labels: tuple[Sequence[int], Sequence[int]],
    arguments: UnseenArguments,
) -> tuple[float, float]:
    """Chooses threshold and class floor: the fewest unseen movements said, of those that keep
    enough of the known right and the bound of false decisions.

    Args:
        known: Movements of a subject that was left out.
        unknown: Movements of the classes that choose.
        idle: Scores and shares of false decisions by kind.
        labels: The known classes, and those that choose.
        arguments: The bounds.

    Returns:
        Threshold and floor; without any such pair, the lowest threshold of the bound and 0.
    """
    hours = dict.fromkeys(idle, arguments.hours)
    scores = {kind: values for kind, (values, _) in idle.items()}
    lowest = lowest_threshold(scores, hours, arguments.maximum_false_an_hour)
    best: tuple[tuple[float, float, float], tuple[float, float]] | None = None
    thresholds = [lowest, *(one for one in _THRESHOLDS if one > lowest)]
    for threshold, floor in itertools.product(thresholds, _FLOORS):
        count, _, right = known.said(threshold, floor, labels[0])
        if right < arguments.known_right * count:
            continue
        said = unknown.said(threshold, floor, labels[1])[1]
        rank = (float(said), -float(right), threshold)
        if best is None or rank < best[0]:
            best = rank, (threshold, floor)
    return (lowest, 0.0) if best is None else best[1]


def measure(
    draw: Draw, run: Run, prepared: PreparedSet, context: RunContext, arguments: UnseenArguments
) -> list[dict[str, Any]]:
    """Chooses for one draw and scores the test subjects, with the floor and without.

    Returns:
        Three lines of the table. The last one shows the best that test subjects would have chosen,
        a point of their operating curve; it is no figure of the recogniser.
    """
    split, names = plan_run(run.settings, prepared)[0].split, prepared.description.class_names
    student = Int8Student(draw, context)
    left_out = {*draw.choosing, *draw.scored}
    known = [label for label in range(len(names)) if label not in left_out]
    training = PairedClips.load_clips(prepared, split.train_clips)
    mine = training.subset(training.subjects == draw.subject)
    choosing = training.subset(np.isin(training.labels, draw.choosing))
    pair = choose(
        student.movements(mine.subset(np.isin(mine.labels, known)), 0),
        student.movements(choosing, 1),
        student.idle(mine, arguments.hours),
        (known, draw.choosing),
        arguments,
    )
    test = PairedClips.load_clips(prepared, split.test_clips)
    test = test.subset(np.isin(test.labels, draw.choosing, invert=True))
    decided, idle = student.movements(test, 2), student.idle(test, arguments.hours)
    pairs = {"validation": pair, "validation, without floor": (pair[0], 0.0)}
    seen_on_test = choose(decided, decided, idle, (known, draw.scored), arguments)
    pairs["test, a point of the curve"] = seen_on_test
    rows = []
    for chosen_on, (threshold, floor) in pairs.items():
        movements, _, right = decided.said(threshold, floor, known)
        unseen, said, _ = decided.said(threshold, floor, draw.scored)
        false = {
            f"{kind}_an_hour": float(((scores >= threshold) & (shares >= floor)).sum())
            / arguments.hours
            for kind, (scores, shares) in idle.items()
        }
        rows.append(
            {
                "draw": draw.number,
                "chosen_on": chosen_on,
                "scored_classes": ", ".join(names[label] for label in draw.scored),
                "left_out_subject": draw.subject,
                "threshold": threshold,
                "class_floor": floor,
                "known_movements": movements,
                "known_right": right / movements,
                "unseen_movements": unseen,
                "unseen_said": said / unseen,
                **false,
            }
        )
    return rows


def table_text(table: pd.DataFrame) -> str:
    """Returns the table as Markdown, shares in %."""
    heads = "| draw | chosen on | unseen classes | threshold | class floor | "
    heads += "known right | unseen said | "
    lines = [heads + " | ".join(f"`{kind}` / h" for kind in BOUNDED_KINDS) + " |"]
    lines.append("| ---: | --- | --- |" + " ---: |" * (4 + len(BOUNDED_KINDS)))
    for row in table.to_dict("records"):
        cells = [row["draw"], row["chosen_on"], row["scored_classes"]]
        cells += [f"{row['threshold']:.2f}", f"{row['class_floor']:.2f}"]
        for share, count in (
            ("known_right", "known_movements"),
            ("unseen_said", "unseen_movements"),
        ):
            cells.append(f"{100 * row[share]:.1f} % of {row[count]}")
        cells += [f"{row[f'{kind}_an_hour']:.1f}" for kind in BOUNDED_KINDS]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def main(arguments: UnseenArguments) -> None:
    """Trains a student for each draw, chooses, scores and writes the table."""
    prepared, run = PreparedSet.load(arguments.prepared), Run.load(arguments.run_dir)
    draws = [
        Draw.declare(number, run, prepared, arguments.leave_out)
        for number in range(arguments.draws)
    ]
    out = arguments.out
    context = SpokenContext(prepared.folder, out / "stages", out)
    stages = [draw.compressed for draw in draws]
    if arguments.dry_run:
        print(stages_summary(stages, context.stages_dir))
        print(f"would write the table: {out / 'unseen.md'}")
        return
    start_tensorflow()
    out.mkdir(parents=True, exist_ok=True)
    run_stages(stages, context, arguments.workers)
    rows = [row for one in draws for row in measure(one, run, prepared, context, arguments)]
    table = pd.DataFrame(rows)
    write_table(out / "unseen.csv", table.round(6))
    with whole_file(out / "unseen.md") as temporary:
        temporary.write_text(table_text(table), encoding="utf-8")
    print(table_text(table))
    print_result(
        out / "unseen.md",
        "python",
        "-m",
        "pskd_tf.simulate",
        f"--run_dir={run.run_dir}",
        "--class_floor=FLOOR",
        "--idle_hours=1",
    )


if __name__ == "__main__":
    run_command(main, UnseenArguments)
