"""The export of a finished run: the first listed seed's student."""

from typing import Any

import numpy as np

from data_prep.prepared_set import PreparedSet
from pskd_tf.data.draw_generator import draw_generator
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.export.export_student import MINIMUM_GOLDEN_CLIPS, export_student
from pskd_tf.pipeline.plan_run import FoldPlan
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.run_settings import RunSettings


def export_run(
    settings: RunSettings, plan: FoldPlan, prepared: PreparedSet, context: RunContext
) -> dict[str, Any]:
    """Writes `RUN/export/`.

    Args:
        settings: What the run was told.
        plan: Its first fold, all stages finished.
        prepared: The prepared set.
        context: Where results lie.

    Returns:
        The export's manifest.
    """
    stage = plan.compressed[settings.seeds[0]]
    description = prepared.description
    train = PairedClips.load(prepared, plan.split.train_subjects)
    held_out = PairedClips.load(prepared, plan.split.test_subjects)
    count = min(max(MINIMUM_GOLDEN_CLIPS, len(description.class_names)), len(held_out))
    # Every class before any class twice, so that the vectors exercise all outputs.
    order = draw_generator(0, "golden").permutation(len(held_out))
    turn = np.zeros(len(order), int)
    for label in np.unique(held_out.labels):
        rows = np.flatnonzero(held_out.labels[order] == label)
        turn[rows] = np.arange(len(rows))
    chosen = np.sort(order[np.argsort(turn, kind="stable")[:count]])
    lengths = train.accelerometer_lengths
    return export_student(
        context.run_dir / "export",
        (context.folder(stage) / "student_int8.tflite").read_bytes(),
        input_settings=settings.inputs,
        class_names=description.class_names,
        segment_limits=(int(lengths.min()), int(lengths.max())),
        golden_clips=[
            (
                held_out.clip_ids[row],
                held_out.accelerometer[row][: held_out.accelerometer_lengths[row]],
            )
            for row in chosen
        ],
        provenance={
            "dataset": description.name,
            "dataset_fingerprint": prepared.fingerprint,
            "is_synthetic": description.is_synthetic,
            "citation": description.citation,
            "protocol": settings.protocol,
            "train_subjects": list(plan.split.train_subjects),
            "test_subjects": list(plan.split.test_subjects),
            "seed": settings.seeds[0],
            "stage_key": stage.key,
            "acs": "reconstructed from the paper's abstract; the formula is ours",
            "sensor_place": description.wrist_place,
            "settings": settings.to_json(),
        },
    )
