// Stub: Mbed OS 6.17, as Arduino mbed_nano core 4.0.2 has it.
#ifndef MBED_H
#define MBED_H

#include <chrono>
#include <cstdint>

namespace mbed {

// In Mbed OS a class that a function converts to.
using Callback = void (*)();

class Ticker {
 public:
  void attach(Callback func, std::chrono::microseconds t);
};

}  // namespace mbed

typedef enum { osPriorityNormal = 24, osPriorityAboveNormal = 32 } osPriority;
typedef int32_t osStatus;

namespace rtos {

class Thread {
 public:
  Thread(osPriority priority, uint32_t stack_size, unsigned char* stack_mem, const char* name);
  osStatus start(mbed::Callback task);
  uint32_t flags_set(uint32_t flags);
};

namespace ThisThread {

uint32_t flags_wait_any(uint32_t flags);

}  // namespace ThisThread
}  // namespace rtos

#endif  // MBED_H
