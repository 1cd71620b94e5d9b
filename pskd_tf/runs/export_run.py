"""The export of a run."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data_prep.clip import NULL_LABEL
from data_prep.prepared_set import PreparedSet
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.features import window_samples
from pskd_tf.data.views import draw_generator
from pskd_tf.export.student import export_student
from pskd_tf.exported import ExportManifest
from pskd_tf.input_settings import InputSettings
from pskd_tf.method import ACS_LOSS
from pskd_tf.pipeline.plan import GOLDEN_CLIPS, FoldPlan
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.settings import RunSettings


def export_run(
    settings: RunSettings,
    plan: FoldPlan,
    prepared: PreparedSet,
    context: RunContext,
    run_key: str,
) -> ExportManifest:
    """Writes `RUN/export/`.

    Args:
        settings: Settings of the run.
        plan: Its first fold, all stages finished.
        prepared: The prepared set.
        context: Where results lie.
        run_key: Key of the run.

    Returns:
        The export's manifest.
    """
    stage = plan.compressed[settings.seeds[0]]
    description = prepared.description
    train = PairedClips.load_clips(prepared, plan.measured_clips)
    held_out = PairedClips.load_clips(prepared, plan.split.test_clips)
    lengths = train.accelerometer_lengths
    count = max(GOLDEN_CLIPS, len(description.class_names))
    golden = _golden_clips(held_out, count, settings.inputs)
    # A small test part is filled up from the training part: a golden vector scores nothing.
    golden += _golden_clips(train, GOLDEN_CLIPS - len(golden), settings.inputs)
    return export_student(
        context.run_dir / "export",
        (context.folder(stage) / "student_int8.tflite").read_bytes(),
        input_settings=settings.inputs,
        class_names=model_labels(settings, description.class_names),
        segment_limits=segment_limits(settings, lengths),
        clip_rate_hz=train.accelerometer_rate_hz,
        golden_clips=golden,
        provenance={
            "dataset": description.name,
            "dataset_fingerprint": prepared.fingerprint,
            "is_synthetic": description.is_synthetic,
            "citation": description.citation,
            "protocol": settings.protocol,
            "train_subjects": list(plan.split.train_subjects),
            "test_subjects": list(plan.split.test_subjects),
            "test_clips": list(plan.split.test_clips),
            "seed": settings.seeds[0],
            "stage_key": stage.key,
            "student_key": stage.spec.student,
            **_method_provenance(settings),
            "sensor_place": description.wrist_place,
            "settings": settings.to_json(),
            "run_key": run_key,
        },
        stream=settings.stream if settings.stream.enabled else None,
    )


def _method_provenance(settings: RunSettings) -> dict[str, Any]:
    """Returns the method, where it is not the default, and where ACS comes from, if it is used."""
    method = settings.method
    found: dict[str, Any] = {}
    if method is not None:
        found["method"] = {
            "name": method.name,
            "title": method.title,
            "loss": method.loss,
            "arguments": method.trials[0],
        }
    # Teachers after the first follow ACS whatever the student follows.
    if method is None or method.loss == ACS_LOSS or len(settings.teachers) > 1:
        found["acs"] = "reconstructed from the paper's abstract; the formula is ours"
    return found


def model_labels(settings: RunSettings, class_names: Sequence[str]) -> tuple[str, ...]:
    """Returns the label of each output: the classes, and "none" of a training for streams."""
    return (*class_names, *([NULL_LABEL] if settings.stream.enabled else []))


def segment_limits(settings: RunSettings, lengths: np.ndarray) -> tuple[int, int]:
    """Returns the shortest and the longest movement, in samples.

    Args:
        settings: Settings of the run.
        lengths: `(clips,)` samples of each training clip, which are the limits of a model that was
            trained on clips alone.
    """
    if settings.stream.enabled:
        return settings.stream.minimum_samples, settings.stream.maximum_samples
    return int(lengths.min()), int(lengths.max())


def golden_samples(
    prepared: PreparedSet, clip_ids: Sequence[str], inputs: InputSettings
) -> list[tuple[str, np.ndarray]]:
    """Returns golden clips of an export, with what a board reads of each.

    Args:
        prepared: The prepared set.
        clip_ids: Their names.
        inputs: The preprocessing.

    Returns:
        Pairs of name and samples `(length, axes)`, in the order of the names.
    """
    clips = PairedClips.load_clips(prepared, clip_ids)
    rows = {name: row for row, name in enumerate(clips.clip_ids)}
    signals, rate_hz = clips.sensor_signals(inputs), clips.accelerometer_rate_hz
    return [(name, _board_samples(signals[rows[name]], rate_hz, inputs)) for name in clip_ids]


def _golden_clips(
    clips: PairedClips, count: int, inputs: InputSettings
) -> list[tuple[str, np.ndarray]]:
    """Chooses up to `count` clips, every class before any class twice, with what a board reads."""
    order = draw_generator(0, "golden").permutation(len(clips))
    turn = np.zeros(len(order), int)
    for label in np.unique(clips.labels):
        rows = np.flatnonzero(clips.labels[order] == label)
        turn[rows] = np.arange(len(rows))
    chosen = np.sort(order[np.argsort(turn, kind="stable")[: max(count, 0)]])
    signals, rate_hz = clips.sensor_signals(inputs), clips.accelerometer_rate_hz
    return [(clips.clip_ids[row], _board_samples(signals[row], rate_hz, inputs)) for row in chosen]


def _board_samples(clip: np.ndarray, rate_hz: float, inputs: InputSettings) -> np.ndarray:
    """Returns what a board is given at once: the clip, or in window mode its first window."""
    return clip if inputs.mode == "clip" else window_samples(clip, rate_hz, inputs).samples[0]
