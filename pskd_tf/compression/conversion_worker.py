"""The process that converts: `python -m pskd_tf.compression.conversion_worker IN.npz OUT.tflite`.

`convert_to_int8` starts it, because TensorFlow's converter can crash its process.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from ai_edge_litert.tools import flatbuffer_utils
from tflite_micro.tensorflow.lite.micro.tools import tflite_flatbuffer_align_wrapper

from pskd_tf.compression.twin import quantised_twin, student_twin


def main(request: str, result: str) -> None:
    """Converts the student described by an npz file.

    Args:
        request: File with `builder_arguments` (JSON), `calibration` and `weight_0000` onwards; an
            empty calibration stands for weights of a twin wrapped by `quantised_twin`.
        result: The flatbuffer to write.
    """
    with np.load(request, allow_pickle=False) as arrays:
        names = sorted(name for name in arrays.files if name.startswith("weight_"))
        weights = [arrays[name] for name in names]
        calibration = arrays["calibration"]
        builder_arguments = json.loads(str(arrays["builder_arguments"]))
    if len(calibration):
        twin = student_twin(weights, **builder_arguments)
    else:
        twin = quantised_twin(None, builder_arguments)
        twin.set_weights(weights)
    model = tf_keras.Model(twin.input, twin.output["logits"])
    Path(result).write_bytes(_aligned(_stripped(_int8(model, calibration))))


def _int8(model: tf_keras.Model, calibration: np.ndarray) -> bytes:
    @tf.function  # type: ignore[untyped-decorator]
    def logits(accelerometer: tf.Tensor) -> tf.Tensor:
        return model(accelerometer, training=False)

    def representative() -> Iterator[list[np.ndarray]]:
        for clip in calibration:
            yield [clip[None]]

    # A fixed batch of 1 keeps SHAPE, STRIDED_SLICE and PACK out of the graph.
    signature = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32)
    function = logits.get_concrete_function(signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if len(calibration):
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _stripped(flatbuffer: bytes) -> bytes:
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    flatbuffer_utils.strip_strings(model)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _aligned(flatbuffer: bytes) -> bytes:
    # Last, because packing from Python loses the alignment of the buffers.
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.tflite"), Path(folder, "after.tflite")
        before.write_bytes(flatbuffer)
        tflite_flatbuffer_align_wrapper.align_tflite_model(str(before), str(after))
        return after.read_bytes()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
