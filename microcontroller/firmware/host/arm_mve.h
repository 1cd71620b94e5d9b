/* Stands in for ACLE's header on a host, so that the sanitizers see the Helium kernels too.
 *
 * The semantics are those of Arm's "MVE Intrinsics"; only what plain_kernels_helium.c calls. Lanes
 * are in order of address, for a little-endian host.
 */
#ifndef PSKD_HOST_ARM_MVE_H_
#define PSKD_HOST_ARM_MVE_H_

#include <stdint.h>
#include <string.h>

typedef struct {
  int8_t at[16];
} int8x16_t;
typedef struct {
  int16_t at[8];
} int16x8_t;
typedef struct {
  uint16_t at[8];
} uint16x8_t;
typedef struct {
  int32_t at[4];
} int32x4_t;
typedef struct {
  uint32_t at[4];
} uint32x4_t;
typedef struct {
  int32x4_t val[2];
} int32x4x2_t;

/* A bit for each byte of a vector. */
typedef uint16_t mve_pred16_t;

#define PSKD_LANES(count) for (lane = 0; lane < (count); ++lane)

static inline mve_pred16_t pskd_first_bytes(uint32_t bytes) {
  return (mve_pred16_t)(bytes >= 16u ? 0xFFFFu : (1u << bytes) - 1u);
}
static inline mve_pred16_t vctp8q(uint32_t lanes) { return pskd_first_bytes(lanes); }
static inline mve_pred16_t vctp16q(uint32_t lanes) {
  return pskd_first_bytes(lanes > 8u ? 16u : 2u * lanes);
}
static inline mve_pred16_t vctp32q(uint32_t lanes) {
  return pskd_first_bytes(lanes > 4u ? 16u : 4u * lanes);
}

static inline int16x8_t vreinterpretq_s16_s32(int32x4_t value) {
  int16x8_t other;
  memcpy(&other, &value, sizeof(other));
  return other;
}
static inline int8x16_t vreinterpretq_s8_s16(int16x8_t value) {
  int8x16_t other;
  memcpy(&other, &value, sizeof(other));
  return other;
}
static inline int8x16_t vreinterpretq_s8_s32(int32x4_t value) {
  int8x16_t other;
  memcpy(&other, &value, sizeof(other));
  return other;
}
static inline int32x4_t vreinterpretq_s32_s8(int8x16_t value) {
  int32x4_t other;
  memcpy(&other, &value, sizeof(other));
  return other;
}

static inline int32x4_t vuninitializedq_s32(void) {
  const int32x4_t value = {{-1, -1, -1, -1}};
  return value;
}
#define vsetq_lane_s32(value, vector, lane) pskd_set_lane(value, vector, lane)
static inline int32x4_t pskd_set_lane(int32_t value, int32x4_t vector, int lane) {
  vector.at[lane] = value;
  return vector;
}

static inline int8x16_t vdupq_n_s8(int8_t value) {
  int8x16_t vector;
  int lane;
  PSKD_LANES(16) vector.at[lane] = value;
  return vector;
}
static inline uint32x4_t vidupq_n_u32(uint32_t first, int step) {
  uint32x4_t vector;
  int lane;
  PSKD_LANES(4) vector.at[lane] = first + (uint32_t)(lane * step);
  return vector;
}
static inline uint16x8_t vidupq_n_u16(uint32_t first, int step) {
  uint16x8_t vector;
  int lane;
  PSKD_LANES(8) vector.at[lane] = (uint16_t)(first + (uint32_t)(lane * step));
  return vector;
}
static inline uint32x4_t vmulq_n_u32(uint32x4_t vector, uint32_t factor) {
  int lane;
  PSKD_LANES(4) vector.at[lane] *= factor;
  return vector;
}
static inline uint16x8_t vmulq_n_u16(uint16x8_t vector, uint16_t factor) {
  int lane;
  PSKD_LANES(8) vector.at[lane] = (uint16_t)((uint32_t)vector.at[lane] * factor);
  return vector;
}

