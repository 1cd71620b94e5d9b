"""The key of a run, and the folder that belongs to it alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import json_sha256
from data_prep.settings import SettingField, setting_fields
from pskd_tf.method import Method
from pskd_tf.pipeline.plan import FoldPlan
from pskd_tf.run import Run
from pskd_tf.run_records import check_stage, published_file, read_run_record
from pskd_tf.settings import RunSettings, read_run_settings


def run_key(settings: RunSettings, plans: Sequence[FoldPlan]) -> str:
    """Returns the SHA-256 over a run's settings and the keys of all stages that are scored."""
    scores = [{what: stage.key for what, stage in plan.scores.items()} for plan in plans]
    return json_sha256({"settings": settings.to_json(), "scores": scores})


def finished_metrics(run: Run, key: str) -> dict[str, Any] | None:
    """Reads the metrics of a run that is finished under a key, if nothing of it is damaged.

    Args:
        run: The run. Its stages may be gone; those that are there must be as they were written.
        key: What `run_key` gives now.

    Returns:
        The content of `metrics.json`, or None where the run is not finished.
    """
    try:
        metrics = run.metrics
        _ = run.settings, [run.export.file(name) for name in run.export.manifest.files]
        if run.record is not None:
            published_file(run.run_dir, f"splits_{metrics['protocol']}.json")
        for name in metrics["wall_seconds"]:
            if (run.stages_dir / name).exists():
                check_stage(run.stages_dir / name)
    except UserError:
        return None
    return metrics if metrics.get("run_key") == key else None


def check_owner(run_dir: Path, settings: RunSettings, key: str | None = None) -> None:
    """Refuses a folder that belongs to another run.

    Args:
        run_dir: The run's folder.
        settings: Settings of the run that is to be done there.
        key: Its key; None before its data are known, when its settings alone are compared.

    Raises:
        UserError: The folder is that of a run with other settings, data or package versions.
    """
    rule = (
        "A run_dir belongs to one run: take another --run_dir (with this one's --stages_dir, what "
        "both runs need is made once), or the settings that this one was started with"
    )
    try:
        kept: RunSettings | None = read_run_settings(run_dir)
        record = read_run_record(run_dir)
        if record is not None and "settings.json" in record.files:
            published_file(run_dir, "settings.json")
    except UserError:  # a new folder, or a damaged file that is written again
        kept = None
    # Settings that do nothing are not kept.
    differ = kept is not None and kept.to_json() != settings.to_json()
    for one in setting_fields(RunSettings) if differ else ():
        values = one.of(kept), one.of(settings)
        if values[0] != values[1]:
            now, then = (_as_flag(one, value) for value in values[::-1])
            raise UserError(rule, f"{now}, where the folder's run has {then}", run_dir)
    if kept is not None and differ and kept.method != settings.method:
        now, then = (_method_flag(one.method) for one in (settings, kept))
        raise UserError(rule, f"{now}, where the folder's run has {then}", run_dir)
    owner = _owner(run_dir)
    if None not in (key, owner) and key != owner:
        raise UserError(rule, "other data, settings or versions of packages", run_dir)


def _method_flag(method: Method | None) -> str:
    return "no --method" if method is None else f"--method={method.name} {method.trials[0]}"


def _as_flag(field: SettingField, value: Any) -> str:
    shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"--{field.flag}={shown}" if field.flag else f"{'.'.join(field.place)} {shown}"


def _owner(run_dir: Path) -> str | None:
    record = read_run_record(run_dir)
    try:
        return Run.load(run_dir).key if record is None else record.run_key
    except UserError:  # damaged figures of an older version are written again
        return None
