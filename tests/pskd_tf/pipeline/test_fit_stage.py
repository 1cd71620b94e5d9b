"""A training stage reads how it is spread over devices."""

import pytest

from data_prep.errors import UserError
from pskd_tf.pipeline.stage import RunContext, Stage
from pskd_tf.pipeline.teach import _kept_views, fit_stage


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
        fit_stage(Stage("fit", "student", {}), context, tmp_path)


def test_kept_views_are_named_by_the_draws_and_nothing_else(tmp_path, clips):
    settings = {
        "dataset": "f", "seed": 1, "draws": "student", "inputs": {"steps": 96},
        "augmentation": {"shift": 0.05}, "training": {"epochs": 4, "batch_size": 8, "mixup": 0.5},
        "loss": {"name": "cross_entropy"},
    }  # fmt: skip
    context = RunContext(tmp_path, tmp_path, tmp_path, views_dir=tmp_path / "views")

    def name(**changes):
        return _kept_views(Stage("fit", "student", {**settings, **changes}), context, clips)

    assert name().parent == tmp_path / "views"
    assert name() == name(loss={"name": "other"})
    assert name() == name(training={"epochs": 4, "batch_size": 8, "mixup": 0.0})
    others = [
        name(dataset="g"), name(seed=2), name(draws="teacher"), name(inputs={"steps": 48}),
        name(augmentation={"shift": 0.0}), name(training={"epochs": 5, "batch_size": 8}),
        name(training={"epochs": 4, "batch_size": 16}),
    ]  # fmt: skip
    assert len({name(), *others}) == 8
    fewer = clips.subset(slice(1, None))
    assert _kept_views(Stage("fit", "student", settings), context, fewer) != name()
    nothing = RunContext(tmp_path, tmp_path, tmp_path)
    assert _kept_views(Stage("fit", "student", settings), nothing, clips) is None
