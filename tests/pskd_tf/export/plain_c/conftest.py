"""The plain C of any flatbuffer as a function."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from hand_made import HandMade
from project import MICROCONTROLLER
from pskd_tf.export.plain_c.source import plain_model

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion")
KERNELS = {
    "portable": (),
    "dsp": ("-D__ARM_FEATURE_DSP=1", f"-I{MICROCONTROLLER / 'firmware' / 'host'}"),
    "helium": ("-D__ARM_FEATURE_MVE=1", f"-I{MICROCONTROLLER / 'firmware' / 'host'}"),
}


@pytest.fixture(scope="session")
def hand_made() -> type[HandMade]:
    return HandMade


@pytest.fixture(scope="session")
def run_plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., np.ndarray]:
    """Generates, compiles and runs plain C: (flatbuffer, inputs, kernel) to int8 outputs."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")

    def run(
        tflite: bytes, inputs: np.ndarray, kernel: str = "portable", weights: str = "int8"
    ) -> np.ndarray:
        folder = tmp_path_factory.mktemp("plain")
        for name, text in plain_model(tflite, weights).items():
            (folder / name).write_text(text, encoding="ascii")
        kernels = sorted((MICROCONTROLLER / "src").glob("plain_kernels*.c"))
        sources = [folder / "plain_model.c", *kernels]
        includes = [f"-I{folder}", f"-I{MICROCONTROLLER / 'src'}", *KERNELS[kernel]]
        library = folder / "plain.so"
        command = ["gcc", *WARNINGS, "-O1", "-shared", "-fPIC", *includes, *sources, "-o", library]
        finished = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert finished.returncode == 0 and not finished.stderr, finished.stderr
        invoke = ctypes.CDLL(str(library)).pskd_plain_invoke
        pointer = ctypes.POINTER(ctypes.c_int8)
        model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
        graph = model.subgraphs[0]
        size = int(np.prod(graph.tensors[graph.outputs[0]].shape))
        outputs = np.zeros((len(inputs), size), np.int8)
        for source, result in zip(inputs, outputs, strict=True):
            source = np.ascontiguousarray(source)
            invoke(source.ctypes.data_as(pointer), result.ctypes.data_as(pointer))
        return outputs

    return run


@pytest.fixture(scope="session")
def run_wheel() -> Callable[[bytes, np.ndarray], np.ndarray]:
    """Runs TensorFlow Lite Micro: (flatbuffer, inputs) to flat int8 outputs."""
    from tflite_micro import runtime

    def run(tflite: bytes, inputs: np.ndarray) -> np.ndarray:
        interpreter = runtime.Interpreter.from_bytes(tflite, arena_size=1 << 20)
        outputs = []
        for source in inputs:
            interpreter.set_input(np.ascontiguousarray(source[None]), 0)
            interpreter.invoke()
            outputs.append(interpreter.get_output(0).ravel().copy())
        return np.stack(outputs)

    return run
