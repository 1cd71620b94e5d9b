/* Checks a model slot: the tables of a model outside the program, in a partition of the flash.
 *
 * A slot is little-endian: PskdSlotHeader, then the tables, as pskd_tf/export/plain_c/slot.py writes
 * them. A program takes any slot of the graph and the settings for which it was compiled, so that
 * weights can be replaced without the program. C99, no heap, no static state.
 */
#ifndef PSKD_MODEL_SLOT_H_
#define PSKD_MODEL_SLOT_H_

#include <stdint.h>

#include "activity_classifier.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "PSKS"; on a big-endian core no slot has it. */
#define PSKD_SLOT_MAGIC 0x534B5350u
#define PSKD_SLOT_VERSION 1u

typedef struct {
  uint32_t magic, version;
  uint32_t length;   /* bytes of the slot, header included */
  uint32_t crc;      /* CRC-32 of all that follows */
  uint32_t graph;    /* identity of layers and shapes */
  uint32_t settings; /* pskd_settings_crc(0) of the program */
  uint32_t model;    /* first digits of the flatbuffer's SHA-256, for information */
  uint32_t reserved; /* 0 */
} PskdSlotHeader;

/* slot: its address, or NULL; capacity: bytes that may be read there.
 * graph, tables_bytes: of the compiled graph.
 * Returns PSKD_CLASSIFIER_OK, or the first of the PSKD_CLASSIFIER_SLOT_ reasons that holds.
 */
PskdClassifierStatus pskd_check_slot(const void *slot, uint32_t capacity, uint32_t graph,
                                     uint32_t tables_bytes);

/* A word for the serial line: "slot_checksum", or "model_failed" for what is no reason of a slot. */
const char *pskd_slot_word(PskdClassifierStatus status);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_MODEL_SLOT_H_ */
