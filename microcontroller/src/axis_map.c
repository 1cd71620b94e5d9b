#include "axis_map.h"

int pskd_axis_map_is_valid(const PskdAxisMap *map) {
  int used = 0, axis;
  for (axis = 0; axis < 3; ++axis) {
    if (map->axis[axis] < 0 || map->axis[axis] > 2) return 0;
    if (map->sign[axis] != 1 && map->sign[axis] != -1) return 0;
    used |= 1 << map->axis[axis];
  }
#if PSKD_NUM_AXES == 6
  if (!(map->units_per_dps > 0.0f)) return 0;
#endif
  return used == 7 && map->units_per_g > 0.0f;
}

void pskd_map_axes(const PskdAxisMap *map, const float *raw, float *sample) {
  int axis;
  for (axis = 0; axis < 3; ++axis) {
    sample[axis] = (float)map->sign[axis] * raw[map->axis[axis]] / map->units_per_g;
  }
#if PSKD_NUM_AXES == 6
  {
    /* 1, or -1 of a map that mirrors: what turns to the left then turns to the right. */
    const int next = (map->axis[0] + 1) % 3 == map->axis[1] ? 1 : -1;
    const int turn = next * map->sign[0] * map->sign[1] * map->sign[2];
    for (axis = 0; axis < 3; ++axis) {
      sample[3 + axis] =
          (float)(turn * map->sign[axis]) * raw[3 + map->axis[axis]] / map->units_per_dps;
    }
  }
#endif
}
