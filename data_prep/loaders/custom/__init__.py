"""A user's own recordings, listed in a manifest."""

from data_prep.loaders.custom.loader import CustomLoader

__all__ = ["CustomLoader"]
