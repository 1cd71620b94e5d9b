/* Tells a sensor that hangs from one that lies still: noise moves a living one.
 *
 * C99, no heap, no static state.
 */
#ifndef PSKD_SIGNAL_CHECK_H_
#define PSKD_SIGNAL_CHECK_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Its fields are the check's own. */
typedef struct {
  float newest[3];
  int32_t same[3]; /* samples in a row in which the axis did not change or was no number */
  int32_t maximum_same;
} PskdSignalCheck;

/* maximum_same: samples in a row, on any axis, from which the signal counts as lost; 0: never. A
 * sensor so coarse that it repeats itself at rest needs a larger one.
 */
void pskd_signal_check_start(PskdSignalCheck *check, int32_t maximum_same);

/* Takes a sample, x, y, z in g. Returns 1 if the signal is good; 0 if an axis is stuck, at the end
 * of its range too, or gave no numbers for so long.
 */
int pskd_signal_check_add(PskdSignalCheck *check, const float *sample);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_SIGNAL_CHECK_H_ */
