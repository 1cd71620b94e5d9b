"""The stage that runs a student over streams of held-out clips."""

from pathlib import Path
from typing import Any

import numpy as np

from data_prep.prepared_set import PreparedSet
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import draw_generator
from pskd_tf.evaluation.stream import (
    STREAM_KINDS,
    decide,
    distinct_hours,
    idle_streams,
    movement_scores,
    movement_stream,
    said_scores,
    wrong_scores,
)
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits
from pskd_tf.models.registry import model_outputs
from pskd_tf.pipeline.specs import FitSpec, StreamScoreSpec
from pskd_tf.pipeline.stage import RunContext, Stage, load_weights, save_arrays
from pskd_tf.pipeline.teach import build_fit_model


def stream_score_stage(
    stage: Stage[StreamScoreSpec], context: RunContext, folder: Path
) -> dict[str, Any]:
    """Streams the held-out clips and idle of each kind, and writes the scores of all decisions.

    Args:
        stage: The stage.
        context: Where to read and report.
        folder: Where to write `scores.npz`: `movements` `(clips,)`, the score of the right decision
            for each clip, -1 without one; `wrong`, `said_scores` of wrong decisions among
            movements; and by kind of idle those of all decisions, which are false.

    Returns:
        The content of `result.json`: hours and hours of distinct signal by kind, and the number of
        decisions.
    """
    spec = stage.spec
    model: Stage[FitSpec] = stage.input(spec.model)
    fitted = model.spec
    assert fitted.stream is not None  # declared for trainings on streams alone
    clips = PairedClips.load_clips(PreparedSet.load(context.prepared_dir), spec.clips)
    source = context.folder(stage.input(spec.source)) / spec.file
    if spec.form == "int8":
        tflite = source.read_bytes()
        interface = Int8Interface.read(tflite)
        scale, zero_point = interface.input_scale, interface.input_zero_point

        def logits_of(features: np.ndarray) -> np.ndarray:
            return tflm_logits(tflite, quantise_input(features, scale, zero_point))[1]
    else:
        net = build_fit_model(fitted, clips)
        net.set_weights(load_weights(source))

        def logits_of(features: np.ndarray) -> np.ndarray:
            return model_outputs(net, {"accelerometer": features})["logits"]

    rate_hz = clips.accelerometer_rate_hz
    arguments = (logits_of, fitted.data.inputs, fitted.stream, fitted.null_class, rate_hz)
    generator = draw_generator(spec.seed, "movement stream")
    order = generator.permutation(len(clips))
    stream, movements = movement_stream(clips, order.tolist(), generator)
    decisions = decide([stream.samples], *arguments)
    scores = {"movements": np.empty(len(clips)), "wrong": wrong_scores(decisions, movements)}
    scores["movements"][order] = movement_scores(decisions, movements)
    for kind in STREAM_KINDS:
        idle = idle_streams(clips, kind, spec.hours, spec.seed)
        scores[kind] = said_scores(decide([one.samples for one in idle], *arguments))
    save_arrays(folder / "scores.npz", scores)
    return {
        "hours": {kind: spec.hours for kind in STREAM_KINDS},
        "distinct_hours": {kind: distinct_hours(clips, kind, spec.hours) for kind in STREAM_KINDS},
        "decisions": {kind: len(values) for kind, values in scores.items()},
    }
