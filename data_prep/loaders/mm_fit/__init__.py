"""MM-Fit: workouts with two watches and a camera."""

from data_prep.loaders.mm_fit.loader import MMFitLoader

__all__ = ["MMFitLoader"]
