/* From one window's probabilities to what the device says: steady, or "unknown".
 *
 * C99, no heap, no static state.
 */
#ifndef PSKD_ACTIVITY_FILTER_H_
#define PSKD_ACTIVITY_FILTER_H_

#include <stdint.h>

#include "model_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the filter says besides a class's index. */
#define PSKD_UNKNOWN (-1)
#define PSKD_NO_SIGNAL (-2)

typedef struct {
  float smoothing;       /* weight of the newest window, above 0 and at most 1 */
  float enter;           /* smoothed probability from which an activity is taken up */
  float leave;           /* below this it is given up; at most `enter` */
  int32_t minimum_windows; /* windows in a row that must agree before it is taken up */
} PskdActivityFilterSettings;

/* Its fields are the filter's own. */
typedef struct {
  PskdActivityFilterSettings settings;
  float smoothed[PSKD_NUM_CLASSES];
  int32_t activity;  /* what it says now */
  int32_t candidate; /* what the last windows say */
  int32_t streak;    /* how many of them */
  int has_history;
} PskdActivityFilter;

/* Starts with no signal. */
void pskd_activity_filter_start(PskdActivityFilter *filter,
                                const PskdActivityFilterSettings *settings);

/* Takes the probabilities of a window, (PSKD_NUM_CLASSES).
 *
 * An activity is taken up, from another one too, when its smoothed probability has been the
 * largest and at least `enter` for `minimum_windows` windows. "Unknown" needs no such streak: it
 * is said as soon as the present activity falls below `leave`, or a probability is no number.
 * Returns the class's index or PSKD_UNKNOWN.
 */
int32_t pskd_activity_filter_add(PskdActivityFilter *filter, const float *probabilities);

/* The sensor failed, or there was a gap. Returns PSKD_NO_SIGNAL; what came before is forgotten. */
int32_t pskd_activity_filter_lose_signal(PskdActivityFilter *filter);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACTIVITY_FILTER_H_ */
