/* Whether the generated files that were compiled belong together and are as they were exported.
 *
 * Each of them defines the identity of its model, the first digits of the flatbuffer's SHA-256,
 * which the sources compare with #if; object files that are older than the sources are found at the
 * start. A changed scale, zero point, size, length, rate or label in model_settings.h does not compile
 * with gcc and clang. Other compilers, and object files that are older than the header, leave it to
 * the CRC-32 at the start, which has all of them but the lengths. C99, no heap, no static state.
 */
#ifndef PSKD_MODEL_IDENTITY_H_
#define PSKD_MODEL_IDENTITY_H_

#include <stdint.h>

#include "activity_filter.h" /* PSKD_NULL_CLASS */
#include "model_settings.h"

#ifndef PSKD_EXPORTED_SETTINGS
#error "model_settings.h is of an older version: export the run again"
#endif

#if PSKD_CLIP_MODE
#define PSKD_MODE_SETTINGS PSKD_CLIP_RATE_HZ PSKD_MINIMUM_SAMPLES PSKD_MAXIMUM_SAMPLES
#else
#define PSKD_MODE_SETTINGS PSKD_WINDOW_RATE_HZ PSKD_WINDOW_SAMPLES
#endif

#ifdef PSKD_STEP_MULTIPLIER
#define PSKD_FEATURE_SETTINGS                                                             \
  PSKD_FIXED_FEATURES PSKD_STEP_MULTIPLIER PSKD_SAMPLE_MULTIPLIER PSKD_SAMPLE_SHIFT       \
      PSKD_MEAN_SHIFT PSKD_GRAVITY_MULTIPLIER PSKD_GRAVITY_SHIFT
#else
#define PSKD_FEATURE_SETTINGS
#endif

/* The settings as one text, which pskd_tf/export/headers.py writes, too. */
#define PSKD_TEXT_OF(...) #__VA_ARGS__
#define PSKD_TEXT(...) PSKD_TEXT_OF(__VA_ARGS__)
#define PSKD_SETTINGS_TEXT                                                                \
  PSKD_TEXT(PSKD_STEPS PSKD_CHANNELS PSKD_NUM_CLASSES PSKD_NULL_CLASS PSKD_GRAVITY_TAPS   \
                PSKD_INPUT_SCALE PSKD_INPUT_ZERO_POINT PSKD_OUTPUT_SCALE                  \
                    PSKD_OUTPUT_ZERO_POINT PSKD_CLIP_MODE PSKD_MODE_SETTINGS              \
                        PSKD_FEATURE_SETTINGS PSKD_LABELS)

#ifdef __GNUC__
/* The one way to compare texts at compile time in C99; the field's name is the message. */
__extension__ struct PskdSettingsCheck {
  unsigned model_settings_h_was_changed_export_the_run_again
      : __builtin_strcmp(PSKD_SETTINGS_TEXT, PSKD_EXPORTED_SETTINGS) == 0 ? 1 : -1;
};
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* CRC-32 (IEEE 802.3) without a table, since it runs at the start alone: from PSKD_CRC_START, byte by
 * byte, inverted at the end.
 */
#define PSKD_CRC_START 0xFFFFFFFFu
uint32_t pskd_crc_add_byte(uint32_t crc, uint32_t byte);

/* CRC-32 of model_id and of sizes, scales, zero points, mode, rate and labels in model_settings.h. */
uint32_t pskd_settings_crc(uint32_t model_id);

/* model_id: that of the linked model. Returns 1 if the settings are its own and unchanged. */
int pskd_settings_are_of(uint32_t model_id);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_MODEL_IDENTITY_H_ */
