/* What the board file of a project provides. */
#ifndef PSKD_BOARD_H_
#define PSKD_BOARD_H_

#include <stdint.h>

#include "accelerometer_provider.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const PskdAccelerometer pskd_board_accelerometer;

/* Sets up the serial line; called first. */
void pskd_board_start(void);

/* Sends text over it; a PskdWrite. May drop what nobody listens to. */
void pskd_board_write(const char *text, int32_t length);

/* Waits, or sleeps, for about so long. */
void pskd_board_wait(uint32_t microseconds);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_BOARD_H_ */
