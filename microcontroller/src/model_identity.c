#include "model_identity.h"

#include <string.h>

uint32_t pskd_crc_add_byte(uint32_t crc, uint32_t byte) {
  int bit;
  crc ^= byte;
  for (bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  return crc;
}

static uint32_t add_word(uint32_t crc, uint32_t word) {
  int byte;
  for (byte = 0; byte < 4; ++byte) crc = pskd_crc_add_byte(crc, (word >> (8 * byte)) & 0xFFu);
  return crc;
}

static uint32_t add_float(uint32_t crc, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return add_word(crc, bits);
}

/* In the order of pskd_tf/export/headers.py. */
uint32_t pskd_settings_crc(uint32_t model_id) {
  uint32_t crc = PSKD_CRC_START;
  int32_t index;
  const char *label;
  crc = add_word(crc, model_id);
  crc = add_word(crc, (uint32_t)PSKD_STEPS);
  crc = add_word(crc, (uint32_t)PSKD_CHANNELS);
  crc = add_word(crc, (uint32_t)PSKD_NUM_CLASSES);
  crc = add_word(crc, (uint32_t)PSKD_NULL_CLASS);
  crc = add_word(crc, (uint32_t)PSKD_GRAVITY_TAPS);
  crc = add_float(crc, PSKD_INPUT_SCALE);
  crc = add_word(crc, (uint32_t)PSKD_INPUT_ZERO_POINT);
  crc = add_float(crc, PSKD_OUTPUT_SCALE);
  crc = add_word(crc, (uint32_t)PSKD_OUTPUT_ZERO_POINT);
  crc = add_word(crc, (uint32_t)PSKD_CLIP_MODE);
#if PSKD_CLIP_MODE
  crc = add_float(crc, PSKD_CLIP_RATE_HZ);
#else
  crc = add_float(crc, PSKD_WINDOW_RATE_HZ);
#endif
  for (index = 0; index < PSKD_NUM_CLASSES; ++index) {
    /* Too few labels leave NULL. */
    for (label = pskd_labels[index]; label != NULL && *label != '\0'; ++label) {
      crc = pskd_crc_add_byte(crc, (uint32_t)(unsigned char)*label);
    }
    crc = pskd_crc_add_byte(crc, 0u);
  }
  return ~crc;
}

int pskd_settings_are_of(uint32_t model_id) {
  return model_id == PSKD_MODEL_ID && pskd_settings_crc(model_id) == PSKD_SETTINGS_CRC;
}
