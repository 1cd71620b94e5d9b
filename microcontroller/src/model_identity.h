/* Whether the generated files that were compiled belong together and are as they were exported.
 *
 * Each of them defines the identity of its model, the first digits of the flatbuffer's SHA-256,
 * which the sources compare with #if; object files that are older than the sources are found at the
 * start. A changed scale, zero point, size or label in model_settings.h does not fit its CRC-32.
 * C99, no heap, no static state.
 */
#ifndef PSKD_MODEL_IDENTITY_H_
#define PSKD_MODEL_IDENTITY_H_

#include <stdint.h>

#include "model_settings.h"

#ifndef PSKD_MODEL_ID
#error "model_settings.h is of an older version: export the run again"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* CRC-32 (IEEE 802.3) without a table, since it runs at the start alone: from PSKD_CRC_START, byte by
 * byte, inverted at the end.
 */
#define PSKD_CRC_START 0xFFFFFFFFu
uint32_t pskd_crc_add_byte(uint32_t crc, uint32_t byte);

/* CRC-32 of model_id and of sizes, scales, zero points and labels in model_settings.h. */
uint32_t pskd_settings_crc(uint32_t model_id);

/* model_id: that of the linked model. Returns 1 if the settings are its own and unchanged. */
int pskd_settings_are_of(uint32_t model_id);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_MODEL_IDENTITY_H_ */
