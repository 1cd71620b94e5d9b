/* What is done with samples and decisions: here, lines of the serial protocol.
 *
 * docs/serial_protocol.md says what they mean. To light a lamp instead, or too, write another
 * activity_responder.c. C99, no heap, no static state.
 */
#ifndef PSKD_ACTIVITY_RESPONDER_H_
#define PSKD_ACTIVITY_RESPONDER_H_

#include <stdint.h>

#include "accelerometer_provider.h"
#include "activity_classifier.h"
#include "model_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PSKD_PROTOCOL_VERSION 1

/* Sends text of a length, without a null character. */
typedef void (*PskdWrite)(const char *text, int32_t length);

typedef struct {
  PskdWrite write;
  const char *project; /* what the project was made from: hexadecimal digits */
  const PskdAccelerometer *accelerometer;
  float rate_hz;
} PskdActivityResponder;

/* Says what follows: protocol, project, runtime, rate, range, axes, classes. To be repeated, for
 * those who start to listen later.
 */
void pskd_respond_header(const PskdActivityResponder *responder);

/* sample: x, y, z of the wrist in g. */
void pskd_respond_sample(const PskdActivityResponder *responder, uint32_t time_us,
                         const float *sample);

/* activity: a class, PSKD_UNKNOWN or PSKD_NO_SIGNAL. confidence: the recognizer's, NaN for none. */
void pskd_respond_activity(const PskdActivityResponder *responder, uint32_t time_us,
                           int32_t activity, float confidence);

/* What happened, as one word, and a number that goes with it. */
void pskd_respond_status(const PskdActivityResponder *responder, uint32_t time_us,
                         const char *word, int32_t number);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACTIVITY_RESPONDER_H_ */
