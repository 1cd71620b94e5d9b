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
#include "sensor_axes.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PSKD_OK = 0,
  PSKD_TOO_FEW_SAMPLES = 1, /* a clip needs at least two */
  PSKD_TOO_MANY_SAMPLES = 2, /* positions would not be exact in float */
  PSKD_NOT_FINITE = 3       /* a NaN or infinity, in the samples or in what follows from them */
} PskdStatus;

/* A turn rate is read in units of 256 degrees per second, of the size of accelerations in g. A power
 * of two: exact in float, a shift in fixed point.
 */
#define PSKD_GYROSCOPE_UNIT 256.0f

/* A sample between resampling and quantisation: g, or 1/2048 g within 16 g; the same of turn rates. */
#if PSKD_FIXED_FEATURES
typedef int16_t PskdValue;
#else
typedef float PskdValue;
#endif

/* Resamples a clip end to end to PSKD_STEPS steps by linear interpolation.
 *
 * samples: (length, PSKD_NUM_AXES), row by row: g, then degrees per second.
 * resampled: receives (PSKD_STEPS, PSKD_NUM_AXES).
 */
PskdStatus pskd_resample_clip(const float *samples, int32_t length, PskdValue *resampled);

/* The input may lie in the memory of the samples that it is made of, this many values before them:
 * what is written of a step then reaches no step that is still to be read.
 */
#if PSKD_FIXED_FEATURES
#define PSKD_INPUT_LEAD \
  (((PSKD_CHANNELS - 2 * PSKD_NUM_AXES) * (PSKD_STEPS - 1) + \
    2 * PSKD_NUM_AXES * (PSKD_GRAVITY_TAPS / 2) + 1) / 2)
#else
#define PSKD_INPUT_LEAD ((PSKD_CHANNELS * (PSKD_GRAVITY_TAPS / 2) + 3) / 4)
#endif

/* Derives the ten channels (x, y, z, |a| - 1, gravity, a - gravity), of six axes four more (turn rates
 * and their magnitude), and quantises them.
 *
 * resampled: (PSKD_STEPS, PSKD_NUM_AXES); overwritten if `input` lies PSKD_INPUT_LEAD values before.
 * input: receives (PSKD_STEPS, PSKD_CHANNELS); half written unless PSKD_OK is returned.
 */
PskdStatus pskd_quantise_features(const PskdValue *resampled, int8_t *input);

/* Both of the above. workspace: (PSKD_STEPS, PSKD_NUM_AXES), the caller's. In window mode pass
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
