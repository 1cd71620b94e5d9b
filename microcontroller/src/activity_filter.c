#include "activity_filter.h"

#include <string.h>

static void forget(PskdActivityFilter *filter, int32_t activity) {
  filter->activity = activity;
  filter->candidate = PSKD_UNKNOWN;
  filter->streak = 0;
  filter->has_history = 0;
}

void pskd_activity_filter_start(PskdActivityFilter *filter,
                                const PskdActivityFilterSettings *settings) {
  memset(filter, 0, sizeof(*filter));
  filter->settings = *settings;
  forget(filter, PSKD_NO_SIGNAL);
}

int32_t pskd_activity_filter_lose_signal(PskdActivityFilter *filter) {
  forget(filter, PSKD_NO_SIGNAL);
  return PSKD_NO_SIGNAL;
}

/* Whether an activity has a score of at least `least`, and enough of it is its own. */
static int holds(const PskdActivityFilter *filter, int32_t activity, float least) {
  const float probability = filter->smoothed[activity];
#if PSKD_NULL_CLASS >= 0
  const float score = 1.0f - filter->smoothed[PSKD_NULL_CLASS];
  return score >= least && probability >= filter->settings.class_floor * score;
#else
  return probability >= least;
#endif
}

int32_t pskd_activity_filter_add(PskdActivityFilter *filter, const float *probabilities) {
  const PskdActivityFilterSettings *settings = &filter->settings;
  /* A weight of 1 leaves the probabilities as they are; the sum below would round them. */
  const int smooths = filter->has_history && settings->smoothing < 1.0f;
  float *smoothed = filter->smoothed;
  int32_t best = 0, index;
  for (index = 0; index < PSKD_NUM_CLASSES; ++index) {
    if (!(probabilities[index] >= 0.0f && probabilities[index] <= 1.0f)) {
      forget(filter, PSKD_UNKNOWN);
      return PSKD_UNKNOWN;
    }
  }
  for (index = 0; index < PSKD_NUM_CLASSES; ++index) {
    if (smooths) {
      smoothed[index] += settings->smoothing * (probabilities[index] - smoothed[index]);
    } else {
      smoothed[index] = probabilities[index];
    }
    if (index < PSKD_NUM_ACTIVITIES && smoothed[index] > smoothed[best]) best = index;
  }
  filter->has_history = 1;
  if (filter->activity < 0 || !holds(filter, filter->activity, settings->leave)) {
    filter->activity = PSKD_UNKNOWN;
  }
  if (best == filter->activity || !holds(filter, best, settings->enter)) {
    filter->candidate = PSKD_UNKNOWN;
    filter->streak = 0;
    return filter->activity;
  }
  filter->streak = best == filter->candidate ? filter->streak + 1 : 1;
  filter->candidate = best;
  if (filter->streak >= settings->minimum_windows) {
    filter->activity = best;
    filter->candidate = PSKD_UNKNOWN;
    filter->streak = 0;
  }
  return filter->activity;
}
