"""The model of a fit stage, from the record of the stage."""

import keras

from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.pipeline.load_stage_model import build_stage_model
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.weights_file import load_weights
from pskd_tf.reporting.stage_record import StageRecord


def stage_model(record: StageRecord, clips: PairedClips) -> keras.Model:
    """Builds the model of a fit stage and loads what it learned.

    Args:
        record: The stage; found by its folder, so that results of other versions can be read.
        clips: Any clips of the set; they say how many joints there are.

    Returns:
        The model.
    """
    model = build_stage_model(Stage(record.kind, record.name, record.settings), clips)
    model.set_weights(load_weights(record.folder / "weights.npz"))
    return model
