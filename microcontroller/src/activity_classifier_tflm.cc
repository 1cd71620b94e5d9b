// The classifier on TensorFlow Lite Micro.

#include <cstring>

#include "activity_classifier.h"
#include "model_data.h"
#include "model_identity.h"
#include "op_resolver.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

#if PSKD_MODEL_DATA_ID != PSKD_MODEL_ID || PSKD_RESOLVER_MODEL_ID != PSKD_MODEL_ID
#error "model_data.h, op_resolver.h and model_settings.h are of different models"
#endif

namespace {

// The runtime's memory; it takes none besides.
alignas(16) uint8_t arena[PSKD_ARENA_BYTES];
tflite::MicroInterpreter* interpreter = nullptr;
PskdClassifierStatus status = PSKD_CLASSIFIER_NOT_STARTED;

bool IsInt8(const TfLiteTensor* tensor, float scale, int32_t zero_point) {
  // Equal to the last bit: both come from the same flatbuffer.
  return tensor != nullptr && tensor->type == kTfLiteInt8 && tensor->dims != nullptr &&
         tensor->params.scale == scale && tensor->params.zero_point == zero_point;
}

bool HasShape(const TfLiteTensor* tensor, const int* shape, int rank) {
  if (tensor->dims->size != rank) return false;
  for (int axis = 0; axis < rank; ++axis) {
    if (tensor->dims->data[axis] != shape[axis]) return false;
  }
  return true;
}

PskdClassifierStatus Start() {
  static const int input_shape[] = {1, PSKD_STEPS, 1, PSKD_CHANNELS};
  static const int output_shape[] = {1, PSKD_NUM_CLASSES};
  if (!pskd_settings_are_of(pskd_model_data_id)) return PSKD_CLASSIFIER_SETTINGS;
  const tflite::Model* model = tflite::GetModel(pskd_model_data);
  if (model->version() != TFLITE_SCHEMA_VERSION) return PSKD_CLASSIFIER_SCHEMA;
  static pskd::OpResolver resolver;
  if (pskd::RegisterOperators(&resolver) != kTfLiteOk) return PSKD_CLASSIFIER_OPERATORS;
  static tflite::MicroInterpreter instance(model, resolver, arena, sizeof(arena));
  if (instance.initialization_status() != kTfLiteOk) return PSKD_CLASSIFIER_ARENA;
  if (instance.AllocateTensors() != kTfLiteOk) return PSKD_CLASSIFIER_ARENA;
  const TfLiteTensor* input = instance.input(0);
  if (!IsInt8(input, PSKD_INPUT_SCALE, PSKD_INPUT_ZERO_POINT) ||
      !HasShape(input, input_shape, 4)) {
    return PSKD_CLASSIFIER_INPUT;
  }
  const TfLiteTensor* output = instance.output(0);
  if (!IsInt8(output, PSKD_OUTPUT_SCALE, PSKD_OUTPUT_ZERO_POINT) ||
      !HasShape(output, output_shape, 2)) {
    return PSKD_CLASSIFIER_OUTPUT;
  }
  interpreter = &instance;
  return PSKD_CLASSIFIER_OK;
}

}  // namespace

extern "C" {

PskdClassifierStatus pskd_classifier_start(void) {
  // Once: operators cannot be registered again.
  if (status == PSKD_CLASSIFIER_NOT_STARTED) status = Start();
  return status;
}

void pskd_classifier_invoke(const int8_t* input, int8_t* output) {
  pskd_unknown_output(output);
  if (interpreter == nullptr) return;
  std::memcpy(interpreter->input(0)->data.int8, input, PSKD_INPUT_SIZE);
  if (interpreter->Invoke() != kTfLiteOk) {
    status = PSKD_CLASSIFIER_INVOKE;
    return;
  }
  std::memcpy(output, interpreter->output(0)->data.int8, PSKD_NUM_CLASSES);
  status = PSKD_CLASSIFIER_OK;
}

PskdClassifierStatus pskd_classifier_status(void) { return status; }

const char* pskd_classifier_word(void) {
  return status == PSKD_CLASSIFIER_OK ? "model_started" : "model_failed";
}

uint32_t pskd_classifier_arena_bytes(void) {
  return interpreter == nullptr ? 0u : static_cast<uint32_t>(interpreter->arena_used_bytes());
}

const char* pskd_classifier_runtime(void) { return "tflm"; }

}  // extern "C"
