/* Stub: ESP-IDF 5.3. */
#ifndef ESP_ERR_H_
#define ESP_ERR_H_

typedef int esp_err_t;

#define ESP_OK 0
#define ESP_FAIL -1
#define ESP_ERR_TIMEOUT 0x107

#endif /* ESP_ERR_H_ */
