"""The live teachers of a fit stage."""

import keras

from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.models.mean_of_models import mean_of_models
from pskd_tf.pipeline.load_stage_model import load_stage_model
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.run_settings import MIXTURE_OUTPUTS
from pskd_tf.pipeline.stage import Stage


def load_teachers(stage: Stage, context: RunContext, clips: PairedClips) -> dict[str, keras.Model]:
    """Builds the teachers that a fit stage calls live and loads what they learned.

    Args:
        stage: A fit stage; its inputs are the teachers' fit stages, by `<teacher>`, or by
            `<teacher>/<seed>` where those of several seeds speak together.
        context: Where results lie.
        clips: The training clips.

    Returns:
        One model for each of the stage's teachers, by name.
    """
    return {
        name: mean_of_models(
            [
                load_stage_model(one, context, clips)
                for role, one in stage.inputs.items()
                if role.partition("/")[0] == name
            ],
            name,
        )
        for name in stage.settings["teachers"]
    }


def teachers_see(stage: Stage) -> str:
    """Returns what a fit stage's teachers see, as `PSKDDistiller` takes it."""
    return "mixture" if stage.settings.get("teacher_outputs") in MIXTURE_OUTPUTS else "sources"
