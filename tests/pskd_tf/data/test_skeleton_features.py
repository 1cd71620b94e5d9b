"""Positions, velocities and bones in closed form."""

import numpy as np
import pytest

from pskd_tf.data.features import skeleton_features

PARENTS = (-1, 0, 1)


@pytest.fixture
def joints() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 6, 3, 3)).astype(np.float32)


def _parts(joints: np.ndarray, root_joint: int = 0) -> np.ndarray:
    """Features as `(batch, frames, joints, kind, axis)`; kinds: position, velocity, bone."""
    features = skeleton_features(joints, PARENTS, root_joint)
    assert features.shape == (*joints.shape[:2], 27) and features.dtype == np.float32
    return features.reshape(*joints.shape[:3], 3, 3)


def test_positions_and_bones_do_not_see_where_the_body_stands(joints):
    here, there = _parts(joints), _parts(joints + np.float32([0.5, -2.0, 3.0]))
    np.testing.assert_allclose(here, there, atol=1e-6)


def test_positions_are_from_the_root_and_bones_from_the_parent(joints):
    parts = _parts(joints, root_joint=1)
    np.testing.assert_array_equal(parts[..., 0, :], joints - joints[:, :, 1:2])
    np.testing.assert_array_equal(parts[:, :, 1, 0], 0.0)
    np.testing.assert_array_equal(parts[:, :, 2, 2], joints[:, :, 2] - joints[:, :, 1])
    np.testing.assert_array_equal(parts[:, :, 1, 2], joints[:, :, 1] - joints[:, :, 0])
    np.testing.assert_array_equal(parts[:, :, 0, 2], 0.0)  # the root has no bone


def test_uniform_motion_of_the_whole_body_is_in_the_velocity_alone(joints):
    step = np.float32([0.25, -0.5, 1.0])
    still = np.tile(joints[:, :1], (1, 6, 1, 1))
    moving = still + np.arange(6, dtype=np.float32)[:, None, None] * step
    parts = _parts(moving)
    np.testing.assert_allclose(parts[:, :-1, :, 1], np.broadcast_to(step, (2, 5, 3, 3)), atol=1e-6)
    np.testing.assert_array_equal(parts[:, -1, :, 1], 0.0)
    np.testing.assert_allclose(parts[..., [0, 2], :], _parts(still)[..., [0, 2], :], atol=1e-6)


def test_the_number_of_channels_is_what_paired_clips_say(clips, time_clips):
    assert clips.skeleton_channels == 9 * 12
    assert time_clips.skeleton_channels == 18
    one = skeleton_features(clips.skeleton[:1], clips.joint_parents, clips.root_joint)
    assert one.shape[-1] == clips.skeleton_channels
