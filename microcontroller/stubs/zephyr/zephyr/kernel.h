/* Stub: Zephyr 4.0. */
#ifndef ZEPHYR_KERNEL_H_
#define ZEPHYR_KERNEL_H_

#include <stdint.h>

int64_t k_uptime_ticks(void);
uint64_t k_ticks_to_us_floor64(uint64_t t);
int32_t k_usleep(int32_t us);

#endif /* ZEPHYR_KERNEL_H_ */
