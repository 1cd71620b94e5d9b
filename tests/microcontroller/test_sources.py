"""The generated sources and the example compile, and do what they say."""

import platform
import shutil
import subprocess

import pytest

# Just enough of TensorFlow Lite Micro's headers for `op_resolver.h` and the example; each
# registration can be made to fail.
STAND_IN = """\
#pragma once
#include <cstddef>
#include <cstdint>
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
enum TfLiteType { kTfLiteInt8 = 9 };
struct TfLiteTensor { TfLiteType type; struct { int8_t* int8; } data; size_t bytes; };
#define TFLITE_SCHEMA_VERSION 3
namespace tflite {
struct Model { uint32_t version() const; };
const Model* GetModel(const void* data);
struct MicroOpResolver {};
struct TFLMRegistration {};
inline TFLMRegistration Register_AVERAGE_POOL_2D_INT8() { return {}; }
inline TFLMRegistration Register_CONV_2D_INT8() { return {}; }
inline TFLMRegistration Register_DEPTHWISE_CONV_2D_INT8() { return {}; }
inline TFLMRegistration Register_FULLY_CONNECTED_INT8() { return {}; }
template <unsigned int count>
struct MicroMutableOpResolver : MicroOpResolver {
  unsigned int calls = 0, failing = ~0u;
  TfLiteStatus Add() { return calls++ == failing ? kTfLiteError : kTfLiteOk; }
  TfLiteStatus AddAveragePool2D(TFLMRegistration) { return Add(); }
  TfLiteStatus AddConv2D(TFLMRegistration) { return Add(); }
  TfLiteStatus AddDepthwiseConv2D(TFLMRegistration) { return Add(); }
  TfLiteStatus AddFullyConnected(TFLMRegistration) { return Add(); }
  TfLiteStatus AddReshape() { return Add(); }
};
struct MicroInterpreter {
  MicroInterpreter(const Model*, const MicroOpResolver&, uint8_t*, size_t);
  TfLiteStatus initialization_status() const;
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor* input(size_t);
  TfLiteTensor* output(size_t);
};
}  // namespace tflite
"""


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A folder with stand-ins of TensorFlow Lite Micro's headers."""
    root = tmp_path_factory.mktemp("stand_in")
    for name in (
        "micro/micro_mutable_op_resolver.h",
        "micro/micro_interpreter.h",
        "schema/schema_generated.h",
    ):
        path = root / "tensorflow/lite" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('#include "tensorflow/lite/stand_in.h"\n')
    (root / "tensorflow/lite/stand_in.h").write_text(STAND_IN)
    return root


@pytest.fixture
def run_program(compiler, tmp_path):
    """Compiles and runs a program; returns what it printed."""

    def run(program, standard, text, *arguments):
        source = tmp_path / ("main.c" if program == "gcc" else "main.cc")
        source.write_text(text)
        binary = tmp_path / "program"
        compiler(program, f"-std={standard}", source, *arguments, "-o", binary, "-lm")
        return subprocess.run([binary], capture_output=True, text=True, check=True).stdout

    return run


@pytest.mark.parametrize(("program", "standard"), [("gcc", "c99"), ("g++", "c++11")])
def test_headers_compile_twice_over_and_features_pass_the_golden_vectors(
    run_program, exported, sources, program, standard
):
    """As a board's self-test would: raw samples to int8 input, in C and from C++."""
    text = """
#include <stdio.h>
#include <string.h>
#include "accelerometer_features.h"
#include "accelerometer_features.h"
#include "golden_vectors.h"
#include "golden_vectors.h"
#include "model_data.h"
int main(void) {
  static float workspace[3 * PSKD_STEPS];
  static int8_t input[PSKD_INPUT_SIZE];
  int good = 0, i;
  for (i = 0; i < PSKD_NUM_GOLDEN_VECTORS; ++i) {
    const PskdGoldenVector *golden = &pskd_golden_vectors[i];
    good += pskd_prepare_clip(golden->samples, golden->length, workspace, input) == PSKD_OK &&
            memcmp(input, golden->input, sizeof(input)) == 0;
  }
  printf("%d %s|%s|%d", good, pskd_labels[26], pskd_golden_vectors[31].clip,
         (int)pskd_argmax(pskd_golden_vectors[0].output));
  return 0;
}
"""
    features = sources / "src" / "accelerometer_features.c"
    folders = [f"-I{exported}", f"-I{sources / 'src'}"]
    if program == "g++":
        folders += ["-x", "c++"]
    printed = run_program(program, standard, text, *folders, features)
    good, rest = printed.split(" ", 1)
    label, clip, guess = rest.split("|")
    assert good == "32"
    assert label == 'say "ä" \\ ??/1'
    assert clip == "clip_31" and 0 <= int(guess) < 27


