"""Random draws as a function of what they are for, so that a resumed run repeats them."""

import hashlib

import numpy as np


def draw_generator(seed: int, stage: str, *position: int) -> np.random.Generator:
    """Returns the generator of one place in a run.

    Args:
        seed: The run's seed, not negative.
        stage: Name of the stage that draws.
        *position: Epoch, step and the like, not negative.

    Returns:
        A generator that depends on nothing but the arguments.
    """
    stage_number = int.from_bytes(hashlib.sha256(stage.encode()).digest()[:8], "little")
    return np.random.default_rng(np.random.SeedSequence([seed, stage_number, *position]))