/* Sums in int32, so that the undefined behaviour sanitizer reports an overflow. */
static inline int32x4_t vaddq_s32(int32x4_t first, int32x4_t second) {
  int lane;
  PSKD_LANES(4) first.at[lane] += second.at[lane];
  return first;
}
static inline int32x4_t vaddq_n_s32(int32x4_t vector, int32_t value) {
  int lane;
  PSKD_LANES(4) vector.at[lane] += value;
  return vector;
}
static inline int32x4_t vshrq_n_s32(int32x4_t vector, int bits) {
  int lane;
  PSKD_LANES(4) vector.at[lane] >>= bits;
  return vector;
}
/* To the right only. */
static inline int32x4_t vshlq_r_s32(int32x4_t vector, int32_t bits) {
  int lane;
  PSKD_LANES(4) vector.at[lane] >>= -bits;
  return vector;
}
/* Without the one saturating case, INT32_MIN squared. */
static inline int32x4_t vqrdmulhq_n_s32(int32x4_t vector, int32_t factor) {
  int lane;
  PSKD_LANES(4) {
    const int64_t product = (int64_t)vector.at[lane] * factor;
    vector.at[lane] = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
  }
  return vector;
}
/* Narrowed with saturation into the lower half of each lane; the upper half is the first one's. */
static inline int16x8_t vqmovnbq_s32(int16x8_t vector, int32x4_t value) {
  int lane;
  PSKD_LANES(4) {
    const int32_t wide = value.at[lane];
    vector.at[2 * lane] = (int16_t)(wide < -32768 ? -32768 : wide > 32767 ? 32767 : wide);
  }
  return vector;
}
static inline int8x16_t vqmovnbq_s16(int8x16_t vector, int16x8_t value) {
  int lane;
  PSKD_LANES(8) {
    const int wide = value.at[lane];
    vector.at[2 * lane] = (int8_t)(wide < -128 ? -128 : wide > 127 ? 127 : wide);
  }
  return vector;
}
static inline int32_t vmladavaq_s8(int32_t sum, int8x16_t first, int8x16_t second) {
  int lane;
  PSKD_LANES(16) sum += first.at[lane] * second.at[lane];
  return sum;
}

/* Memory that a predicate leaves out is not touched. */
static inline int8x16_t vldrbq_s8(const int8_t *bytes) {
  int8x16_t vector;
  memcpy(&vector, bytes, sizeof(vector));
  return vector;
}
static inline int8x16_t vldrbq_z_s8(const int8_t *bytes, mve_pred16_t valid) {
  int8x16_t vector;
  int lane;
  PSKD_LANES(16) vector.at[lane] = (int8_t)(valid >> lane & 1 ? bytes[lane] : 0);
  return vector;
}
static inline int32x4x2_t vld2q_s32(const int32_t *words) {
  int32x4x2_t pair;
  int lane;
  PSKD_LANES(4) {
    pair.val[0].at[lane] = words[2 * lane];
    pair.val[1].at[lane] = words[2 * lane + 1];
  }
  return pair;
}
static inline int16x8_t vldrbq_gather_offset_z_s16(const int8_t *bytes, uint16x8_t offsets,
                                                   mve_pred16_t valid) {
  int16x8_t vector;
  int lane;
  PSKD_LANES(8) {
    vector.at[lane] = (int16_t)(valid >> (2 * lane) & 1 ? bytes[offsets.at[lane]] : 0);
  }
  return vector;
}
static inline void vstrbq_s8(int8_t *bytes, int8x16_t vector) {
  memcpy(bytes, &vector, sizeof(vector));
}
static inline void vstrbq_p_s16(int8_t *bytes, int16x8_t vector, mve_pred16_t valid) {
  int lane;
  PSKD_LANES(8) {
    if (valid >> (2 * lane) & 1) bytes[lane] = (int8_t)vector.at[lane];
  }
}
static inline void vstrbq_scatter_offset_p_s32(int8_t *bytes, uint32x4_t offsets,
                                               int32x4_t vector, mve_pred16_t valid) {
  int lane;
  PSKD_LANES(4) {
    if (valid >> (4 * lane) & 1) {
      bytes[offsets.at[lane]] = (int8_t)(uint8_t)(uint32_t)vector.at[lane];
    }
  }
}
static inline void vstrbq_scatter_offset_s32(int8_t *bytes, uint32x4_t offsets,
                                             int32x4_t vector) {
  vstrbq_scatter_offset_p_s32(bytes, offsets, vector, 0xFFFFu);
}

#undef PSKD_LANES

#endif /* PSKD_HOST_ARM_MVE_H_ */
