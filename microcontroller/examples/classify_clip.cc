// One gesture in, one label out. `ClassifyClip` is what an application calls; where its samples
// come from (a driver, and something that finds where a gesture starts and ends) is the board's.

#include <cstdint>
#include <cstring>

#include "accelerometer_features.h"
#include "model_data.h"
#include "model_settings.h"
#include "op_resolver.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

alignas(16) uint8_t arena[PSKD_ARENA_BYTES];
PskdValue workspace[PSKD_NUM_AXES * PSKD_STEPS];
int8_t quantised[PSKD_INPUT_SIZE];

// Built once: allocation takes longer than an inference.
tflite::MicroInterpreter* Interpreter() {
  static pskd::OpResolver resolver;
  static tflite::MicroInterpreter* interpreter = nullptr;
  if (interpreter != nullptr) return interpreter;

  const tflite::Model* model = tflite::GetModel(pskd_model_data);
  if (model->version() != TFLITE_SCHEMA_VERSION) return nullptr;
  static bool registered = false;
  if (!registered) {
    if (pskd::RegisterOperators(&resolver) != kTfLiteOk) return nullptr;
    registered = true;
  }
  static tflite::MicroInterpreter instance(model, resolver, arena, sizeof(arena));
  if (instance.initialization_status() != kTfLiteOk) return nullptr;
  if (instance.AllocateTensors() != kTfLiteOk) return nullptr;

  const TfLiteTensor* input = instance.input(0);
  const TfLiteTensor* output = instance.output(0);
  if (input == nullptr || input->type != kTfLiteInt8 || input->bytes != PSKD_INPUT_SIZE) {
    return nullptr;
  }
  if (output == nullptr || output->type != kTfLiteInt8 || output->bytes != PSKD_NUM_CLASSES) {
    return nullptr;
  }
  interpreter = &instance;
  return interpreter;
}

}  // namespace

// Returns the label of a clip, or nullptr if it could not be classified.
// samples: (length, PSKD_NUM_AXES) in g, of six axes also degrees per second, row by row.
const char* ClassifyClip(const float* samples, int32_t length) {
#if PSKD_CLIP_MODE
  // The model never saw gestures shorter or longer than these.
  if (length < PSKD_MINIMUM_SAMPLES || length > PSKD_MAXIMUM_SAMPLES) return nullptr;
#else
  if (length != PSKD_WINDOW_SAMPLES) return nullptr;
#endif
  tflite::MicroInterpreter* interpreter = Interpreter();
  if (interpreter == nullptr) return nullptr;
  if (pskd_prepare_clip(samples, length, workspace, quantised) != PSKD_OK) return nullptr;
  std::memcpy(interpreter->input(0)->data.int8, quantised, sizeof(quantised));
  if (interpreter->Invoke() != kTfLiteOk) return nullptr;
  return pskd_labels[pskd_argmax(interpreter->output(0)->data.int8)];
}
