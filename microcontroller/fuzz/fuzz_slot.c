/* Any bytes as a model slot in a partition of any size; those of a good slot among them. */
#include <stddef.h>

#include "fuzz_input.h"
#include "model_identity.h"
#include "model_slot.h"

#define GRAPH 0x12345678u
#define TABLES_BYTES 64u
#define SLOT_BYTES (sizeof(PskdSlotHeader) + TABLES_BYTES)

static uint32_t crc_of(const uint8_t *slot, uint32_t length) {
  uint32_t crc = PSKD_CRC_START, at;
  for (at = (uint32_t)offsetof(PskdSlotHeader, graph); at < length; ++at) {
    crc = pskd_crc_add_byte(crc, slot[at]);
  }
  return ~crc;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  FuzzInput input = {bytes, size};
  const uint32_t drawn = take_number(&input, 1), capacity = take_number(&input, 1);
  /* Exactly as large as the partition, so that a read behind it is found. */
  uint8_t *slot = (uint8_t *)malloc(capacity > 0u ? capacity : 1u);
  PskdSlotHeader header = {PSKD_SLOT_MAGIC, PSKD_SLOT_VERSION, SLOT_BYTES, 0u, GRAPH,
                           pskd_settings_crc(0u), 0u, 0u};
  PskdClassifierStatus status;
  uint32_t at;
  ++fuzzed_inputs;
  expect(slot != NULL, "there is memory");
  for (at = 0; at < capacity; ++at) slot[at] = (uint8_t)take_number(&input, 1);
  /* Of a good slot, each field that its bit does not replace. */
  if (drawn & 1u) header.magic = take_number(&input, 4);
  if (drawn & 2u) header.version = take_number(&input, 4);
  if (drawn & 4u) header.length = take_number(&input, 1 + (int)(drawn >> 7) * 3);
  if (drawn & 16u) header.graph = take_number(&input, 4);
  if (drawn & 32u) header.settings = take_number(&input, 4);
  if (capacity >= sizeof(header) && (drawn & 64u)) {
    memcpy(slot, &header, sizeof(header));
    if (!(drawn & 8u) && header.length >= sizeof(header) && header.length <= capacity) {
      header.crc = crc_of(slot, header.length);
      memcpy(slot, &header, sizeof(header));
    }
  }
  status = pskd_check_slot(slot, capacity, GRAPH, TABLES_BYTES);
  expect(pskd_slot_word(status) != NULL, "each status has a word");
  if (status == PSKD_CLASSIFIER_OK) {
    ++fuzzed_accepted;
    memcpy(&header, slot, sizeof(header));
    expect(capacity >= SLOT_BYTES && header.magic == PSKD_SLOT_MAGIC &&
               header.version == PSKD_SLOT_VERSION && header.length == SLOT_BYTES &&
               header.crc == crc_of(slot, SLOT_BYTES) && header.graph == GRAPH &&
               header.settings == pskd_settings_crc(0u),
           "a slot that is taken is whole and of this graph");
  }
  free(slot);
  return 0;
}
