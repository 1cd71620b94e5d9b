"""A planned run: its stages, its export, its metrics and its report."""

import json
from collections.abc import Sequence
from typing import Any

from data_prep.files import remove_file, whole_file
from data_prep.prepared_set import PreparedSet
from data_prep.split_file import kept_splits
from pskd_tf.device.stream_figures import StreamFigures
from pskd_tf.pipeline.degradation import calibration_warnings
from pskd_tf.pipeline.metrics import collect_metrics
from pskd_tf.pipeline.ownership import run_key
from pskd_tf.pipeline.plan import FoldPlan, plan_warnings
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.reporting.report import write_report
from pskd_tf.run_records import publish, withdraw
from pskd_tf.runs.export_run import export_run
from pskd_tf.runs.own_student import without_plain_c
from pskd_tf.settings import RunSettings


def perform_run(
    settings: RunSettings,
    plans: Sequence[FoldPlan],
    prepared: PreparedSet,
    context: RunContext,
    workers: int,
    most_points_lost: float,
) -> dict[str, Any]:
    """Makes every result of a run that is not there yet.

    Args:
        settings: Settings of the run.
        plans: Its folds.
        prepared: The prepared set.
        context: Where to read and report.
        workers: Processes.
        most_points_lost: See `degradation_warnings`.

    Returns:
        The content of `RUN/metrics.json`; only the report is written after it.
    """
    run_dir, key = context.run_dir, run_key(settings, plans)
    splits_file = f"splits_{settings.protocol}.json"
    planned, results = ("settings.json", splits_file), ("export/manifest.json", "metrics.json")
    # Until all of them are listed again, the folder is that of an unfinished run.
    withdraw(run_dir, (*planned, *results))
    with whole_file(run_dir / "settings.json") as temporary:
        temporary.write_text(json.dumps(settings.to_json(), indent=2), encoding="utf-8")
    # The key stands for the splits: a file that differs is damaged.
    remove_file(run_dir / splits_file)
    splits_hash = kept_splits(run_dir / splits_file, [plan.split for plan in plans])
    publish(run_dir, planned, key)
    run_stages([one for plan in plans for one in plan.wanted], context, workers)
    exported = export_run(settings, plans[0], prepared, context, key)
    metrics = collect_metrics(settings, plans, prepared, context, most_points_lost)
    metrics["warnings"] = plan_warnings(plans, prepared) + calibration_warnings(plans, context)
    if exported.no_plain_c is not None:
        metrics["warnings"].append(without_plain_c(exported.no_plain_c))
    metrics["splits_sha256"] = splits_hash
    metrics["run_key"] = key
    # What was measured with this export stays.
    streamed = StreamFigures.of_run(run_dir)
    if streamed is not None:
        metrics["stream"] = streamed.to_metrics()
    with whole_file(run_dir / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=2), encoding="utf-8")
    publish(run_dir, results)
    write_report(context.run_dir, context.stages_dir, context.prepared_dir)
    return metrics
