"""The arena that an export reserves, over shapes of the student, against what boards take."""

import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from hand_made import HandMade
from pskd_tf.evaluation.tflm import arena_bytes
from pskd_tf.export.student import reserved_arena_bytes

DEMO = {"steps": 96, "widths": (24, 48, 64, 64), "classes": 8}
# Bytes that TensorFlow Lite Micro took on the host, and with CMSIS-NN on an emulated Cortex-M55.
ON_M55 = ((DEMO, 9_200, 11_652), (DEMO | {"steps": 48}, 7_968, 10_292))
SHAPES = [
    {"steps": steps, "widths": widths, "classes": classes}
    for steps in (48, 96, 144, 192)
    for widths in ((8, 16, 16, 16), (12, 24, 32, 32), (24, 48, 64, 64))
    for classes in (8, 27)
]


def _student(steps, widths, classes, embedding=64, segments=3):
    """The layers of `accelerometer_student` with made-up weights."""
    net = HandMade(np.random.default_rng(0), steps, 10)
    net.conv(widths[0], taps=7, stride=2, activation=1)
    for width, stride in zip(widths[1:], (2, 1, 2), strict=True):
        net.depthwise(taps=7, stride=stride, activation=1)
        net.conv(width, activation=1)
    rows = steps // 8 // segments
    net.pool(rows, rows)
    net.flatten()
    net.dense(embedding, activation=1)
    net.dense(classes)
    return net.build()


def _on_m55(tflite, on_host):
    """The most that the interpreter can take on a Cortex-M55, from its account on the host.

    The largest scratch buffer of CMSIS-NN's kernels for Helium comes on top: 496 bytes a tap for
    depthwise convolutions, four windows in whole words of eight bytes for others, four bytes an
    output for dense layers. Pointers of 32 bits save 12 bytes of a tensor and 32 of an operator.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    graph = model.subgraphs[0]
    scratch = 0
    for operator in graph.operators:
        options = type(operator.builtinOptions).__name__
        weights = graph.tensors[operator.inputs[1]].shape if len(operator.inputs) > 2 else None
        if options == "DepthwiseConv2DOptionsT":
            scratch = max(scratch, 4 * 124 * int(weights[1]))
        elif options == "Conv2DOptionsT":
            scratch = max(scratch, 4 * -(-int(np.prod(weights[1:])) // 8) * 8)
        elif options == "FullyConnectedOptionsT":
            scratch = max(scratch, 4 * int(weights[0]))
    return on_host + scratch - 12 * len(graph.tensors) - 32 * len(graph.operators)


@pytest.mark.parametrize(("shape", "on_host", "on_m55"), ON_M55)
def test_what_an_m55_took_fits(shape, on_host, on_m55):
    """The second one did not fit in 10,240 bytes, a quarter above the host's figure."""
    tflite = _student(**shape)
    measured = arena_bytes(tflite)
    assert abs(measured - on_host) <= 16
    assert on_m55 <= _on_m55(tflite, measured) <= reserved_arena_bytes(measured)
    assert reserved_arena_bytes(measured) == -(-(on_host + 3072) // 1024) * 1024


@pytest.mark.slow
def test_what_kernels_for_helium_can_take_fits_in_24_shapes():
    assert len(SHAPES) == 24
    for shape in SHAPES:
        tflite = _student(**shape)
        on_host = arena_bytes(tflite)
        assert _on_m55(tflite, on_host) <= reserved_arena_bytes(on_host), shape
