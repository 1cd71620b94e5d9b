/* Stub: ESP-IDF 5.3. */
#ifndef ESP_TIMER_H_
#define ESP_TIMER_H_

#include <stdint.h>

int64_t esp_timer_get_time(void);

#endif /* ESP_TIMER_H_ */
