"""What compression costs and earns: the tables of docs/compression.md.

python benchmarks/compression_study.py --run_dir=RUN --work_dir=WORK --dry_run
python benchmarks/compression_study.py --run_dir=RUN --work_dir=WORK --reuse_dirs=RUN/stages

Reads the settings of RUN (made by pskd_tf.train), takes what it can from the folders of cached
stages and makes the rest in WORK/stages; the same command resumes. RESULTS/compression.csv has one
row for each net and seed; rows scored on validation chose the settings, rows on test chose nothing.
Do `--parts=int8,choice` first: the other parts cut as `choice` found best.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from data_prep.commands import run_command
from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.prepared_set import PreparedSet
from data_prep.settings import REQUIRED, setting
from pskd_tf.arguments import PreparedArguments
from pskd_tf.compression.cost import BoardLimits
from pskd_tf.pipeline.plan import FoldPlan, plan_run
from pskd_tf.pipeline.planner import StagePlanner
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.search import CompressionPlanner, PooledGuesses
from pskd_tf.pipeline.specs import CompressSpec, FitSpec, TrainingPart
from pskd_tf.pipeline.stage import RunContext, Stage, all_stages, link_known_stages, stages_summary
from pskd_tf.processes import start_tensorflow
from pskd_tf.settings import CompressionSearch, RunSettings, read_run_settings

PARTS = ("int8", "choice", "sparsity", "front", "defaults", "calibration")
TITLES = {
    "int8": "int8 against float",
    "choice": "How to cut, to prune and to quantise: chosen here",
    "sparsity": "60 % zeros",
    "front": "Size against accuracy, beside ST's nets",
    "defaults": "TFMOT's defaults against ours",
    "calibration": "The calibration set and the head",
}
# Flatbuffers of the front; 15 kB is what IGN takes, None is half of the uncut student's.
FRONT_BYTES = (10 * 1024, 15 * 1024, None, 24 * 1024, 32 * 1024)
SPARSITY = 0.6
# The ways to cut that `choice` compares at half the flatbuffer.
CUTS = {
    f"half, {importance}, {epochs} epochs, rate {rate:g}, PTQ": {
        "importance": importance,
        "epochs_per_cut": epochs,
        "learning_rate": rate,
    }
    for importance in ("norm_scale", "kernel")
    for epochs, rate in ((150, 2e-3), (300, 4e-3))
}
# The ways to prune that `choice` compares.
PRUNES = {
    f"{SPARSITY:.0%} zeros, {epochs} epochs, rate {rate:g}, PTQ": {
        "epochs": epochs,
        "learning_rate": rate,
    }
    for epochs, rate in ((60, 1e-3), (200, 1e-3), (200, 4e-3))
}


@dataclass(frozen=True)
class Row:
    """One net of the study on one seed.

    Attributes:
        part: Part of the study.
        name: What the net is.
        seed: Student seed.
        scored: `validation` (folds pooled) or `test`.
        students: The fit stage of each fold.
        sources: The stage whose float weights are scored, by fold.
        quantised: The stage whose flatbuffer is scored, by fold.
        clips: Held-out clips by fold.
    """

    part: str
    name: str
    seed: int
    scored: str
    students: tuple[Stage, ...]
    sources: tuple[Stage, ...]
    quantised: tuple[Stage, ...]
    clips: tuple[tuple[str, ...], ...]

    def scores(self, planner: CompressionPlanner) -> tuple[list[Stage], list[Stage]]:
        """Declares the score stages of the float weights and of the flatbuffers."""
        folds = list(zip(self.students, self.sources, self.quantised, self.clips, strict=True))
        floats = [planner.score(fit, one, clips, "float") for fit, one, _, clips in folds]
        ints = [planner.score(fit, one, clips, "int8") for fit, _, one, clips in folds]
        return floats, ints


class Study:
    """Declares the rows of every part.

    Args:
        settings: Of the run.
        prepared: The prepared set.
        seeds: How many student seeds the test rows have.
        half_bytes: Half of the uncut student's flatbuffer.
        best: How students of the later parts are cut and pruned, by `cut` and `prune`: what
            `choice` found best on validation.
    """

    def __init__(
        self,
        settings: RunSettings,
        prepared: PreparedSet,
        seeds: int,
        half_bytes: int,
        best: dict[str, dict[str, Any]],
    ):
        self.best = best
        # As many seeds as wanted, whatever the run had: a stage depends on its own seed alone.
        every = tuple(range(1, seeds + 1))
        self.settings = dataclasses.replace(
            settings, seeds=every, teacher_outputs=settings.teacher_outputs[:1]
        )
        self.kind = settings.teacher_outputs[0]
        self.half_bytes = half_bytes
        self.stages = StagePlanner(self.settings, prepared)
        (self.test,) = self._plan("cross_subject", prepared)
        self.folds = self._plan("validation", prepared)
        self.planner = CompressionPlanner(CompressionSearch())

    def _plan(self, protocol: str, prepared: PreparedSet) -> list[FoldPlan]:
        return plan_run(dataclasses.replace(self.settings, protocol=protocol), prepared)

    def rows(self, part: str) -> list[Row]:
        """Declares one part's rows."""
        return getattr(self, f"_{part}")()

    def _row(
        self, part: str, name: str, seed: int, folds: Sequence[FoldPlan], make: Any, model: str = ""
    ) -> Row:
        students = tuple(self._student(fold, seed, model) for fold in folds)
        pairs = [make(student) for student in students]
        return Row(
            part,
            name,
            seed,
            "test" if folds[0] is self.test else "validation",
            students,
            tuple(source for source, _ in pairs),
            tuple(quantised for _, quantised in pairs),
            tuple(tuple(fold.split.test_clips) for fold in folds),
        )

    def _student(self, fold: FoldPlan, seed: int, model: str) -> Stage:
        student = fold.students[self.kind][seed]
        if not model:
            return student
        part = TrainingPart(fold.split.train_subjects, fold.split.train_clips)
        return self.stages.fit(
            model,
            model,
            part,
            seed,
            self.settings.student_training,
            student.spec.loss,
            [stage for stage in student.inputs if isinstance(stage.spec, FitSpec)],
            next((one for one in student.inputs if one.key == student.spec.cached), None),
            teacher_outputs=student.spec.teacher_outputs,
        )

    def _test(self, part: str, name: str, make: Any, seeds: int = 0, model: str = "") -> list[Row]:
        chosen = self.settings.seeds[: seeds or None]
        return [self._row(part, name, seed, [self.test], make, model) for seed in chosen]

    def _ptq(self, student: Stage, source: Stage, **changes: Any) -> tuple[Stage, Stage]:
        return source, self.planner.quantise(student, source, "ptq", **changes)

    def _qat(self, student: Stage, source: Stage, **changes: Any) -> tuple[Stage, Stage]:
        # The float weights that the flatbuffer stands for are the trained ones.
        stage = self.planner.quantise(student, source, "qat", **changes)
        return stage, stage

    def _slim(self, student: Stage, size: int | None, **changes: Any) -> Stage:
        limits = BoardLimits(flash_bytes=size or self.half_bytes)
        return self.planner.slim(student, limits, **(changes or self.best["cut"]))

    def _choice(self) -> list[Row]:
        """How to cut, and PTQ or QAT: on the validation folds, seed 1."""
        seed = self.settings.seeds[0]

        def row(name: str, make: Any) -> Row:
            return self._row("choice", name, seed, self.folds, make)

        rows = [row("not cut, PTQ", lambda student: self._ptq(student, student))]
        rows.append(row("not cut, QAT", lambda student: self._qat(student, student)))
        for name, changes in CUTS.items():
            rows.append(
                row(
                    name,
                    lambda one, cut=changes: self._ptq(one, self._slim(one, None, **cut)),
                )
            )
        for name, changes in PRUNES.items():
            rows.append(row(name, lambda one, by=changes: self._ptq(one, self._pruned(one, **by))))
        rows.append(row("half, QAT", lambda one: self._qat(one, self._slim(one, None))))
        return rows

    def _int8(self) -> list[Row]:
        return self._test("int8", "not cut, PTQ", lambda student: self._ptq(student, student))

    def _sparsity(self) -> list[Row]:
        return self._test(
            "sparsity",
            f"{SPARSITY:.0%} zeros, PTQ",
            lambda one: self._ptq(one, self._pruned(one)),
        )

    def _pruned(self, student: Stage, distil: bool = True, **changes: Any) -> Stage:
        changes = changes or self.best["prune"]
        settings = dataclasses.replace(self.settings.compression, sparsity=SPARSITY, **changes)
        spec = CompressSpec(student.key, settings, distil)
        return Stage(f"pruned-{student.name[-80:]}", spec, (student,))

    def _front(self) -> list[Row]:
        rows = []
        for size in FRONT_BYTES:
            name = f"cut to {(size or self.half_bytes) / 1024:.1f} kB, PTQ"
            rows += self._test(
                "front", name, lambda one, size=size: self._ptq(one, self._slim(one, size))
            )
        for model in ("ign_student", "gmp_student"):
            rows += self._test(
                "front", f"{model}, PTQ", lambda one: self._ptq(one, one), model=model
            )
        return rows

    def _defaults(self) -> list[Row]:
        """TFMOT as it comes against ours, three seeds."""
        rows = []
        for warm in (False, True):
            for distil in (False, True):
                name = f"QAT {'warm' if warm else 'cold'}, "
                name += "distillation" if distil else "cross-entropy"
                changes = {"warm": warm, "distil": distil}
                rows += self._test(
                    "defaults", name, lambda one, changes=changes: self._qat(one, one, **changes), 3
                )
        rows += self._test(
            "defaults",
            "QAT weights, PTQ ranges",
            lambda one: self._qat(one, one, ranges="recalibrated"),
            3,
        )
        for distil in (False, True):
            name = f"{SPARSITY:.0%} zeros, {'distillation' if distil else 'cross-entropy'}, PTQ"
            rows += self._test(
                "defaults",
                name,
                lambda one, distil=distil: self._ptq(one, self._pruned(one, distil)),
                3,
            )
        rows += self._test(
            "defaults",
            f"{SPARSITY:.0%} zeros, QAT that keeps them",
            lambda one: self._qat(one, self._pruned(one, True), preserve_sparsity=True),
            3,
        )
        return rows

    def _calibration(self) -> list[Row]:
        """The calibration set's size, classes and draw, and the head: on validation, seed 1."""
        seed = self.settings.seeds[0]
        rows = []
        for clips in (10, 200):
            for stratified in (True, False):
                for draw in (1, 2):
                    changes = {
                        "calibration_clips": clips,
                        "stratified": stratified,
                        "calibration_seed": draw,
                    }
                    kind = "by class" if stratified else "at random"
                    name = f"{clips} clips {kind}, draw {draw}"
                    rows.append(
                        self._row(
                            "calibration",
                            name,
                            seed,
                            self.folds,
                            lambda one, changes=changes: self._ptq(one, one, **changes),
                        )
                    )
        rows.append(
            self._row(
                "calibration",
                "200 clips by class, convolution head",
                seed,
                self.folds,
                lambda one: self._ptq(one, one, head="convolution"),
            )
        )
        return rows


