"""The random forest: a baseline that sees the student's input and nothing else."""

import numpy as np

from data_prep.preparation import prepare_dataset
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.pipeline.score import forest_stage
from pskd_tf.pipeline.specs import DataSpec, ForestSpec, TrainingPart
from pskd_tf.pipeline.stage import RunContext, Stage


def test_a_forest_learns_and_leaves_unknown_classes_alone(tmp_path):
    prepared = prepare_dataset("synthetic", None, tmp_path / "set")
    manifest = prepared.manifest
    train = manifest[manifest["subject"].isin(["1", "3"]) & (manifest["action"] != 2)]
    test = manifest[manifest["subject"] == "5"]
    classes = len(prepared.description.class_names)
    spec = ForestSpec(
        data=DataSpec(prepared.fingerprint, classes, InputSettings(), AugmentationSettings()),
        part=TrainingPart(("1", "3"), tuple(train["clip_id"])),
        seed=1,
        clips=tuple(test["clip_id"]),
        arguments={"n_estimators": 30},
    )
    context = RunContext(tmp_path / "set", tmp_path / "stages", tmp_path)
    (tmp_path / "out").mkdir()
    result = forest_stage(Stage("forest", spec), context, tmp_path / "out")
    with np.load(tmp_path / "out" / "predictions.npz") as arrays:
        probabilities, labels = arrays["probabilities"], arrays["labels"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities[:, 2] == 0).all()
    assert result["accuracy"] == (probabilities.argmax(axis=1) == labels).mean()
    # Chance is 1 in as many as there are classes; one class was never shown.
    assert result["accuracy"] > 3 / classes
