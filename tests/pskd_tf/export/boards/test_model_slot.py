"""A program without weights takes a slot that fits, and refuses any other one with its reason."""

import ctypes
import dataclasses
import struct
import subprocess
import zlib

import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from data_prep.errors import UserError
from hand_made import HandMade
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import board_project, write_board_project
from pskd_tf.export.boards.targets import BOARD_TARGETS
from pskd_tf.export.plain_c.slot import HEADER_BYTES, model_slot
from pskd_tf.exported import Export

pytestmark = pytest.mark.slow

CAPACITY = 1 << 16
MISSING, UNALIGNED, MAGIC, VERSION, LENGTH, CHECKSUM, GRAPH, SETTINGS = range(9, 17)
WORDS = {
    MISSING: "slot_missing",
    UNALIGNED: "slot_unaligned",
    MAGIC: "slot_magic",
    VERSION: "slot_version",
    LENGTH: "slot_length",
    CHECKSUM: "slot_checksum",
    GRAPH: "slot_graph",
    SETTINGS: "slot_settings",
}


def _project(exported, folder, runtime="plain_c", **options):
    files = board_project(
        exported.parent,
        BOARD_TARGETS["cmake"],
        folder.name,
        runtime=runtime,
        axes=AxisMap(),
        settings=RecognizerSettings(threshold=0.3),
        **options,
    )
    write_board_project(folder, files)
    return folder


@pytest.fixture(scope="module")
def with_slot(exported, tmp_path_factory):
    return _project(exported, tmp_path_factory.mktemp("slot") / "wrist", in_slot=True)


@pytest.fixture(scope="module")
def good(with_slot):
    return (with_slot / "model_slot.bin").read_bytes()


@pytest.fixture(scope="module")
def library(with_slot, compile_with):
    """The classifier of the program."""
    path = with_slot / "classifier.so"
    left_out = ("main.c", "board.c", "application.c")
    sources = [one for one in (with_slot / "src").glob("*.c") if one.name not in left_out]
    compile_with("gcc", "-std=c99", "-pedantic", "-O2", "-shared", "-fPIC", *sources, "-o", path)
    found = ctypes.CDLL(str(path))
    found.pskd_classifier_word.restype = ctypes.c_char_p
    found.pskd_classifier_use_slot.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    return found


