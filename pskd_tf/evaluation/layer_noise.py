"""How much int8 adds to every layer: signal to noise, float against TensorFlow Lite Micro."""

import keras
import numpy as np

from data_prep.user_error import UserError
from pskd_tf.evaluation.int8_interface import Int8Interface
from pskd_tf.evaluation.layer_outputs import layer_outputs
from pskd_tf.evaluation.quantise_input import quantise_input
from pskd_tf.evaluation.tflm_tensors import tflm_tensors


def layer_noise(tflite: bytes, model: keras.Model, clips: np.ndarray) -> dict[str, float]:
    """Compares every layer's output of the int8 graph with the float model's.

    The ratio is `10 log10(sum f^2 / sum (f - q)^2)` over all values of all clips; errors of
    earlier layers count in later ones, as on the board.

    Args:
        tflite: The flatbuffer's bytes.
        model: The Keras 3 student whose weights it was made from.
        clips: `(clips, steps, 1, channels)` float32, in g.

    Returns:
        Signal to noise in dB by layer, in order; at most 200, which stands for no difference.

    Raises:
        UserError: The graph's operators are not the model's layers.
    """
    interface = Int8Interface.read(tflite)
    quantised = quantise_input(clips, interface.input_scale, interface.input_zero_point)
    floats = layer_outputs(model, clips)
    known = {operator for _, operator, _ in floats}
    ints = [(name, values) for name, values in tflm_tensors(tflite, quantised) if name in known]
    layers, operators = [kind for _, kind, _ in floats], [name for name, _ in ints]
    if layers != operators:
        rule = f"The int8 graph must hold the model's layers ({', '.join(layers)})"
        raise UserError(rule, ", ".join(operators) or "none")
    noise = {}
    for (name, _, expected), (_, values) in zip(floats, ints, strict=True):
        expected = expected.astype(np.float64)
        error = np.sum((expected - values.reshape(expected.shape)) ** 2)
        signal = np.sum(expected**2)
        # A layer that is silent in both has no noise; one that should be silent has only noise.
        ratio = 10 * np.log10(max(signal, 1e-300) / error) if error else 200.0
        noise[name] = float(np.clip(ratio, -200, 200))
    return noise
