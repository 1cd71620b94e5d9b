"""A model slot's bytes, and the identity of its graph."""

import struct
import zlib

import numpy as np
import pytest

from pskd_tf.export.headers import model_id
from pskd_tf.export.plain_c.graph import read_graph, widen_graph
from pskd_tf.export.plain_c.slot import HEADER_BYTES, SlotPlan, model_slot, slot_tables
from pskd_tf.exported import Export


@pytest.fixture
def small(hand_made):
    """A graph of seven channels and a sum, by seed: other weights, or other shapes by arguments."""

    def build(seed, channels=7, taps=3):
        net = hand_made(np.random.default_rng(seed), 12, 4)
        before = net.conv(channels, taps, activation=1)
        net.conv(channels, 1)
        net.add(before)
        net.pool(4, 4)
        net.flatten()
        net.dense(5)
        return net.build()

    return build


def test_the_header_in_bytes(exported, int8_student):
    manifest = Export.read(exported).manifest
    slot = model_slot(int8_student.tflite, manifest)
    graph = read_graph(int8_student.tflite)
    magic, version, length, crc, identity, _, model, reserved = struct.unpack_from("<4s7I", slot)
    assert HEADER_BYTES == 32 and (magic, version, reserved) == (b"PSKS", 1, 0)
    assert length == len(slot) == 32 + SlotPlan.make(graph).size
    assert crc == zlib.crc32(slot[16:]) and model == model_id(int8_student.tflite)
    assert identity == SlotPlan.make(graph).identity


def test_tables_lie_where_the_plan_says(small):
    """Each at a multiple of 4, though seven channels have no such size."""
    graph = read_graph(small(0))
    plan, body = SlotPlan.make(graph), slot_tables(graph)
    assert len(body) == plan.size
    for (position, name), start in plan.arrays.items():
        array = graph.layers[position].arrays[name]
        found = np.frombuffer(body, array.dtype, array.size, start).reshape(array.shape)
        np.testing.assert_array_equal(found, array)
        assert start % 4 == 0
    add = next(at for at, layer in enumerate(graph.layers) if layer.kind == "add")
    values = np.frombuffer(body, "<i4", min(plan.arrays.values()) // 4)
    first = plan.values[add, "multipliers"]
    assert tuple(values[first : first + 2]) == graph.layers[add].fields["multipliers"]
    for number, tensor in graph.tensors.items():
        assert values[plan.values[-1, str(number)]] == tensor.zero_point


def test_the_identity_is_of_the_shapes_alone(small):
    def identity(graph):
        return SlotPlan.make(graph).identity

    one = read_graph(small(0))
    assert slot_tables(one) != slot_tables(read_graph(small(1)))
    assert identity(one) == identity(read_graph(small(1)))
    others = [read_graph(small(0, channels=8)), read_graph(small(0, taps=5)), widen_graph(one)]
    assert len({identity(graph) for graph in (one, *others)}) == 4