@pytest.fixture(scope="module")
def start(library):
    """Starts the classifier on a slot in a partition; returns the status."""
    # A pointer's alignment, and room for a start that is not aligned.
    partition = (ctypes.c_uint64 * (CAPACITY // 8 + 1))()

    def run(slot, capacity=CAPACITY, offset=0):
        address = ctypes.addressof(partition)
        ctypes.memset(address, 0xFF, CAPACITY)
        ctypes.memmove(address + offset, bytes(slot), len(slot))
        library.pskd_classifier_use_slot(address + offset, capacity)
        return library.pskd_classifier_start()

    return run


def _words(slot, **changes):
    """The slot with other words of its header, and a CRC-32 that fits them."""
    names = ("magic", "version", "length", "crc", "graph", "settings", "model", "reserved")
    words = dict(zip(names, struct.unpack_from("<8I", slot), strict=True)) | changes
    body = struct.pack("<4I", *(words[name] for name in names[4:])) + slot[HEADER_BYTES:]
    if "crc" not in changes:
        words["crc"] = zlib.crc32(body[: max(words["length"] - 16, 0)])
    return struct.pack("<4I", *(words[name] for name in names[:4])) + body


def test_the_program_has_no_weights(with_slot, exported, good):
    """And the slot's file is the only one with them."""
    source = (with_slot / "src" / "plain_model.c").read_text()
    compiled_in = (exported / "plain_model.c").read_text()
    assert len(source) < len(compiled_in) / 10 < len(good) and "weights_0[]" not in source


def test_a_good_slot_gives_the_bytes_of_the_compiled_in_tables(
    library, start, good, core_library, int8_student
):
    interface = Int8Interface.read(int8_student.tflite)
    inputs = quantise_input(
        int8_student.features, interface.input_scale, interface.input_zero_point
    )
    random = np.random.default_rng(0).integers(-128, 128, (1000, 96, 1, 10), np.int8)
    assert start(good) == 0 and library.pskd_classifier_word() == b"model_started"
    assert core_library.pskd_classifier_start() == 0
    pointer = ctypes.POINTER(ctypes.c_int8)
    outputs = {}
    for program in (library, core_library):
        found = np.zeros((len(inputs) + len(random), 27), np.int8)
        for values, output in zip([*inputs, *random], found, strict=True):
            values = np.ascontiguousarray(values)
            program.pskd_classifier_invoke(
                values.ctypes.data_as(pointer), output.ctypes.data_as(pointer)
            )
        outputs[program] = found
    assert len(np.unique(outputs[library])) > 100
    np.testing.assert_array_equal(outputs[library], outputs[core_library])


def test_every_flipped_bit_is_refused(start, good):
    """All of the header, and of 4,000 bytes of the tables; magic, version and length first."""
    generator = np.random.default_rng(0)
    drawn = generator.choice(np.arange(HEADER_BYTES, len(good)), 4000, replace=False)
    for at in [*range(HEADER_BYTES), *drawn, len(good) - 1]:
        bits = range(8) if at < HEADER_BYTES else [generator.integers(8)]
        for bit in bits:
            slot = bytearray(good)
            slot[at] ^= 1 << int(bit)
            status = start(slot)
            if at < 8:
                assert status == (MAGIC if at < 4 else VERSION)
            elif at < 12:
                assert status in (LENGTH, CHECKSUM)
            else:
                assert status == CHECKSUM, at
    assert start(good) == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"magic": 0x504B5344}, MAGIC),
        ({"version": 2}, VERSION),
        ({"length": 0}, LENGTH),
        ({"length": HEADER_BYTES - 1}, LENGTH),
        ({"length": CAPACITY + 1}, LENGTH),
        ({"length": 0xFFFFFFFF}, LENGTH),
        ({"crc": 0}, CHECKSUM),
        ({"graph": 1}, GRAPH),
        ({"settings": 1}, SETTINGS),
        # Whole and of this graph, but for its length.
        ({"length": HEADER_BYTES}, LENGTH),
        ({"length": HEADER_BYTES + 400}, LENGTH),
    ],
)
def test_wrong_words_of_the_header(library, start, good, changes, expected):
    assert start(_words(good, **changes)) == expected
    assert library.pskd_classifier_word().decode() == WORDS[expected]
    output = np.ones(27, np.int8)
    values = np.zeros(960, np.int8)
    pointer = ctypes.POINTER(ctypes.c_int8)
    library.pskd_classifier_invoke(values.ctypes.data_as(pointer), output.ctypes.data_as(pointer))
    assert not output.any()


def test_no_slot_an_unaligned_one_and_a_short_partition(library, start, good):
    library.pskd_classifier_use_slot(None, CAPACITY)
    assert library.pskd_classifier_start() == MISSING
    assert [start(good, offset=offset) for offset in (1, 2, 3, 4)] == [UNALIGNED] * 3 + [0]
    assert start(good, capacity=len(good) - 1) == start(good, capacity=31) == LENGTH
    assert start(good, capacity=len(good)) == 0


def test_an_erased_partition(start):
    assert start(b"\xff" * 100) == start(bytes(100)) == MAGIC


def _of(exported, tflite, **changes):
    return model_slot(tflite, dataclasses.replace(Export.read(exported).manifest, **changes))


def _replaced(tflite, before, after):
    assert tflite.count(before) == 1 and len(before) == len(after) and before != after
    return tflite.replace(before, after)


