"""The settings of a run that was made before."""

import json
from pathlib import Path
from typing import Any

from data_prep.user_error import UserError
from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.distillation.acs_settings import ACSSettings
from pskd_tf.distillation.training_settings import TrainingSettings
from pskd_tf.pipeline.run_settings import CompressionSettings, RunSettings

_PARTS = {
    "acs": ACSSettings,
    "teacher_acs": ACSSettings,
    "student_training": TrainingSettings,
    "inputs": InputSettings,
    "augmentation": AugmentationSettings,
    "compression": CompressionSettings,
}


def read_run_settings(run_dir: Path) -> RunSettings:
    """Reads `settings.json` of a run.

    Args:
        run_dir: The run's folder.

    Returns:
        The settings, equal to those that the run was told.

    Raises:
        UserError: There is no such file, or it is not of this version.
    """
    path = Path(run_dir) / "settings.json"
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        made = {name: part(**values.pop(name)) for name, part in _PARTS.items()}
        made["teacher_training"] = {
            name: TrainingSettings(**one) for name, one in values.pop("teacher_training").items()
        }
        lists = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return RunSettings(**lists, **made)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        rule = "run_dir must be the folder of a run of this version (python -m pskd_tf.train)"
        raise UserError(rule, f"{type(error).__name__}: {error}", path) from error
