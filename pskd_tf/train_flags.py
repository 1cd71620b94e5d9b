"""The flags of `pskd_tf.train` and the settings they make."""

import sys
from collections.abc import Iterable
from pathlib import Path

from absl import flags
from tqdm import tqdm

from data_prep.clip import Clip
from data_prep.dataset_flags import dataset_options_from_flags
from data_prep.errors import UserError
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set import PreparedSet
from pskd_tf.settings import (
    SELECTIONS,
    TEACHER_OUTPUTS,
    TEACHERS,
    ACSSettings,
    AugmentationSettings,
    CompressionSettings,
    InputSettings,
    RunSettings,
    TrainingSettings,
)


def define_train_flags() -> None:
    """Defines every flag of the train command, each explained in one line with its unit."""
    text, whole, real, names, numbers = (
        flags.DEFINE_string,
        flags.DEFINE_integer,
        flags.DEFINE_float,
        flags.DEFINE_list,
        flags.DEFINE_list,
    )
    text("run_dir", None, "Folder of this run's results; the same folder resumes the run.")
    text("prepared_dir", None, "Folder of the prepared set; RUN/prepared if not given.")
    text("stages_dir", None, "Folder of cached stages, shareable by runs; RUN/stages if not given.")
    whole("data_seed", 0, "Seed of generated data.")
    whole("workers", 2, "Worker processes.")
    flags.DEFINE_bool("dry_run", False, "Say what would be done; write nothing.")
    whole("record_every_epochs", 10, "Epochs from one resumable record to the next.")
    flags.DEFINE_enum(
        "strategy", "none", ("none", "mirrored"), "mirrored: each training over all GPUs, 1 worker."
    )
    text(
        "protocol",
        "cross_subject",
        "validation (to choose by), cross_subject, leave_one_subject_out, subject_folds, or "
        "another that the data set declares.",
    )
    numbers("seeds", ["1"], "Student seeds; the first one's model is exported.")
    numbers("teacher_seeds", ["1"], "Teacher seeds; students take turns with them.")
    names("teachers", list(TEACHERS), "The chain of teachers, in any order; any may be left out.")
    names(
        "teacher_outputs",
        ["cross_fitted"],
        f"Kinds of teacher outputs ({', '.join(TEACHER_OUTPUTS)}); the first one's student ships.",
    )
    text(
        "acs_selection",
        "hard",
        f"What ACS (our reconstruction) follows: one of {', '.join(SELECTIONS)}.",
    )
    real("temperature", 4.0, "Temperature T of the distillation, above 0.")
    real("distillation_weight", 1.0, "Weight lambda of the distillation term.")
    real("semantic_weight", 0.0, "Weight mu of the embeddings' distance; 0 leaves it out.")
    text("semantic_kind", "mse", "Distance of embeddings: mse or cosine.")
    real("label_smoothing", 0.0, "Smoothing of the student's cross-entropy, 0 to 1.")
    real("baseline_label_smoothing", 0.0, "Smoothing of the baseline's cross-entropy, 0 to 1.")
    real("teacher_label_smoothing", 0.0, "Smoothing of the first teacher's cross-entropy, 0 to 1.")
    whole("teacher_views", 8, "Augmented views that cached teacher outputs average; 0: plain clip.")
    whole("epochs", 400, "Epochs of the student and of the baseline.")
    whole("skeleton_teacher_epochs", 60, "Epochs of the skeleton teacher.")
    whole("fusion_teacher_epochs", 60, "Epochs of the skeleton + accelerometer teacher.")
    whole("accelerometer_teacher_epochs", 200, "Epochs of the accelerometer teacher.")
    whole("batch_size", 48, "Clips in a batch.")
    real("learning_rate", 4e-3, "Peak learning rate.")
    real("weight_decay", 0.02, "Decoupled weight decay of kernels.")
    real("ema_momentum", 0.98, "Momentum of the weights' moving average, 0 to 1.")
    real("mixup", 0.5, "Beta parameter of mixup in accelerometer-only models; 0: none.")
    text("input_mode", "clip", "clip: a clip resampled end to end; window: fixed rate and length.")
    whole("steps", 96, "Length of the accelerometer input, in samples after resampling.")
    real("window_rate", 50.0, "Sampling rate of window mode, in Hz.")
    whole("window_hop", 24, "Samples from one window to the next in window mode.")
    text("window_score", "mean", "How a clip's windows decide: mean of probabilities, or vote.")
    whole("skeleton_frames", 48, "Length of the skeleton input, in frames after resampling.")
    real("time_warp", 0.15, "Standard deviation of the log speed of the time warp.")
    real("shift", 0.05, "Largest shift of a clip's ends, as a share of its duration.")
    real("rotation", 0.15, "Standard deviation of the sensor's rotation, in rad per axis.")
    real("log_scale", 0.1, "Standard deviation of the log of the acceleration's scale.")
    real("noise", 0.03, "Standard deviation of noise on the acceleration, in g.")
    real("skeleton_yaw", 0.2, "Standard deviation of the body's turn, in rad.")
    real("skeleton_tilt", 0.06, "Standard deviation of the body's tilt, in rad per axis.")
    real("skeleton_log_scale", 0.1, "Standard deviation of the log of the body's size.")
    real("joint_noise", 0.03, "Standard deviation of noise on the joints, in metres.")
    real("sparsity", 0.5, "Share of zeros in convolution and dense kernels after pruning, 0 to 1.")
    whole("prune_epochs", 60, "Epochs of fine-tuning while pruning.")
    real("prune_learning_rate", 1e-3, "Peak learning rate of the fine-tuning.")
    whole("calibration_clips", 200, "Training clips that int8 ranges are read from.")