def test_a_changed_scale_and_changed_labels(exported, int8_student, start):
    """Of the input, the output, one label, their order."""
    tflite = int8_student.tflite
    names = Export.read(exported).manifest.class_names
    assert start(_of(exported, tflite)) == 0
    for labels in (("other", *names[1:]), (names[1], names[0], *names[2:])):
        assert start(_of(exported, tflite, class_names=labels)) == SETTINGS
    interface = Int8Interface.read(tflite)
    for scale in (interface.input_scale, interface.output_scale):
        after = np.nextafter(np.float32(scale), np.float32(1)).tobytes()
        changed = _replaced(tflite, np.float32(scale).tobytes(), after)
        assert start(_of(exported, changed)) == SETTINGS
    inputs = dataclasses.replace(Export.read(exported).manifest.inputs, gravity_taps=15)
    assert start(_of(exported, tflite, inputs=inputs)) == SETTINGS


def test_a_slot_of_another_graph(exported, int8_student, start):
    """Another net, and the same one with wider weights."""
    net = HandMade(np.random.default_rng(1), 96, 10)
    net.conv(8, taps=7, stride=4, activation=1)
    net.pool(4, 4)
    net.flatten()
    net.dense(27)
    manifest = Export.read(exported).manifest
    assert start(model_slot(net.build(), manifest)) == GRAPH
    assert start(model_slot(int8_student.tflite, manifest, "int16")) == GRAPH


def test_other_weights_of_the_same_graph_are_taken(exported, int8_student, start, library):
    """What an update is for: weights of the last layer change places, and the outputs change."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(int8_student.tflite))
    graph = model.subgraphs[0]
    number = graph.tensors[graph.operators[-1].inputs[1]].buffer
    weights = bytes(model.buffers[number].data)
    changed = _replaced(int8_student.tflite, weights, weights[::-1])
    pointer = ctypes.POINTER(ctypes.c_int8)
    values = np.random.default_rng(0).integers(-128, 128, 960).astype(np.int8)
    outputs = []
    for tflite in (int8_student.tflite, changed):
        assert start(_of(exported, tflite)) == 0
        output = np.zeros(27, np.int8)
        library.pskd_classifier_invoke(
            values.ctypes.data_as(pointer), output.ctypes.data_as(pointer)
        )
        outputs.append(output)
    assert (outputs[0] != outputs[1]).any()


def test_the_whole_program_on_a_recording(
    with_slot, good, compile_with, run_host, recording, tmp_path
):
    """The lines of the program with tables compiled in; with a damaged slot nothing but unknown."""
    program = tmp_path / "host"
    sources = (with_slot / "src").glob("*.c")
    compile_with("gcc", "-std=c99", "-O2", "-DPSKD_SENDS_SAMPLES=1", *sources, "-o", program, "-lm")
    text = "".join(
        f"{20_000 * n},{x:.9g},{y:.9g},{z:.9g}\n" for n, (x, y, z) in enumerate(recording)
    )

    def lines(*arguments):
        command = [program, *arguments]
        finished = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        return finished.stdout.splitlines()

    assert lines(with_slot / "model_slot.bin") == run_host(recording)
    damaged = bytearray(good)
    damaged[-1] ^= 1
    (tmp_path / "slot.bin").write_bytes(damaged)
    for arguments, said in (([tmp_path / "slot.bin"], "slot_checksum,14"), ([], "slot_missing,9")):
        found = lines(*arguments)
        assert found[1] == f"status,0,{said}"
        decided = [line.split(",")[2] for line in found if line.startswith("activity")]
        assert len(decided) >= 4 and set(decided) <= {"-1", "-2"}


def test_only_plain_c_has_slots(exported, tmp_path):
    with pytest.raises(UserError, match=r"model_slot needs runtime=plain_c. Received: tflm"):
        _project(exported, tmp_path / "one", runtime="tflm", in_slot=True)
    plain = _project(exported, tmp_path / "two")
    assert not list(plain.rglob("model_slot*"))
