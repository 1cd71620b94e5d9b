/* From one window's probabilities to what the device says: steady, or "unknown".
 *
 * A model may have a class for what is none of the others, its last one, PSKD_NULL_CLASS in
 * model_settings.h. It is never said; 1 minus its probability is then the score that any activity
 * has, else an activity's own probability is its score.
 * C99, no heap, no static state.
 */
#ifndef PSKD_ACTIVITY_FILTER_H_
#define PSKD_ACTIVITY_FILTER_H_

#include <stdint.h>

#include "model_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef PSKD_NULL_CLASS
#define PSKD_NULL_CLASS (-1)
#endif

#if PSKD_NULL_CLASS >= 0 && PSKD_NULL_CLASS != PSKD_NUM_CLASSES - 1
#error "The null class must be the last one"
#endif

/* Classes that can be said. */
#define PSKD_NUM_ACTIVITIES (PSKD_NULL_CLASS < 0 ? PSKD_NUM_CLASSES : PSKD_NULL_CLASS)

/* What the filter says besides a class's index. */
#define PSKD_UNKNOWN (-1)
#define PSKD_NO_SIGNAL (-2)

typedef struct {
  float smoothing;       /* weight of the newest window, above 0 and at most 1 */
  float enter;           /* smoothed score from which an activity is taken up */
  float leave;           /* below this it is given up; at most `enter` */
  float class_floor;     /* with a null class: least share of the score that must be the activity's
                            own probability, from 0 */
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
 * largest, its score at least `enter` and its share at least `class_floor` for `minimum_windows`
 * windows. "Unknown" needs no such streak: it is said as soon as the present activity falls below
 * `leave` or `class_floor`, or a probability is no number.
 * Returns the class's index or PSKD_UNKNOWN.
 */
int32_t pskd_activity_filter_add(PskdActivityFilter *filter, const float *probabilities);

/* The sensor failed, or there was a gap. Returns PSKD_NO_SIGNAL; what came before is forgotten. */
int32_t pskd_activity_filter_lose_signal(PskdActivityFilter *filter);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACTIVITY_FILTER_H_ */
