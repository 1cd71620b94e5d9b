// Stub: Arduino core for the ESP32 2.0.17.
#ifndef WIRE_H_
#define WIRE_H_

#include <Arduino.h>

class TwoWire : public Stream {
 public:
  bool begin(int sda, int scl, uint32_t frequency = 0);
  bool setClock(uint32_t frequency);
  void beginTransmission(uint16_t address);
  uint8_t endTransmission(bool stop);
  uint8_t endTransmission();
  uint8_t requestFrom(uint16_t address, uint8_t size);
  size_t write(uint8_t value) override;
  int available();
  int read();
};

extern TwoWire Wire;
extern TwoWire Wire1;

#endif  // WIRE_H_
