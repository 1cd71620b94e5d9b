#include "model_slot.h"

#include <stddef.h>

#include "model_identity.h"

PskdClassifierStatus pskd_check_slot(const void *slot, uint32_t capacity, uint32_t graph,
                                     uint32_t tables_bytes) {
  const PskdSlotHeader *header = (const PskdSlotHeader *)slot;
  const uint8_t *bytes = (const uint8_t *)slot;
  uint32_t crc = PSKD_CRC_START, index;
  if (slot == NULL) return PSKD_CLASSIFIER_SLOT_MISSING;
  /* The kernels read weights word by word. */
  if ((uintptr_t)slot % 4u != 0u) return PSKD_CLASSIFIER_SLOT_ALIGNMENT;
  if (capacity < sizeof(*header)) return PSKD_CLASSIFIER_SLOT_LENGTH;
  if (header->magic != PSKD_SLOT_MAGIC) return PSKD_CLASSIFIER_SLOT_MAGIC;
  if (header->version != PSKD_SLOT_VERSION) return PSKD_CLASSIFIER_SLOT_VERSION;
  if (header->length < sizeof(*header) || header->length > capacity) {
    return PSKD_CLASSIFIER_SLOT_LENGTH;
  }
  for (index = (uint32_t)offsetof(PskdSlotHeader, graph); index < header->length; ++index) {
    crc = pskd_crc_add_byte(crc, bytes[index]);
  }
  if (~crc != header->crc) return PSKD_CLASSIFIER_SLOT_CHECKSUM;
  if (header->graph != graph) return PSKD_CLASSIFIER_SLOT_GRAPH;
  if (header->length - sizeof(*header) != tables_bytes) return PSKD_CLASSIFIER_SLOT_LENGTH;
  if (header->settings != pskd_settings_crc(0u)) return PSKD_CLASSIFIER_SLOT_SETTINGS;
  return PSKD_CLASSIFIER_OK;
}

const char *pskd_slot_word(PskdClassifierStatus status) {
  switch (status) {
    case PSKD_CLASSIFIER_SLOT_MISSING: return "slot_missing";
    case PSKD_CLASSIFIER_SLOT_ALIGNMENT: return "slot_unaligned";
    case PSKD_CLASSIFIER_SLOT_MAGIC: return "slot_magic";
    case PSKD_CLASSIFIER_SLOT_VERSION: return "slot_version";
    case PSKD_CLASSIFIER_SLOT_LENGTH: return "slot_length";
    case PSKD_CLASSIFIER_SLOT_CHECKSUM: return "slot_checksum";
    case PSKD_CLASSIFIER_SLOT_GRAPH: return "slot_graph";
    case PSKD_CLASSIFIER_SLOT_SETTINGS: return "slot_settings";
    default: return "model_failed";
  }
}
