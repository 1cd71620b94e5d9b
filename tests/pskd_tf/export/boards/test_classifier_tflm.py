"""The classifier on TensorFlow Lite Micro's interface, with the plain model behind it."""

import subprocess

import pytest

# An interpreter that can be told what to do wrong.
FAKE = """\
#include <cstdio>
#include <cstring>

#include "activity_classifier.h"
#include "activity_filter.h"
#include "golden_vectors.h"
#include "model_settings.h"
#include "plain_model.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace {
const char* fault = "";
int general = 0;
bool Has(const char* name) { return std::strcmp(fault, name) == 0; }
int input_dims[] = {4, 1, PSKD_STEPS, 1, PSKD_CHANNELS};
int output_dims[] = {2, 1, PSKD_NUM_CLASSES};
int8_t input_data[PSKD_INPUT_SIZE], output_data[PSKD_NUM_CLASSES];
TfLiteTensor input_tensor, output_tensor;
}  // namespace

namespace tflite {
#define KERNEL(name) \\
  TFLMRegistration Register_##name() { ++general; return TFLMRegistration(); }
KERNEL(ADD)
KERNEL(AVERAGE_POOL_2D)
KERNEL(CONV_2D)
KERNEL(DEPTHWISE_CONV_2D)
KERNEL(FULLY_CONNECTED)
#if defined(CMSIS_NN)
#define INT8_KERNEL(name) \\
  TFLMRegistration Register_##name##_INT8() { return TFLMRegistration(); }
INT8_KERNEL(ADD)
INT8_KERNEL(AVERAGE_POOL_2D)
INT8_KERNEL(CONV_2D)
INT8_KERNEL(DEPTHWISE_CONV_2D)
INT8_KERNEL(FULLY_CONNECTED)
#endif
uint32_t Model::version() const { return Has("schema") ? 4 : 3; }
const Model* GetModel(const void*) {
  static const Model model = Model();
  return &model;
}
MicroInterpreter::MicroInterpreter(const Model*, const MicroOpResolver&, uint8_t*, size_t bytes,
                                   MicroResourceVariables*, MicroProfilerInterface*, bool) {
  std::printf("arena %u\\n", static_cast<unsigned>(bytes));
  input_tensor.type = Has("type") ? kTfLiteFloat32 : kTfLiteInt8;
  input_tensor.dims = reinterpret_cast<TfLiteIntArray*>(input_dims);
  input_tensor.data.int8 = input_data;
  input_tensor.params.scale = PSKD_INPUT_SCALE * (Has("scale") ? 1.0001f : 1.0f);
  input_tensor.params.zero_point = PSKD_INPUT_ZERO_POINT + Has("zero_point");
  output_tensor.type = kTfLiteInt8;
  output_tensor.dims = reinterpret_cast<TfLiteIntArray*>(output_dims);
  output_tensor.data.int8 = output_data;
  output_tensor.params.scale = PSKD_OUTPUT_SCALE;
  output_tensor.params.zero_point = PSKD_OUTPUT_ZERO_POINT + Has("output_zero_point");
  input_dims[2] += Has("shape");
  output_dims[2] -= Has("output_shape");
  input_dims[0] -= Has("rank");
}
MicroInterpreter::~MicroInterpreter() {}
TfLiteStatus MicroInterpreter::initialization_status() const {
  return Has("initialization") ? kTfLiteError : kTfLiteOk;
}
TfLiteStatus MicroInterpreter::AllocateTensors() {
  return Has("allocation") ? kTfLiteError : kTfLiteOk;
}
TfLiteTensor* MicroInterpreter::input(size_t) { return Has("null") ? nullptr : &input_tensor; }
TfLiteTensor* MicroInterpreter::output(size_t) { return &output_tensor; }
TfLiteStatus MicroInterpreter::Invoke() {
  if (Has("invoke")) return kTfLiteError;
  pskd_plain_invoke(input_data, output_data);
  return kTfLiteOk;
}
size_t MicroInterpreter::arena_used_bytes() const { return 1234; }
}  // namespace tflite

int main(int argc, char** argv) {
  int differing = 0;
  if (argc == 2) fault = argv[1];
  std::printf("before %d\\n", pskd_classifier_status());
  std::printf("start %d", pskd_classifier_start());
  std::printf(" %d\\n", pskd_classifier_start());
  for (const PskdGoldenVector& golden : pskd_golden_vectors) {
    int8_t output[PSKD_NUM_CLASSES];
    std::memset(output, 7, sizeof(output));
    pskd_classifier_invoke(golden.input, output);
    differing += std::memcmp(output, golden.output, sizeof(output)) != 0;
    for (int index = 0; index < PSKD_NUM_CLASSES; ++index) {
      const int unknown = PSKD_NULL_CLASS < 0 ? 0 : index == PSKD_NULL_CLASS ? 127 : -128;
      if (pskd_classifier_status() != PSKD_CLASSIFIER_OK && output[index] != unknown) return 1;
    }
  }
  std::printf("after %d\\ndiffering %d\\nbytes %u\\n%s\\ngeneral %d\\n",
              pskd_classifier_status(), differing,
              static_cast<unsigned>(pskd_classifier_arena_bytes()), pskd_classifier_runtime(),
              general);
}
"""


