"""Makes the student of a finished run small enough for a board, or shows what size costs.

python -m pskd_tf.compress --run_dir=RUN --max_flash_kb=24 --max_arena_kb=6
python -m pskd_tf.compress --run_dir=RUN --pareto

The most accurate int8 student under the limits is chosen on the validation folds (each training
subject left out, in turn); RUN/compression.json and .md say how, RUN/compressed/export is what a
board's project takes. A kB has 1024 bytes. The same command resumes.
"""

import dataclasses
from pathlib import Path

from absl import flags

from data_prep.commands import run_command
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.prepared_set import PreparedSet
from pskd_tf.compression.cost import BoardLimits, SafetyLimits
from pskd_tf.pipeline.search import CompressionPlan
from pskd_tf.pipeline.stage import RunContext, stages_summary
from pskd_tf.processes import start_tensorflow
from pskd_tf.settings import CompressionSearch, read_run_settings


def main() -> None:
    """Searches, writes the report and prints where it is."""
    values = flags.FLAGS
    if not values.run_dir:
        raise UserError("--run_dir must be given", "nothing")
    if values.workers < 1:
        raise UserError("--workers must be positive", values.workers)
    run_dir = Path(values.run_dir)
    settings = read_run_settings(run_dir)
    prepared_dir = Path(values.prepared_dir or run_dir / "prepared")
    prepared = PreparedSet.load(prepared_dir)
    allowed = BoardLimits(
        flash_bytes=_bytes(values.max_flash_kb),
        arena_bytes=_bytes(values.max_arena_kb),
        macs=values.max_macs,
    )
    search = CompressionSearch(
        cuts=values.cuts,
        slim_epochs=values.slim_epochs,
        slim_learning_rate=values.slim_learning_rate,
        qat_epochs=values.qat_epochs,
        qat_learning_rate=values.qat_learning_rate,
        calibration_clips=values.calibration_clips,
    )
    if values.pareto:
        sizes = [float(size) for size in values.pareto_kb]
        limits = [dataclasses.replace(allowed, flash_bytes=_bytes(size)) for size in sizes]
    elif allowed == BoardLimits():
        raise UserError("Give a limit (--max_flash_kb, --max_arena_kb, --max_macs) or --pareto")
    else:
        limits = [allowed]
    plan = CompressionPlan.make(settings, prepared, search, limits)
    context = RunContext(
        prepared_dir=prepared_dir,
        stages_dir=Path(values.stages_dir or run_dir / "stages"),
        run_dir=run_dir,
    )
    command = f"python -m pskd_tf.compress --run_dir={run_dir}"
    if values.dry_run:
        wanted = [one for candidate in plan.candidates for one in candidate.scores]
        print(stages_summary(wanted, context.stages_dir))
        print(f"result: {run_dir / ('pareto.md' if values.pareto else 'compression.md')}")
        print(f"next: {command} ... without --dry_run")
        return
    start_tensorflow()
    # Imported here, because they import TensorFlow, which was not started before.
    from pskd_tf.pipeline.search_report import compression_markdown, pareto_rows, write_pareto
    from pskd_tf.runs.compress import compare_candidates, perform_compression

    safety = SafetyLimits(least_snr_db=values.least_snr_db)
    if values.pareto:
        rows = compare_candidates(plan, context, allowed, safety, values.workers)
        points = pareto_rows(rows)
        if not points:
            raise UserError(f"No student passes: {rows[0]['refused']}")
        print("\n".join(write_pareto(run_dir, points)))
        print(f"result: {run_dir / 'pareto.md'}")
        print(f"next: {command} --max_flash_kb=KB")
        return
    report = perform_compression(plan, settings, prepared, context, allowed, safety, values.workers)
    text = compression_markdown(report)
    with whole_file(run_dir / "compression.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(text)
    print(f"result: {run_dir / 'compressed' / 'export'}")
    print(f"next: see {run_dir / 'compression.md'}")


def _bytes(kilobytes: float | None) -> int | None:
    return None if kilobytes is None else int(kilobytes * 1024)


if __name__ == "__main__":
    text, whole, real = flags.DEFINE_string, flags.DEFINE_integer, flags.DEFINE_float
    text("run_dir", None, "Folder of a finished run of pskd_tf.train.")
    text("prepared_dir", None, "Folder of the prepared set; RUN/prepared if not given.")
    text("stages_dir", None, "Folder of cached stages; RUN/stages if not given.")
    real("max_flash_kb", None, "Largest flatbuffer, in kB.")
    real("max_arena_kb", None, "Largest tensor arena on a 64-bit host, in kB.")
    whole("max_macs", None, "Most multiply-accumulates of one inference.")
    flags.DEFINE_bool("pareto", False, "Compare sizes on validation; choose and ship nothing.")
    flags.DEFINE_list("pareto_kb", ["10", "16", "24", "32"], "Flatbuffers to compare, in kB.")
    whole("cuts", 1, "Cuts on the way to the limits, each followed by a fine-tuning.")
    whole("slim_epochs", 300, "Epochs of fine-tuning after each cut.")
    real("slim_learning_rate", 4e-3, "Peak learning rate of it.")
    whole("qat_epochs", 40, "Epochs of quantisation-aware training.")
    real("qat_learning_rate", 2e-4, "Learning rate of its first step.")
    whole("calibration_clips", 200, "Training clips that int8 ranges are read from.")
    real("least_snr_db", 10.0, "Least signal to noise of any int8 layer, in dB.")
    whole("workers", 1, "Worker processes.")
    flags.DEFINE_bool("dry_run", False, "Say what would be done; write nothing.")
    run_command(main)
