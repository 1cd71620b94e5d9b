"""The stage that writes the teachers' outputs on the training clips."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.prepared_set import PreparedSet
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import draw_generator, plain_views, random_views
from pskd_tf.distillation.agreement import agreement_temperatures
from pskd_tf.models.registry import model_outputs
from pskd_tf.pipeline.specs import FitSpec, TeacherOutputsSpec
from pskd_tf.pipeline.stage import RunContext, Stage, save_arrays
from pskd_tf.pipeline.teach import load_stage_model, part_clips
from pskd_tf.pipeline.teacher_columns import availability_column
from pskd_tf.settings import STREAMS_READ


def teacher_outputs_stage(
    stage: Stage[TeacherOutputsSpec], context: RunContext, folder: Path
) -> dict[str, Any]:
    """Writes each teacher's logits and embeddings of the training clips.

    `in_sample`: the teachers that were trained on these very clips. `cross_fitted`: each subject's
    logits come from teachers that never saw that subject. Embeddings always come from the teachers
    trained on all of them, because the spaces of different nets cannot be compared.

    Args:
        stage: The stage.
        context: Where to read and report.
        folder: Where to write `outputs.npz`.

    Returns:
        The content of `result.json`: each teacher's accuracy on the cached clips, and the share of
        clips on which at least one is right.
    """
    spec = stage.spec
    clips = part_clips(spec.part, PreparedSet.load(context.prepared_dir))
    views = _views(clips, spec)
    arrays: dict[str, np.ndarray] = {"clip_ids": np.array(clips.clip_ids)}
    right = {}
    for name in spec.names:
        own = _mean_outputs(stage.input(spec.fit_of(name)), context, clips, views)
        logits = own["logits"]
        if spec.outputs == "cross_fitted":
            logits = np.empty_like(own["logits"])
            # No teacher saw clips without a label.
            for subject in np.unique(clips.subjects[clips.is_labelled]):
                rows = (clips.subjects == subject) & clips.is_labelled
                chosen = [{key: view[rows] for key, view in one.items()} for one in views]
                fold = stage.input(spec.fit_of(name, subject))
                logits[rows] = _mean_outputs(fold, context, clips, chosen)["logits"]
        arrays[f"{name}_logits"] = logits
        arrays[f"{name}_embedding"] = own["embedding"]
        arrays |= availability_column(name, spec.nets[name], clips)
        seen = arrays.get(f"{name}_available", np.ones(len(clips))) > 0
        right[name] = np.where(seen, logits.argmax(axis=1) == clips.labels, False)
    temperatures = {}
    if spec.calibration == "agreement":
        temperatures = _temperatures(arrays, spec.names, ~clips.is_labelled)
        for name, temperature in temperatures.items():
            arrays[f"{name}_logits"] = (arrays[f"{name}_logits"] / temperature).astype(np.float32)
    save_arrays(folder / "outputs.npz", arrays)
    known = clips.is_labelled
    return {
        "accuracy": {name: float(hits[known].mean()) for name, hits in right.items()},
        "any_right": float(np.any(list(right.values()), axis=0)[known].mean()),
        **({"temperatures": temperatures} if temperatures else {}),
    }


def _temperatures(
    arrays: Mapping[str, np.ndarray], names: Sequence[str], rows: np.ndarray
) -> dict[str, float]:
    everywhere = np.ones(len(rows), np.float32)
    return agreement_temperatures(
        {name: arrays[f"{name}_logits"][rows] for name in names},
        {name: arrays.get(f"{name}_available", everywhere)[rows] > 0 for name in names},
    )


def _views(clips: PairedClips, spec: TeacherOutputsSpec) -> list[dict[str, np.ndarray]]:
    inputs = spec.data.inputs
    streams = {stream for net in spec.nets.values() for stream in STREAMS_READ[net]}
    if spec.views == 0:
        return [plain_views(clips, streams, inputs)]
    rows = np.arange(len(clips))
    return [
        random_views(
            clips,
            rows,
            streams,
            draw_generator(spec.seed, "teacher_views", number),
            inputs,
            spec.data.augmentation,
        )
        for number in range(spec.views)
    ]


def _mean_outputs(
    teacher: Stage[FitSpec],
    context: RunContext,
    clips: PairedClips,
    views: list[dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    model = load_stage_model(teacher, context, clips)
    outputs = [model_outputs(model, view) for view in views]
    return {key: np.mean([one[key] for one in outputs], axis=0) for key in outputs[0]}
