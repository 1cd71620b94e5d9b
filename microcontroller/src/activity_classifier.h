/* Runs the exported model, whichever runtime the project was made for.
 *
 * Two files implement this; a project compiles one of them:
 *   activity_classifier_plain.c   the generated plain_model.c, no interpreter
 *   activity_classifier_tflm.cc   TensorFlow Lite Micro, from the board's own ecosystem
 * Its only state is the model's own memory, which is static. No heap.
 */
#ifndef PSKD_ACTIVITY_CLASSIFIER_H_
#define PSKD_ACTIVITY_CLASSIFIER_H_

#include <stdint.h>
#include <string.h>

#include "activity_filter.h"
#include "model_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PSKD_CLASSIFIER_OK = 0,
  PSKD_CLASSIFIER_NOT_STARTED = 1,
  PSKD_CLASSIFIER_SCHEMA = 2,    /* the flatbuffer is of another schema version */
  PSKD_CLASSIFIER_OPERATORS = 3, /* an operator could not be registered */
  PSKD_CLASSIFIER_ARENA = 4,     /* tensors could not be allocated in PSKD_ARENA_BYTES */
  PSKD_CLASSIFIER_INPUT = 5,     /* type, shape, scale or zero point is not model_settings.h's */
  PSKD_CLASSIFIER_OUTPUT = 6,    /* the same of the output */
  PSKD_CLASSIFIER_INVOKE = 7,    /* the runtime failed at the last input */
  PSKD_CLASSIFIER_SETTINGS = 8,  /* model_settings.h is of another model, or was changed */
  /* Of a plain C project that takes its tables from a slot, see model_slot.h: */
  PSKD_CLASSIFIER_SLOT_MISSING = 9,    /* pskd_classifier_use_slot was not called, or with NULL */
  PSKD_CLASSIFIER_SLOT_ALIGNMENT = 10, /* its address is no multiple of 4 */
  PSKD_CLASSIFIER_SLOT_MAGIC = 11,     /* there is no slot at this address */
  PSKD_CLASSIFIER_SLOT_VERSION = 12,   /* it is of another format version */
  PSKD_CLASSIFIER_SLOT_LENGTH = 13,    /* it is longer than the partition, or not the graph's */
  PSKD_CLASSIFIER_SLOT_CHECKSUM = 14,  /* its bytes are not those that were written */
  PSKD_CLASSIFIER_SLOT_GRAPH = 15,     /* it has other layers or shapes than the program */
  PSKD_CLASSIFIER_SLOT_SETTINGS = 16   /* it has other labels, scales, sizes or rate */
} PskdClassifierStatus;

/* Sets up the runtime, once. */
PskdClassifierStatus pskd_classifier_start(void);

/* Says where the slot lies, before pskd_classifier_start, and for another slot before it is called
 * again. Only in plain C that was exported with --model_slot.
 *
 * slot: an address that can be read like memory, a multiple of 4; it is read at every inference.
 * capacity: bytes of the partition from there on.
 */
void pskd_classifier_use_slot(const void *slot, uint32_t capacity);

/* Runs the model; a PskdInvoke, for activity_recognizer.h, which has the dequantised softmax.
 *
 * input: (PSKD_STEPS, PSKD_CHANNELS) int8.
 * output: receives (PSKD_NUM_CLASSES) int8 logits. Unless the status is then PSKD_CLASSIFIER_OK
 * they mean "unknown": equal ones, and with a null class that one alone.
 */
void pskd_classifier_invoke(const int8_t *input, int8_t *output);

/* Of the start, or of the last input. */
PskdClassifierStatus pskd_classifier_status(void);

/* What the serial line says for it: "model_started", "model_failed" or a word of pskd_slot_word. */
const char *pskd_classifier_word(void);

/* Bytes of the arena that are in use: what PSKD_ARENA_BYTES may be lowered to. 0 for plain C. */
uint32_t pskd_classifier_arena_bytes(void);

/* What `output` is without an inference. */
static inline void pskd_unknown_output(int8_t *output) {
  memset(output, 0, PSKD_NUM_CLASSES);
#if PSKD_NULL_CLASS >= 0
  /* Of equal outputs nearly all is not the null class's. */
  memset(output, -128, PSKD_NULL_CLASS);
  output[PSKD_NULL_CLASS] = 127;
#endif
}

/* "plain_c" or "tflm". */
const char *pskd_classifier_runtime(void);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACTIVITY_CLASSIFIER_H_ */
