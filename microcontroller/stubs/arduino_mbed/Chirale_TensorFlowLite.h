// Stub: Arduino library Chirale_TensorFLowLite 2.0.0. Including it makes TensorFlow Lite Micro's
// own headers known to the build.
#ifndef CHIRALE_TENSORFLOWLITE_H_
#define CHIRALE_TENSORFLOWLITE_H_

#endif  // CHIRALE_TENSORFLOWLITE_H_
