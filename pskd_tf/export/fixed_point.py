"""An export whose features are computed in fixed point, for cores without floating point unit.

Two of its files differ from the exported ones: `model_settings.h`, which chooses the arithmetic,
and `golden_vectors.h`, whose inputs and outputs follow from it.
"""

import re

import numpy as np

from data_prep.errors import UserError
from pskd_tf.data.fixed_features import FixedFeatures
from pskd_tf.evaluation.tflm import Int8Interface, clip_input, tflm_logits
from pskd_tf.export.headers import golden_vectors_header, model_id
from pskd_tf.exported import Export
from pskd_tf.input_settings import InputSettings


def prepared_input(
    samples: np.ndarray, inputs: InputSettings, interface: Int8Interface, features: str
) -> np.ndarray:
    """Computes the int8 input of a clip as a board does.

    Args:
        samples: `(length, axes)`: g, and degrees per second of a gyroscope behind them.
        inputs: The preprocessing.
        interface: The model's scale and zero point.
        features: One of `FEATURES`.

    Returns:
        `(steps, 1, channels)` int8.
    """
    if features == "float":
        return clip_input(samples, inputs, interface)
    arithmetic = FixedFeatures.of(inputs, interface.input_scale, interface.input_zero_point)
    return arithmetic.prepare(samples)


_BEFORE = "#define PSKD_LABELS "
# The settings as one text, with which model_identity.h compares them; the labels are its end.
_EXPORTED = re.compile(r'(#define PSKD_EXPORTED_SETTINGS "[^\\"]*)(?=\\042)')


def fixed_settings_header(text: str, arithmetic: FixedFeatures) -> str:
    """Adds the multipliers to a `model_settings.h`.

    Args:
        text: The exported file.
        arithmetic: The arithmetic.

    Returns:
        The file that chooses `accelerometer_features_fixed.c`.

    Raises:
        UserError: It is no `model_settings.h` of this version.
    """
    if text.count(_BEFORE) != 1:
        raise UserError("model_settings.h must define PSKD_LABELS once", text.count(_BEFORE))
    values = arithmetic.macros()
    lines = "".join(f"#define {name} {value}\n" for name, value in values.items())
    lines = f"/* Features in fixed point: accelerometer_features_fixed.c. */\n{lines}"
    exported = "".join(f"{value} " for value in values.values())
    text = _EXPORTED.sub(rf"\g<1>{exported}", text, count=1)
    return text.replace(_BEFORE, f"{lines}\n{_BEFORE}")


_GOLDEN = re.compile(r"pskd_golden_samples_(\d+)\[\] = \{([^}]*)\}")


def golden_samples(text: str, num_axes: int = 3) -> list[np.ndarray]:
    """Reads the raw clips back from a `golden_vectors.h`.

    Args:
        text: The exported file.
        num_axes: Values of a sample.

    Returns:
        `(length, axes)` float32 of each clip, in order.
    """
    clips = []
    for _, body in _GOLDEN.findall(text):
        values = [item.strip().removesuffix("f") for item in body.split(",") if item.strip()]
        clips.append(np.array(values, np.float32).reshape(-1, num_axes))
    return clips


def fixed_point_files(export: Export) -> dict[str, str]:
    """Makes the two files anew.

    Args:
        export: The export, whose features are in float.

    Returns:
        Texts by file name.
    """
    interface, inputs = Int8Interface.read(export.tflite), export.manifest.inputs
    arithmetic = FixedFeatures.of(inputs, interface.input_scale, interface.input_zero_point)
    settings = export.file("model_settings.h").read_text(encoding="ascii")
    clips = golden_samples(
        export.file("golden_vectors.h").read_text(encoding="ascii"), inputs.num_axes
    )
    prepared = np.stack([arithmetic.prepare(samples) for samples in clips])
    outputs, _ = tflm_logits(export.tflite, prepared)
    named = list(zip(export.manifest.golden_clips, clips, strict=True))
    return {
        "model_settings.h": fixed_settings_header(settings, arithmetic),
        "golden_vectors.h": golden_vectors_header(
            named, prepared, outputs, model_id(export.tflite)
        ),
    }
