"""A planned compression of a finished run."""

import dataclasses
import json
from typing import Any

from data_prep.errors import UserError
from data_prep.files import remove_file, whole_file
from data_prep.prepared_set import PreparedSet
from pskd_tf.compression.cost import BoardLimits, SafetyLimits
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.search import CompressionCandidate, CompressionPlan
from pskd_tf.pipeline.search_report import compression_report
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.run import Run
from pskd_tf.run_records import publish, withdraw
from pskd_tf.runs.export_run import export_run
from pskd_tf.settings import RunSettings

COMPRESSION_FILES = ("compression.json", "compressed/export/manifest.json")


def compare_candidates(
    plan: CompressionPlan,
    context: RunContext,
    allowed: BoardLimits,
    safety: SafetyLimits,
    workers: int,
) -> list[dict[str, Any]]:
    """Makes and scores every candidate on the validation folds.

    Args:
        plan: The search.
        context: Where to read and report.
        allowed: The board's limits.
        safety: What int8 must meet.
        workers: Processes.

    Returns:
        The results of `CompressionCandidate.measure`, in the order of the plan's candidates.
    """
    run_stages([one for candidate in plan.candidates for one in candidate.scores], context, workers)
    return [candidate.measure(context, allowed, safety) for candidate in plan.candidates]


def perform_compression(
    plan: CompressionPlan,
    settings: RunSettings,
    prepared: PreparedSet,
    context: RunContext,
    allowed: BoardLimits,
    safety: SafetyLimits,
    workers: int,
) -> dict[str, Any]:
    """Finds the most accurate student under the limits and writes it, with its report.

    Chosen by the pooled accuracy of int8 over the validation folds; of equals the smaller
    flatbuffer wins. Test subjects are scored after that, once, and choose nothing.

    Args:
        plan: The search.
        settings: Of the run.
        prepared: The prepared set.
        context: Where to read and report; `compression.json`, `compression.md` and the export in
            `compressed/` go to its `run_dir`.
        allowed: The board's limits.
        safety: What int8 must meet.
        workers: Processes.

    Returns:
        The content of `compression.json`.

    Raises:
        UserError: No candidate is within the limits; names why the most accurate one was refused.
    """
    rows = compare_candidates(plan, context, allowed, safety, workers)
    safe = [number for number, row in enumerate(rows) if row["refused"] is None]
    if not safe:
        best = max(rows, key=lambda row: row["int8_accuracy"])
        raise UserError(f"No student passes ({best['name']}, {best['method']}): {best['refused']}")
    chosen = max(safe, key=lambda one: (rows[one]["int8_accuracy"], -rows[one]["flash_bytes"]))
    candidate = plan.candidates[chosen]
    final = plan.final_candidate(candidate.limits, candidate.method)
    beside = plan.final_candidate(candidate.limits, "ptq")
    unpruned = plan.final_candidate(None, "ptq")
    run_stages([*final.scores, *beside.scores, *unpruned.scores], context, workers)
    _check_final(final, context, allowed, safety)
    report = compression_report(
        plan, context, rows, chosen, {"final": final, "ptq": beside, "unpruned": unpruned}
    )
    report |= {
        "limits": dataclasses.asdict(allowed),
        "safety": dataclasses.asdict(safety),
        "search": dataclasses.asdict(plan.planner.search),
    }
    stage = final.quantised[0]
    # So that a kill between them leaves no report of another export.
    withdraw(context.run_dir, COMPRESSION_FILES)
    for name in ("compression.json", "compression.md"):
        remove_file(context.run_dir / name)
    export_run(
        dataclasses.replace(settings, seeds=(plan.seed,), protocol="cross_subject"),
        dataclasses.replace(plan.final, compressed={plan.seed: stage}),
        prepared,
        dataclasses.replace(context, run_dir=context.run_dir / "compressed"),
        Run.load(context.run_dir).key or "",
    )
    with whole_file(context.run_dir / "compression.json") as temporary:
        temporary.write_text(json.dumps(report, indent=2), encoding="utf-8")
    publish(context.run_dir, COMPRESSION_FILES)
    return report


def _check_final(
    final: CompressionCandidate, context: RunContext, allowed: BoardLimits, safety: SafetyLimits
) -> None:
    """Refuses the final student, which was trained on more clips, by its cost and its noise."""
    result = context.result(final.quantised[0])
    sizes = {
        "flash_bytes": result["flatbuffer_bytes"],
        "arena_bytes": result["arena_bytes"],
        "macs": result["macs"],
    }
    for name, limit in dataclasses.asdict(allowed).items():
        if limit is not None and sizes[name] > limit:
            raise UserError(f"The final student must fit: {name} at most {limit}", sizes[name])
    safety.check_noise(result["snr_db"])
