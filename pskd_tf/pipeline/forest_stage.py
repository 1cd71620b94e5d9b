"""The stage that trains a random forest and lets it predict: a baseline without a net."""

from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from data_prep.prepared_set import PreparedSet
from pskd_tf.data.evaluation_views import EvaluationViews, evaluation_views
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.evaluation.clip_probabilities import clip_probabilities
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.save_predictions import save_predictions
from pskd_tf.pipeline.stage import Stage


def forest_stage(stage: Stage, context: RunContext, folder: Path) -> dict:
    """Fits a random forest on the student's input, unaugmented, and writes its predictions.

    Args:
        stage: A stage of kind `forest`; `settings["arguments"]` are scikit-learn's.
        context: Where to read and report.
        folder: Where to write `predictions.npz`, as `score_stage` does.

    Returns:
        What `result.json` says: the scores of this part.
    """
    settings = stage.settings
    prepared = PreparedSet.load(context.prepared_dir)
    inputs = InputSettings(**settings["inputs"])
    forest = RandomForestClassifier(random_state=settings["seed"], **settings["arguments"])
    train = PairedClips.load_clips(prepared, settings["train_clips"])
    views = evaluation_views(train, {"accelerometer"}, inputs)
    forest.fit(_flat(views), train.labels[views.rows])
    clips = PairedClips.load_clips(prepared, settings["clips"])
    views = evaluation_views(clips, {"accelerometer"}, inputs)
    known = np.full((len(views.rows), settings["num_classes"]), -np.inf)
    with np.errstate(divide="ignore"):  # no tree's vote is a probability of 0
        known[:, forest.classes_] = np.log(forest.predict_proba(_flat(views)))
    probabilities = clip_probabilities(known, views.rows, len(clips), inputs.window_score)
    return save_predictions(folder, clips, probabilities)


def _flat(views: EvaluationViews) -> np.ndarray:
    accelerometer = views.streams["accelerometer"]
    return accelerometer.reshape(len(accelerometer), -1)
