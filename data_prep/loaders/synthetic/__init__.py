"""A synthetic paired data set, generated from a seed."""

from data_prep.loaders.synthetic.loader import SyntheticLoader

__all__ = ["SyntheticLoader"]
