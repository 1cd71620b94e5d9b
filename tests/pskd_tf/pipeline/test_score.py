"""The random forest: a baseline that sees the student's input and nothing else."""

from dataclasses import asdict

import numpy as np

from data_prep.preparation import prepare_dataset
from pskd_tf.pipeline.score import forest_stage
from pskd_tf.pipeline.stage import RunContext, Stage
from pskd_tf.settings import InputSettings


def test_a_forest_learns_and_leaves_unknown_classes_alone(tmp_path):
    prepared = prepare_dataset("synthetic", None, tmp_path / "set")
    manifest = prepared.manifest
    train = manifest[manifest["subject"].isin(["1", "3"]) & (manifest["action"] != 2)]
    test = manifest[manifest["subject"] == "5"]
    settings = {
        "arguments": {"n_estimators": 30},
        "seed": 1,
        "clips": list(test["clip_id"]),
        "train_clips": list(train["clip_id"]),
        "inputs": asdict(InputSettings()),
        "num_classes": len(prepared.description.class_names),
    }
    context = RunContext(tmp_path / "set", tmp_path / "stages", tmp_path)
    (tmp_path / "out").mkdir()
    result = forest_stage(Stage("forest", "forest", settings), context, tmp_path / "out")
    with np.load(tmp_path / "out" / "predictions.npz") as arrays:
        probabilities, labels = arrays["probabilities"], arrays["labels"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities[:, 2] == 0).all()
    assert result["accuracy"] == (probabilities.argmax(axis=1) == labels).mean()
    # Chance is 1 in as many as there are classes; one class was never shown.
    assert result["accuracy"] > 3 / settings["num_classes"]
