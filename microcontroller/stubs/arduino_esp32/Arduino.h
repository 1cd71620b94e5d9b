// Stub: Arduino core for the ESP32 2.0.17 (platform espressif32 6.x).
#ifndef ARDUINO_H_
#define ARDUINO_H_

#include <stddef.h>
#include <stdint.h>

class Print {
 public:
  virtual ~Print() {}
  virtual size_t write(uint8_t value) = 0;
  virtual size_t write(const uint8_t* buffer, size_t size);
};

class Stream : public Print {};

class HardwareSerial : public Stream {
 public:
  void begin(unsigned long baud);
  size_t write(uint8_t value) override;
  size_t write(const uint8_t* buffer, size_t size) override;
  operator bool() const;
};

extern HardwareSerial Serial;

unsigned long micros();
void delay(unsigned long ms);
void delayMicroseconds(uint32_t us);

void setup();
void loop();

#endif  // ARDUINO_H_
