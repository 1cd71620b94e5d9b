// Stub: Arduino mbed_nano core 4.0.2, as the Nano 33 BLE has it.
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

class USBSerial : public Stream {
 public:
  void begin(unsigned long baud);
  size_t write(uint8_t value) override;
  size_t write(const uint8_t* buffer, size_t size) override;
  operator bool();
};

extern USBSerial SerialUSB;
#define Serial SerialUSB

unsigned long micros();
void delay(unsigned long ms);
void delayMicroseconds(unsigned int us);

void setup();
void loop();

#endif  // ARDUINO_H_