def best_choice(results: Path, named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Returns the settings of the row of `choice` whose int8 student was best on validation.

    Args:
        results: The study's file; before `choice` is in it, no settings: the package's own.
        named: The settings by the rows' names.
    """
    if not results.exists():
        return {}
    table = pd.read_csv(results)
    table = table[(table["part"] == "choice") & table["name"].isin(named)]
    return {} if table.empty else named[table.loc[table["int8_accuracy"].idxmax(), "name"]]


def measured(row: Row, planner: CompressionPlanner, context: RunContext) -> dict[str, Any]:
    """Reads what a finished row reached; sizes are the mean of its folds."""
    floats, ints = row.scores(planner)
    of_float = PooledGuesses.read([context.folder(one) for one in floats])
    of_int8 = PooledGuesses.read([context.folder(one) for one in ints])
    results = pd.DataFrame([context.result(one) for one in row.quantised])
    sparsity = pd.DataFrame(results["sparsity"].tolist())["conv_and_dense"]
    return {
        "part": row.part,
        "name": row.name,
        "seed": row.seed,
        "scored": row.scored,
        "clips": len(of_int8.labels),
        "float_accuracy": of_float.accuracy,
        "int8_accuracy": of_int8.accuracy,
        "agreement": float((of_float.guesses == of_int8.guesses).mean()),
        "least_snr_db": min(min(one.values()) for one in results["snr_db"]),
        "flash_bytes": int(results["flatbuffer_bytes"].mean()),
        "gzip_bytes": int(results["gzip_bytes"].mean()),
        "arena_bytes": int(results["arena_bytes"].mean()),
        "macs": int(results["macs"].mean()),
        "parameters": int(results["parameters"].mean()),
        "zeros": float(sparsity.mean()),
    }


def summary_lines(table: pd.DataFrame) -> list[str]:
    """Formats the rows as one Markdown table: mean +- sample standard deviation over seeds."""
    lines = [
        "| part | net | scored | seeds | float % | int8 % | agree % | SNR dB | flash | gzip | "
        "arena | MACs | zeros |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (part, name, scored), group in table.groupby(["part", "name", "scored"], sort=False):
        cells = []
        for column in ("float_accuracy", "int8_accuracy"):
            values = 100 * group[column]
            spread = f" +- {values.std():.1f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.1f}{spread}")
        mean = group.mean(numeric_only=True)
        lines.append(
            f"| {part} | {name} | {scored} | {len(group)} | {cells[0]} | {cells[1]} | "
            f"{100 * mean['agreement']:.1f} | {mean['least_snr_db']:.1f} | "
            f"{mean['flash_bytes']:,.0f} | {mean['gzip_bytes']:,.0f} | "
            f"{mean['arena_bytes']:,.0f} | {mean['macs']:,.0f} | {100 * mean['zeros']:.0f} % |"
        )
    return lines


def with_tables(document: str, table: pd.DataFrame) -> str:
    """Puts the tables into a document, between its two comments.

    Args:
        document: Text with the lines `<!-- measured ... -->` and `<!-- end ... -->`.
        table: All rows of the study.

    Returns:
        The document with one table for each part that is there.
    """
    before, begin, rest = document.partition("<!-- measured")
    comment, _, rest = rest.partition("\n")
    _, end, after = rest.partition("<!-- end")
    if not begin or not end:
        raise UserError("The document needs both comments", "one or none")
    lines = [begin + comment]
    for part in PARTS:
        rows = table[table["part"] == part]
        if len(rows):
            lines += ["", f"### {TITLES[part]}", "", *summary_lines(rows)]
    return before + "\n".join([*lines, ""]) + "\n" + end + after


@dataclass(frozen=True)
class StudyArguments(PreparedArguments):
    """What to measure, and where results lie."""

    work_dir: Path = setting(REQUIRED, "Folder of what is made here.")
    reuse_dirs: tuple[str, ...] = setting((), "Folders of cached stages to take results from.")
    results_dir: Path = setting(Path("benchmarks/results"), "Folder of compression.csv.")
    document: Path | None = setting(None, "Markdown file whose tables are replaced, if any.")
    parts: tuple[str, ...] = setting(PARTS, "Parts to do.", choices=PARTS)
    num_seeds: int = setting(5, "Student seeds of the test rows, from 1 on.", minimum=1)
    half_bytes: int = setting(
        20376, "Half of the uncut student's flatbuffer.", unit="bytes", minimum=1
    )


def main(arguments: StudyArguments) -> None:
    """Does the missing stages of the wanted parts and writes the tables."""
    work_dir = arguments.work_dir
    prepared = PreparedSet.load(arguments.prepared)
    results = arguments.results_dir / "compression.csv"
    best = {"cut": best_choice(results, CUTS), "prune": best_choice(results, PRUNES)}
    study = Study(
        read_run_settings(arguments.run_dir),
        prepared,
        arguments.num_seeds,
        arguments.half_bytes,
        best,
    )
    rows = {part: study.rows(part) for part in arguments.parts}
    sources = [Path(one) for one in arguments.reuse_dirs]
    if arguments.dry_run:
        # Nothing is written: what would be linked is linked beside.
        scratch = tempfile.TemporaryDirectory()
        sources.append(work_dir / "stages")
        work_dir = Path(scratch.name)
    context = RunContext(arguments.prepared, work_dir / "stages", work_dir)
    wanted = {
        part: [one for row in rows[part] for scores in row.scores(study.planner) for one in scores]
        for part in rows
    }
    everything = all_stages(stage for stages in wanted.values() for stage in stages)
    linked = link_known_stages(everything, context.stages_dir, sources)
    print(f"{linked} results taken from other runs")
    for part, stages in wanted.items():
        print(
            f"{part}: {stages_summary(stages, context.stages_dir)}".replace("\n", "; "), flush=True
        )
    print(f"all: {stages_summary(everything, context.stages_dir)}".replace("\n", "; "))
    if not arguments.dry_run:
        start_tensorflow()
        table = pd.read_csv(results) if results.exists() else pd.DataFrame({"part": []})
        for part in rows:
            made = []
            for row in rows[part]:
                run_stages([one for two in row.scores(study.planner) for one in two], context, 1)
                made.append(measured(row, study.planner, context))
                both = pd.concat([table[table["part"] != part], pd.DataFrame(made)])
                results.parent.mkdir(parents=True, exist_ok=True)
                write_table(results, both, float_format="%.6g")
            if arguments.document:
                path = arguments.document
                text = with_tables(path.read_text(encoding="utf-8"), both)
                with whole_file(path) as temporary:
                    temporary.write_text(text, encoding="utf-8")
            table = both
            print("\n".join(summary_lines(table[table["part"] == part])), flush=True)
    print(f"result: {results}")
    print("next: see docs/compression.md")


if __name__ == "__main__":
    run_command(main, StudyArguments)
