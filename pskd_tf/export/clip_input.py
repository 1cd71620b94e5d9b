"""One clip on its way to the model, exactly as a board prepares it."""

import numpy as np

from pskd_tf.data.accelerometer_features import accelerometer_features
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.resample_clip import resample_clip
from pskd_tf.evaluation.int8_interface import Int8Interface
from pskd_tf.evaluation.quantise_input import quantise_input


def clip_input(
    samples: np.ndarray, input_settings: InputSettings, interface: Int8Interface
) -> np.ndarray:
    """Resamples, derives the channels and quantises; `pskd_prepare_clip` in C does the same.

    Args:
        samples: `(length, 3)` in g, at least two samples; a window has `steps` of them.
        input_settings: The preprocessing.
        interface: The model's scale and zero point.

    Returns:
        `(steps, 1, channels)` int8.

    Raises:
        UserError: A feature is not finite.
    """
    # What overflows is refused below.
    with np.errstate(over="ignore", invalid="ignore"):
        resampled = resample_clip(samples, input_settings.steps)
        features = accelerometer_features(resampled, input_settings.gravity_taps)
    quantised = quantise_input(features, interface.input_scale, interface.input_zero_point)
    return quantised[:, None, :]
