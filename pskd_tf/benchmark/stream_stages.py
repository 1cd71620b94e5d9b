"""What a benchmark with `--stream_training` runs over streams: the int8 student of each cell."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.records import read_arrays
from pskd_tf.benchmark.cells import Cell
from pskd_tf.benchmark.results import held_out_parts
from pskd_tf.benchmark.run import BenchmarkRun
from pskd_tf.benchmark.stream import (
    StreamRecord,
    StreamRow,
    read_streams,
    scores_text,
    stream_markdown,
    stream_rows,
    stream_table,
    write_streams,
)
from pskd_tf.evaluation.stream import STREAM_KINDS
from pskd_tf.method import FOREST
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.specs import CompressSpec, StreamScoreSpec
from pskd_tf.pipeline.stage import RunContext, Stage
from pskd_tf.processes import start_tensorflow
from pskd_tf.settings import CompressionSettings


@dataclass(frozen=True)
class StreamCell:
    """A cell of the benchmark and the stage that runs its int8 student over streams."""

    cell: Cell
    stage: Stage[StreamScoreSpec]

    @staticmethod
    def of(cell: Cell, compression: CompressionSettings, hours: float) -> "StreamCell":
        """Declares the stages of a cell.

        Args:
            cell: The cell.
            compression: Pruning and calibration of its student.
            hours: Hours of idle of each kind.
        """
        fit = cell.fit
        spec = CompressSpec(fit.key, compression)
        compressed: Stage[CompressSpec] = Stage(f"compressed-{fit.name}", spec, (fit,))
        clips = cell.stage.spec.clips
        scored = StreamScoreSpec(fit.key, compressed.key, clips, "int8", hours)
        name = f"stream-{cell.stage.name.removeprefix('score-')}"
        return StreamCell(cell, Stage(name, scored, (fit, compressed)))


class BenchmarkStreams:
    """The streams of a benchmark: those wanted, and those that `stream.csv` holds.

    Args:
        run: A benchmark with `stream_training`.
        protocols: The protocols to stream.
        hours: Hours of idle of each kind.

    Raises:
        UserError: `stream.csv` is damaged.
    """

    def __init__(self, run: BenchmarkRun, protocols: Sequence[str], hours: float):
        self.run, self.protocols, self.hours = run, list(protocols), hours
        self.path = run.results_dir / "stream.csv"
        self.records = read_streams(self.path)

    def check(self) -> None:
        """Checks that every run on test subjects will have a threshold.

        Raises:
            UserError: A run has no streams of validation of its own seeds.
        """
        validation = self._cells("validation")
        chosen = {_seeds(one) for one in validation}
        for protocol in self.protocols:
            if protocol == "validation":
                continue
            without = sorted({_seeds(one) for one in self._cells(protocol)} - chosen)
            if without:
                method, _, seed = without[0]
                rule = "A threshold is chosen on validation of the same seeds (--validation_seeds)"
                raise UserError(rule, f"student seed {seed} of {method} on {protocol} alone")
        if "validation" not in self.protocols:
            missing = self._missing(validation)
            if missing:
                rule = "Thresholds are chosen on streams of validation, which come first"
                first = missing[0].cell
                received = f"none of {first.method}, student seed {first.student_seed}"
                raise UserError(f"{rule} (--protocols=validation,...)", received, self.path)

    def missing(self) -> list[StreamCell]:
        """Returns the wanted ones without a line in `stream.csv`."""
        return self._missing([one for name in self.protocols for one in self._cells(name)])

    def perform(self, workers: int) -> None:
        """Runs the students of finished cells over the missing streams and writes `stream.csv`.

        Args:
            workers: Stages at a time.
        """
        missing = self.missing()
        if not missing:
            return
        if workers == 1:
            start_tensorflow()
        run_stages([one.stage for one in missing], self.run.context, workers, show_epochs=False)
        for one in missing:
            self.records += record_streams(one, self.run.context)
        write_streams(self.path, self.records)

    def board(self) -> list[StreamRow]:
        """Writes `stream_board.{md,csv}` and returns its rows: methods with recorded streams."""
        results_dir = self.run.results_dir
        keys = self._shown()
        subjects = {
            held_out: part["subject"].to_numpy(str)
            for (_, held_out), part in held_out_parts(results_dir).items()
        }
        rows = stream_rows([one for one in self.records if one.cell in keys], subjects)
        with whole_file(results_dir / "stream_board.md") as temporary:
            temporary.write_text(stream_markdown(rows), encoding="utf-8")
        write_table(results_dir / "stream_board.csv", stream_table(rows))
        return rows

    def left_out(self) -> Counter[str]:
        """Returns by method how many streamed cells are not on the board: another recipe's."""
        keys = self._shown()
        others = {one.cell: one.method for one in self.records if one.cell not in keys}
        return Counter(others.values())

    def _cells(self, protocol: str) -> list[Cell]:
        run = self.run
        return [
            cell
            for method in run.methods
            if method.model != FOREST
            for cell in run.planned_cells(protocol, method)
        ]

    def _stream(self, cell: Cell) -> StreamCell:
        return StreamCell.of(cell, self.run.settings.compression, self.hours)

    def _missing(self, cells: Sequence[Cell]) -> list[StreamCell]:
        known = {one.cell for one in self.records}
        streams = [self._stream(cell) for cell in cells]
        return [one for one in streams if one.stage.key[:16] not in known]

    def _shown(self) -> set[str]:
        nets = {method.name for method in self.run.listed if method.model != FOREST}
        cells = [cell for cell in self.run.recorded_cells() if cell.method in nets]
        return {self._stream(cell).stage.key[:16] for cell in cells}


def _seeds(cell: Cell) -> tuple[str, int, int]:
    return cell.method, cell.teacher_seed, cell.student_seed


def record_streams(one: StreamCell, context: RunContext) -> list[StreamRecord]:
    """Reads what the stage of a cell wrote, one record a kind."""
    result = context.result(one.stage)
    cell = one.cell
    kinds = ("movements", "wrong", *STREAM_KINDS)
    arrays = read_arrays(context.folder(one.stage) / "scores.npz", kinds)
    return [
        StreamRecord(
            one.stage.key[:16],
            cell.method,
            cell.trial,
            cell.protocol,
            "|".join(cell.held_out),
            cell.teacher_seed,
            cell.student_seed,
            kind,
            result["hours"].get(kind, 0.0),
            round(result["distinct_hours"].get(kind, 0.0), 4),
            scores_text(arrays[kind]),
        )
        for kind in kinds
    ]
