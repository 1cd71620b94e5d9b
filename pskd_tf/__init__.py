"""Progressive skeleton-to-accelerometer knowledge distillation, from raw clips to a C array."""
