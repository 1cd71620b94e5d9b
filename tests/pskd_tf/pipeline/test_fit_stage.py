"""A training stage reads how it is spread over devices."""

import pytest

from data_prep.user_error import UserError
from pskd_tf.pipeline.fit_stage import fit_stage
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage


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
