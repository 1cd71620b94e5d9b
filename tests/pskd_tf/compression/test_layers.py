"""The layer table of a student with fixed weights, and its sums."""

import gzip

import numpy as np
import pytest

from pskd_tf.compression.cost import count_macs
from pskd_tf.evaluation.layers import layer_noise, layer_table, layer_table_lines
from pskd_tf.evaluation.tflm import (
    Int8Interface,
    quantise_input,
    tflm_logits,
    tflm_probe,
    tflm_tensors,
)

SNAPSHOT = """\
| layer | operator | output | parameters | non-zero | bytes | MACs | SNR dB |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |
| stem | CONV_2D | 12 x 1 x 8 | 568 | 99 % | 784 | 6,720 | 38.6 |
| block1_depth | DEPTHWISE_CONV_2D | 6 x 1 x 8 | 64 | 100 % | 280 | 336 | 39.2 |
| block1_point | CONV_2D | 6 x 1 x 8 | 72 | 100 % | 288 | 384 | 41.1 |
| block2_depth | DEPTHWISE_CONV_2D | 6 x 1 x 8 | 64 | 100 % | 280 | 336 | 45.1 |
| block2_point | CONV_2D | 6 x 1 x 12 | 108 | 100 % | 432 | 576 | 46.5 |
| block3_depth | DEPTHWISE_CONV_2D | 3 x 1 x 12 | 96 | 99 % | 420 | 252 | 47.3 |
| block3_point | CONV_2D | 3 x 1 x 12 | 156 | 99 % | 480 | 432 | 44.0 |
| segments | AVERAGE_POOL_2D | 3 x 1 x 12 | 0 |  | 0 | 0 | 44.0 |
| reshape | RESHAPE | 36 | 0 |  | 0 | 0 |  |
| semantic | FULLY_CONNECTED | 16 | 592 | 99 % | 1,024 | 576 | 37.5 |
| logits | FULLY_CONNECTED | 5 | 85 | 98 % | 220 | 80 | 47.9 |
| all | | | 1,805 | | 4,208 | 9,692 | |
"""


@pytest.fixture(scope="module")
def rows(small_student):
    noise = layer_noise(small_student.tflite, small_student.model, small_student.features)
    return layer_table(small_student.tflite, noise)


def test_the_table_is_as_it_was(rows):
    assert "\n".join(layer_table_lines(rows)) + "\n" == SNAPSHOT


def test_the_sums_are_the_model_s(small_student, rows):
    assert sum(row.macs for row in rows) == count_macs(small_student.model)
    # Folded norms leave one bias a channel where the float model has four numbers.
    channels = 8 + 8 + 8 + 8 + 12 + 12 + 12 + 16
    trained = small_student.model.count_params() - 4 * channels
    assert sum(row.parameters for row in rows) == trained + channels
    assert sum(row.bytes for row in rows) < len(small_student.tflite)


def test_preserved_tensors_end_in_the_same_logits(small_student):
    interface = Int8Interface.read(small_student.tflite)
    quantised = quantise_input(
        small_student.features[:4], interface.input_scale, interface.input_zero_point
    )
    tensors = tflm_tensors(small_student.tflite, quantised)
    assert [name for name, _ in tensors][-3:] == ["RESHAPE", "FULLY_CONNECTED", "FULLY_CONNECTED"]
    expected = tflm_logits(small_student.tflite, quantised)[1]
    np.testing.assert_allclose(tensors[-1][1], expected, rtol=1e-6)


def test_head_and_tail_are_the_total(small_student):
    account = tflm_probe(small_student.tflite)
    assert account["head"] + account["tail"] == account["total"]
    # The largest operator reads 12 x 8 and writes 12 x 8 values, or reads the 24 x 10 input.
    assert account["head"] >= 24 * 10 + 12 * 8
    assert len(gzip.compress(small_student.tflite, mtime=0)) < len(small_student.tflite)
