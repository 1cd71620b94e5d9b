"""The flags of `pskd_tf.train` that give a run's settings."""

from collections.abc import Mapping
from typing import Any

_PLACES = {
    "acs_selection": "acs.selection",
    "temperature": "acs.temperature",
    "distillation_weight": "acs.distillation_weight",
    "semantic_weight": "acs.semantic_weight",
    "semantic_kind": "acs.semantic_kind",
    "label_smoothing": "acs.label_smoothing",
    "baseline_label_smoothing": "baseline_label_smoothing",
    "teacher_label_smoothing": "teacher_label_smoothing",
    "teacher_views": "teacher_views",
    "epochs": "student_training.epochs",
    "skeleton_teacher_epochs": "teacher_training.skeleton_teacher.epochs",
    "fusion_teacher_epochs": "teacher_training.fusion_teacher.epochs",
    "accelerometer_teacher_epochs": "teacher_training.accelerometer_teacher.epochs",
    "batch_size": "student_training.batch_size",
    "learning_rate": "student_training.peak_learning_rate",
    "weight_decay": "student_training.weight_decay",
    "ema_momentum": "student_training.ema_momentum",
    "mixup": "student_training.mixup",
    "input_mode": "inputs.mode",
    "steps": "inputs.steps",
    "window_rate": "inputs.window_rate_hz",
    "window_hop": "inputs.window_hop",
    "window_score": "inputs.window_score",
    "skeleton_frames": "inputs.skeleton_frames",
    "time_warp": "augmentation.time_warp",
    "shift": "augmentation.shift",
    "rotation": "augmentation.rotation_radians",
    "log_scale": "augmentation.log_scale",
    "noise": "augmentation.noise_g",
    "skeleton_yaw": "augmentation.skeleton_yaw_radians",
    "skeleton_tilt": "augmentation.skeleton_tilt_radians",
    "skeleton_log_scale": "augmentation.skeleton_log_scale",
    "joint_noise": "augmentation.joint_noise_metres",
    "sparsity": "compression.sparsity",
    "prune_epochs": "compression.epochs",
    "prune_learning_rate": "compression.learning_rate",
    "calibration_clips": "compression.calibration_clips",
}
_LISTS = ("protocol", "seeds", "teacher_seeds", "teachers", "teacher_outputs")


def flags_of_settings(settings: Mapping[str, Any]) -> list[str]:
    """Returns every setting as a flag, whatever the defaults were.

    Args:
        settings: The content of `settings.json`.

    Returns:
        `--name=value`, one for each flag that this version knows and the run held.
    """
    found = []
    for name in _LISTS:
        value = settings.get(name)
        if value:
            text = value if isinstance(value, str) else ",".join(map(str, value))
            found.append(f"--{name}={text}")
    for name, place in _PLACES.items():
        value: Any = settings
        for part in place.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found.append(f"--{name}={value}")
    return found
