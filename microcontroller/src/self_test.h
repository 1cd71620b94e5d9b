/* The export's golden vectors on the board itself: samples to input to output, byte for byte.
 *
 * Compiled with PSKD_SELF_TEST 1 only; the vectors take about 100 kB of flash. C99, no heap.
 */
#ifndef PSKD_SELF_TEST_H_
#define PSKD_SELF_TEST_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Golden clips that are compiled in; 0 without PSKD_SELF_TEST. */
int32_t pskd_self_test_clips(void);

/* Clips whose input or output differs. Call after pskd_classifier_start. Outputs of optimised
 * kernels (CMSIS-NN, ESP-NN) may differ by a step.
 */
int32_t pskd_self_test(void);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_SELF_TEST_H_ */
