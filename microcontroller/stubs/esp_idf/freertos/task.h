/* Stub: FreeRTOS 10.5 of ESP-IDF 5.3. */
#ifndef FREERTOS_TASK_H_
#define FREERTOS_TASK_H_

#include "freertos/FreeRTOS.h"

void vTaskDelay(TickType_t ticks);

#endif /* FREERTOS_TASK_H_ */
