"""Makes a run's student fit the limits of a board, or compares sizes.

python -m pskd_tf.compress --run_dir=RUN --max_flash_kb=24 --max_arena_kb=6
python -m pskd_tf.compress --run_dir=RUN --pareto

The most accurate int8 student under the limits is chosen on the validation folds (each training
subject left out, in turn); RUN/compression.json and .md say how, RUN/compressed/export is what a
board's project takes. A kB has 1024 bytes. The same command resumes.
"""

import dataclasses
from dataclasses import dataclass

from data_prep.commands import run_command
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.prepared_set import PreparedSet
from data_prep.settings import part, setting
from pskd_tf.arguments import StagesArguments
from pskd_tf.compression.cost import BoardLimits, SafetyLimits
from pskd_tf.pipeline.search import CompressionPlan
from pskd_tf.pipeline.stage import RunContext, stages_summary
from pskd_tf.processes import start_tensorflow
from pskd_tf.run import Run
from pskd_tf.settings import CompressionSearch


@dataclass(frozen=True)
class CompressArguments(StagesArguments):
    """The board's limits and how students are cut and quantised."""

    max_flash_kb: float | None = setting(
        None, "Largest flatbuffer.", unit="kB", above=0, group="limits"
    )
    max_arena_kb: float | None = setting(
        None, "Largest tensor arena on a 64-bit host.", unit="kB", above=0, group="limits"
    )
    max_macs: int | None = setting(
        None, "Most multiply-accumulates of one inference.", minimum=1, group="limits"
    )
    safety: SafetyLimits = part(SafetyLimits, "limits")
    pareto: bool = setting(
        False, "Compare sizes on validation; choose and export nothing.", group="limits"
    )
    pareto_kb: tuple[float, ...] = setting(
        (10.0, 16.0, 24.0, 32.0), "Flatbuffers to compare.", unit="kB", group="limits"
    )
    search: CompressionSearch = part(CompressionSearch, "compression")
    workers: int = setting(1, "Worker processes.", minimum=1)


def main(arguments: CompressArguments) -> None:
    """Searches, writes the report and prints where it is."""
    run_dir, search, safety = arguments.run_dir, arguments.search, arguments.safety
    settings = Run.load(run_dir).settings
    if settings.student.is_own:
        rule = "pskd_tf.compress cuts the nets of this project; give an own student fewer channels"
        raise UserError(rule, settings.student.student)
    prepared = PreparedSet.load(arguments.prepared)
    allowed = BoardLimits(
        flash_bytes=_bytes(arguments.max_flash_kb),
        arena_bytes=_bytes(arguments.max_arena_kb),
        macs=arguments.max_macs,
    )
    if arguments.pareto:
        limits = [
            dataclasses.replace(allowed, flash_bytes=_bytes(size)) for size in arguments.pareto_kb
        ]
    elif allowed == BoardLimits():
        raise UserError("Give a limit (--max_flash_kb, --max_arena_kb, --max_macs) or --pareto")
    else:
        limits = [allowed]
    plan = CompressionPlan.make(settings, prepared, search, limits)
    context = RunContext(
        prepared_dir=arguments.prepared,
        stages_dir=arguments.stages,
        run_dir=run_dir,
    )
    command = f"python -m pskd_tf.compress --run_dir={run_dir}"
    if arguments.dry_run:
        wanted = [one for candidate in plan.candidates for one in candidate.scores]
        print(stages_summary(wanted, context.stages_dir))
        print(f"result: {run_dir / ('pareto.md' if arguments.pareto else 'compression.md')}")
        print(f"next: {command} ... without --dry_run")
        return
    start_tensorflow()
    from pskd_tf.pipeline.search_report import compression_markdown, pareto_rows, write_pareto
    from pskd_tf.runs.compress import compare_candidates, perform_compression

    if arguments.pareto:
        rows = compare_candidates(plan, context, allowed, safety, arguments.workers)
        points = pareto_rows(rows)
        if not points:
            raise UserError(f"No student passes: {rows[0]['refused']}")
        print("\n".join(write_pareto(run_dir, points)))
        print(f"result: {run_dir / 'pareto.md'}")
        print(f"next: {command} --max_flash_kb=KB")
        return
    report = perform_compression(
        plan, settings, prepared, context, allowed, safety, arguments.workers
    )
    text = compression_markdown(report)
    with whole_file(run_dir / "compression.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(text)
    print(f"result: {run_dir / 'compressed' / 'export'}")
    print(f"next: see {run_dir / 'compression.md'}")


def _bytes(kilobytes: float | None) -> int | None:
    return None if kilobytes is None else int(kilobytes * 1024)


if __name__ == "__main__":
    run_command(main, CompressArguments)
