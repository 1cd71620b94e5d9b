#include "signal_check.h"

#include <math.h>
#include <string.h>

void pskd_signal_check_start(PskdSignalCheck *check, int32_t maximum_same) {
  int axis;
  memset(check, 0, sizeof(*check));
  check->maximum_same = maximum_same;
  /* Unequal to any first sample. */
  for (axis = 0; axis < 3; ++axis) check->newest[axis] = NAN;
}

int pskd_signal_check_add(PskdSignalCheck *check, const float *sample) {
  int axis, good = 1;
  for (axis = 0; axis < 3; ++axis) {
    const int is_new = isfinite(sample[axis]) && !(sample[axis] == check->newest[axis]);
    if (is_new) {
      check->same[axis] = 1;
      check->newest[axis] = sample[axis];
    } else if (check->same[axis] < INT32_MAX) {
      ++check->same[axis];
    }
    if (check->maximum_same > 0 && check->same[axis] >= check->maximum_same) good = 0;
  }
  return good;
}
