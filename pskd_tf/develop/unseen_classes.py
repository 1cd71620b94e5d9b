"""Counts how often movements of classes that were left out of training are said as a class.

Examples:
    python -m pskd_tf.develop.unseen_classes --run_dir=RUN --out=DIR

RUN is a run with --stream_training. For each draw, classes are left out of the training of a
student. One half of them chooses, the other half is scored. Threshold and floor are chosen without
test subjects: each training subject is left out of one more student, and the movements of all these
subjects choose together. The floor bounds one of several class scores. All students are trained
twice: without a movement of the half that chooses, and with it as recordings of "none". DIR gets
`unseen.csv`, `unseen.md` and the stages; the same command resumes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_prep.commands import print_result, run_command
from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.prepared_set import PreparedSet
from data_prep.settings import REQUIRED, setting
from pskd_tf.arguments import PreparedArguments
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.detector import Cuts
from pskd_tf.data.views import draw_generator
from pskd_tf.develop.class_scores import (
    CLASS_SCORES,
    DISTANCE,
    OUTPUT_SCORES,
    Bounds,
    ClassDistance,
    DecidedStream,
    FoldDecisions,
    choose_floor,
)
from pskd_tf.evaluation.stream import (
    BOUNDED_KINDS,
    Decisions,
    Movement,
    cut_streams,
    decisions_of,
    idle_streams,
    movement_stream,
)
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.pipeline.planner import StagePlanner
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.specs import CompressSpec, FitSpec, TrainingPart
from pskd_tf.pipeline.stage import RunContext, SpokenContext, Stage, stages_summary
from pskd_tf.processes import start_tensorflow
from pskd_tf.run import Run


@dataclass(frozen=True)
class UnseenArguments(PreparedArguments):
    """The run, the draws and the choice."""

    out: Path = setting(REQUIRED, "Folder of the tables and stages.")
    leave_out: int = setting(8, "Classes that are left out of training.", minimum=2)
    draws: int = setting(2, "Draws of classes, each with students of its own.", minimum=1)
    known_right: float = setting(
        0.85, "Least share of known movements that is to be right where it is chosen.", maximum=1
    )
    hours: float = setting(
        2.0, "Hours of each kind of idle for each student.", unit="h", minimum=0.1
    )
    maximum_false_an_hour: float = setting(
        1.0, "Most false decisions an hour, on either kind of idle, to choose by.", minimum=0
    )
    workers: int = setting(1, "Worker processes.", minimum=1)

    @property
    def bounds(self) -> Bounds:
        """What a choice must keep."""
        return Bounds(self.known_right, self.hours, self.maximum_false_an_hour)


@dataclass(frozen=True)
class Draw:
    """One choice of classes and the students without them.

    Attributes:
        number: Which draw.
        with_recordings: Whether movements of the choosing classes are recordings of "none".
        choosing: Classes left out of training whose movements choose.
        scored: Classes left out of training whose movements are scored.
        compressed: The stage of the int8 student without each training subject, by subject; "" is
            the student of all, which is scored.
    """

    number: int
    with_recordings: bool
    choosing: tuple[int, ...]
    scored: tuple[int, ...]
    compressed: dict[str, Stage[CompressSpec]]

    @staticmethod
    def declare(
        number: int, run: Run, prepared: PreparedSet, leave_out: int, with_recordings: bool
    ) -> "Draw":
        """Draws classes and declares the stages.

        Args:
            number: Which draw; another number draws others.
            run: The run whose settings and training subjects are used.
            prepared: Its prepared set.
            leave_out: Number of classes to leave out, two thirds of all at most.
            with_recordings: Whether the students learn movements of the choosing classes as "none".

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
        choosing, scored = drawn[: leave_out // 2], drawn[leave_out // 2 :]
        planner, manifest = StagePlanner(settings, prepared), prepared.manifest
        manifest = manifest[manifest["clip_id"].isin(split.train_clips)]
        compressed = {}
        for left_out in ("", *split.train_subjects):
            mine = manifest[manifest["subject"].astype(str) != left_out]
            subjects = tuple(one for one in split.train_subjects if one != left_out)
            kept = mine["clip_id"][~mine["action"].isin(drawn)]
            fit = planner.baseline(TrainingPart(subjects, tuple(kept)), settings.seeds[0])
            name = f"draw{number}-{fit.name}"
            if with_recordings:
                none = tuple(mine["clip_id"][mine["action"].isin(choosing)])
                name = f"recorded-{name}"
                fit = replace(fit, spec=replace(fit.spec, recorded_none=none))
            fit = replace(fit, name=name)
            spec = CompressSpec(fit.key, settings.compression)
            compressed[left_out] = Stage(f"compressed-{name}", spec, (fit,))
        return Draw(
            number,
            with_recordings,
            tuple(sorted(int(one) for one in choosing)),
            tuple(sorted(int(one) for one in scored)),
            compressed,
        )


class ScoredStudent:
    """An int8 student over streams, with the class scores of its decisions.

    Args:
        compressed: Its stage, finished.
        training: The clips that it was trained on.
        context: Where the results lie.
    """

    def __init__(self, compressed: Stage[CompressSpec], training: PairedClips, context: RunContext):
        from pskd_tf.pipeline.teach import load_stage_model

        fit: Stage[FitSpec] = compressed.input(compressed.spec.student)
        self.fit = fit.spec
        self.tflite = (context.folder(compressed) / "student_int8.tflite").read_bytes()
        self.interface = Int8Interface.read(self.tflite)
        self.model = load_stage_model(fit, context, training)
        stream, movements = _stream(training, 0)
        found, features = self._cuts([stream], training.accelerometer_rate_hz)
        rows, labels = [], []
        for one in movements:
            over = np.flatnonzero((found.first < one.end) & (found.end > one.first))
            rows += over.tolist()
            labels += [one.label] * len(over)
        self.distance = ClassDistance.of(self._embeddings(features[rows]), np.array(labels))

    def _cuts(self, streams: Sequence[np.ndarray], rate_hz: float) -> tuple[Cuts, np.ndarray]:
        assert self.fit.stream is not None  # by its declaration
        return cut_streams(streams, self.fit.data.inputs, self.fit.stream, rate_hz)

    def _embeddings(self, features: np.ndarray) -> np.ndarray:
        from pskd_tf.models.registry import model_outputs

        return model_outputs(self.model, {"accelerometer": features})["embedding"]

    def decisions(
        self, streams: Sequence[np.ndarray], rate_hz: float
    ) -> tuple[Decisions, dict[str, np.ndarray]]:
        """Returns the decisions over streams and their class scores."""
        found, features = self._cuts(streams, rate_hz)
        null_class, interface = self.fit.null_class, self.interface
        logits = np.zeros((0, self.fit.data.num_classes))
        scores = {DISTANCE: np.zeros(0)}
        if len(found):
            inputs = quantise_input(features, interface.input_scale, interface.input_zero_point)
            logits = tflm_logits(self.tflite, inputs)[1].astype(np.float64)
            scores[DISTANCE] = self.distance(self._embeddings(features))
        for name, score in OUTPUT_SCORES.items():
            scores[name] = score(logits[:, :null_class]) if len(found) else np.zeros(0)
        return decisions_of(found, logits, null_class), scores

    def movements(self, clips: PairedClips, seed: int) -> DecidedStream:
        """Streams clips with rest between them."""
        stream, movements = _stream(clips, seed)
        return DecidedStream(*self.decisions([stream], clips.accelerometer_rate_hz), movements)

    def idle(
        self, clips: PairedClips, hours: float
    ) -> dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Returns scores and class scores of the decisions over each bounded kind of idle."""
        found = {}
        for kind in BOUNDED_KINDS:
            streams = [one.samples for one in idle_streams(clips, kind, hours, seed=0)]
            made, class_scores = self.decisions(streams, clips.accelerometer_rate_hz)
            found[kind] = made.score, class_scores
        return found


def _stream(clips: PairedClips, seed: int) -> tuple[np.ndarray, list[Movement]]:
    generator = draw_generator(seed, "unseen movements")
    order = generator.permutation(len(clips)).tolist()
    stream, movements = movement_stream(clips, order, generator)
    return stream.samples, movements


def measure(
    draw: Draw, run: Run, prepared: PreparedSet, context: RunContext, arguments: UnseenArguments
) -> list[dict[str, Any]]:
    """Chooses for one draw and scores the test subjects, without a floor and with each.

    Returns:
        Lines of the table. Those of the curve show the best pair that test subjects would have
        chosen, a point of their operating curve; they are no figures of the recogniser.
    """
    split, names = plan_run(run.settings, prepared)[0].split, prepared.description.class_names
    left_out = (*draw.choosing, *draw.scored)
    known = [label for label in range(len(names)) if label not in left_out]
    training = PairedClips.load_clips(prepared, split.train_clips)
    is_known = np.isin(training.labels, known)
    folds = []
    for subject in split.train_subjects:
        is_mine = training.subjects == subject
        mine = training.subset(is_mine & is_known)
        learned = training.subset(~is_mine & is_known)
        student = ScoredStudent(draw.compressed[subject], learned, context)
        choosing = training.subset(is_mine & np.isin(training.labels, draw.choosing))
        idle = {kind: one[0] for kind, one in student.idle(mine, arguments.hours).items()}
        folds.append(
            FoldDecisions(student.movements(mine, 0), student.movements(choosing, 1), idle)
        )
    student = ScoredStudent(draw.compressed[""], training.subset(is_known), context)
    test = PairedClips.load_clips(prepared, split.test_clips)
    test = test.subset(np.isin(test.labels, draw.choosing, invert=True))
    decided, idle_of = student.movements(test, 2), student.idle(test, arguments.hours)
    on_test = FoldDecisions(decided, decided, {kind: one[0] for kind, one in idle_of.items()})
    rows = []
    for score in CLASS_SCORES:
        for chosen_on, chosen, labels in (
            ("validation", folds, draw.choosing),
            ("test, a point of the curve", [on_test], draw.scored),
        ):
            threshold, floor = choose_floor(chosen, score, (known, labels), arguments.bounds)
            at = score, np.array([threshold]), np.array([floor])
            movements, _, right = decided.said(*at, known)
            unseen, said, _ = decided.said(*at, draw.scored)
            false = {
                f"{kind}_an_hour": float(((scores >= threshold) & (values[score] >= floor)).sum())
                / arguments.hours
                for kind, (scores, values) in idle_of.items()
            }
            rows.append(
                {
                    "draw": draw.number,
                    "none_recorded": "yes" if draw.with_recordings else "no",
                    "class_score": score,
                    "chosen_on": chosen_on,
                    "scored_classes": ", ".join(names[label] for label in draw.scored),
                    "threshold": threshold,
                    "floor": floor,
                    "known_movements": movements,
                    "known_right": right.item() / movements,
                    "unseen_movements": unseen,
                    "unseen_said": said.item() / unseen,
                    **false,
                }
            )
    return rows


def table_text(table: pd.DataFrame) -> str:
    """Returns the table as Markdown, shares in %."""
    heads = "| draw | others recorded | floor of | chosen on | threshold | floor | "
    heads += "known right | unseen said | "
    lines = [heads + " | ".join(f"`{kind}` / h" for kind in BOUNDED_KINDS) + " |"]
    lines.append("| ---: | --- | --- | --- |" + " ---: |" * (4 + len(BOUNDED_KINDS)))
    for row in table.to_dict("records"):
        cells = [row[name] for name in ("draw", "none_recorded", "class_score", "chosen_on")]
        cells += [f"{row['threshold']:.2f}", f"{row['floor']:.2f}"]
        for share, count in (
            ("known_right", "known_movements"),
            ("unseen_said", "unseen_movements"),
        ):
            cells.append(f"{100 * row[share]:.1f} % of {row[count]}")
        cells += [f"{row[f'{kind}_an_hour']:.1f}" for kind in BOUNDED_KINDS]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def main(arguments: UnseenArguments) -> None:
    """Trains the students of each draw, chooses, scores and writes the table."""
    prepared, run = PreparedSet.load(arguments.prepared), Run.load(arguments.run_dir)
    draws = [
        Draw.declare(number, run, prepared, arguments.leave_out, with_recordings)
        for with_recordings in (False, True)
        for number in range(arguments.draws)
    ]
    out = arguments.out
    context = SpokenContext(prepared.folder, out / "stages", out)
    stages = [stage for draw in draws for stage in draw.compressed.values()]
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
