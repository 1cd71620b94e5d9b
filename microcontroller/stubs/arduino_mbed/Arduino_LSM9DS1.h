// Stub: Arduino library Arduino_LSM9DS1 1.1.1.
#ifndef ARDUINO_LSM9DS1_H_
#define ARDUINO_LSM9DS1_H_

#include <Arduino.h>
#include <Wire.h>

class LSM9DS1Class {
 public:
  int begin();
  void end();
  virtual ~LSM9DS1Class() {}
  virtual int readAcceleration(float& x, float& y, float& z);
  virtual int accelerationAvailable();
  virtual float accelerationSampleRate();
  virtual int readGyroscope(float& x, float& y, float& z);
  virtual int gyroscopeAvailable();
};

extern LSM9DS1Class IMU;

#endif  // ARDUINO_LSM9DS1_H_