def test_sanitizers_find_nothing(run_program, exported, sources):
    """A stand-alone driver, with the float to integer conversions watched as well."""
    text = """
#include <math.h>
#include <stdio.h>
#include "accelerometer_features.h"
#include "golden_vectors.h"
int main(void) {
  static float workspace[3 * PSKD_STEPS];
  static int8_t input[PSKD_INPUT_SIZE];
  const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f, -1e30f, 1e18f};
  float samples[9] = {0};
  int i, sum = 0;
  for (i = 0; i < PSKD_NUM_GOLDEN_VECTORS; ++i) {
    const PskdGoldenVector *golden = &pskd_golden_vectors[i];
    sum += (int)pskd_prepare_clip(golden->samples, golden->length, workspace, input);
  }
  for (i = 0; i < 6; ++i) {
    samples[4] = bad[i];
    sum += (int)pskd_prepare_clip(samples, 3, workspace, input);
  }
  printf("%d", sum);
  return 0;
}
"""
    printed = run_program(
        *(
            "gcc",
            "c99",
            text,
            f"-I{exported}",
            f"-I{sources / 'src'}",
            sources / "src/accelerometer_features.c",
        ),
        *("-g", "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"),
    )
    # NaN, both infinities and the two values whose squares overflow.
    assert printed == str(5 * 3)


def test_model_data_links_aligned_and_whole(run_program, exported, int8_student):
    text = """
#include <cstdint>
#include <cstdio>
#include "model_data.h"
int main() {
  std::fwrite(pskd_model_data + 4, 1, 4, stdout);
  std::printf(" %u %u", pskd_model_data_length,
              static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(pskd_model_data) % 16));
}
"""
    printed = run_program("g++", "c++11", text, f"-I{exported}", exported / "model_data.cc")
    assert printed == f"TFL3 {len(int8_student.tflite)} 0"


def test_every_registration_is_tested_by_itself(run_program, exported, stand_in):
    """Whichever of the five fails, the result is an error; none skips the others."""
    text = """
#include <cstdio>
#include "op_resolver.h"
int main() {
  pskd::OpResolver whole;
  std::printf("%d", pskd::RegisterOperators(&whole));
  std::printf(" %u", whole.calls);
  for (unsigned int i = 0; i < 5; ++i) {
    pskd::OpResolver resolver;
    resolver.failing = i;
    std::printf(" %d", pskd::RegisterOperators(&resolver));
  }
}
"""
    printed = run_program("g++", "c++11", text, f"-I{exported}", f"-I{stand_in}")
    assert printed == "0 5 1 1 1 1 1"


def test_the_example_compiles(compiler, exported, sources, stand_in, tmp_path):
    compiler(
        *("g++", "-std=c++17", f"-I{exported}", f"-I{sources / 'src'}", f"-I{stand_in}", "-c"),
        *(sources / "examples" / "classify_clip.cc", "-o", tmp_path / "classify_clip.o"),
    )


def test_a_compiler_that_computes_floats_as_something_wider_is_refused(exported, sources, tmp_path):
    source = sources / "src" / "accelerometer_features.c"
    command = ["gcc", "-std=c99", "-mfpmath=387", f"-I{exported}", "-c", source]
    if platform.machine() != "x86_64" or shutil.which("gcc") is None:
        pytest.skip("needs gcc for x86-64")
    finished = subprocess.run(
        [*command, "-o", tmp_path / "features.o"], capture_output=True, text=True
    )
    assert finished.returncode == 1 and "floats must be computed as floats" in finished.stderr
