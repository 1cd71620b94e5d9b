"""The stages that train, and what they hand on."""

import dataclasses

import numpy as np
import pytest
from keras import ops

from data_prep.errors import UserError
from data_prep.records import record_to_json
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.base import CrossEntropy, cross_entropy
from pskd_tf.distillation.losses.class_weights import ClassWeighted, balanced_class_weights
from pskd_tf.distillation.losses.logits import KnowledgeDistillation
from pskd_tf.distillation.step import teacher_availability
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.pipeline.plan import run_splits
from pskd_tf.pipeline.planner import StagePlanner
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.specs import DataSpec, FitSpec, LossSpec, TrainingPart
from pskd_tf.pipeline.stage import RunContext, Stage, load_weights
from pskd_tf.pipeline.teach import _kept_views, fit_stage, training_loss
from pskd_tf.settings import RunSettings
from pskd_tf.training_settings import SELECTIONS, TrainingSettings

SPEC = FitSpec(
    model="accelerometer_student",
    data=DataSpec("f", 8, InputSettings(), AugmentationSettings()),
    part=TrainingPart(("1",), ("a", "b")),
    seed=1,
    training=TrainingSettings(epochs=4, batch_size=8, mixup=0.5),
    loss=LossSpec.cross_entropy(0.0),
)


def test_balanced_classes_weigh_the_loss_of_a_training(clips):
    training = dataclasses.replace(SPEC.training, class_weight="balanced")
    loss = training_loss(dataclasses.replace(SPEC, training=training), SPEC.loss, clips)
    assert isinstance(loss, ClassWeighted)
    assert loss.weights == balanced_class_weights(clips.labels, 8)
    assert isinstance(training_loss(SPEC, SPEC.loss, clips), CrossEntropy)


def test_keys_of_earlier_stages_stay():
    """What is later than they are is left out of their records."""
    record = record_to_json(SPEC)
    assert {"architecture", "pretrained"}.isdisjoint(record)
    assert {"class_weight", "steps"}.isdisjoint(record["training"])


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("mirrored", "strategy mirrored needs at least 2 devices"),
        ("sharded", "strategy must be none or mirrored"),
    ],
)
def test_the_context_s_strategy_is_the_one_taken(tmp_path, strategy, message):
    """It is no part of the stage, so no part of its key."""
    context = RunContext(tmp_path, tmp_path, tmp_path, strategy=strategy)
    with pytest.raises(UserError, match=message):
        fit_stage(Stage("student", SPEC), context, tmp_path)


def test_kept_views_are_named_by_the_draws_and_nothing_else(tmp_path, clips):
    context = RunContext(tmp_path, tmp_path, tmp_path, views_dir=tmp_path / "views")

    def name(spec=SPEC, **changes):
        return _kept_views(dataclasses.replace(spec, **changes), context, clips)

    def data(**changes):
        return name(data=dataclasses.replace(SPEC.data, **changes))

    def training(**changes):
        return name(training=dataclasses.replace(SPEC.training, **changes))

    assert name().parent == tmp_path / "views"
    assert (
        name() == name(loss=LossSpec("other", {})) == name(teachers=("a",)) == training(mixup=0.0)
    )
    others = [
        data(dataset="g"), data(inputs=InputSettings(steps=48)),
        data(augmentation=AugmentationSettings(shift=0.0)), name(seed=2), name(model="gmp_student"),
        training(epochs=5), training(batch_size=16),
    ]  # fmt: skip
    assert len({name(), *others}) == 8
    assert name(model="fusion_teacher") is None  # nobody draws a teacher's views again
    fewer = clips.subset(slice(1, None))
    assert _kept_views(SPEC, context, fewer) != name()
    nothing = RunContext(tmp_path, tmp_path, tmp_path)
    assert _kept_views(SPEC, nothing, clips) is None


def test_availability_is_collected_in_the_teachers_order():
    streams = {"b_available": np.array([1.0, 0.0], np.float32)}
    stacked = teacher_availability(streams, ["a", "b"])["teacher_available"]
    np.testing.assert_array_equal(ops.convert_to_numpy(stacked), [[1, 1], [1, 0]])
    assert teacher_availability(streams, ["a"]) == {}


def targets_and_outputs():
    logits = np.array([[[5.0, 0, 0], [1, 0, 0]], [[5, 0, 0], [1, 0, 0]]], np.float32)
    targets = {
        "labels": np.array([0, 0]),
        "teacher_logits": logits,
        "teacher_available": np.array([[0, 1], [0, 0]], np.float32),
    }
    return targets, {"logits": np.array([[0.0, 1, 0], [0, 1, 0]], np.float32)}


def test_acs_never_follows_a_teacher_that_cannot_see():
    targets, outputs = targets_and_outputs()
    for selection in SELECTIONS:
        terms = AdaptiveConfidenceSemantic(selection).terms(targets, outputs)
        shares = ops.convert_to_numpy(terms.selection)
        assert shares[0, 0] == 0 and shares[0, 1] > 0
        np.testing.assert_array_equal(shares[1], [0, 0, 1])
        truth = ops.convert_to_numpy(cross_entropy(targets["labels"], outputs["logits"]))
        np.testing.assert_allclose(ops.convert_to_numpy(terms.loss)[1], truth[1], rtol=1e-6)


def test_the_mean_of_teachers_is_over_those_that_see():
    targets, outputs = targets_and_outputs()
    terms = KnowledgeDistillation().terms(targets, outputs)
    np.testing.assert_array_equal(ops.convert_to_numpy(terms.selection), [[0, 1, 0], [0, 0, 1]])
    assert ops.convert_to_numpy(terms.parts["distillation"])[1] == 0


@pytest.mark.slow
def test_fine_tuning_starts_from_the_pretrained_weights(prepared, tmp_path):
    inputs = InputSettings(steps=24, skeleton_frames=12, gravity_taps=5)
    planner = StagePlanner(RunSettings(inputs=inputs, teachers=()), prepared)
    (split,) = run_splits(prepared, "cross_subject")
    part, loss = planner.parts.of_split(split), LossSpec.cross_entropy(0.1)
    first = TrainingSettings(steps=12, batch_size=8)
    still = dataclasses.replace(first, peak_learning_rate=1e-9)

    def fit(label, training, **arguments):
        return planner.fit("accelerometer_student", label, part, 1, training, loss, **arguments)

    before = fit("before", first)
    after, fresh = fit("after", still, pretrained=before), fit("fresh", still)
    context = RunContext(prepared.folder, tmp_path / "stages", tmp_path)
    run_stages([after, fresh], context, workers=1)
    kernels = [
        np.concatenate(
            [
                one.ravel()
                for one in load_weights(context.folder(stage) / "weights.npz")
                if one.ndim > 1
            ]
        )
        for stage in (before, after, fresh)
    ]
    assert np.abs(kernels[1] - kernels[0]).max() < 1e-6
    assert np.abs(kernels[2] - kernels[0]).max() > 1e-3
