/* From the sensor's axes and units to those of the wrist that the model was trained on.
 *
 * C99, no heap, no static state.
 */
#ifndef PSKD_AXIS_MAP_H_
#define PSKD_AXIS_MAP_H_

#include <stdint.h>

#include "sensor_axes.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int8_t axis[3];    /* for x, y, z of the wrist: the sensor's axis, 0, 1 or 2 */
  int8_t sign[3];    /* 1 or -1 */
  float units_per_g; /* what the sensor reads at 1 g */
#if PSKD_NUM_AXES == 6
  float units_per_dps; /* what the gyroscope reads at 1 degree per second; its axes are the same */
#endif
} PskdAxisMap;

/* 1 if each axis of the sensor is used once, signs are signs and the units are above 0; else 0. */
int pskd_axis_map_is_valid(const PskdAxisMap *map);

/* raw: what the sensor reads. sample: receives x, y, z of the wrist in g, and of a gyroscope in
 * degrees per second behind them; not the same array.
 */
void pskd_map_axes(const PskdAxisMap *map, const float *raw, float *sample);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_AXIS_MAP_H_ */
