"""Whether a run is already finished: its metrics, under a key of all that made them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.fingerprint import json_sha256
from pskd_tf.pipeline.fold_plan import FoldPlan
from pskd_tf.pipeline.run_settings import RunSettings


def run_key(settings: RunSettings, plans: Sequence[FoldPlan]) -> str:
    """Returns the SHA-256 over a run's settings and the keys of all stages that are scored."""
    scores = [{what: stage.key for what, stage in plan.scores.items()} for plan in plans]
    return json_sha256({"settings": settings.to_json(), "scores": scores})


def finished_metrics(run_dir: Path, key: str) -> dict[str, Any] | None:
    """Reads the metrics of a run that is finished under the same key.

    Args:
        run_dir: The run's folder.
        key: What `run_key` gives now.

    Returns:
        The content of `metrics.json`, or None where the run is not finished or was another one.
    """
    try:
        metrics = json.loads((run_dir / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = (run_dir / "export" / "manifest.json").exists()
    return metrics if whole and metrics.get("run_key") == key else None
