#include "axis_map.h"

int pskd_axis_map_is_valid(const PskdAxisMap *map) {
  int used = 0, axis;
  for (axis = 0; axis < 3; ++axis) {
    if (map->axis[axis] < 0 || map->axis[axis] > 2) return 0;
    if (map->sign[axis] != 1 && map->sign[axis] != -1) return 0;
    used |= 1 << map->axis[axis];
  }
  return used == 7 && map->units_per_g > 0.0f;
}

void pskd_map_axes(const PskdAxisMap *map, const float *raw, float *sample) {
  int axis;
  for (axis = 0; axis < 3; ++axis) {
    sample[axis] = (float)map->sign[axis] * raw[map->axis[axis]] / map->units_per_g;
  }
}
