"""Measures what a wearer's own repetitions bring: clips right, and movements and rest in a stream.

Examples:
    python -m pskd_tf.develop.personalisation --run_dir=RUN --validation_run=VALIDATION --out=DIR

RUN is a run with --stream_training that was scored on test subjects, VALIDATION the same with
--protocol=validation. How the head is trained is chosen on the subjects that VALIDATION left out,
one after the other in the part of the wearer; then each test subject of RUN is the wearer. Draws
of 1 and 3 repetitions of each class; what is not drawn is scored. DIR gets `choice.csv`,
`draws.csv` and `summary.md`. The float student after pruning, in Python.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
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
from pskd_tf.arguments import StagesArguments
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.detector import Cuts
from pskd_tf.data.repetitions import LabelledSamples, Repetitions
from pskd_tf.data.views import draw_generator, plain_views
from pskd_tf.distillation.head import Head, HeadSamples, HeadSettings
from pskd_tf.evaluation.stream import (
    BOUNDED_KINDS,
    Decisions,
    Movement,
    cut_streams,
    decisions_of,
    idle_streams,
    lowest_threshold,
    movement_scores,
    movement_stream,
)
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.processes import start_tensorflow
from pskd_tf.run import Run

# What is compared on validation.
_LEARNING_RATES = (0.5, 2.0)
_EPOCHS = (30, 100, 300)
_OWN_SHARES = (0.3, 0.5, 0.8)
_NONE_BIASES = (0.0, 0.5, 1.0, 1.5)
_KINDS = (*BOUNDED_KINDS, "parts")


@dataclass(frozen=True)
class StudyArguments(StagesArguments):
    """The runs, the draws and where the tables go."""

    validation_run: Path = setting(REQUIRED, "The run whose left-out subjects choose.")
    validation_stages_dir: Path | None = setting(
        None, "Folder of the stages of validation_run, if not in that run."
    )
    out: Path = setting(REQUIRED, "Folder of the tables.")
    repetitions: tuple[int, ...] = setting((1, 3), "Repetitions of each class that are drawn.")
    draws: int = setting(10, "Draws of each number of repetitions.", minimum=1)
    choice_draws: int = setting(3, "Draws of each on validation.", minimum=1)
    hours: float = setting(2.0, "Hours of each kind of idle.", unit="h", minimum=0.1)
    maximum_false_an_hour: float = setting(
        1.0, "Most false decisions an hour, on either kind of idle, to choose by.", minimum=0
    )


@dataclass(frozen=True)
class _Stream:
    """What the detector cuts out of streams, and the embedding of each segment."""

    segments: Cuts
    embeddings: np.ndarray

    def under(self, head: Head, null_class: int) -> Decisions:
        """Returns the decisions of a head."""
        return decisions_of(self.segments, head.logits(self.embeddings), null_class)


@dataclass(frozen=True)
class _Wearer:
    """A subject that the student never saw, with all that does not depend on the head.

    Attributes:
        seed: The student's seed.
        subject: The subject.
        student: The student, a `PrunedStudent`.
        training: What the head is trained on besides.
        labels: `(clips,)` class of each of the subject's clips.
        clips: `(clips, width)` embeddings of the clips between the data set's borders.
        own: `(clips, views, width)` embeddings of views that a personalisation would train on.
        stream: The subject's clips with rest between them.
        movements: Each clip's place in it.
        order: The clip of each movement.
        idle: By kind.
    """

    seed: int
    subject: str
    student: Any
    training: HeadSamples
    labels: np.ndarray
    clips: np.ndarray
    own: np.ndarray
    stream: _Stream
    movements: list[Movement]
    order: np.ndarray
    idle: dict[str, _Stream]

    def draw(self, each: int, number: int) -> np.ndarray:
        """Draws clips to train on: `(clips,)` mask, `each` of every class that has more."""
        generator = draw_generator(number, f"wearer {self.subject}", each)
        drawn = np.zeros(len(self.labels), bool)
        for label in np.unique(self.labels):
            rows = np.flatnonzero(self.labels == label)
            drawn[generator.permutation(rows)[: min(each, len(rows) - 1)]] = True
        return drawn

    def heads(self, drawn: np.ndarray, settings: HeadSettings, epochs: Sequence[int]) -> list[Head]:
        """Fine-tunes the head on what was drawn."""
        own, views = self.own[drawn], self.own.shape[1]
        labels = np.repeat(self.labels[drawn], views)
        samples = HeadSamples(own.reshape(-1, own.shape[-1]), labels)
        tuned: list[Head] = self.student.fine_tuned(samples, self.training, settings, epochs)
        return tuned

    def figures(self, head: Head, drawn: np.ndarray) -> "_Figures":
        """Scores a head on the clips that were not drawn, and on idle."""
        null_class = self.student.fit.null_class
        guesses = head.logits(self.clips[~drawn])[:, :null_class].argmax(axis=1)
        kept = np.flatnonzero(~drawn[self.order])
        decisions = self.stream.under(head, null_class)
        scores = movement_scores(decisions, [self.movements[number] for number in kept])
        idle = {kind: one.under(head, null_class).score for kind, one in self.idle.items()}
        return _Figures(float((guesses == self.labels[~drawn]).mean()), scores, idle)


@dataclass(frozen=True)
class _Figures:
    """Of one head: share of clips right, score of each movement, scores of idle decisions."""

    accuracy: float
    movements: np.ndarray
    idle: dict[str, np.ndarray]

    def row(self, threshold: float, hours: float) -> dict[str, float]:
        """Returns the figures at a threshold, as a line of a table."""
        false = {
            f"{kind}_an_hour": float((scores >= threshold).sum()) / hours
            for kind, scores in self.idle.items()
        }
        right = float((self.movements >= max(threshold, 1e-9)).mean())
        return {"accuracy": self.accuracy, "right": right, **false}


def wearers(
    run: Run, stages_dir: Path, prepared: PreparedSet, hours: float, views: int
) -> Iterator[_Wearer]:
    """Yields every held-out subject of a run for each of its seeds.

    Args:
        run: A run with a training for streams.
        stages_dir: Where its stages lie.
        prepared: Its prepared set.
        hours: Hours of each kind of idle.
        views: Views of each repetition.

    Raises:
        UserError: A stage is missing, or the run has no training for streams.
    """
    from pskd_tf.runs.personalise import PrunedStudent
    from pskd_tf.stage_record import StageRecord

    if not run.settings.stream.enabled or run.settings.inputs.mode != "clip":
        rule = "The study needs a run with --stream_training, in clip mode"
        raise UserError(rule, "another", run.run_dir)
    for plan, seed in itertools.product(plan_run(run.settings, prepared), run.settings.seeds):
        compressed = plan.compressed[seed]
        fit = compressed.input(compressed.spec.student)
        fitted, pruned = (StageRecord.load(one.folder(stages_dir)) for one in (fit, compressed))
        student = PrunedStudent.load(fitted, pruned, prepared.folder)
        training = student.training_samples()
        for subject in plan.split.test_subjects:
            held_out = PairedClips.load(prepared, [subject])
            yield _wearer(seed, subject, student, training, held_out, hours, views)


def _wearer(
    seed: int,
    subject: str,
    student: Any,
    training: HeadSamples,
    clips: PairedClips,
    hours: float,
    views: int,
) -> _Wearer:
    inputs, stream_settings = student.fit.data.inputs, student.fit.stream
    generator = draw_generator(0, f"wearer {subject}")
    order = generator.permutation(len(clips))
    stream, movements = movement_stream(clips, order.tolist(), generator)
    spans = np.array([[one.first, one.end, one.label] for one in movements])
    recording = LabelledSamples(stream.samples, spans)
    own = Repetitions.of([recording], clips.accelerometer_rate_hz, stream_settings, generator)
    embeddings = student.own_samples(own, views)
    of_clips = np.empty_like(embeddings)
    of_clips[order] = embeddings  # the recording holds the clips in another order

    def streamed(samples: Sequence[np.ndarray]) -> _Stream:
        segments, features = cut_streams(
            samples, inputs, stream_settings, clips.accelerometer_rate_hz
        )
        if not len(segments):
            return _Stream(segments, np.zeros((0, embeddings.shape[-1]), np.float32))
        return _Stream(segments, student.embeddings(features))

    idle = {
        kind: streamed([one.samples for one in idle_streams(clips, kind, hours, seed=0)])
        for kind in _KINDS
    }
    plain = plain_views(clips, {"accelerometer"}, inputs)["accelerometer"]
    return _Wearer(
        seed,
        subject,
        student,
        training,
        clips.labels,
        student.embeddings(plain),
        of_clips,
        streamed([stream.samples]),
        movements,
        order,
        idle,
    )


@dataclass(frozen=True)
class Choice:
    """What validation chose.

    Attributes:
        settings: Of the head.
        thresholds: By seed, the lowest threshold at which the run's own head keeps to the bound on
            all left-out subjects together.
        table: A line for each combination that was compared.
    """

    settings: HeadSettings
    thresholds: dict[int, float]
    table: pd.DataFrame


def choose_head_settings(
    subjects: Sequence[_Wearer], arguments: StudyArguments, views: int
) -> Choice:
    """Chooses how the head is trained: the most movements right at the threshold of the run's own
    head, of those combinations with no more false decisions than that one, on either kind of idle.
    """
    nobody = [np.zeros(len(one.labels), bool) for one in subjects]
    base = [
        one.figures(one.student.head, drawn) for one, drawn in zip(subjects, nobody, strict=True)
    ]
    thresholds = {}
    for seed in {one.seed for one in subjects}:
        mine = [figures for one, figures in zip(subjects, base, strict=True) if one.seed == seed]
        scores = {kind: np.concatenate([one.idle[kind] for one in mine]) for kind in BOUNDED_KINDS}
        hours = dict.fromkeys(BOUNDED_KINDS, arguments.hours * len(mine))
        thresholds[seed] = lowest_threshold(scores, hours, arguments.maximum_false_an_hour)
    rows = [
        {"own_share": 0.0, **figures.row(thresholds[one.seed], arguments.hours)}
        for one, figures in zip(subjects, base, strict=True)
    ]
    for share, rate in itertools.product(_OWN_SHARES, _LEARNING_RATES):
        settings = HeadSettings(learning_rate=rate, own_share=share, none_bias=0.0, views=views)
        for one, each, number in itertools.product(
            subjects, arguments.repetitions, range(arguments.choice_draws)
        ):
            drawn = one.draw(each, number)
            heads = one.heads(drawn, settings, _EPOCHS)
            for (epochs, head), bias in itertools.product(
                zip(_EPOCHS, heads, strict=True), _NONE_BIASES
            ):
                more = head.with_none_bias(one.student.fit.null_class, bias)
                figures = one.figures(more, drawn)
                rows.append(
                    {
                        **_settings_row(replace(settings, epochs=epochs, none_bias=bias)),
                        **figures.row(thresholds[one.seed], arguments.hours),
                    }
                )
    names = list(_settings_row(HeadSettings()))
    table = pd.DataFrame(rows).fillna(0.0).groupby(names, as_index=False).mean()
    before = table[table.own_share == 0].iloc[0]
    allowed = table[table.own_share > 0]
    for kind in BOUNDED_KINDS:
        name = f"{kind}_an_hour"
        bound = max(before[name], arguments.maximum_false_an_hour)
        allowed = allowed[allowed[name] <= bound]
    if not len(allowed):
        raise UserError("Some settings must keep the false decisions of the run's head", "none do")
    best = allowed.sort_values("right", ascending=False, kind="stable").iloc[0]
    chosen = HeadSettings(
        learning_rate=float(best.learning_rate),
        epochs=int(best.epochs),
        own_share=float(best.own_share),
        none_bias=float(best.none_bias),
        views=views,
    )
    return Choice(chosen, thresholds, table)


def _settings_row(settings: HeadSettings) -> dict[str, float]:
    values = asdict(settings)
    values.pop("views")
    return values


def measure(subjects: Sequence[_Wearer], choice: Choice, arguments: StudyArguments) -> pd.DataFrame:
    """Scores every draw of every subject, and the run's own head on the same clips.

    Returns:
        A line a draw: seed, subject, repetitions (0 once: all clips under the run's own head),
        draw, the figures, and those of the run's own head on the same clips, named `..._before`.
    """
    rows = []
    for one in subjects:
        threshold, own_head = choice.thresholds[one.seed], one.student.head
        draws = itertools.product(arguments.repetitions, range(arguments.draws))
        for each, number in [(0, 0), *draws]:
            head, drawn = own_head, np.zeros(len(one.labels), bool)
            if each:
                drawn = one.draw(each, number)
                (head,) = one.heads(drawn, choice.settings, [choice.settings.epochs])
            after = one.figures(head, drawn).row(threshold, arguments.hours)
            before = one.figures(own_head, drawn).row(threshold, arguments.hours)
            named = {f"{name}_before": value for name, value in before.items()}
            keys = {"seed": one.seed, "subject": one.subject, "repetitions": each, "draw": number}
            rows.append({**keys, **after, **named})
    return pd.DataFrame(rows)


def summary(choice: Choice, draws: pd.DataFrame) -> str:
    """Returns the tables of the study as Markdown.

    Args:
        choice: What validation chose.
        draws: From `measure`.
    """
    chosen = _settings_row(choice.settings)
    settings = ", ".join(f"{name} {value:g}" for name, value in chosen.items())
    before, found = _validated(choice)
    heads = ["clips right", "movements right", *(f"`{kind}` / h" for kind in _KINDS)]
    lines = [
        f"Chosen on validation: {settings}.",
        "Movements right there "
        f"{100 * before.right:.1f} % before, {100 * found.right:.1f} % after.",
        "",
        "| repetitions | of the run's head: " + " | ".join(heads) + " | after: ",
    ]
    lines[-1] += " | ".join(heads) + " |"
    lines.append("| ---: |" + " ---: |" * (2 * len(heads)))
    for each, group in draws.groupby("repetitions"):
        lines.append(f"| {each} | {_cells(group, '_before')} | {_cells(group, '')} |")
    lines += [
        "",
        "| subject | repetitions | clips right before | after (draws) | "
        "movements right before | after (draws) |",
    ]
    lines.append("| --- |" + " ---: |" * 5)
    for keys, group in draws[draws.repetitions > 0].groupby(["subject", "repetitions"]):
        subject, times = keys
        cells = [
            text
            for name in ("accuracy", "right")
            for text in (f"{100 * group[f'{name}_before'].mean():.1f}", _ranged(group[name]))
        ]
        lines.append(f"| {subject} | {times} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _validated(choice: Choice) -> tuple[Any, Any]:
    table, chosen = choice.table, _settings_row(choice.settings)
    is_chosen = np.all([table[name] == value for name, value in chosen.items()], axis=0)
    return table[table.own_share == 0].iloc[0], table[is_chosen].iloc[0]


def _cells(group: pd.DataFrame, suffix: str) -> str:
    shares = [f"{100 * group[name + suffix].mean():.1f}" for name in ("accuracy", "right")]
    rates = [f"{group[f'{kind}_an_hour{suffix}'].mean():.1f}" for kind in _KINDS]
    return " | ".join([*shares, *rates])


def _ranged(values: pd.Series) -> str:
    return f"{100 * values.mean():.1f} ({100 * values.min():.1f}..{100 * values.max():.1f})"


def main(arguments: StudyArguments) -> None:
    """Chooses on validation, scores test subjects and writes the tables."""
    if arguments.dry_run:
        print(f"would choose on the subjects that {arguments.validation_run} left out")
        print(f"would write tables: {arguments.out}")
        return
    start_tensorflow()
    prepared = PreparedSet.load(arguments.prepared)
    run, validation = Run.load(arguments.run_dir), Run.load(arguments.validation_run)
    if validation.settings != replace(run.settings, protocol="validation"):
        rule = "validation_run must have the settings of run_dir and --protocol=validation"
        raise UserError(rule, "others", arguments.validation_run)
    stages_dir = arguments.validation_stages_dir or arguments.validation_run / "stages"
    shared, views = (prepared, arguments.hours), HeadSettings().views
    choice = choose_head_settings(
        list(wearers(validation, stages_dir, *shared, views)), arguments, views
    )
    draws = measure(list(wearers(run, arguments.stages, *shared, views)), choice, arguments)
    text = summary(choice, draws)
    tables = {"choice.csv": choice.table, "draws.csv": draws}
    for name, table in tables.items():
        write_table(arguments.out / name, table.round(6))
    with whole_file(arguments.out / "summary.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(text)
    run_dir = f"--run_dir={arguments.run_dir}"
    print_result(
        arguments.out / "summary.md", "python", "-m", "pskd_tf.personalise", run_dir, "--csv=FILE"
    )


if __name__ == "__main__":
    run_command(main, StudyArguments)
