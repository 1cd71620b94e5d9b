"""What a comparison reads of each run."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.user_error import UserError
from pskd_tf.reporting.loaded_run import read_metrics

FORMS = ("cross-entropy alone", "float", "pruned", "int8")


@dataclass(frozen=True)
class ComparedRun:
    """The numbers and settings of one run.

    Attributes:
        name: The shortest end of its path that no other compared run has.
        metrics: `metrics.json`.
        settings: `settings.json`.
    """

    name: str
    metrics: dict[str, Any]
    settings: dict[str, Any]

    @property
    def seeds(self) -> list[int]:
        """The student seeds."""
        return self.metrics["seeds"]

    def summary(self, form: str) -> dict[str, Any]:
        """Returns the scores of one of `FORMS`, as `metrics.json` holds them."""
        if form == "cross-entropy alone":
            return self.metrics["baseline"]["cross_entropy"]
        return self.metrics["student"][form]


def load_compared_runs(run_dirs: Sequence[str | Path]) -> list[ComparedRun]:
    """Reads the runs.

    Args:
        run_dirs: Folders of at least two finished runs, each once.

    Returns:
        The runs, in the same order.

    Raises:
        UserError: Fewer than two, one twice, or one is not finished.
    """
    folders = [Path(one).resolve() for one in run_dirs]
    if len(folders) < 2 or len(set(folders)) < len(folders):
        received = ", ".join(map(str, run_dirs))
        raise UserError("--compare takes at least two different runs", received)
    runs = []
    for folder, name in zip(folders, _short_names(folders), strict=True):
        metrics = read_metrics(folder)
        path = folder / "settings.json"
        settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        runs.append(ComparedRun(name, metrics, settings))
    return runs


def paired_values(first: ComparedRun, other: ComparedRun, form: str) -> list[float] | None:
    """Returns other minus first, a value for each seed that both have.

    Args:
        first: The run that is subtracted.
        other: Another run.
        form: One of `FORMS`.

    Returns:
        Differences of the accuracy, fractions; None where the runs were scored on other clips or
        share no seed.
    """
    for key in ("dataset", "protocol", "folds", "splits_sha256"):
        # Older runs lack the hash; their folds still name the subjects.
        each = [run.metrics[key] for run in (first, other) if key in run.metrics]
        if len(each) == 2 and each[0] != each[1]:
            return None
    values = [
        dict(zip(run.seeds, run.summary(form)["accuracy"]["values"], strict=True))
        for run in (first, other)
    ]
    shared = [seed for seed in first.seeds if seed in values[1]]
    return [values[1][seed] - values[0][seed] for seed in shared] or None


def settings_differences(runs: Sequence[ComparedRun]) -> dict[str, list[str]]:
    """Returns every setting in which the runs differ, by its dotted name, one value a run."""
    flat = [_flat(run.settings) for run in runs]
    names = list(dict.fromkeys(name for one in flat for name in one))
    values = {name: [one.get(name, "not there") for one in flat] for name in names}
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def _flat(value: Any, name: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for key, one in value.items():
            found |= _flat(one, f"{name}.{key}" if name else key)
        return found
    return {name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)}


def _short_names(folders: Sequence[Path]) -> list[str]:
    for count in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = [os.sep.join(folder.parts[-count:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]
