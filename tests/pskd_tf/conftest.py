"""Clips of the synthetic set, and hand-made ones whose every number is known."""

import dataclasses

import numpy as np
import pytest

from pskd_tf.data.clips import PairedClips
from pskd_tf.input_settings import AugmentationSettings
from pskd_tf.processes import start_tensorflow

# Before any test computes: another number of threads than a run's gives other bits.
start_tensorflow()


@pytest.fixture(scope="session")
def clips(prepared) -> PairedClips:
    """Two subjects of the synthetic set; tests only read it."""
    return PairedClips.load(prepared, ["1", "3"])


@pytest.fixture(scope="session")
def no_augmentation() -> AugmentationSettings:
    names = [field.name for field in dataclasses.fields(AugmentationSettings)]
    return AugmentationSettings(**dict.fromkeys(names, 0.0))


@pytest.fixture(scope="session")
def time_clips() -> PairedClips:
    """Five clips that tell the time: x of the sensor and of joint 1 rise from 0 to 1.

    Each has its own length in either modality; the skeleton's root stays at the origin.
    """
    accelerometer_lengths = np.array([30, 41, 50, 66, 80], np.int32)
    skeleton_lengths = np.array([20, 33, 28, 45, 60], np.int32)
    accelerometer = np.zeros((5, 80, 3), np.float32)
    skeleton = np.zeros((5, 60, 2, 3), np.float32)
    for row in range(5):
        samples, frames = accelerometer_lengths[row], skeleton_lengths[row]
        accelerometer[row, :samples, 0] = np.linspace(0, 1, samples)
        skeleton[row, :frames, 1, 0] = np.linspace(0, 1, frames)
    return PairedClips(
        clip_ids=tuple(f"clip_{row}" for row in range(5)),
        subjects=np.full(5, "1"),
        labels=np.arange(5, dtype=np.int32),
        on_wrist=np.ones(5, bool),
        accelerometer=accelerometer,
        accelerometer_lengths=accelerometer_lengths,
        skeleton=skeleton,
        skeleton_lengths=skeleton_lengths,
        joint_parents=(-1, 0),
        root_joint=0,
        up_axis=1,
    )