def settings_from_flags(values: flags.FlagValues) -> RunSettings:
    """Makes the run's settings from parsed flags.

    Args:
        values: The parsed flags.

    Returns:
        The settings.

    Raises:
        UserError: A value breaks a rule.
    """

    def training(epochs: int, mixup: float) -> TrainingSettings:
        return TrainingSettings(
            epochs=epochs,
            batch_size=values.batch_size,
            peak_learning_rate=values.learning_rate,
            weight_decay=values.weight_decay,
            ema_momentum=values.ema_momentum,
            mixup=mixup,
        )

    def acs(label_smoothing: float) -> ACSSettings:
        return ACSSettings(
            selection=values.acs_selection,
            temperature=values.temperature,
            distillation_weight=values.distillation_weight,
            semantic_weight=values.semantic_weight,
            semantic_kind=values.semantic_kind,
            label_smoothing=label_smoothing,
        )

    return RunSettings(
        protocol=values.protocol,
        seeds=whole_numbers("seeds", values.seeds),
        teacher_seeds=whole_numbers("teacher_seeds", values.teacher_seeds),
        teachers=tuple(values.teachers),
        teacher_outputs=tuple(values.teacher_outputs),
        acs=acs(values.label_smoothing),
        teacher_acs=acs(values.teacher_label_smoothing),
        teacher_label_smoothing=values.teacher_label_smoothing,
        baseline_label_smoothing=values.baseline_label_smoothing,
        teacher_views=values.teacher_views,
        student_training=training(values.epochs, values.mixup),
        teacher_training={
            "skeleton_teacher": training(values.skeleton_teacher_epochs, 0.0),
            "fusion_teacher": training(values.fusion_teacher_epochs, 0.0),
            "accelerometer_teacher": training(values.accelerometer_teacher_epochs, values.mixup),
        },
        inputs=InputSettings(
            mode=values.input_mode,
            steps=values.steps,
            skeleton_frames=values.skeleton_frames,
            window_rate_hz=values.window_rate,
            window_hop=values.window_hop,
            window_score=values.window_score,
        ),
        augmentation=AugmentationSettings(
            time_warp=values.time_warp,
            shift=values.shift,
            rotation_radians=values.rotation,
            log_scale=values.log_scale,
            noise_g=values.noise,
            skeleton_yaw_radians=values.skeleton_yaw,
            skeleton_tilt_radians=values.skeleton_tilt,
            skeleton_log_scale=values.skeleton_log_scale,
            joint_noise_metres=values.joint_noise,
        ),
        compression=CompressionSettings(
            sparsity=values.sparsity,
            epochs=values.prune_epochs,
            learning_rate=values.prune_learning_rate,
            calibration_clips=values.calibration_clips,
        ),
    )


def prepare_from_flags(values: flags.FlagValues, prepared_dir: Path) -> PreparedSet:
    """Prepares the data set that the flags name, with a progress bar on a terminal.

    Args:
        values: The parsed flags, those of `define_dataset_flags` among them.
        prepared_dir: The prepared set's folder.

    Returns:
        The prepared set.

    Raises:
        UserError: What `prepare_dataset` refuses.
    """
    return prepare_dataset(
        values.dataset,
        values.raw_dir,
        prepared_dir,
        values.data_seed,
        progress=_progress,
        options=dataset_options_from_flags(values),
        quarantine=values.quarantine,
        workers=0,
    )


def _progress(clips: Iterable[Clip], total: int) -> Iterable[Clip]:
    return tqdm(clips, total=total, unit="clip", disable=not sys.stderr.isatty())


def whole_numbers(name: str, values: list[str]) -> tuple[int, ...]:
    """Returns a list flag's values as whole numbers.

    Raises:
        UserError: One is not a whole number; `name` says which flag.
    """
    try:
        return tuple(int(value) for value in values)
    except ValueError:
        raise UserError(f"{name} takes whole numbers", ",".join(values)) from None