@pytest.fixture(scope="module")
def build(make_project, host_objects, compile_with, stubs, tmp_path_factory):
    """Compiles the program, for a resolver with room for so many operators fewer."""

    def compile_program(fewer=0, *flags, null_class=None):
        folder = tmp_path_factory.mktemp("classifier")
        (folder / "fake.cpp").write_text(FAKE)
        sources = make_project("cmake", "tflm") / "src"
        plain = make_project("cmake") / "src" / "plain_model.h"
        (folder / "plain_model.h").write_bytes(plain.read_bytes())
        resolver = (sources / "op_resolver.h").read_text()
        assert "MicroMutableOpResolver<5>" in resolver
        (sources / "op_resolver.h").write_text(resolver.replace("<5>", f"<{5 - fewer}>"))
        if null_class is not None:
            settings = sources / "model_settings.h"
            text = settings.read_text().replace("27 (-1) ", f"27 {null_class} ")
            settings.write_text(f"#define PSKD_NULL_CLASS {null_class}\n{text}")
        compile_with(
            *(
                "g++",
                "-std=c++14",
                *flags,
                f"-I{sources}",
                f"-I{folder}",
                "-isystem",
                stubs / "tflite_micro",
            ),
            *(folder / "fake.cpp", sources / "activity_classifier_tflm.cpp"),
            *(sources / "model_data.cpp", host_objects["plain_model.c"]),
            *(
                host_objects["model_identity.c"],
                host_objects["plain_kernels.c"],
                "-o",
                folder / "program",
                "-lm",
            ),
        )
        return folder / "program"

    return compile_program


@pytest.fixture(scope="module")
def program(build):
    return build()


def _run(program, *arguments):
    finished = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert finished.returncode == 0
    return finished.stdout.split("\n")


def test_outputs_pass_through_unchanged(program, exported):
    lines = _run(program)
    assert lines[:3] == ["before 1", f"arena {_arena(exported)}", "start 0 0"]
    assert lines[3:8] == ["after 0", "differing 0", "bytes 1234", "tflm", "general 4"]


def test_with_cmsis_nn_only_the_kernels_for_int8_are_linked(build):
    lines = _run(build(0, "-DCMSIS_NN"))
    assert lines[2:8] == ["start 0 0", "after 0", "differing 0", "bytes 1234", "tflm", "general 0"]


def _arena(exported):
    settings = (exported / "model_settings.h").read_text()
    (line,) = [line for line in settings.splitlines() if "define PSKD_ARENA_BYTES" in line]
    return line.split()[-1]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("schema", 2),
        ("initialization", 4),
        ("allocation", 4),
        ("null", 5),
        ("type", 5),
        ("shape", 5),
        ("rank", 5),
        ("scale", 5),
        ("zero_point", 5),
        ("output_shape", 6),
        ("output_zero_point", 6),
    ],
)
def test_a_model_that_does_not_fit_is_not_run(program, fault, status):
    """Its outputs are all equal, which the recognizer calls unknown."""
    lines = _run(program, fault)
    assert f"start {status} {status}" in lines and f"after {status}" in lines
    assert "differing 32" in lines and "bytes 0" in lines


def test_a_failing_inference_is_reported(program):
    lines = _run(program, "invoke")
    assert "start 0 0" in lines and "after 7" in lines and "differing 32" in lines


@pytest.mark.parametrize("fault", ["invoke", "schema"])
def test_without_an_inference_only_the_null_class_is_likely(build, fault):
    """Equal outputs would leave nearly all to the activities; the program checks each output."""
    lines = _run(build(null_class=26), fault)
    assert "differing 32" in lines


def test_an_operator_that_cannot_be_registered_is_reported(build):
    assert "start 3 3" in _run(build(fewer=1))
