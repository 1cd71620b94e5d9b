"""A soup: a student whose weights are the mean of those of several trainings."""

import keras
import numpy as np
import pandas as pd

from data_prep.records import read_arrays
from pskd_tf.data.clips import PairedClips
from pskd_tf.distillation.weight_average import estimate_batch_norm, mean_weights, training_views
from pskd_tf.pipeline.specs import FitSpec
from pskd_tf.pipeline.stage import RunContext, Stage, load_weights


def average_trainings(
    stage: Stage[FitSpec], context: RunContext, clips: PairedClips, model: keras.Model
) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    """Gives a model the mean of the weights of finished trainings, and BatchNorm to match.

    Nets from different first weights have no useful mean; these go on from one training. Source:
    the uniform soup of Wortsman et al., ICML 2022, of trainings that part after a common start
    (Frankle et al., ICML 2020).

    Args:
        stage: A stage with a `soup`.
        context: Where results lie.
        clips: The training clips.
        model: The model.

    Returns:
        The mean of the trainings' metrics of each epoch, and of their projections by teacher.
    """
    spec = stage.spec
    folders = [context.folder(stage.input(key)) for key in spec.soup or ()]
    model.set_weights(mean_weights([load_weights(one / "weights.npz") for one in folders]))
    views = training_views(
        model,
        clips,
        seed=spec.seed,
        stage=spec.model,
        training=spec.training,
        inputs=spec.data.inputs,
        augmentation=spec.data.augmentation,
    )
    estimate_batch_norm(model, views)
    tables = [pd.read_csv(one / "history.csv").drop(columns="epoch") for one in folders]
    history = pd.DataFrame(np.mean(tables, axis=0), columns=tables[0].columns)
    projections = [read_arrays(one / "projections.npz") for one in folders]
    means = {name: np.mean([one[name] for one in projections], axis=0) for name in projections[0]}
    return [
        {str(name): float(value) for name, value in row.items()}
        for row in history.to_dict("records")
    ], means
