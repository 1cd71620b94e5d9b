"""The Keras 3 model that a fit stage trained."""

import keras

from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.models.build_model import build_model
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.weights_file import load_weights


def build_stage_model(stage: Stage, clips: PairedClips) -> keras.Model:
    """Builds the model of a fit stage with fresh weights."""
    inputs = InputSettings(**stage.settings["inputs"])
    return build_model(
        stage.settings["model"],
        accelerometer_shape=inputs.accelerometer_shape,
        skeleton_shape=(inputs.skeleton_frames, clips.skeleton_channels),
        num_classes=stage.settings["num_classes"],
    )


def load_stage_model(stage: Stage, context: RunContext, clips: PairedClips) -> keras.Model:
    """Builds the model of a finished fit stage and loads what it learned."""
    model = build_stage_model(stage, clips)
    model.set_weights(load_weights(context.folder(stage) / "weights.npz"))
    return model
