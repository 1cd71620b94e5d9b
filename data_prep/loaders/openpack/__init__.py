"""OpenPack: packing work with four worn sensors and a Kinect."""

from data_prep.loaders.openpack.loader import OpenPackLoader

__all__ = ["OpenPackLoader"]
