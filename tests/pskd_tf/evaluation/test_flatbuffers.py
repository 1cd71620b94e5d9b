"""Damaged flatbuffers are refused before anything reads their parts."""

import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from damage import cut, flip_bytes
from data_prep.downloading import unpack_archive
from data_prep.errors import UserError
from pskd_tf.evaluation.flatbuffers import read_flatbuffer
from pskd_tf.evaluation.tflm import Int8Interface, check_fixed_shapes, tflm_operators
from pskd_tf.export.plain_c.graph import read_graph
from store_run import FOLDER


@pytest.fixture(scope="module")
def tflite(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("stored") / "run"
    unpack_archive(FOLDER / "run.tar.xz", folder)
    return (folder / "export" / "student_int8.tflite").read_bytes()


def test_a_whole_one_is_read(tflite):
    (graph,) = read_flatbuffer(tflite).subgraphs
    assert (len(graph.tensors), len(graph.operators)) == (31, 11)


def _other_operator(model):
    model.subgraphs[0].operators[1].inputs[0] = 999


def _other_output(model):
    model.subgraphs[0].outputs[0] = 999


def _other_code(model):
    model.subgraphs[0].operators[0].opcodeIndex = 99


def _other_shape(model):
    weights = model.subgraphs[0].tensors[model.subgraphs[0].operators[-1].inputs[1]]
    weights.shape = [int(size) + 1 for size in weights.shape]


def _other_scale(model):
    model.subgraphs[0].tensors[0].quantization.scale = np.array([np.nan], np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_other_operator, "operator 1 with tensors that are not there"),
        (_other_code, "operator 0 with tensors that are not there"),
        (_other_output, "an output that is no tensor"),
        (_other_shape, r"\d+ bytes for the shape \[.*\] in tensor"),
        (_other_scale, "a scale that is not positive in tensor 0"),
    ],
)
def test_parts_that_do_not_fit_are_named(tflite, change, message):
    model = read_flatbuffer(tflite)
    change(model)
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    with pytest.raises(UserError, match=f"must be a whole flatbuffer.*Received: {message}"):
        read_flatbuffer(content)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 99, b"PK\x03\x04" * 9])
def test_another_format_is_refused(content):
    with pytest.raises(UserError, match="must be a whole flatbuffer of TensorFlow Lite"):
        read_flatbuffer(content)


READERS = (tflm_operators, check_fixed_shapes, Int8Interface.read, read_graph)


@pytest.mark.parametrize("read", READERS)
def test_changed_bytes_are_read_or_refused_in_one_line(tflite, read):
    random, refused = np.random.default_rng(0), 0
    for number in range(12):
        content = (cut if number % 3 == 0 else flip_bytes)(tflite, random)
        try:
            read(content)
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 0
