// Stub: Arduino mbed_nano core 4.0.2.
#ifndef WIRE_H_
#define WIRE_H_

#include <Arduino.h>

class TwoWire : public Stream {
 public:
  void begin();
  void setClock(uint32_t frequency);
  void beginTransmission(uint8_t address);
  uint8_t endTransmission(bool stop);
  uint8_t endTransmission();
  size_t requestFrom(uint8_t address, size_t length);
  size_t write(uint8_t value) override;
  int available();
  int read();
};

extern TwoWire Wire;
extern TwoWire Wire1;

#endif  // WIRE_H_
