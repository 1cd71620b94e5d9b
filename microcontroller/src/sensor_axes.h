/* The values of a raw sample: x, y, z of the acceleration and, if the model reads a gyroscope, x, y,
 * z of the turn rate behind them, taken at the same time.
 *
 * "model_settings.h" of a model with six axes defines PSKD_NUM_AXES.
 */
#ifndef PSKD_SENSOR_AXES_H_
#define PSKD_SENSOR_AXES_H_

#include "model_settings.h"

#ifndef PSKD_NUM_AXES
#define PSKD_NUM_AXES 3
#endif

#if PSKD_NUM_AXES != 3 && PSKD_NUM_AXES != 6
#error "A sample has three axes, or six with a gyroscope"
#endif

#endif /* PSKD_SENSOR_AXES_H_ */
