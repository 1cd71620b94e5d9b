/* Stub: what STM32CubeMX writes, and STM32Cube HAL (STM32CubeL4 1.18) as it includes it. */
#ifndef MAIN_H_
#define MAIN_H_

#include <stdint.h>

/* Of CMSIS, which the HAL includes: sleeps until an interrupt. */
void __WFI(void);

#define __weak __attribute__((weak))

typedef enum { HAL_OK = 0x00, HAL_ERROR = 0x01, HAL_BUSY = 0x02, HAL_TIMEOUT = 0x03 }
    HAL_StatusTypeDef;

typedef struct {
  void *Instance;
} I2C_HandleTypeDef;

typedef struct {
  void *Instance;
} UART_HandleTypeDef;

#define I2C_MEMADD_SIZE_8BIT (0x00000001U)

HAL_StatusTypeDef HAL_I2C_Mem_Write(I2C_HandleTypeDef *hi2c, uint16_t DevAddress,
                                    uint16_t MemAddress, uint16_t MemAddSize, uint8_t *pData,
                                    uint16_t Size, uint32_t Timeout);
HAL_StatusTypeDef HAL_I2C_Mem_Read(I2C_HandleTypeDef *hi2c, uint16_t DevAddress,
                                   uint16_t MemAddress, uint16_t MemAddSize, uint8_t *pData,
                                   uint16_t Size, uint32_t Timeout);
HAL_StatusTypeDef HAL_UART_Transmit(UART_HandleTypeDef *huart, const uint8_t *pData,
                                    uint16_t Size, uint32_t Timeout);
uint32_t HAL_GetTick(void);

#endif /* MAIN_H_ */
