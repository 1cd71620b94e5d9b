/* Stub: FreeRTOS 10.5 of ESP-IDF 5.3. */
#ifndef FREERTOS_FREERTOS_H_
#define FREERTOS_FREERTOS_H_

#include <stdint.h>

typedef uint32_t TickType_t;

#define configTICK_RATE_HZ 1000
#define pdMS_TO_TICKS(ms) ((TickType_t)(((uint64_t)(ms) * configTICK_RATE_HZ) / 1000U))

#endif /* FREERTOS_FREERTOS_H_ */
