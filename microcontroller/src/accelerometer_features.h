/* From accelerometer samples to the model's int8 input, bit for bit as pskd_tf does it.
 *
 * C99, no heap, no static state. "model_settings.h" is the one that pskd_tf.export wrote beside
 * the model; it chooses the arithmetic. In float: accelerometer_features.c; compile it with
 * -ffp-contract=off and without -ffast-math. In fixed point, for cores without floating point
 * unit: accelerometer_features_fixed.c, without one operation on floats.
 */
#ifndef PSKD_ACCELEROMETER_FEATURES_H_
#define PSKD_ACCELEROMETER_FEATURES_H_

#include <stdint.h>

#include "model_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PSKD_OK = 0,
  PSKD_TOO_FEW_SAMPLES = 1, /* a clip needs at least two */
  PSKD_TOO_MANY_SAMPLES = 2, /* positions would not be exact in float */
  PSKD_NOT_FINITE = 3       /* a NaN or infinity, in the samples or in what follows from them */
} PskdStatus;

/* A sample between resampling and quantisation: g, or 1/2048 g within 16 g. */
#if PSKD_FIXED_FEATURES
typedef int16_t PskdValue;
#else
typedef float PskdValue;
#endif

/* Resamples a clip end to end to PSKD_STEPS steps by linear interpolation.
 *
 * samples: (length, 3), row by row, in g.
 * resampled: receives (PSKD_STEPS, 3).
 */
PskdStatus pskd_resample_clip(const float *samples, int32_t length, PskdValue *resampled);

/* The input may lie in the memory of the samples that it is made of, this many values before them:
 * what is written of a step then reaches no step that is still to be read.
 */
#if PSKD_FIXED_FEATURES
#define PSKD_INPUT_LEAD (((PSKD_CHANNELS - 6) * (PSKD_STEPS - 1) + 6 * (PSKD_GRAVITY_TAPS / 2) + 1) / 2)
#else
#define PSKD_INPUT_LEAD ((PSKD_CHANNELS * (PSKD_GRAVITY_TAPS / 2) + 3) / 4)
#endif

/* Derives the ten channels (x, y, z, |a| - 1, gravity, a - gravity) and quantises them.
 *
 * resampled: (PSKD_STEPS, 3); overwritten if `input` lies PSKD_INPUT_LEAD values before.
 * input: receives (PSKD_STEPS, PSKD_CHANNELS); half written unless PSKD_OK is returned.
 */
PskdStatus pskd_quantise_features(const PskdValue *resampled, int8_t *input);

/* Both of the above. workspace: (PSKD_STEPS, 3), the caller's. In window mode pass
 * PSKD_WINDOW_SAMPLES samples.
 */
PskdStatus pskd_prepare_clip(const float *samples, int32_t length, PskdValue *workspace,
                             int8_t *input);

/* The index of the largest output; the first of equals, as numpy's argmax. */
int32_t pskd_argmax(const int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACCELEROMETER_FEATURES_H_ */
